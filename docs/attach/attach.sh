#!/usr/bin/env bash
# Attaches Keyplan's authorizer to a REST API that is there, with the AWS CLI:
# its callers then send a token, and are counted by the key that the token stands
# for. The stage is deployed last, so that nobody notices before all is ready.
#
#   REST_API_ID        the API
#   STAGE              its stage
#   AUTHORIZER_ARN     the function, of the API's account and region
#   USAGE_PLAN_ID      a usage plan of API Gateway. If not set, one is made, with
#                      the limits PLAN_THROTTLE and PLAN_QUOTA
#   KEY_VALUE          the value that the key has in Keyplan. If not set, it is
#                      read from there, as the next two say
#   KEYPLAN_URL        Keyplan's control plane, called with the credentials
#                      KEYPLAN_ACCESS_KEY_ID and KEYPLAN_SECRET_ACCESS_KEY
#   KEYPLAN_KEY_ID     the key's id there
#   API_KEY_ID         instead of these three: a key that API Gateway has already,
#                      of the same value as in Keyplan
#   KEY_NAME           the name of the key that is made, `keyplan` if not set
#   AUTHORIZER_TTL     how many seconds API Gateway keeps an answer, 300 if not set;
#                      of an authorizer that is made now
#   ADD_PERMISSION     `yes` also lets the API call the function, which Keyplan's
#                      templates have done already
set -euo pipefail

: "${REST_API_ID:?}" "${STAGE:?}" "${AUTHORIZER_ARN:?}"
NAME=keyplan
# A token of Keyplan's, or a JWT, with or without a scheme.
EXPRESSION='^([Bb][Ee][Aa][Rr][Ee][Rr] +)?(kp_[0-9A-Za-z]{38}|[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+)$'

export AWS_PAGER=
gateway() { aws apigateway "$@" --output text; }
IFS=: read -r _ partition _ region account _ <<<"$AUTHORIZER_ARN"

# The authorizer.

authorizer=$(gateway get-authorizers --rest-api-id "$REST_API_ID" --query "items[?name=='$NAME'].id")
if [[ -z $authorizer ]]; then
    authorizer=$(gateway create-authorizer --rest-api-id "$REST_API_ID" --name "$NAME" --type TOKEN \
        --authorizer-uri "arn:$partition:apigateway:$region:lambda:path/2015-03-31/functions/$AUTHORIZER_ARN/invocations" \
        --identity-source method.request.header.Authorization \
        --identity-validation-expression "$EXPRESSION" \
        --authorizer-result-ttl-in-seconds "${AUTHORIZER_TTL:-300}" --query id)
fi

if [[ ${ADD_PERMISSION:-} == yes ]]; then
    aws lambda add-permission --function-name "$AUTHORIZER_ARN" --statement-id "$NAME-$REST_API_ID-$authorizer" \
        --action lambda:InvokeFunction --principal apigateway.amazonaws.com \
        --source-arn "arn:$partition:execute-api:$region:$account:$REST_API_ID/authorizers/$authorizer" >/dev/null
fi

# The plan, with the stage in it.

plan=${USAGE_PLAN_ID:-}
if [[ -z $plan ]]; then
    plan=$(gateway create-usage-plan --name "$NAME-$REST_API_ID-$STAGE" --api-stages "apiId=$REST_API_ID,stage=$STAGE" \
        --throttle "${PLAN_THROTTLE:-burstLimit=20,rateLimit=10}" \
        --quota "${PLAN_QUOTA:-limit=10000,period=MONTH}" --query id)
elif [[ -z $(gateway get-usage-plan --usage-plan-id "$plan" \
    --query "apiStages[?apiId=='$REST_API_ID' && stage=='$STAGE'].stage") ]]; then
    gateway update-usage-plan --usage-plan-id "$plan" \
        --patch-operations "op=add,path=/apiStages,value=$REST_API_ID:$STAGE" >/dev/null
fi

# The key, with the value that it has in Keyplan.

key=${API_KEY_ID:-}
if [[ -z $key ]]; then
    if [[ -z ${KEY_VALUE:-} ]]; then
        : "${KEYPLAN_URL:?}" "${KEYPLAN_KEY_ID:?}" "${KEYPLAN_ACCESS_KEY_ID:?}" "${KEYPLAN_SECRET_ACCESS_KEY:?}"
        KEY_VALUE=$(
            unset AWS_SESSION_TOKEN
            export AWS_ACCESS_KEY_ID=$KEYPLAN_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY=$KEYPLAN_SECRET_ACCESS_KEY
            gateway get-api-key --endpoint-url "$KEYPLAN_URL" --api-key "$KEYPLAN_KEY_ID" --include-value --query value
        )
    fi
    # As a file: the arguments of a command can be seen by others.
    key=$(gateway create-api-key --name "${KEY_NAME:-$NAME}" --enabled \
        --value "file://"<(printf %s "$KEY_VALUE") --query id)
fi
if [[ -z $(gateway get-usage-plan-keys --usage-plan-id "$plan" --query "items[?id=='$key'].id") ]]; then
    gateway create-usage-plan-key --usage-plan-id "$plan" --key-id "$key" --key-type API_KEY >/dev/null
fi

# Every method asks for both, but those that browsers ask before a call.

gateway get-resources --rest-api-id "$REST_API_ID" \
    --query "items[?resourceMethods].[id, join(' ', keys(resourceMethods))]" |
    while read -r resource methods; do
        for method in $methods; do
            [[ $method == OPTIONS ]] && continue
            gateway update-method --rest-api-id "$REST_API_ID" --resource-id "$resource" --http-method "$method" \
                --patch-operations op=replace,path=/authorizationType,value=CUSTOM \
                "op=replace,path=/authorizerId,value=$authorizer" \
                op=replace,path=/apiKeyRequired,value=true >/dev/null
        done
    done
gateway update-rest-api --rest-api-id "$REST_API_ID" \
    --patch-operations op=replace,path=/apiKeySource,value=AUTHORIZER >/dev/null

# All of it acts from here on.

gateway create-deployment --rest-api-id "$REST_API_ID" --stage-name "$STAGE" >/dev/null

echo "authorizer=$authorizer usage-plan=$plan api-key=$key"

//! API Gateway developer guide, "Choose an API key source": keys from a Lambda
//! authorizer, step by step, through the stock AWS CLI.

use insta::{assert_json_snapshot, assert_snapshot};
use keyplan_tests::{Answer, Call, Stack};
use serde_json::{Value, json};

const FUNCTIONS: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions";

fn invocation_of(function: &str) -> String {
    format!("{FUNCTIONS}/arn:aws:lambda:us-east-1:000000000000:function:{function}/invocations")
}

fn id(answer: &Value) -> &str {
    answer["id"].as_str().unwrap_or_else(|| panic!("no id in {answer}"))
}

/// A REST API whose `GET /hello` shows the event that its backend gets.
struct EchoApi {
    id: String,
    resource_id: String,
    integration: Value,
}

fn echo_api(stack: &Stack) -> EchoApi {
    let api = stack.aws("apigateway create-rest-api --name echoes");
    let (api_id, root) = (id(&api), api["rootResourceId"].as_str().unwrap_or_default());
    let resource =
        stack.aws(&format!("apigateway create-resource --rest-api-id {api_id} --parent-id {root} --path-part hello"));
    let method = format!("--rest-api-id {api_id} --resource-id {} --http-method GET", id(&resource));
    stack.aws(&format!("apigateway put-method {method} --authorization-type NONE"));
    let integration = stack.aws(&format!(
        "apigateway put-integration {method} --type AWS_PROXY --integration-http-method POST --uri {}",
        invocation_of("echo")
    ));
    EchoApi { id: id(&api).to_owned(), resource_id: id(&resource).to_owned(), integration }
}

fn deploy(stack: &Stack, api_id: &str) {
    let deployment = stack.aws(&format!("apigateway create-deployment --rest-api-id {api_id} --stage-name prod"));
    assert!(deployment["id"].is_string(), "{deployment}");
}

/// Creates the token authorizer and has `GET /hello` require it and a key; what
/// both commands answer.
fn require_authorizer_and_key(stack: &Stack, api: &EchoApi) -> (Value, Value) {
    let EchoApi { id: api_id, resource_id, .. } = api;
    let authorizer = stack.aws(&format!(
        "apigateway create-authorizer --rest-api-id {api_id} --name tokens --type TOKEN \
         --identity-source method.request.header.Authorization --authorizer-uri {}",
        invocation_of("authorizer")
    ));
    let method = stack.aws(&format!(
        "apigateway update-method --rest-api-id {api_id} --resource-id {resource_id} --http-method GET \
         --patch-operations op=replace,path=/authorizationType,value=CUSTOM \
         op=replace,path=/authorizerId,value={} op=replace,path=/apiKeyRequired,value=true",
        id(&authorizer)
    ));
    (authorizer, method)
}

/// A key in a plan of the stage; its id and value.
fn key_in_plan(stack: &Stack, plan_id: &str) -> (String, String) {
    let key = stack.aws("apigateway create-api-key --name alice --enabled");
    stack.aws(&format!(
        "apigateway create-usage-plan-key --usage-plan-id {plan_id} --key-id {} --key-type API_KEY",
        id(&key)
    ));
    (id(&key).to_owned(), key["value"].as_str().unwrap_or_default().to_owned())
}

fn issue_token(stack: &Stack, key_id: &str, principal_id: &str) -> Value {
    let issued = stack.control("POST", &format!("/apikeys/{key_id}/tokens"), &json!({"principalId": principal_id}));
    assert_eq!(issued.status, 201, "{issued}");
    issued.json()
}

fn call(stack: &Stack, api_id: &str, header: Option<(&str, &str)>) -> Answer {
    let call = Call::get(stack.url(api_id, "prod", "/hello"));
    header.into_iter().fold(call, |call, (name, value)| call.header(name, value)).send()
}

#[test]
fn a_client_with_a_token_alone_is_metered_by_the_key_that_the_authorizer_names() {
    let stack = Stack::start();
    let today = stack.advance_to_noon();
    let echo = echo_api(&stack);
    assert_json_snapshot!(echo.integration, {".cacheNamespace" => "[id]"}, @r#"
    {
      "cacheKeyParameters": [],
      "cacheNamespace": "[id]",
      "httpMethod": "POST",
      "passthroughBehavior": "WHEN_NO_MATCH",
      "timeoutInMillis": 29000,
      "type": "AWS_PROXY",
      "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:echo/invocations"
    }
    "#);
    let api_id = &echo.id;
    deploy(&stack, api_id);
    let plan = stack.aws(&format!(
        "apigateway create-usage-plan --name daily --quota limit=3,period=DAY --api-stages apiId={api_id},stage=prod"
    ));
    assert_json_snapshot!(plan, {".id" => "[id]", ".apiStages[].apiId" => "[id]"}, @r#"
    {
      "apiStages": [
        {
          "apiId": "[id]",
          "stage": "prod"
        }
      ],
      "id": "[id]",
      "name": "daily",
      "quota": {
        "limit": 3,
        "offset": 0,
        "period": "DAY"
      }
    }
    "#);
    let plan_id = id(&plan);
    let (key_id, key_value) = key_in_plan(&stack, plan_id);

    let api = stack.aws(&format!(
        "apigateway update-rest-api --rest-api-id {api_id} --patch-operations op=replace,path=/apiKeySource,value=AUTHORIZER"
    ));
    assert_eq!(api["apiKeySource"], "AUTHORIZER");
    let (authorizer, method) = require_authorizer_and_key(&stack, &echo);
    assert_json_snapshot!(authorizer, {".id" => "[id]"}, @r#"
    {
      "authType": "custom",
      "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations",
      "id": "[id]",
      "identitySource": "method.request.header.Authorization",
      "name": "tokens",
      "type": "TOKEN"
    }
    "#);
    assert_json_snapshot!(method, {
        ".authorizerId" => "[id]", ".methodIntegration" => "[integration]"
    }, @r#"
    {
      "apiKeyRequired": true,
      "authorizationType": "CUSTOM",
      "authorizerId": "[id]",
      "httpMethod": "GET",
      "methodIntegration": "[integration]"
    }
    "#);
    assert_eq!(call(&stack, api_id, None).status, 200, "source and method act only once they are deployed");
    deploy(&stack, api_id);

    let unauthorized = call(&stack, api_id, None);
    assert_snapshot!(unauthorized, @r#"
    401
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: UnauthorizedException
    x-amzn-requestid: [uuid]

    {"message":"Unauthorized"}
    "#);
    assert_eq!(call(&stack, api_id, Some(("x-api-key", &key_value))).status, 401, "the header is no source any more");
    for no_token in ["nonsense", "kp_UnknownTokenNeverIssued0000000011QIFq8", "Bearer"] {
        assert_eq!(call(&stack, api_id, Some(("authorization", no_token))).status, 401, "{no_token}");
    }

    let issued = issue_token(&stack, &key_id, "alice");
    let token = issued["token"].as_str().unwrap_or_default();
    let answer = call(&stack, api_id, Some(("authorization", &format!("Bearer {token}"))));
    assert_eq!(answer.status, 200, "{answer}");
    let event = answer.json();
    assert_json_snapshot!(event["requestContext"]["authorizer"], {
        ".apiKeyId" => "[id]", ".tokenId" => "[id]", ".integrationLatency" => "[ms]"
    }, @r#"
    {
      "apiKeyId": "[id]",
      "integrationLatency": "[ms]",
      "principalId": "alice",
      "tokenId": "[id]"
    }
    "#);
    assert_eq!(event["requestContext"]["authorizer"]["apiKeyId"], key_id);
    assert_eq!(event["requestContext"]["authorizer"]["tokenId"], issued["id"]);
    assert_eq!(event["requestContext"]["identity"]["apiKeyId"], key_id);
    assert_eq!(event["requestContext"]["identity"]["apiKey"], key_value);

    for _ in 1..3 {
        assert_eq!(call(&stack, api_id, Some(("authorization", token))).status, 200);
    }
    let spent = call(&stack, api_id, Some(("authorization", token)));
    assert_snapshot!(spent, @r#"
    429
    content-type: application/json
    retry-after: [seconds]
    x-amz-apigw-id: [id]
    x-amzn-errortype: LimitExceededException
    x-amzn-requestid: [uuid]

    {"message":"Limit Exceeded"}
    "#);

    let wait: u32 = spent.headers["retry-after"].parse().unwrap_or_default();
    assert!((43_000..=43_200).contains(&wait), "noon is 12 h before the next quota, not {wait} s");

    let usage = stack.aws(&format!(
        "apigateway get-usage --usage-plan-id {plan_id} --key-id {key_id} --start-date {today} --end-date {today}"
    ));
    let expected = json!({
        "usagePlanId": plan_id, "startDate": today, "endDate": today, "items": {(key_id.as_str()): [[3, 0]]},
    });
    assert_eq!(usage, expected);

    stack.advance(86_400);
    assert_eq!(call(&stack, api_id, Some(("authorization", token))).status, 200, "the next day has its own quota");
}

#[test]
fn a_revoked_token_is_refused_once_the_authorizers_answer_is_no_longer_cached() {
    let stack = Stack::start();
    let echo = echo_api(&stack);
    let api_id = &echo.id;
    require_authorizer_and_key(&stack, &echo);
    stack.aws(&format!(
        "apigateway update-rest-api --rest-api-id {api_id} --patch-operations op=replace,path=/apiKeySource,value=AUTHORIZER"
    ));
    deploy(&stack, api_id);
    let plan = stack.aws(&format!("apigateway create-usage-plan --name open --api-stages apiId={api_id},stage=prod"));
    let (key_id, _) = key_in_plan(&stack, id(&plan));
    let issued = issue_token(&stack, &key_id, "alice");
    let token = issued["token"].as_str().unwrap_or_default().to_owned();
    assert_eq!(call(&stack, api_id, Some(("authorization", &token))).status, 200);

    let tokens = stack.control("GET", &format!("/apikeys/{key_id}/tokens"), &Value::Null);
    assert_eq!(tokens.status, 200, "{tokens}");
    assert!(!tokens.body.contains(&token), "a token is shown once");
    assert_json_snapshot!(tokens.json(), {
        ".item[].id" => "[id]", ".item[].createdDate" => "[date]", ".item[].lastUsedDate" => "[date]",
    }, @r#"
    {
      "item": [
        {
          "createdDate": "[date]",
          "id": "[id]",
          "lastUsedDate": "[date]",
          "principalId": "alice"
        }
      ]
    }
    "#);
    let revoked = stack.control("DELETE", &format!("/apikeys/{key_id}/tokens/{}", id(&issued)), &Value::Null);
    assert_eq!((revoked.status, revoked.body.as_str()), (202, ""));

    stack.advance(299);
    assert_eq!(call(&stack, api_id, Some(("authorization", &token))).status, 200, "the default TTL is 300 s");
    stack.advance(1);
    assert_eq!(call(&stack, api_id, Some(("authorization", &token))).status, 401);
}

/// The guide's REST API request, its trailing slash and its signed headers.
#[test]
fn the_guides_raw_request_changes_the_source() {
    let stack = Stack::start();
    let api = stack.aws("apigateway create-rest-api --name raw");
    let api_id = id(&api);
    let body =
        json!({"patchOperations": [{"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}]}).to_string();
    let request = Call::new("PATCH", format!("{}/restapis/{api_id}/", stack.control))
        .header("content-length", &body.len().to_string())
        .body("application/json", body)
        .signed_for("apigateway");
    assert!(request.signs("content-length;content-type;host;x-amz-date"), "{request:?}");
    let answer = request.send();
    assert_eq!(answer.status, 200, "{answer}");
    assert_json_snapshot!(answer.json(), {
        ".id" => "[id]", ".rootResourceId" => "[id]", ".createdDate" => "[date]"
    }, @r#"
    {
      "apiKeySource": "AUTHORIZER",
      "createdDate": "[date]",
      "disableExecuteApiEndpoint": false,
      "endpointConfiguration": {
        "ipAddressType": "ipv4",
        "types": [
          "EDGE"
        ]
      },
      "id": "[id]",
      "name": "raw",
      "rootResourceId": "[id]",
      "tags": {}
    }
    "#);
    let read = stack.aws(&format!("apigateway get-rest-api --rest-api-id {api_id}"));
    assert_eq!(read["apiKeySource"], "AUTHORIZER");
}

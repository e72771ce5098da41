"""A valid input for every operation, in an order in which each finds what it
needs, with as many members as go together."""

import datetime

FUNCTION = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations"
)
ROLE = "arn:aws:iam::123456789012:role/role"
POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_pool"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:group"
VALUE = "a-value-that-is-long-enough"
PERMISSIONS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'


def patch(*operations: tuple[str, str, str]) -> list[dict]:
    return [{"op": op, "path": path, "value": value} for op, path, value in operations]


def walk(call) -> None:
    """Calls every operation; `call` gives what it answers."""
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()

    api = call(
        "CreateRestApi",
        name="api",
        description="d",
        version="1",
        binaryMediaTypes=["image/png"],
        minimumCompressionSize=1,
        apiKeySource="HEADER",
        endpointConfiguration={"types": ["PRIVATE"], "ipAddressType": "dualstack", "vpcEndpointIds": ["vpce-1"]},
        policy=PERMISSIONS,
        tags={"a": "b"},
        disableExecuteApiEndpoint=True,
        securityPolicy="TLS_1_2",
        endpointAccessMode="BASIC",
    )
    of_api = {"restApiId": api["id"]}
    call("GetRestApis")
    call("GetRestApi", **of_api)
    call("UpdateRestApi", **of_api, patchOperations=patch(("replace", "/name", "renamed")))
    call("DeleteRestApi", restApiId=call("CreateRestApi", name="gone", cloneFrom=api["id"])["id"])

    resource = call("CreateResource", **of_api, parentId=api["rootResourceId"], pathPart="pets")
    of_resource = {**of_api, "resourceId": resource["id"]}
    call("GetResource", **of_resource, embed=["methods"])
    call("UpdateResource", **of_resource, patchOperations=patch(("replace", "/pathPart", "animals")))
    child = call("CreateResource", **of_api, parentId=resource["id"], pathPart="{id}")
    call("DeleteResource", **of_api, resourceId=child["id"])

    call("CreateModel", **of_api, name="Pet", description="d", schema="{}", contentType="application/json")
    call("GetModels", **of_api)
    call("GetModel", **of_api, modelName="Pet", flatten=True)
    call("GetModelTemplate", **of_api, modelName="Pet")
    call("UpdateModel", **of_api, modelName="Pet", patchOperations=patch(("replace", "/description", "e")))
    validator = call(
        "CreateRequestValidator", **of_api, name="v", validateRequestBody=True, validateRequestParameters=True
    )
    of_validator = {**of_api, "requestValidatorId": validator["id"]}
    call("GetRequestValidators", **of_api)
    call("GetRequestValidator", **of_validator)
    call("UpdateRequestValidator", **of_validator, patchOperations=patch(("replace", "/name", "w")))

    authorizer = call(
        "CreateAuthorizer",
        **of_api,
        name="tokens",
        type="TOKEN",
        authType="custom",
        authorizerUri=FUNCTION,
        authorizerCredentials=ROLE,
        identitySource="method.request.header.Authorization",
        identityValidationExpression=".*",
        authorizerResultTtlInSeconds=60,
    )
    of_authorizer = {**of_api, "authorizerId": authorizer["id"]}
    call("CreateAuthorizer", **of_api, name="pools", type="COGNITO_USER_POOLS", providerARNs=[POOL],
         identitySource="method.request.header.Authorization")
    call("GetAuthorizers", **of_api)
    call("GetAuthorizer", **of_authorizer)
    call("UpdateAuthorizer", **of_authorizer, patchOperations=patch(("replace", "/authorizerResultTtlInSeconds", "61")))
    call("TestInvokeAuthorizer", **of_authorizer, headers={"Authorization": "x"}, stageVariables={"a": "b"})

    method(call, of_resource, authorizer["id"], validator["id"])
    call("GetResources", **of_api, embed=["methods"])
    deployment(call, of_api)

    call("PutGatewayResponse", **of_api, responseType="THROTTLED", statusCode="420",
         responseParameters={"gatewayresponse.header.a": "'b'"}, responseTemplates={"application/json": "{}"})
    of_response = {**of_api, "responseType": "THROTTLED"}
    call("GetGatewayResponses", **of_api)
    call("GetGatewayResponse", **of_response)
    call("UpdateGatewayResponse", **of_response, patchOperations=patch(("replace", "/statusCode", "429")))
    call("DeleteGatewayResponse", **of_response)

    plan(call, api["id"], today)

    call("UpdateAccount", patchOperations=patch(("replace", "/cloudwatchRoleArn", ROLE)))
    call("GetAccount")
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api['id']}"
    call("TagResource", resourceArn=arn, tags={"c": "d"})
    call("GetTags", resourceArn=arn)
    call("UntagResource", resourceArn=arn, tagKeys=["c"])

    of_method = {**of_resource, "httpMethod": "POST"}
    call("DeleteIntegrationResponse", **of_method, statusCode="200")
    call("DeleteMethodResponse", **of_method, statusCode="200")
    call("DeleteIntegration", **of_method)
    call("DeleteMethod", **of_method)
    call("DeleteRequestValidator", **of_validator)
    call("DeleteModel", **of_api, modelName="Pet")
    call("DeleteAuthorizer", **of_authorizer)


def pages(call, page) -> None:
    """Makes three of everything that is listed in pages, and lists them."""
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    api = call("CreateRestApi", name="pages")
    of_api = {"restApiId": api["id"]}
    of_root = {**of_api, "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    call("PutMethod", **of_root, authorizationType="NONE")
    call("PutIntegration", **of_root, type="MOCK")
    plans = [call("CreateUsagePlan", name="pages")["id"] for _ in range(3)]
    for number in range(3):
        call("CreateRestApi", name=f"pages{number}")
        call("CreateResource", **of_api, parentId=api["rootResourceId"], pathPart=f"r{number}")
        call("CreateModel", **of_api, name=f"Model{number}", contentType="application/json", schema="{}")
        call("CreateRequestValidator", **of_api, name="v")
        call("CreateAuthorizer", **of_api, name=f"a{number}", type="TOKEN", authorizerUri=FUNCTION,
             identitySource="method.request.header.Authorization")
        call("CreateDeployment", **of_api)
        key = call("CreateApiKey", name=f"pages{number}")["id"]
        call("CreateUsagePlanKey", usagePlanId=plans[0], keyId=key, keyType="API_KEY")
    for name in ["GetApiKeys", "GetRestApis", "GetUsagePlans"]:
        page(name)
    for name in ["GetAuthorizers", "GetDeployments", "GetGatewayResponses", "GetModels", "GetRequestValidators",
                 "GetResources"]:
        page(name, **of_api)
    page("GetUsagePlanKeys", usagePlanId=plans[0])
    page("GetUsage", usagePlanId=plans[0], startDate=today, endDate=today)


def method(call, of_resource: dict, authorizer: str, validator: str) -> None:
    of_method = {**of_resource, "httpMethod": "POST"}
    call("PutMethod", **of_method, authorizationType="CUSTOM", authorizerId=authorizer, apiKeyRequired=True,
         operationName="o", requestParameters={"method.request.header.a": True},
         requestModels={"application/json": "Pet"}, requestValidatorId=validator)
    call("UpdateMethod", **of_method, patchOperations=patch(("replace", "/operationName", "p")))
    call("PutMethodResponse", **of_method, statusCode="200",
         responseParameters={"method.response.header.a": True}, responseModels={"application/json": "Pet"})
    call("GetMethodResponse", **of_method, statusCode="200")
    add = patch(("add", "/responseParameters/method.response.header.b", "true"))
    call("UpdateMethodResponse", **of_method, statusCode="200", patchOperations=add)
    call("PutIntegration", **of_method, type="HTTP", integrationHttpMethod="POST", uri="https://example.com/pets",
         connectionType="INTERNET", credentials=ROLE, requestParameters={"integration.request.header.a": "'b'"},
         requestTemplates={"application/json": "{}"}, passthroughBehavior="NEVER", cacheNamespace="n",
         cacheKeyParameters=["method.request.header.a"], contentHandling="CONVERT_TO_TEXT", timeoutInMillis=100,
         tlsConfig={"insecureSkipVerification": False}, responseTransferMode="BUFFERED")
    call("GetIntegration", **of_method)
    call("UpdateIntegration", **of_method, patchOperations=patch(("replace", "/timeoutInMillis", "200")))
    call("PutIntegrationResponse", **of_method, statusCode="200", selectionPattern="2..",
         responseParameters={"method.response.header.a": "'b'"}, responseTemplates={"application/json": "{}"},
         contentHandling="CONVERT_TO_TEXT")
    call("GetIntegrationResponse", **of_method, statusCode="200")
    replace = patch(("replace", "/selectionPattern", "3.."))
    call("UpdateIntegrationResponse", **of_method, statusCode="200", patchOperations=replace)
    call("GetMethod", **of_method)
    # Scopes are those of user pools alone.
    pools = next(each for each in call("GetAuthorizers", restApiId=of_resource["restApiId"])["items"]
                 if each["type"] == "COGNITO_USER_POOLS")
    call("PutMethod", **of_resource, httpMethod="PATCH", authorizationType="COGNITO_USER_POOLS",
         authorizerId=pools["id"], authorizationScopes=["read"])
    call("DeleteMethod", **of_resource, httpMethod="PATCH")
    call("PutMethod", **of_resource, httpMethod="GET", authorizationType="NONE")
    call("PutIntegration", **of_resource, httpMethod="GET", type="MOCK",
         requestTemplates={"application/json": '{"statusCode": 200}'})
    call("PutIntegrationResponse", **of_resource, httpMethod="GET", statusCode="200")
    call("TestInvokeMethod", **of_resource, httpMethod="GET", pathWithQueryString="/animals?a=b", body="x",
         headers={"a": "b"}, multiValueHeaders={"c": ["d"]}, stageVariables={"e": "f"})


def deployment(call, of_api: dict) -> None:
    made = call("CreateDeployment", **of_api, stageName="prod", stageDescription="s", description="d",
                cacheClusterEnabled=False, variables={"a": "b"}, tracingEnabled=True)
    of_deployment = {**of_api, "deploymentId": made["id"]}
    call("GetDeployments", **of_api)
    call("GetDeployment", **of_deployment, embed=["apisummary"])
    call("UpdateDeployment", **of_deployment, patchOperations=patch(("replace", "/description", "e")))
    call("CreateStage", **of_deployment, stageName="dev", description="d", cacheClusterEnabled=True,
         cacheClusterSize="0.5", variables={"a": "b"}, documentationVersion="1", tracingEnabled=True, tags={"a": "b"})
    of_stage = {**of_api, "stageName": "dev"}
    call("GetStages", **of_deployment)
    settings = patch(("replace", "/*/*/logging/loglevel", "INFO"), ("replace", "/accessLogSettings/format", "f"),
                     ("replace", "/accessLogSettings/destinationArn", LOGS))
    call("UpdateStage", **of_stage, patchOperations=settings)
    call("GetStage", **of_stage)
    call("FlushStageAuthorizersCache", **of_stage)
    call("FlushStageCache", **of_stage)
    call("DeleteStage", **of_stage)
    call("DeleteDeployment", **of_api, deploymentId=call("CreateDeployment", **of_api)["id"])


def plan(call, api: str, today: str) -> None:
    key = call("CreateApiKey", name="key", description="d", enabled=True, value=VALUE, customerId="c", tags={"a": "b"})
    of_key = {"apiKey": key["id"]}
    call("GetApiKeys", includeValues=True)
    call("GetApiKey", **of_key, includeValue=True)
    call("UpdateApiKey", **of_key, patchOperations=patch(("replace", "/name", "renamed")))
    call("ImportApiKeys", body=b"name,key\nimported,another-value-that-is-long-enough\nshort,x\n", format="csv")
    of_method = {"/animals/GET": {"burstLimit": 1, "rateLimit": 1.0}}
    made = call("CreateUsagePlan", name="plan", description="d",
                apiStages=[{"apiId": api, "stage": "prod", "throttle": of_method}],
                throttle={"burstLimit": 2, "rateLimit": 2.0}, quota={"limit": 3, "offset": 0, "period": "MONTH"},
                tags={"a": "b"})
    of_plan = {"usagePlanId": made["id"]}
    call("GetUsagePlans")
    call("GetUsagePlan", **of_plan)
    call("UpdateUsagePlan", **of_plan, patchOperations=patch(("add", "/productCode", "p")))
    call("CreateUsagePlanKey", **of_plan, keyId=key["id"], keyType="API_KEY")
    of_plan_key = {**of_plan, "keyId": key["id"]}
    call("GetUsagePlanKeys", **of_plan)
    call("GetUsagePlanKey", **of_plan_key)
    call("GetUsage", **of_plan, startDate=today, endDate=today)
    call("UpdateUsage", **of_plan_key, patchOperations=patch(("replace", "/remaining", "5")))
    call("DeleteUsagePlanKey", **of_plan_key)
    call("DeleteApiKey", **of_key)
    call("UpdateUsagePlan", **of_plan, patchOperations=patch(("remove", "/apiStages", f"{api}:prod")))
    call("DeleteUsagePlan", **of_plan)

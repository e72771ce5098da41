//! API Gateway developer guide, "Choose an API key source": keys from the
//! `x-api-key` header, step by step, through the stock AWS CLI.

use insta::{assert_json_snapshot, assert_snapshot};
use keyplan_tests::{Answer, Call, Stack};
use serde_json::Value;

/// Slow enough that no token comes back while a test runs.
const THROTTLE: &str = "burstLimit=3,rateLimit=0.01";

fn id(answer: &Value) -> &str {
    answer["id"].as_str().unwrap_or_else(|| panic!("no id in {answer}"))
}

/// What the commands answer that make a REST API whose `GET /hello` answers 200
/// by itself.
struct MockApi {
    api: Value,
    resource: Value,
    method: Value,
    integration: Value,
    method_response: Value,
    integration_response: Value,
}

impl MockApi {
    fn create(stack: &Stack) -> Self {
        let api = stack.aws("apigateway create-rest-api --name pets");
        let (api_id, root) = (id(&api), api["rootResourceId"].as_str().unwrap_or_default());
        let resource = stack
            .aws(&format!("apigateway create-resource --rest-api-id {api_id} --parent-id {root} --path-part hello"));
        let at = format!("--rest-api-id {api_id} --resource-id {} --http-method GET", id(&resource));
        let method = stack.aws(&format!("apigateway put-method {at} --authorization-type NONE"));
        let integration = stack.aws(&format!(
            r#"apigateway put-integration {at} --type MOCK --request-templates '{{"application/json": "{{\"statusCode\": 200}}"}}'"#
        ));
        let method_response = stack.aws(&format!("apigateway put-method-response {at} --status-code 200"));
        let integration_response = stack.aws(&format!(
            r#"apigateway put-integration-response {at} --status-code 200 --response-templates '{{"application/json": "{{\"hello\": \"world\"}}"}}'"#
        ));
        Self { api, resource, method, integration, method_response, integration_response }
    }

    fn id(&self) -> &str {
        id(&self.api)
    }

    /// Has the method require a key, from the next deployment on.
    fn require_key(&self, stack: &Stack) -> Value {
        stack.aws(&format!(
            "apigateway update-method --rest-api-id {} --resource-id {} --http-method GET \
             --patch-operations op=replace,path=/apiKeyRequired,value=true",
            self.id(),
            id(&self.resource)
        ))
    }
}

fn deploy(stack: &Stack, api_id: &str, stage: &str) -> Value {
    stack.aws(&format!("apigateway create-deployment --rest-api-id {api_id} --stage-name {stage}"))
}

fn call(stack: &Stack, api_id: &str, stage: &str, key: Option<&str>) -> Answer {
    let call = Call::get(stack.url(api_id, stage, "/hello"));
    key.into_iter().fold(call, |call, key| call.header("x-api-key", key)).send()
}

#[test]
fn a_rest_api_is_made_command_by_command() {
    let stack = Stack::start();
    let made = MockApi::create(&stack);
    assert_json_snapshot!(made.api, {
        ".id" => "[id]", ".rootResourceId" => "[id]", ".createdDate" => "[date]"
    }, @r#"
    {
      "apiKeySource": "HEADER",
      "createdDate": "[date]",
      "disableExecuteApiEndpoint": false,
      "endpointConfiguration": {
        "ipAddressType": "ipv4",
        "types": [
          "EDGE"
        ]
      },
      "id": "[id]",
      "name": "pets",
      "rootResourceId": "[id]"
    }
    "#);
    assert_json_snapshot!(made.resource, {".id" => "[id]", ".parentId" => "[id]"}, @r#"
    {
      "id": "[id]",
      "parentId": "[id]",
      "path": "/hello",
      "pathPart": "hello"
    }
    "#);
    assert_json_snapshot!(made.method, @r#"
    {
      "apiKeyRequired": false,
      "authorizationType": "NONE",
      "httpMethod": "GET"
    }
    "#);
    assert_json_snapshot!(made.integration, {".cacheNamespace" => "[id]"}, @r#"
    {
      "cacheKeyParameters": [],
      "cacheNamespace": "[id]",
      "passthroughBehavior": "WHEN_NO_MATCH",
      "requestTemplates": {
        "application/json": "{\"statusCode\": 200}"
      },
      "timeoutInMillis": 29000,
      "type": "MOCK"
    }
    "#);
    assert_json_snapshot!(made.method_response, @r#"
    {
      "statusCode": "200"
    }
    "#);
    assert_json_snapshot!(made.integration_response, @r#"
    {
      "responseTemplates": {
        "application/json": "{\"hello\": \"world\"}"
      },
      "statusCode": "200"
    }
    "#);
    let required = made.require_key(&stack);
    assert_json_snapshot!(required, {".methodIntegration" => "[integration]"}, @r#"
    {
      "apiKeyRequired": true,
      "authorizationType": "NONE",
      "httpMethod": "GET",
      "methodIntegration": "[integration]",
      "methodResponses": {
        "200": {
          "statusCode": "200"
        }
      }
    }
    "#);
    let deployment = deploy(&stack, made.id(), "prod");
    assert_json_snapshot!(deployment, {".id" => "[id]", ".createdDate" => "[date]"}, @r#"
    {
      "createdDate": "[date]",
      "id": "[id]"
    }
    "#);
}

#[test]
fn a_header_sourced_key_opens_the_stages_of_its_plan_until_the_burst_is_spent() {
    let stack = Stack::start();
    let made = MockApi::create(&stack);
    let api_id = made.id();
    deploy(&stack, api_id, "prod");
    assert_eq!(call(&stack, api_id, "prod", None).status, 200);

    let plan = stack.aws(&format!("apigateway create-usage-plan --name basic --throttle {THROTTLE}"));
    assert_json_snapshot!(plan, {".id" => "[id]"}, @r#"
    {
      "apiStages": [],
      "id": "[id]",
      "name": "basic",
      "throttle": {
        "burstLimit": 3,
        "rateLimit": 0.01
      }
    }
    "#);
    let plan_id = id(&plan);
    let plan = stack.aws(&format!(
        "apigateway update-usage-plan --usage-plan-id {plan_id} --patch-operations op=add,path=/apiStages,value={api_id}:prod"
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
      "name": "basic",
      "tags": {},
      "throttle": {
        "burstLimit": 3,
        "rateLimit": 0.01
      }
    }
    "#);

    let key = stack.aws("apigateway create-api-key --name alice --enabled");
    assert_json_snapshot!(key, {
        ".id" => "[id]", ".value" => "[40 characters]", ".createdDate" => "[date]", ".lastUpdatedDate" => "[date]"
    }, @r#"
    {
      "createdDate": "[date]",
      "enabled": true,
      "id": "[id]",
      "lastUpdatedDate": "[date]",
      "name": "alice",
      "stageKeys": [],
      "value": "[40 characters]"
    }
    "#);
    let value = key["value"].as_str().unwrap_or_default();
    assert_eq!(value.len(), 40);
    let plan_key = stack.aws(&format!(
        "apigateway create-usage-plan-key --usage-plan-id {plan_id} --key-id {} --key-type API_KEY",
        id(&key)
    ));
    assert_json_snapshot!(plan_key, {".id" => "[id]", ".value" => "[40 characters]"}, @r#"
    {
      "id": "[id]",
      "name": "alice",
      "type": "API_KEY",
      "value": "[40 characters]"
    }
    "#);

    made.require_key(&stack);
    assert_eq!(call(&stack, api_id, "prod", None).status, 200, "a method's change acts only once it is deployed");
    deploy(&stack, api_id, "prod");

    assert_snapshot!(call(&stack, api_id, "prod", None), @r#"
    403
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: ForbiddenException
    x-amzn-requestid: [uuid]

    {"message":"Forbidden"}
    "#);
    assert_eq!(call(&stack, api_id, "prod", Some("a-value-that-no-key-of-this-stack-has")).status, 403);
    assert_eq!(call(&stack, api_id, "prod", Some(id(&key))).status, 403, "an id is no value");
    assert_snapshot!(call(&stack, api_id, "prod", Some(value)), @r#"
    200
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-requestid: [uuid]

    {"hello": "world"}
    "#);

    deploy(&stack, api_id, "beta");
    assert_snapshot!(call(&stack, api_id, "beta", Some(value)), @r#"
    403
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: ForbiddenException
    x-amzn-requestid: [uuid]

    {"message":"Forbidden"}
    "#);
    stack.aws(&format!(
        "apigateway update-usage-plan --usage-plan-id {plan_id} --patch-operations op=add,path=/apiStages,value={api_id}:beta"
    ));
    assert_eq!(call(&stack, api_id, "beta", Some(value)).status, 200);

    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 200);
    let throttled = call(&stack, api_id, "prod", Some(value));
    assert_snapshot!(throttled, @r#"
    429
    content-type: application/json
    retry-after: [seconds]
    x-amz-apigw-id: [id]
    x-amzn-errortype: TooManyRequestsException
    x-amzn-requestid: [uuid]

    {"message":"Too Many Requests"}
    "#);
    let wait: u32 = throttled.headers["retry-after"].parse().unwrap_or_default();
    assert!((1..=100).contains(&wait), "a token comes back every 100 s, not after {wait} s");
    assert_eq!(call(&stack, api_id, "beta", Some(value)).status, 429, "a key's burst is one for all stages of a plan");

    stack.advance(100);
    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 200, "a token comes back at the plan's rate");
    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 429);
}

#[test]
fn a_disabled_key_and_a_key_taken_out_of_its_plan_are_refused_at_once() {
    let stack = Stack::start();
    let made = MockApi::create(&stack);
    let api_id = made.id();
    made.require_key(&stack);
    deploy(&stack, api_id, "prod");
    let plan = stack.aws(&format!("apigateway create-usage-plan --name basic --api-stages apiId={api_id},stage=prod"));
    let key = stack.aws("apigateway create-api-key --name bob --enabled --value a-value-that-bob-has-chosen");
    let (plan_id, key_id, value) = (id(&plan), id(&key), "a-value-that-bob-has-chosen");
    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 403, "a key in no plan");

    stack.aws(&format!(
        "apigateway create-usage-plan-key --usage-plan-id {plan_id} --key-id {key_id} --key-type API_KEY"
    ));
    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 200);

    let enable = |enabled: bool| {
        stack.aws(&format!(
            "apigateway update-api-key --api-key {key_id} --patch-operations op=replace,path=/enabled,value={enabled}"
        ))
    };
    assert_eq!(enable(false)["enabled"], false);
    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 403);
    assert_eq!(enable(true)["enabled"], true);
    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 200);

    let nothing = stack.aws(&format!("apigateway delete-usage-plan-key --usage-plan-id {plan_id} --key-id {key_id}"));
    assert_eq!(nothing, Value::Null);
    assert_eq!(call(&stack, api_id, "prod", Some(value)).status, 403);
}

#[test]
fn a_call_that_leads_nowhere_is_refused_as_api_gateway_does() {
    let stack = Stack::start();
    let made = MockApi::create(&stack);
    let api_id = made.id();
    deploy(&stack, api_id, "prod");
    assert_snapshot!(Call::get(stack.url(api_id, "prod", "/nothing")).send(), @r#"
    403
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: MissingAuthenticationTokenException
    x-amzn-requestid: [uuid]

    {"message":"Missing Authentication Token"}
    "#);
    let post = Call::new("POST", stack.url(api_id, "prod", "/hello")).send();
    assert_eq!(post.json()["message"], "Missing Authentication Token");
    let no_stage = Call::get(stack.url(api_id, "beta", "/hello")).send().to_string();
    assert_snapshot!(no_stage, @r#"
    403
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: ForbiddenException
    x-amzn-requestid: [uuid]

    {"message":"Forbidden"}
    "#);
    let no_api = Call::get(stack.url("nosuchapi0", "prod", "/hello")).send().to_string();
    assert_eq!(no_api, no_stage);
}

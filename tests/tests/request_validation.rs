//! Request validators (developer guide, "Request validation for REST APIs in API
//! Gateway"): what they look at, when, and what the caller is told.

use insta::assert_snapshot;
use keyplan_tests::lambda::authorizers;
use keyplan_tests::rest_api::integration;
use keyplan_tests::{Answer, Call, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// An API with the models `Pet` and `Name` and a validator of everything.
struct Checked<'s> {
    api: RestApi<'s>,
    stack: &'s Stack,
    validator: String,
}

impl<'s> Checked<'s> {
    fn create(stack: &'s Stack, settings: Value) -> Self {
        let api = RestApi::create(stack, settings);
        let made = Self { validator: validator(stack, &api, true, true), api, stack };
        let name = format!("https://apigateway.amazonaws.com/restapis/{}/models/Name", made.api.id);
        made.model("Name", &json!({"type": "string", "minLength": 1}));
        made.model("Pet", &json!({"required": ["name", "age"], "properties": {"name": {"$ref": name}}}));
        made
    }

    fn model(&self, name: &str, schema: &Value) {
        let model = json!({"name": name, "contentType": "application/json", "schema": schema.to_string()});
        self.stack.made("POST", &format!("/restapis/{}/models", self.api.id), &model);
    }

    /// What a method has checked: the parameter `limit` and a `Pet`.
    fn settings(&self) -> Value {
        json!({
            "requestValidatorId": self.validator,
            "requestParameters": {"method.request.querystring.limit": true, "method.request.header.X-Tenant": false},
            "requestModels": {"application/json": "Pet"},
        })
    }

    fn post(&self, target: &str, body: &str) -> Call {
        Call::new("POST", self.api.url("prod", target)).body("application/json", body)
    }
}

fn validator(stack: &Stack, api: &RestApi<'_>, parameters: bool, body: bool) -> String {
    let wanted = json!({"name": "v", "validateRequestParameters": parameters, "validateRequestBody": body});
    let made = stack.made("POST", &format!("/restapis/{}/requestvalidators", api.id), &wanted);
    made["id"].as_str().unwrap_or_default().to_owned()
}

fn reason(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.headers.get("x-keyplan-reason").map_or("", String::as_str))
}

const UNKNOWN: &str = "no-key-has-this-value-at-all";
const PET: &str = r#"{"name": "Rex", "age": 3}"#;

#[test]
fn the_caller_is_told_as_api_gateway_tells_it() {
    let stack = Stack::start();
    let mut checked = Checked::create(&stack, json!({}));
    checked.api.mock("POST", "/pets", checked.settings(), "{}");
    checked.api.deploy("prod", &json!({}));
    assert_eq!(checked.post("/pets?limit=1", PET).send().status, 200);
    assert_snapshot!(checked.post("/pets?limit=%20", "no JSON").send(), @r#"
    400
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: BadRequestException
    x-amzn-requestid: [uuid]

    {"message":"Missing required request parameters: [limit]"}
    "#);
    assert_snapshot!(checked.post("/pets?limit=1", "{}").send(), @r#"
    400
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: BadRequestException
    x-amzn-requestid: [uuid]

    {"message":"Invalid request body"}
    "#);
}

/// Between the limits and the integration, parameters first; with the key from
/// either source.
#[test]
fn a_validator_looks_at_what_limits_admit_and_nothing_else_reaches_the_integration() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    for source in ["HEADER", "AUTHORIZER"] {
        let day = stack.advance_to_noon();
        let mut checked = Checked::create(&stack, json!({"apiKeySource": source}));
        let guard =
            checked.api.authorizer("guard", &format!("guard-{source}"), json!({"authorizerResultTtlInSeconds": 0}));
        let mut settings = checked.settings();
        settings["apiKeyRequired"] = true.into();
        settings["authorizerId"] = guard.into();
        checked.api.method("POST", "/pets", settings, &integration("good"));
        checked.api.deploy("prod", &json!({"keyplanExplain": "true"}));
        let quota = json!({"quota": {"limit": 3, "period": "DAY"}});
        let plan = UsagePlan::create(&stack, "plan", &[(&checked.api.id, "prod")], quota);
        let key = plan.key("valid");
        let value = key.value.clone();
        lambda.host(&format!("guard-{source}"), move |event| {
            let known = event["authorizationToken"] == "known";
            authorizers::with(json!({"usageIdentifierKey": if known { &value } else { UNKNOWN }}))
        });
        let call = |known: bool, target: &str, body: &str| {
            let call = checked.post(target, body).header("authorization", if known { "known" } else { "unknown" });
            let answer = call.header("x-api-key", if known { &key.value } else { UNKNOWN }).send();
            let (status, reason) = reason(&answer);
            (status, reason.to_owned(), plan.used(&day).values().sum::<i64>(), lambda.invocations("good"))
        };
        let before = lambda.invocations("good");
        let rows = [
            // No identity, no such key: nothing is looked at.
            (false, "/pets", "no JSON", (403, "KeyUnknown", 0, 0)),
            // Both are wrong, then the body alone; each is counted.
            (true, "/pets", "no JSON", (400, "ParametersMissing", 1, 0)),
            (true, "/pets?limit=1", "no JSON", (400, "BodyInvalid", 2, 0)),
            (true, "/pets?limit=1", PET, (200, "", 3, 1)),
            // Nothing is left.
            (true, "/pets", "no JSON", (429, "QuotaSpent", 3, 1)),
        ];
        for (known, target, body, (status, reason, used, invoked)) in rows {
            let expected = (status, reason.to_owned(), used, before + invoked);
            assert_eq!(call(known, target, body), expected, "{source} {target} {body}");
        }
    }
}

/// What limits or the stage refuse is not looked at, and what a validator refuses
/// has spent a token of the throttles.
#[test]
fn throttles_come_before_it_and_are_spent_by_what_it_refuses() {
    let stack = Stack::start();
    let mut checked = Checked::create(&stack, json!({}));
    checked.api.mock("POST", "/pets", checked.settings(), "{}");
    checked.api.deploy("prod", &json!({"keyplanExplain": "true"}));
    let throttle = [("/*/*/throttling/rateLimit", "0.001"), ("/*/*/throttling/burstLimit", "1")];
    checked.api.replace("/stages/prod", &throttle);
    let _ = stack.advance(10);
    assert_eq!(reason(&checked.post("/pets", "no JSON").send()), (400, "ParametersMissing"));
    assert_eq!(reason(&checked.post("/pets", "no JSON").send()), (429, "StageThrottled"));
}

#[test]
fn a_validator_looks_at_parameters_or_the_body_or_both() {
    let stack = Stack::start();
    let mut checked = Checked::create(&stack, json!({}));
    for (path, parameters, body) in
        [("/neither", false, false), ("/parameters", true, false), ("/body", false, true), ("/both", true, true)]
    {
        let mut settings = checked.settings();
        settings["requestValidatorId"] = validator(&stack, &checked.api, parameters, body).into();
        checked.api.mock("POST", path, settings, "{}");
    }
    let mut settings = checked.settings();
    settings["requestValidatorId"] = Value::Null;
    checked.api.mock("POST", "/none", settings, "{}");
    checked.api.deploy("prod", &json!({"keyplanExplain": "true"}));
    for (path, nothing, parameter) in [
        ("/none", (200, ""), (200, "")),
        ("/neither", (200, ""), (200, "")),
        ("/parameters", (400, "ParametersMissing"), (200, "")),
        ("/body", (400, "BodyInvalid"), (400, "BodyInvalid")),
        ("/both", (400, "ParametersMissing"), (400, "BodyInvalid")),
    ] {
        assert_eq!(reason(&checked.post(path, "{}").send()), nothing, "{path}");
        assert_eq!(reason(&checked.post(&format!("{path}?limit=1"), "{}").send()), parameter, "{path}");
    }
}

#[test]
fn a_customised_response_says_what_is_wrong_with_the_body() {
    let stack = Stack::start();
    let mut checked = Checked::create(&stack, json!({}));
    checked.api.mock("POST", "/pets", checked.settings(), "{}");
    let template = r#"{"message": $context.error.messageString, "errors": "$context.error.validationErrorString"}"#;
    for kind in ["BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS"] {
        let response = json!({"statusCode": "422", "responseTemplates": {"application/json": template}});
        checked.api.gateway_response(kind, &response);
    }
    checked.api.deploy("prod", &json!({}));
    let told = |target: &str, body: &str| {
        let answer = checked.post(target, body).send();
        assert_eq!(answer.status, 422);
        (answer.json()["message"].clone(), answer.json()["errors"].clone())
    };
    assert_eq!(told("/pets", "{}"), (json!("Missing required request parameters: [limit]"), json!("")));
    for (body, errors) in [
        ("", "[Unknown error parsing request body]"),
        ("{}", r#"[object has missing required properties (["age","name"])]"#),
        (
            r#"{"age": 1, "name": 1}"#,
            r#"[instance type (integer) does not match any allowed primitive type (allowed: ["string"])]"#,
        ),
        (r#"{"age": 1, "name": ""}"#, r#"[string "" is too short (length: 0, required minimum: 1)]"#),
    ] {
        assert_eq!(told("/pets?limit=1", body), (json!("Invalid request body"), json!(errors)), "{body}");
    }
}

#[test]
fn models_and_validators_act_from_the_next_deployment_on() {
    let stack = Stack::start();
    let mut checked = Checked::create(&stack, json!({}));
    checked.api.mock("POST", "/pets", checked.settings(), "{}");
    checked.api.deploy("prod", &json!({}));
    let status = |target: &str, body: &str| checked.post(target, body).send().status;
    assert_eq!((status("/pets?limit=1", "{}"), status("/pets", PET)), (400, 400));

    checked.api.replace("/models/Pet", &[("/schema", "{}")]);
    checked
        .api
        .replace(&format!("/requestvalidators/{}", checked.validator), &[("/validateRequestParameters", "false")]);
    assert_eq!((status("/pets?limit=1", "{}"), status("/pets", PET)), (400, 400));
    checked.api.deploy("prod", &json!({}));
    let _ = stack.advance(10);
    assert_eq!((status("/pets?limit=1", "{}"), status("/pets", PET), status("/pets", "no JSON")), (200, 200, 400));
}

/// The guide's own way, through the CLI; and what the control plane refuses, so
/// that no method names what is not there to be frozen.
#[test]
fn the_aws_cli_sets_it_up_changes_it_and_tests_it() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    let resource = api.resource("/pets");
    let at = format!("--rest-api-id {}", api.id);
    let method = format!("{at} --resource-id {resource} --http-method POST");
    let schema = r#"{"required":["name"]}"#;
    stack.aws(&format!("apigateway create-model {at} --name Pet --content-type application/json --schema '{schema}'"));
    let made = stack.aws(&format!("apigateway create-request-validator {at} --name all --validate-request-body"));
    let validator = made["id"].as_str().unwrap();
    let put = format!("apigateway put-method {method} --authorization-type NONE");
    for (flag, text) in [
        ("--request-validator-id nothere", "Invalid Request Validator identifier specified"),
        ("--request-models application/json=Nothere", "Invalid model identifier specified: Nothere"),
        ("--request-parameters method.request.body.x=true", "Invalid mapping expression specified"),
    ] {
        let refused = stack.try_aws(&format!("{put} {flag}")).unwrap_err();
        assert!(
            refused.message.contains("(BadRequestException)") && refused.message.contains(text),
            "{}",
            refused.message
        );
    }
    stack.aws(&format!(
        "{put} --request-validator-id {validator} --request-models application/json=Pet \
         --request-parameters method.request.querystring.limit=true,method.request.header.X-Tenant=true"
    ));
    let integration = r#"{"application/json":"{\"statusCode\": 200}"}"#;
    stack.aws(&format!("apigateway put-integration {method} --type MOCK --request-templates '{integration}'"));
    api.response("POST", "/pets", 200, &json!({}));
    for command in [
        format!("apigateway delete-model {at} --model-name Pet"),
        format!("apigateway delete-request-validator {at} --request-validator-id {validator}"),
    ] {
        assert!(stack.try_aws(&command).unwrap_err().message.contains("(ConflictException)"), "{command}");
    }

    let test = |more: &str| {
        let tested = stack.aws(&format!("apigateway test-invoke-method {method} {more}"));
        (tested["status"].as_u64().unwrap(), tested["body"].clone(), tested["log"].as_str().unwrap().to_owned())
    };
    let (status, body, log) = test("--body '{}'");
    assert_eq!((status, body), (400, json!(r#"{"message":"Invalid request body"}"#)));
    let line = "Request body does not match model schema for content type application/json: [object has missing required \
                properties ([\"name\"])]";
    assert!(log.contains(line), "{log}");
    stack.aws(&format!(
        "apigateway update-request-validator {at} --request-validator-id {validator} --patch-operations \
         op=replace,path=/validateRequestParameters,value=true"
    ));
    let (status, body, log) = test("--path-with-query-string '/pets?limit='");
    assert_eq!((status, body), (400, json!(r#"{"message":"Missing required request parameters: [X-Tenant, limit]"}"#)));
    assert!(log.contains("Missing required request parameters: [X-Tenant, limit]"), "{log}");
    stack.aws(&format!(
        "apigateway update-method {method} --patch-operations \
         op=replace,path=/requestParameters/method.request.querystring.limit,value=false \
         op=remove,path=/requestParameters/method.request.header.X-Tenant"
    ));
    assert_eq!(test("--body '{}'").0, 400);
    stack.aws(&format!(
        "apigateway update-method {method} --patch-operations op=remove,path=/requestModels/application~1json"
    ));
    assert_eq!(test("--body '{}'").0, 200);
    stack.aws(&format!(
        "apigateway update-method {method} --patch-operations op=replace,path=/requestValidatorId,value="
    ));
    let shown = stack.aws(&format!("apigateway get-method {method}"));
    assert_eq!(shown["requestValidatorId"], Value::Null);
    stack.aws(&format!("apigateway delete-request-validator {at} --request-validator-id {validator}"));
}

#[test]
fn bodies_made_to_harm_are_refused_like_others() {
    let stack = Stack::start();
    let mut checked = Checked::create(&stack, json!({}));
    let tree = json!({"type": "array", "items": {"$ref": "#"}, "uniqueItems": true});
    checked.model("Tree", &tree);
    checked.model("Text", &json!({"type": "string", "pattern": "^(a|b|ab)*(?=c)\\1$"}));
    for model in ["Tree", "Text"] {
        let mut settings = checked.settings();
        settings["requestParameters"] = json!({});
        settings["requestModels"] = json!({"application/json": model});
        checked.api.mock("POST", &format!("/{model}"), settings, "{}");
    }
    checked.api.deploy("prod", &json!({"keyplanExplain": "true"}));
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(reason(&checked.post("/Tree", &nested(100)).send()), (200, ""));
    let items = |item: &str| format!("[{}[]]", format!("{item},").repeat(1_000_000));
    let text = Value::from("ab".repeat(1_000_000)).to_string();
    for (target, body) in [("/Tree", nested(1_000_000)), ("/Tree", items("1")), ("/Tree", items("[]")), ("/Text", text)]
    {
        assert_eq!(reason(&checked.post(target, &body).send()), (400, "BodyInvalid"), "{target}");
    }
    assert_eq!(checked.post("/Text", "\"x\"").send().status, 400);
}

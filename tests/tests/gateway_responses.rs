//! Customised gateway responses (developer guide, "Gateway responses in API
//! Gateway"): status, headers, and templates by plain substitution, as the
//! deployment has them.

use insta::assert_snapshot;
use keyplan_tests::{Call, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// What it is, the responses that it sets, and what seven refusals are then
/// answered with: status and body.
type Customisation = (&'static str, Vec<(&'static str, Value)>, [(u16, &'static str); 7]);

/// An API with a method for each way of being refused.
fn api<'s>(stack: &'s Stack, responses: &[(&str, Value)]) -> RestApi<'s> {
    let mut api = RestApi::create(stack, json!({}));
    for function in ["deny", "silent", "throws", "unauthorized"] {
        let guard = api.authorizer(function, function, json!({}));
        api.function("GET", &format!("/{function}"), json!({"authorizerId": guard}), "good");
    }
    let guard = api.authorizer("context", "context-scalars", json!({}));
    api.function("GET", "/owners/{owner}", json!({"authorizerId": guard, "apiKeyRequired": true}), "good");
    api.function("GET", "/fails", json!({}), "fails");
    api.method("GET", "/http", json!({}), &json!({"type": "HTTP", "httpMethod": "GET", "uri": "http://127.0.0.1:1/"}));
    for (kind, response) in responses {
        api.gateway_response(kind, response);
    }
    api.deploy("prod", &json!({"tier": "gold"}));
    api
}

fn body(text: &str) -> Value {
    json!({"responseTemplates": {"application/json": text}})
}

fn get(api: &RestApi<'_>, path: &str) -> Call {
    api.get(path).header("authorization", "token")
}

#[test]
fn the_type_itself_counts_then_the_default_of_its_class_then_what_is_built_in() {
    const DENIED: &str = r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#;
    const SHOWN: &str = "$context.error.responseType $context.error.message";
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let with_status =
        |text: &str, status: &str| json!({"statusCode": status, "responseTemplates": {"text/plain": text}});
    let own = "own: $context.error.responseType";
    // Each customisation, and what comes of every refusal under it.
    let refusals = ["/nothing", "/unauthorized", "/deny", "/owners/a", "/throws", "/fails", "/http"];
    let customisations: [Customisation; 4] = [
        (
            "none",
            vec![],
            [
                (403, r#"{"message":"Missing Authentication Token"}"#),
                (401, r#"{"message":"Unauthorized"}"#),
                (403, DENIED),
                (403, r#"{"message":"Forbidden"}"#),
                (500, r#"{"message":null}"#),
                (502, r#"{"message":"Internal server error"}"#),
                (500, r#"{"message":"Internal server error"}"#),
            ],
        ),
        (
            "a default of the client's errors, with a status of its own",
            vec![("DEFAULT_4XX", with_status(SHOWN, "400"))],
            [
                (400, "MISSING_AUTHENTICATION_TOKEN Missing Authentication Token"),
                (400, "UNAUTHORIZED Unauthorized"),
                (
                    400,
                    "ACCESS_DENIED User is not authorized to access this resource with an explicit deny in an identity-based policy",
                ),
                (400, "INVALID_API_KEY Forbidden"),
                (500, r#"{"message":null}"#),
                (502, r#"{"message":"Internal server error"}"#),
                (500, r#"{"message":"Internal server error"}"#),
            ],
        ),
        (
            "a default of the server's errors, without one",
            vec![("DEFAULT_5XX", json!({"responseTemplates": {"text/plain": SHOWN}}))],
            [
                (403, r#"{"message":"Missing Authentication Token"}"#),
                (401, r#"{"message":"Unauthorized"}"#),
                (403, DENIED),
                (403, r#"{"message":"Forbidden"}"#),
                (500, "AUTHORIZER_CONFIGURATION_ERROR null"),
                (502, "INTEGRATION_FAILURE Internal server error"),
                (500, "API_CONFIGURATION_ERROR Internal server error"),
            ],
        ),
        (
            "types beside both defaults",
            vec![
                ("DEFAULT_4XX", with_status("default", "418")),
                ("DEFAULT_5XX", with_status("default", "599")),
                ("UNAUTHORIZED", body(own)),
                ("INVALID_API_KEY", with_status(own, "402")),
                ("AUTHORIZER_CONFIGURATION_ERROR", body(own)),
                // Never raised; it stands in for nothing else.
                ("AUTHORIZER_FAILURE", body("never")),
                ("RESOURCE_NOT_FOUND", body("never")),
            ],
            [
                (418, "default"),
                (401, "own: UNAUTHORIZED"),
                (418, "default"),
                (402, "own: INVALID_API_KEY"),
                (500, "own: AUTHORIZER_CONFIGURATION_ERROR"),
                (599, "default"),
                (599, "default"),
            ],
        ),
    ];
    for (what, responses, expected) in customisations {
        let api = api(&stack, &responses);
        for (path, (status, body)) in refusals.into_iter().zip(expected) {
            let answer = get(&api, path).send();
            assert_eq!((answer.status, answer.body.as_str()), (status, body), "{what}: {path}");
        }
    }
}

#[test]
fn limits_are_customised_by_their_own_types_and_keep_what_tells_how_long_to_wait() {
    let stack = Stack::start();
    let _ = stack.advance_to_noon();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({"apiKeyRequired": true}), "{}");
    api.gateway_response("THROTTLED", &body("slow down: $context.error.responseType"));
    api.gateway_response("QUOTA_EXCEEDED", &json!({"statusCode": "402", "responseTemplates": {"text/plain": "pay"}}));
    api.deploy("prod", &json!({}));
    let second = |settings: Value| {
        let key = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], settings).key("valid").value;
        let call = || api.get("/hello").header("x-api-key", &key).send();
        assert_eq!(call().status, 200);
        call()
    };
    assert_snapshot!(second(json!({"throttle": {"burstLimit": 1, "rateLimit": 0.01}})), @r#"
    429
    content-type: application/json
    retry-after: [seconds]
    x-amz-apigw-id: [id]
    x-amzn-errortype: TooManyRequestsException
    x-amzn-requestid: [uuid]

    slow down: THROTTLED
    "#);
    assert_snapshot!(second(json!({"quota": {"limit": 1, "period": "DAY"}})), @r#"
    402
    content-type: text/plain
    retry-after: [seconds]
    x-amz-apigw-id: [id]
    x-amzn-errortype: LimitExceededException
    x-amzn-requestid: [uuid]

    pay
    "#);
}

#[test]
fn headers_and_templates_are_filled_by_plain_substitution() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let forbidden = json!({
        "statusCode": "404",
        "responseParameters": {
            "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
            "gatewayresponse.header.x-literal": "'two words, and a comma'",
            "gatewayresponse.header.x-path": "context.path",
            "gatewayresponse.header.x-said": "method.request.header.X-Tenant",
            "gatewayresponse.header.x-asked": "method.request.querystring.q",
            "gatewayresponse.header.x-owner": "method.request.path.owner",
            "gatewayresponse.header.x-absent": "method.request.header.x-absent",
            "gatewayresponse.header.x-tier": "stageVariables.tier",
        },
        "responseTemplates": {"application/json": concat!(
            "{\"type\": \"$context.error.responseType\", \"message\": $context.error.messageString, ",
            "\"bare\": \"$context.error.message\", \"validation\": \"$context.error.validationErrorString\", ",
            "\"tier\": \"${stageVariables.tier}\", \"none\": \"$stageVariables.none\", ",
            "\"stage\": \"$context.stage\", \"resource\": \"$context.resourcePath\", \"verb\": \"$context.httpMethod\", ",
            "\"principal\": \"$context.authorizer.principalId\", \"count\": \"$context.authorizer.count\", ",
            "\"trial\": \"$context.authorizer.trial\", \"said\": \"$method.request.header.x-tenant\", ",
            "\"unknown\": \"$context.nonsense\", \"key\": \"$context.identity.apiKey\", ",
            "\"velocity\": \"#if($context.error.message) $util.escapeJavaScript('x') #end\"}",
        )},
    });
    let api = api(&stack, &[("INVALID_API_KEY", forbidden)]);
    let answer = get(&api, "/owners/alice?q=a&q=b%20c").header("x-tenant", "acme").send();
    assert_snapshot!(answer, @r##"
    404
    access-control-allow-origin: *
    content-type: application/json
    x-amz-apigw-id: [id]
    x-amzn-errortype: ForbiddenException
    x-amzn-requestid: [uuid]
    x-asked: b c
    x-literal: two words, and a comma
    x-owner: alice
    x-path: /prod/owners/alice
    x-said: acme
    x-tier: gold

    {"type": "INVALID_API_KEY", "message": "Forbidden", "bare": "Forbidden", "validation": "", "tier": "gold", "none": "", "stage": "prod", "resource": "/owners/{owner}", "verb": "GET", "principal": "alice", "count": "7", "trial": "true", "said": "acme", "unknown": "", "key": "", "velocity": "#if(Forbidden) $util.escapeJavaScript('x') #end"}
    "##);
}

#[test]
fn a_template_is_chosen_by_what_the_client_accepts() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({}), "{}");
    let templates = json!({"application/json": "json", "text/html": "html", "application/xml": "xml"});
    api.gateway_response("MISSING_AUTHENTICATION_TOKEN", &json!({"responseTemplates": templates}));
    api.deploy("prod", &json!({}));
    for (accept, content_type, body) in [
        (None, "application/json", "json"),
        (Some("text/html"), "text/html", "html"),
        (Some("application/xml, text/html"), "application/xml", "xml"),
        (Some("image/png"), "application/json", "json"),
        (Some("*/*"), "application/json", "json"),
    ] {
        let call = api.get("/nothing");
        let answer = accept.into_iter().fold(call, |call, accept| call.header("accept", accept)).send();
        let given = (answer.headers["content-type"].as_str(), answer.body.as_str());
        assert_eq!((answer.status, given), (403, (content_type, body)), "{accept:?}");
    }
}

#[test]
fn a_response_acts_from_the_next_deployment_on() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({}), "{}");
    api.gateway_response("DEFAULT_4XX", &body("first"));
    api.deploy("prod", &json!({}));
    let answer = || api.get("/nothing").send().body;
    assert_eq!(answer(), "first");
    api.gateway_response("DEFAULT_4XX", &body("second"));
    assert_eq!(answer(), "first", "the definition is not what is served");
    api.deploy("prod", &json!({}));
    assert_eq!(answer(), "second");
    stack.made("DELETE", &format!("/restapis/{}/gatewayresponses/DEFAULT_4XX", api.id), &Value::Null);
    assert_eq!(answer(), "second");
    api.deploy("prod", &json!({}));
    assert_eq!(answer(), r#"{"message":"Missing Authentication Token"}"#);
}

/// What is refused before a stage is known has no deployment to be customised
/// by; and a request that is too large cannot be customised at all.
#[test]
fn what_no_deployment_answers_for_cannot_be_customised() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({}), "{}");
    for kind in ["DEFAULT_4XX", "REQUEST_TOO_LARGE"] {
        api.gateway_response(kind, &json!({"statusCode": "400", "responseTemplates": {"text/plain": "mine"}}));
    }
    api.deploy("prod", &json!({}));
    let too_large = api.get("/hello").header("big", &"x".repeat(10_300)).send();
    assert_eq!((too_large.status, too_large.body.as_str()), (413, r#"{"message":"Request Too Long"}"#));
    let unknown = Call::get(api.url("test", "/hello")).send();
    assert_eq!((unknown.status, unknown.body.as_str()), (403, r#"{"message":"Forbidden"}"#));
}

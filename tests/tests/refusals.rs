//! Every refusal whole: status, headers and body, as API Gateway gives them
//! where nothing is customised.

use std::collections::BTreeSet;

use keyplan_tests::rest_api::integration;
use keyplan_tests::{Answer, Call, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// The answer of a refusal, as [`Answer`] is shown.
fn refused(status: u16, kind: &str, body: &str) -> String {
    format!(
        "{status}\ncontent-type: application/json\nx-amz-apigw-id: [id]\nx-amzn-errortype: {kind}\n\
         x-amzn-requestid: [uuid]\n\n{body}"
    )
}

fn forbidden() -> String {
    refused(403, "ForbiddenException", r#"{"message":"Forbidden"}"#)
}

fn unknown_route() -> String {
    refused(403, "MissingAuthenticationTokenException", r#"{"message":"Missing Authentication Token"}"#)
}

fn failed_authorizer() -> String {
    refused(500, "AuthorizerConfigurationException", r#"{"message":null}"#)
}

fn internal() -> String {
    refused(500, "InternalServerErrorException", r#"{"message":"Internal server error"}"#)
}

fn bad_gateway() -> String {
    refused(502, "InternalServerErrorException", r#"{"message":"Internal server error"}"#)
}

#[test]
fn what_is_not_there_is_forbidden_or_lacks_a_token() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("POST", "/pets/{id}", json!({}), "{}");
    api.deploy("prod", &json!({}));
    let undeployed = RestApi::create(&stack, json!({}));
    for (method, url, expected) in [
        ("POST", stack.url("unknownapi", "prod", "/pets/1"), forbidden()),
        ("POST", api.url("test", "/pets/1"), forbidden()),
        ("POST", undeployed.url("prod", "/"), forbidden()),
        ("GET", format!("{}/", stack.gateway), forbidden()),
        ("GET", format!("{}/{}", stack.gateway, api.id), forbidden()),
        ("POST", api.url("prod", "/"), unknown_route()),
        ("POST", api.url("prod", ""), unknown_route()),
        ("POST", api.url("prod", "/pets"), unknown_route()),
        ("POST", api.url("prod", "/pets/1/2"), unknown_route()),
        ("POST", api.url("prod", "/Pets/1"), unknown_route()),
        ("GET", api.url("prod", "/pets/1"), unknown_route()),
        ("OPTIONS", api.url("prod", "/pets/1"), unknown_route()),
    ] {
        assert_eq!(Call::new(method, &url).send().to_string(), expected, "{method} {url}");
    }
}

#[test]
fn an_authorizer_refuses_in_its_own_words() {
    const EXPLICIT: &str = r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#;
    const IMPLICIT: &str = r#"{"Message":"User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action"}"#;
    let unauthorized = || refused(401, "UnauthorizedException", r#"{"message":"Unauthorized"}"#);
    let explicit = || refused(403, "AccessDeniedException", EXPLICIT);
    let implicit = || refused(403, "AccessDeniedException", IMPLICIT);
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let rows = [
        ("unauthorized", unauthorized()),
        ("deny", explicit()),
        ("deny-this", explicit()),
        ("silent", implicit()),
        ("no-statement", implicit()),
        ("throws", failed_authorizer()),
        ("unauthorized-lower", failed_authorizer()),
        ("unauthorized-and-more", failed_authorizer()),
        ("null", failed_authorizer()),
        ("array", failed_authorizer()),
        ("text", failed_authorizer()),
        ("no-json", failed_authorizer()),
        ("nothing", failed_authorizer()),
        ("no-policy", failed_authorizer()),
        ("null-policy", failed_authorizer()),
        ("text-policy", failed_authorizer()),
        ("unknown-effect", failed_authorizer()),
        ("no-resource", failed_authorizer()),
        ("no-principal", failed_authorizer()),
        ("context-object", failed_authorizer()),
        ("context-array", failed_authorizer()),
        ("context-null-value", failed_authorizer()),
        ("context-null", failed_authorizer()),
        ("context-text", failed_authorizer()),
        ("key-number", failed_authorizer()),
        ("throttled", failed_authorizer()),
        ("not-mine", failed_authorizer()),
        ("is-not-there", failed_authorizer()),
    ];
    let mut api = RestApi::create(&stack, json!({}));
    for (function, _) in &rows {
        let guard = api.authorizer(function, function, json!({}));
        api.function("GET", &format!("/{function}"), json!({"authorizerId": guard}), "good");
    }
    api.deploy("prod", &json!({}));
    for (function, expected) in &rows {
        let call = || api.get(&format!("/{function}"));
        assert_eq!(call().send().to_string(), unauthorized(), "{function} without a token");
        assert_eq!(lambda.invocations(function), 0, "{function} without a token");
        assert_eq!(call().header("authorization", "token").send().to_string(), *expected, "{function}");
        assert_eq!(lambda.invocations(function), 1, "{function} is asked once and never again for a failure");
    }
    assert_eq!(lambda.invocations("good"), 0);
    assert!(!stack.logged().contains("no such user"), "what a function throws is not for the log");
}

#[test]
fn a_key_is_refused_without_a_word_of_why() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({"apiKeyRequired": true}), "{}");
    api.deploy("prod", &json!({}));
    let key = keyplan_tests::ApiKey::create(&stack, "in no plan", true);
    let disabled = keyplan_tests::ApiKey::create(&stack, "disabled", false);
    assert_eq!(api.get("/hello").send().to_string(), forbidden());
    for value in ["", "an-unknown-value-of-a-key", &key.id, &key.value, &disabled.value] {
        assert_eq!(api.get("/hello").header("x-api-key", value).send().to_string(), forbidden());
    }
    let logged = stack.logged();
    for value in ["an-unknown-value-of-a-key", &key.value, &disabled.value] {
        assert!(!logged.contains(value), "no value is in the log");
    }
    let lines: Vec<_> = logged.lines().filter(|line| line.contains("InvalidKeyParameter")).collect();
    assert_eq!(lines.len(), 6, "{logged}");
    for (refusal, count) in [("KeyMissing", 2), ("KeyUnknown", 2), ("NoPlanForStage", 1), ("KeyDisabled", 1)] {
        let refusal = format!("refusal=\"{refusal}\"");
        assert_eq!(lines.iter().filter(|line| line.contains(&refusal)).count(), count, "{refusal}: {logged}");
    }
    let alike: Vec<_> = lines.iter().filter(|line| line.contains("has the shape of a key's id")).collect();
    assert!(alike.len() == 1 && !alike[0].contains("key_id"), "{logged}");
}

#[test]
fn a_limit_says_which_it_is_and_how_long_to_wait() {
    let limited = |kind: &str, body: &str| {
        refused(429, kind, body).replace("application/json\n", "application/json\nretry-after: [seconds]\n")
    };
    let stack = Stack::start();
    let _ = stack.advance_to_noon();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({"apiKeyRequired": true}), "{}");
    api.deploy("prod", &json!({}));
    let answers = |settings: Value| -> Vec<Answer> {
        let plan = UsagePlan::create(&stack, "plan", &[(&api.id, "prod")], settings);
        let key = plan.key("valid").value;
        (0..2).map(|_| api.get("/hello").header("x-api-key", &key).send()).collect()
    };
    let [_, throttled] = &answers(json!({"throttle": {"burstLimit": 1, "rateLimit": 0.01}}))[..] else { panic!() };
    assert_eq!(throttled.to_string(), limited("TooManyRequestsException", r#"{"message":"Too Many Requests"}"#));
    assert!(throttled.headers["retry-after"].parse().is_ok_and(|wait: u32| (90..=100).contains(&wait)), "{throttled}");
    let [_, spent] = &answers(json!({"quota": {"limit": 1, "period": "DAY"}}))[..] else { panic!() };
    assert_eq!(spent.to_string(), limited("LimitExceededException", r#"{"message":"Limit Exceeded"}"#));
    // Where a limit is nothing at all, waiting is in vain.
    let [never, _] = &answers(json!({"throttle": {"burstLimit": 0, "rateLimit": 0.0}}))[..] else { panic!() };
    let without = refused(429, "TooManyRequestsException", r#"{"message":"Too Many Requests"}"#);
    assert_eq!(never.to_string(), without);
}

#[test]
fn an_integration_that_fails_is_a_500_a_502_or_a_504() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({}));
    let hurried = |function: &str| {
        let mut integration = integration(function);
        integration["timeoutInMillis"] = 50.into();
        integration
    };
    let time_out = refused(504, "InternalServerErrorException", r#"{"message":"Endpoint request timed out"}"#);
    let media_type = refused(415, "UnsupportedMediaTypeException", r#"{"message":"Unsupported Media Type"}"#);
    let get = |uri: &str| json!({"type": "HTTP", "httpMethod": "GET", "uri": uri});
    let never = json!({
        "type": "MOCK", "passthroughBehavior": "NEVER", "requestTemplates": {"text/plain": "{\"statusCode\": 200}"},
    });
    let rows = [
        ("fails", integration("fails"), bad_gateway()),
        // Only an authorizer can say so.
        ("fails-unauthorized", integration("fails-unauthorized"), bad_gateway()),
        ("malformed-status", integration("malformed-status"), bad_gateway()),
        ("unknown-member", integration("unknown-member"), bad_gateway()),
        ("object-body", integration("object-body"), bad_gateway()),
        ("split-header", integration("split-header"), bad_gateway()),
        ("bare-text", integration("bare-text"), bad_gateway()),
        ("bare-null", integration("bare-null"), bad_gateway()),
        ("no-answer", integration("no-answer"), bad_gateway()),
        ("is-not-there", integration("is-not-there"), internal()),
        ("refused", integration("refused"), internal()),
        ("busy", integration("busy"), internal()),
        ("no-such-variable", integration("${stageVariables.none}"), internal()),
        ("sleeps", hurried("sleeps"), time_out),
        ("http", get("http://127.0.0.1:1/"), internal()),
        ("mock-without-status", json!({"type": "MOCK"}), internal()),
        ("mock-of-text-only", never, media_type),
    ];
    for (path, integration, _) in &rows {
        api.method("GET", &format!("/{path}"), json!({}), integration);
    }
    api.deploy("prod", &json!({}));
    for (path, _, expected) in &rows {
        assert_eq!(api.get(&format!("/{path}")).send().to_string(), *expected, "{path}");
    }
    // A status of the function's own is no refusal of the gateway's.
    api.function("GET", "/own-error", json!({}), "own-error");
    api.deploy("prod", &json!({}));
    let own = api.get("/own-error").send();
    assert_eq!((own.status, own.headers["x-amzn-errortype"].as_str(), own.body.as_str()), (503, "MyOwn", "closed"));
}

#[test]
fn what_is_too_large_or_too_long_is_told_so() {
    let too_large = refused(413, "RequestEntityTooLargeException", r#"{"message":"Request Too Long"}"#);
    let too_long = refused(414, "RequestUriTooLongException", r#"{"message":"Request URI too long"}"#);
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = RestApi::create(&stack, json!({}));
    let guard = api.authorizer("allow", "allow", json!({}));
    api.function("ANY", "/{proxy+}", json!({"authorizerId": guard}), "good");
    api.function("POST", "/open", json!({}), "good");
    api.deploy("prod", &json!({}));
    assert_eq!(api.get("/x").header("big", &"x".repeat(10_300)).send().to_string(), too_large);
    let body = |megabytes: usize| {
        let call = Call::new("POST", api.url("prod", "/open"));
        call.body("text/plain", vec![b'x'; megabytes * 1024 * 1024]).send()
    };
    assert_eq!(body(11).to_string(), too_large);
    // Ten megabytes pass API Gateway, but not Lambda.
    assert_eq!(body(8).to_string(), too_large);
    assert_eq!(body(1).status, 200);
    let long = |bytes: usize| api.get(&format!("/{}", "x".repeat(bytes))).header("authorization", "token").send();
    assert_eq!(long(1_700).to_string(), too_long);
    assert_eq!(long(1_000).status, 200);
}

#[test]
fn every_answer_has_ids_of_its_own() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/hello", json!({}), "$context.requestId");
    api.deploy("prod", &json!({}));
    let answers: Vec<_> = (0..5).flat_map(|_| [api.get("/hello").send(), api.get("/nothing").send()]).collect();
    for name in ["x-amzn-requestid", "x-amz-apigw-id"] {
        let ids: BTreeSet<_> = answers.iter().map(|answer| &answer.headers[name]).collect();
        assert_eq!(ids.len(), answers.len(), "{name}: {ids:?}");
    }
    for served in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(served.body, served.headers["x-amzn-requestid"], "the backend is told the same id");
    }
}

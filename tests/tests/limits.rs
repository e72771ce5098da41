//! Limits over HTTP: what a stage sets its methods, through the stock AWS CLI,
//! and what callers are told of those of their plan.

use keyplan_tests::{Answer, Call, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

const VALUE: &str = "a-value-of-enough-characters";

fn id(answer: &Value) -> &str {
    answer["id"].as_str().unwrap_or_else(|| panic!("no id in {answer}"))
}

/// An API whose `GET /` is a mock that requires a key, or not, deployed to
/// `prod`; its id.
fn mock_api(stack: &Stack, requires_key: bool) -> String {
    let api = stack.aws("apigateway create-rest-api --name limits");
    let root = api["rootResourceId"].as_str().unwrap_or_default();
    let at = format!("--rest-api-id {} --resource-id {root} --http-method GET", id(&api));
    let key = if requires_key { "--api-key-required" } else { "--no-api-key-required" };
    stack.aws(&format!("apigateway put-method {at} --authorization-type NONE {key}"));
    stack.aws(&format!(
        r#"apigateway put-integration {at} --type MOCK --request-templates '{{"application/json": "{{\"statusCode\": 200}}"}}'"#
    ));
    stack.aws(&format!("apigateway put-method-response {at} --status-code 200"));
    stack.aws(&format!("apigateway put-integration-response {at} --status-code 200"));
    stack.aws(&format!("apigateway create-deployment --rest-api-id {} --stage-name prod", id(&api)));
    id(&api).to_owned()
}

fn call(stack: &Stack, api_id: &str) -> Answer {
    Call::get(stack.url(api_id, "prod", "/")).header("x-api-key", VALUE).send()
}

#[test]
fn a_stages_throttle_acts_on_the_next_request_and_until_a_token_is_back() {
    let stack = Stack::start();
    let api_id = mock_api(&stack, false);
    assert_eq!(call(&stack, &api_id).status, 200);
    stack.aws(&format!(
        "apigateway update-stage --rest-api-id {api_id} --stage-name prod --patch-operations \
         op=replace,path=/*/*/throttling/rateLimit,value=0.01 op=replace,path=/*/*/throttling/burstLimit,value=2"
    ));
    assert_eq!(call(&stack, &api_id).status, 200);
    assert_eq!(call(&stack, &api_id).status, 200);
    let refused = call(&stack, &api_id);
    assert_eq!((refused.status, refused.headers["x-amzn-errortype"].as_str()), (429, "TooManyRequestsException"));
    stack.advance(100);
    assert_eq!(call(&stack, &api_id).status, 200);
    assert_eq!(call(&stack, &api_id).status, 429);

    stack.aws(&format!(
        "apigateway update-stage --rest-api-id {api_id} --stage-name prod --patch-operations \
         op=replace,path=/~1/GET/throttling/rateLimit,value=-1 op=replace,path=/~1/GET/throttling/burstLimit,value=-1"
    ));
    assert_eq!(call(&stack, &api_id).status, 200, "a method can be exempted");
}

#[test]
fn all_apis_share_the_accounts_throttle() {
    let stack = Stack::start();
    let (one, other) = (mock_api(&stack, false), mock_api(&stack, false));
    let account = stack.aws(
        "apigateway update-account --patch-operations op=replace,path=/throttle/rateLimit,value=0.01 \
         op=replace,path=/throttle/burstLimit,value=2",
    );
    assert_eq!(account["throttleSettings"], json!({"burstLimit": 2, "rateLimit": 0.01}));
    assert_eq!((call(&stack, &one).status, call(&stack, &other).status), (200, 200));
    let refused = call(&stack, &one);
    assert_eq!((refused.status, refused.headers["x-amzn-errortype"].as_str()), (429, "TooManyRequestsException"));
    assert_eq!(call(&stack, &other).status, 429);
    stack.advance(100);
    assert_eq!((call(&stack, &other).status, call(&stack, &one).status), (200, 429));
    stack.aws("apigateway update-account --patch-operations op=remove,path=/throttle");
    assert_eq!(call(&stack, &one).status, 200);
    assert_eq!(
        stack.aws("apigateway get-account")["throttleSettings"],
        json!({"burstLimit": 5000, "rateLimit": 10000.0})
    );
}

#[test]
fn callers_are_told_what_their_plan_leaves_them_if_that_is_switched_on() {
    for (flags, is_on) in [(&["--rate-limit-headers"][..], true), (&[][..], false)] {
        let stack = Stack::with(flags);
        let api_id = mock_api(&stack, true);
        let plan = stack.aws(&format!(
            "apigateway create-usage-plan --name basic --api-stages apiId={api_id},stage=prod \
             --throttle burstLimit=2,rateLimit=0.01 --quota limit=5,period=WEEK"
        ));
        let key = stack.aws(&format!("apigateway create-api-key --name alice --enabled --value {VALUE}"));
        stack.aws(&format!(
            "apigateway create-usage-plan-key --usage-plan-id {} --key-id {} --key-type API_KEY",
            id(&plan),
            id(&key)
        ));
        for (status, tokens, requests) in [(200, 1, 4), (200, 0, 3), (429, 0, 3)] {
            let answer = call(&stack, &api_id);
            assert_eq!(answer.status, status);
            let told = |name: &str| answer.headers.get(name).cloned().unwrap_or_default();
            if is_on {
                assert_eq!(told("ratelimit-policy"), "\"burst\";q=2;w=200, \"quota\";q=5;w=604800");
                let limit = told("ratelimit");
                assert!(limit.starts_with(&format!("\"burst\";r={tokens};t=")), "{limit}");
                assert!(limit.contains(&format!(", \"quota\";r={requests};t=")), "{limit}");
            } else {
                assert_eq!((told("ratelimit-policy"), told("ratelimit")), (String::new(), String::new()));
            }
        }
    }
}

#[test]
fn the_log_tells_once_of_each_share_of_a_quota_that_is_used_up() {
    let stack = Stack::start();
    let _ = stack.advance_to_noon();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/", json!({"apiKeyRequired": true}), "{}");
    api.deploy("prod", &json!({}));
    let plan =
        UsagePlan::create(&stack, "basic", &[(&api.id, "prod")], json!({"quota": {"limit": 5, "period": "DAY"}}));
    let key = plan.key("alice");
    for (status, at_80, at_100) in [(200, 0, 0), (200, 0, 0), (200, 0, 0), (200, 1, 0), (200, 1, 1), (429, 1, 1)] {
        assert_eq!(api.get("/").header("x-api-key", &key.value).send().status, status);
        let log = stack.logged();
        let told = |percent: u8| log.lines().filter(|line| line.contains(&format!("quota_percent={percent} "))).count();
        assert_eq!((told(80), told(100)), (at_80, at_100), "{log}");
    }
    assert!(!stack.logged().contains(&key.value));
}

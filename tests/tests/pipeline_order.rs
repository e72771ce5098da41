//! The order in which a request is decided upon: stage, route, authorizer, key
//! and plan, limits, integration. A request that two neighbours would refuse is
//! refused by the earlier, and nothing behind it has been touched.

use std::collections::BTreeMap;

use keyplan_tests::rest_api::integration;
use keyplan_tests::{ApiKey, Call, Lambda, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// Stage, path, token and key of a request; the status and the reason that it
/// gets, and what it touches.
type Row<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>, u16, &'a str, &'a [&'a str]);

/// An API whose paths each ask for an authorizer of a temper and a key, in
/// front of a backend of a temper: `/{authorizer}/{backend}`.
struct Guarded<'s> {
    api: RestApi<'s>,
    plan: UsagePlan<'s>,
    key: ApiKey,
    lambda: &'s Lambda,
    day: String,
}

impl<'s> Guarded<'s> {
    fn create(stack: &'s Stack, lambda: &'s Lambda, plan: Value) -> Self {
        let day = stack.advance_to_noon();
        let mut api = RestApi::create(stack, json!({}));
        for authorizer in ["allow", "deny", "silent", "unauthorized", "throws"] {
            let guard = api.authorizer(authorizer, authorizer, json!({"authorizerResultTtlInSeconds": 0}));
            for backend in ["good", "fails"] {
                let settings = json!({"apiKeyRequired": true, "authorizerId": guard});
                api.method("GET", &format!("/{authorizer}/{backend}"), settings, &integration(backend));
            }
        }
        api.deploy("prod", &json!({"keyplanExplain": "true"}));
        let plan = UsagePlan::create(stack, "plan", &[(&api.id, "prod")], plan);
        let key = plan.key("valid");
        Self { api, plan, key, lambda, day }
    }

    /// The status and reason of a call, and what it touched: each function it
    /// invoked, and `usage` if it was counted.
    fn call(&self, stage: &str, path: &str, token: Option<&str>, key: Option<&str>) -> (u16, String, Vec<String>) {
        let before = self.touched();
        let call = Call::get(self.api.url(stage, path));
        let call = token.into_iter().fold(call, |call, token| call.header("authorization", token));
        let answer = key.into_iter().fold(call, |call, key| call.header("x-api-key", key)).send();
        let reason = answer.headers.get("x-keyplan-reason").cloned().unwrap_or_default();
        let after = self.touched();
        let touched = after.into_iter().filter(|(what, count)| before.get(what) != Some(count));
        (answer.status, reason, touched.map(|(what, _)| what).collect())
    }

    fn touched(&self) -> BTreeMap<String, String> {
        let used: i64 = self.plan.used(&self.day).into_values().sum();
        let functions = ["allow", "deny", "silent", "unauthorized", "throws", "good", "fails"];
        let invoked = functions.map(|name| (name.to_owned(), self.lambda.invocations(name).to_string()));
        invoked.into_iter().chain([("usage".to_owned(), used.to_string())]).collect()
    }
}

#[test]
fn the_earlier_of_two_phases_refuses_and_nothing_behind_it_is_touched() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let plan = json!({"throttle": {"burstLimit": 1, "rateLimit": 0.001}});
    let guarded = Guarded::create(&stack, &lambda, plan);
    let valid = Some(guarded.key.value.as_str());
    let bad = Some("no-key-has-this-value-at-all");
    let token = Some("token");
    let rows: [Row<'_>; 13] = [
        // No stage, and no route on any.
        ("nowhere", "/nothing", None, None, 403, "", &[]),
        // No stage, though there is such a route, with everything it asks for.
        ("nowhere", "/allow/good", token, valid, 403, "", &[]),
        // No route, and neither token nor key.
        ("prod", "/nothing", None, None, 403, "RouteUnknown", &[]),
        // No identity; the authorizer would deny, the key is none.
        ("prod", "/deny/good", None, bad, 401, "IdentityMissing", &[]),
        // The authorizer refuses in each of its ways; the key is none.
        ("prod", "/deny/good", token, bad, 403, "ExplicitDeny", &["deny"]),
        ("prod", "/silent/good", token, bad, 403, "ImplicitDeny", &["silent"]),
        ("prod", "/unauthorized/good", token, bad, 401, "Unauthorized", &["unauthorized"]),
        ("prod", "/throws/good", token, bad, 500, "AuthorizerFailed", &["throws"]),
        // The same with a key that would be charged.
        ("prod", "/deny/good", token, valid, 403, "ExplicitDeny", &["deny"]),
        // No key in front of a backend that would fail.
        ("prod", "/allow/fails", token, bad, 403, "KeyUnknown", &["allow"]),
        // All is well up to the backend: this spends the one token there is.
        ("prod", "/allow/fails", token, valid, 502, "IntegrationFailed", &["allow", "fails", "usage"]),
        // Nothing left, in front of a backend that would fail.
        ("prod", "/allow/fails", token, valid, 429, "Throttled", &["allow"]),
        // Nothing left, and a key that is none.
        ("prod", "/allow/good", token, bad, 403, "KeyUnknown", &["allow"]),
    ];
    for (stage, path, token, key, status, reason, touched) in rows {
        let row = format!("{stage}{path}, token {}, key {}", token.is_some(), key == valid);
        let (given_status, given_reason, given_touched) = guarded.call(stage, path, token, key);
        assert_eq!((given_status, given_reason.as_str()), (status, reason), "{row}");
        assert_eq!(given_touched, touched, "{row}");
    }
}

#[test]
fn a_spent_quota_is_told_where_the_throttle_would_refuse_as_well() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let plan = json!({
        "throttle": {"burstLimit": 1, "rateLimit": 0.001},
        "quota": {"limit": 1, "period": "DAY"},
    });
    let guarded = Guarded::create(&stack, &lambda, plan);
    let call = || guarded.call("prod", "/allow/good", Some("token"), Some(&guarded.key.value));
    assert_eq!(call(), (200, String::new(), ["allow", "good", "usage"].map(str::to_owned).to_vec()));
    assert_eq!(call(), (429, "QuotaSpent".to_owned(), vec!["allow".to_owned()]));
}

/// A stage's throttle is looked at behind the plan's limits and before the
/// integration; what it refuses is not counted in the plan.
#[test]
fn a_stages_throttle_refuses_between_the_plan_and_the_integration() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let guarded = Guarded::create(&stack, &lambda, json!({"quota": {"limit": 2, "period": "DAY"}}));
    let throttle = [("/*/*/throttling/rateLimit", "0.001"), ("/*/*/throttling/burstLimit", "1")];
    guarded.api.replace("/stages/prod", &throttle);
    let call = |path: &str, key: &str| guarded.call("prod", path, Some("token"), Some(key));
    let expect = |status: u16, reason: &str, touched: &[&str]| {
        (status, reason.to_owned(), touched.iter().map(|&what| what.to_owned()).collect())
    };
    let key = guarded.key.value.as_str();
    assert_eq!(call("/allow/fails", key), expect(502, "IntegrationFailed", &["allow", "fails", "usage"]));
    assert_eq!(call("/allow/fails", "no-key-has-this-value-at-all"), expect(403, "KeyUnknown", &["allow"]));
    assert_eq!(call("/allow/fails", key), expect(429, "StageThrottled", &["allow"]));
    // Another method has a bucket of its own; this uses the quota up.
    assert_eq!(call("/allow/good", key), expect(200, "", &["allow", "good", "usage"]));
    assert_eq!(call("/allow/fails", key), expect(429, "QuotaSpent", &["allow"]));
}

/// What the caller sees of a request that is too large does not depend on
/// whether there is such a stage.
#[test]
fn the_size_is_looked_at_first_of_all() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let guarded = Guarded::create(&stack, &lambda, json!({}));
    for stage in ["prod", "nowhere"] {
        let call = Call::get(guarded.api.url(stage, "/deny/good")).header("big", &"x".repeat(10_300));
        assert_eq!(call.send().status, 413, "{stage}");
    }
    assert_eq!(lambda.all_invocations(), 0);
}

/// A disabled endpoint is told before anything of the API is.
#[test]
fn a_disabled_endpoint_refuses_before_the_route() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({"disableExecuteApiEndpoint": true}));
    api.mock("GET", "/hello", json!({}), "{}");
    api.deploy("prod", &json!({"keyplanExplain": "true"}));
    for path in ["/hello", "/nothing"] {
        let answer = api.get(path).send();
        assert_eq!((answer.status, answer.body.as_str()), (403, r#"{"message":"Forbidden"}"#));
        assert_eq!(answer.headers["x-keyplan-reason"], "EndpointDisabled");
    }
}

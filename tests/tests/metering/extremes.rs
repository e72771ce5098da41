//! Limits at the edge of what can be said, and beyond it.

use keyplan_tests::{Call, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

/// `GET /`, which requires a key, deployed to `prod`.
fn api(stack: &Stack) -> RestApi<'_> {
    let mut api = RestApi::create(stack, json!({}));
    api.mock("GET", "/", json!({"apiKeyRequired": true}), "ok");
    api.deploy("prod", &json!({}));
    api
}

fn statuses(api: &RestApi<'_>, stack: &Stack, limits: Value, calls: usize) -> Vec<u16> {
    let plan = UsagePlan::create(stack, "plan", &[(&api.id, "prod")], limits);
    let key = plan.key("caller");
    let call = || Call::get(api.url("prod", "/")).header("x-api-key", &key.value).send();
    (0..calls).map(|_| call().status).collect()
}

#[test]
fn the_largest_limits_admit_and_the_smallest_refuse_until_something_returns() {
    let stack = Stack::start();
    let api = api(&stack);
    let throttle = |rate: f64, burst: u32| json!({"throttle": {"rateLimit": rate, "burstLimit": burst}});
    let rows = [
        (throttle(1e125, 2_147_483_647), [200, 200, 200]),
        (throttle(1.0, 2_147_483_647), [200, 200, 200]),
        // A burst is admitted from idle, however slow it returns.
        (throttle(1e-20, 2), [200, 200, 429]),
        (throttle(1e-6, 1), [200, 429, 429]),
        // Slower than that is never.
        (throttle(1e-100, 2), [429; 3]),
        (throttle(0.0, 5), [429; 3]),
        (throttle(5.0, 0), [429; 3]),
        (throttle(0.0, 0), [429; 3]),
        (json!({"quota": {"limit": 2_147_483_647, "period": "MONTH", "offset": 27}}), [200; 3]),
        (json!({"quota": {"limit": 1, "period": "WEEK", "offset": 6}}), [200, 429, 429]),
    ];
    for (limits, expected) in rows {
        assert_eq!(statuses(&api, &stack, limits.clone(), 3), expected, "{limits}");
    }
}

#[test]
fn what_is_no_limit_is_refused_when_it_is_set() {
    let stack = Stack::start();
    let plan = stack.made("POST", "/usageplans", &json!({"name": "plan"}));
    let plan = plan["id"].as_str().unwrap_or_default();
    let rows = [
        r#"{"throttle": {"burstLimit": 5}}"#,
        r#"{"throttle": {"rateLimit": 5}}"#,
        r#"{"throttle": {"rateLimit": -1, "burstLimit": 5}}"#,
        r#"{"throttle": {"rateLimit": 1, "burstLimit": -5}}"#,
        r#"{"throttle": {"rateLimit": 1, "burstLimit": 2147483648}}"#,
        r#"{"throttle": {"rateLimit": 1, "burstLimit": 1.5}}"#,
        r#"{"throttle": {"rateLimit": 1e126, "burstLimit": 1}}"#,
        r#"{"throttle": {"rateLimit": 1e-131, "burstLimit": 1}}"#,
        r#"{"throttle": {"rateLimit": 1e999, "burstLimit": 1}}"#,
        r#"{"throttle": {"rateLimit": "fast", "burstLimit": 1}}"#,
        r#"{"throttle": {"rateLimit": NaN, "burstLimit": 1}}"#,
        r#"{"quota": {"limit": 0, "period": "DAY"}}"#,
        r#"{"quota": {"limit": -1, "period": "DAY"}}"#,
        r#"{"quota": {"limit": 2147483648, "period": "DAY"}}"#,
        r#"{"quota": {"limit": 1}}"#,
        r#"{"quota": {"limit": 1, "period": "HOUR"}}"#,
        r#"{"quota": {"limit": 1, "period": "DAY", "offset": 1}}"#,
        r#"{"quota": {"limit": 1, "period": "WEEK", "offset": 7}}"#,
        r#"{"quota": {"limit": 1, "period": "MONTH", "offset": 28}}"#,
        r#"{"quota": {"limit": 1, "period": "MONTH", "offset": -1}}"#,
    ];
    for settings in rows {
        let body = settings.replacen('{', r#"{"name": "plan", "#, 1);
        let call = Call::new("POST", format!("{}/usageplans", stack.control)).body("application/json", body);
        let answer = call.signed_for("apigateway").send();
        assert_eq!(answer.status, 400, "{settings}: {answer}");
    }
    let patches = [
        ("/throttle/rateLimit", "-1"),
        ("/throttle/rateLimit", "NaN"),
        ("/throttle/rateLimit", "inf"),
        ("/throttle/burstLimit", "5"),
        ("/throttle/burstLimit", "2147483648"),
        ("/quota/limit", "0"),
        ("/quota/limit", "5"),
        ("/quota/offset", "1"),
    ];
    for (path, value) in patches {
        let operations = json!({"patchOperations": [{"op": "replace", "path": path, "value": value}]});
        let answer = stack.control("PATCH", &format!("/usageplans/{plan}"), &operations);
        assert_eq!(answer.status, 400, "{path} {value}: {answer}");
    }
    let left = stack.made("GET", &format!("/usageplans/{plan}"), &Value::Null);
    assert_eq!((&left["throttle"], &left["quota"]), (&Value::Null, &Value::Null));
    assert_eq!(stack.made("GET", "/usageplans", &Value::Null)["item"].as_array().map(Vec::len), Some(1));
}

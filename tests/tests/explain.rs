//! `GET /_keyplan/explain`: what would become of a call, told without making it.

use insta::assert_json_snapshot;
use keyplan_tests::{ApiKey, Call, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

fn explain(stack: &Stack, api: &str, stage: &str, method: &str, path: &str, key: &str) -> Value {
    let query = format!("restApiId={api}&stage={stage}&method={method}&path={path}&keyId={key}");
    stack.made("GET", &format!("/_keyplan/explain?{query}"), &Value::Null)
}

/// `GET /pets/{id}` with a key, `GET /open` without, and what cannot be served.
fn api<'s>(stack: &'s Stack, source: &str) -> RestApi<'s> {
    let mut api = RestApi::create(stack, json!({"apiKeySource": source}));
    api.mock("GET", "/pets/{id}", json!({"apiKeyRequired": true}), "{}");
    api.mock("GET", "/open", json!({}), "{}");
    api.method("GET", "/http", json!({}), &json!({"type": "HTTP", "httpMethod": "GET", "uri": "http://example.com"}));
    api.response("GET", "/http", 200, &json!({}));
    api.deploy("prod", &json!({}));
    api
}

#[test]
fn a_call_that_would_be_admitted_is_told_its_plan_and_what_is_left() {
    let stack = Stack::start();
    let _ = stack.advance_to_noon();
    let api = api(&stack, "HEADER");
    let settings = json!({
        "throttle": {"rateLimit": 0.5, "burstLimit": 2},
        "quota": {"limit": 3, "period": "DAY"},
    });
    let plan = UsagePlan::create(&stack, "basic", &[(&api.id, "prod")], settings);
    let key = plan.key("alice");
    let call = || api.get("/pets/7").header("x-api-key", &key.value).send().status;
    let told = || explain(&stack, &api.id, "prod", "GET", "/pets/7", &key.id);

    assert_eq!(call(), 200);
    let redacted = |told: &Value| {
        let mut told = told.clone();
        told["deploymentId"] = "[id]".into();
        told["method"]["resourceId"] = "[id]".into();
        told["key"]["id"] = "[id]".into();
        told["usagePlan"]["id"] = "[id]".into();
        let left = told["left"]["quota"]["resetsAt"].as_i64().unwrap();
        told["left"]["quota"]["resetsAt"] = (left % 86_400).into();
        told
    };
    assert_json_snapshot!(redacted(&told()), @r#"
    {
      "admitted": true,
      "deploymentId": "[id]",
      "key": {
        "enabled": true,
        "id": "[id]"
      },
      "left": {
        "quota": {
          "remaining": 2,
          "resetsAt": 0
        },
        "throttle": 1
      },
      "method": {
        "apiKeyRequired": true,
        "apiKeySource": "HEADER",
        "httpMethod": "GET",
        "resourceId": "[id]",
        "resourcePath": "/pets/{id}"
      },
      "usagePlan": {
        "id": "[id]",
        "name": "basic",
        "quota": {
          "limit": 3,
          "offset": 0,
          "period": "DAY"
        },
        "throttle": {
          "burstLimit": 2,
          "rateLimit": 0.5
        }
      }
    }
    "#);
    assert_eq!(told(), told(), "explaining spends nothing");

    assert_eq!(call(), 200);
    let throttled = told();
    assert_eq!((&throttled["admitted"], &throttled["left"]["throttle"]), (&json!(false), &json!(0)));
    assert_json_snapshot!(throttled["refusal"], @r#"
    {
      "errorType": "TooManyRequestsException",
      "message": "Too Many Requests",
      "reason": "Throttled",
      "retryAfter": 2,
      "status": 429
    }
    "#);
    assert_eq!(call(), 429);

    stack.advance(2);
    assert_eq!(call(), 200);
    let spent = told()["refusal"].clone();
    assert_eq!(
        (&spent["reason"], &spent["status"], &spent["message"], &spent["errorType"]),
        (&json!("QuotaSpent"), &json!(429), &json!("Limit Exceeded"), &json!("LimitExceededException"))
    );
    assert!(spent["retryAfter"].as_i64().unwrap() > 43_000);
}

#[test]
fn throttles_that_callers_share_are_told() {
    let stack = Stack::start();
    let api = api(&stack, "HEADER");
    let operations = json!({"patchOperations": [{"op": "replace", "path": "/throttle/rateLimit", "value": "9"}]});
    stack.made("PATCH", "/account", &operations);
    let told = explain(&stack, &api.id, "prod", "GET", "/pets/7", "");
    assert_eq!(told["accountThrottle"], json!({"burstLimit": 5000, "rateLimit": 9.0}));
    assert_eq!(told["stageThrottle"], Value::Null);
}

#[test]
fn every_refusal_before_the_limits_is_named() {
    let stack = Stack::start();
    let (header, authorizer) = (api(&stack, "HEADER"), api(&stack, "AUTHORIZER"));
    let plan = UsagePlan::create(&stack, "basic", &[(&header.id, "prod")], json!({}));
    let (member, stranger) = (plan.key("member"), ApiKey::create(&stack, "stranger", true));
    let disabled = ApiKey::create(&stack, "disabled", false);
    plan.add(&disabled);
    for (api, stage, method, path, key, reason) in [
        ("unknownapi", "prod", "GET", "/open", "", Some("StageUnknown")),
        (&header.id, "test", "GET", "/open", "", Some("StageUnknown")),
        (&header.id, "prod", "POST", "/open", "", Some("RouteUnknown")),
        (&header.id, "prod", "GET", "/closed", "", Some("RouteUnknown")),
        (&header.id, "prod", "GET", "/http", "", Some("Unsupported")),
        (&header.id, "prod", "GET", "/open", "", None),
        (&header.id, "prod", "GET", "open", "", None),
        (&header.id, "prod", "GET", "/pets/7", "", Some("KeyMissing")),
        (&header.id, "prod", "GET", "/pets/7", "unknownkey", Some("KeyUnknown")),
        (&header.id, "prod", "GET", "/pets/7", &disabled.id, Some("KeyDisabled")),
        (&header.id, "prod", "GET", "/pets/7", &stranger.id, Some("NoPlanForStage")),
        (&header.id, "prod", "GET", "/pets/7", &member.id, None),
        // No authorizer, so none that could give a key.
        (&authorizer.id, "prod", "GET", "/pets/7", &member.id, Some("KeyMissing")),
    ] {
        let told = explain(&stack, api, stage, method, path, key);
        assert_eq!(
            (told["refusal"]["reason"].as_str(), &told["admitted"]),
            (reason, &json!(reason.is_none())),
            "{told}"
        );
    }
    let unsupported = explain(&stack, &header.id, "prod", "GET", "/http", "");
    assert_eq!(unsupported["refusal"]["detail"], "an integration of type HTTP");
    assert_eq!(unsupported["refusal"]["status"], 500);
}

#[test]
fn it_is_for_operators_alone_and_says_what_it_needs() {
    let stack = Stack::start();
    let path = "/_keyplan/explain?restApiId=a&stage=b&method=GET&path=/";
    assert_eq!(Call::get(format!("{}{path}", stack.control)).send().status, 403);
    for missing in ["restApiId", "stage", "method", "path"] {
        let query: Vec<_> = ["restApiId=a", "stage=b", "method=GET", "path=/"]
            .into_iter()
            .filter(|pair| !pair.starts_with(&format!("{missing}=")))
            .collect();
        let answer = stack.control("GET", &format!("/_keyplan/explain?{}", query.join("&")), &Value::Null);
        let body = format!("{{\"message\":\"The query parameter {missing} is required\"}}");
        assert_eq!((answer.status, answer.body), (400, body));
    }
}

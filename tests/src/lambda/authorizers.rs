//! Authorizers of every temper. Each is a function of its own, so that a test
//! names what it wants and nothing is configured.

use std::time::Duration;

use serde_json::{Value, json};

use super::Reply;

type Authorizer = fn(&Value) -> Reply;

/// All of them by name.
pub const ALL: &[(&str, Authorizer)] = &[
    ("allow", |_| answer(policy("Allow", "*"))),
    ("allow-this", |event| answer(policy("Allow", method_arn(event)))),
    ("allow-stage", |event| answer(policy("Allow", &format!("{}/*/*", stage_arn(event))))),
    ("deny", |_| answer(policy("Deny", "*"))),
    ("deny-this", |event| answer(json!([statement("Allow", "*"), statement("Deny", method_arn(event))]))),
    ("silent", |_| answer(policy("Allow", "arn:aws:execute-api:us-east-1:000000000000:another/*"))),
    ("no-statement", |_| answer(json!([]))),
    ("throws", |_| Reply::Throws("Something broke: no such user")),
    ("unauthorized", |_| Reply::Throws("Unauthorized")),
    ("unauthorized-lower", |_| Reply::Throws("unauthorized")),
    ("unauthorized-and-more", |_| Reply::Throws("Unauthorized: expired")),
    ("slow", |_| Reply::After(Duration::from_secs(31), Box::new(answer(policy("Allow", "*"))))),
    ("null", |_| Reply::Json(Value::Null)),
    ("array", |_| Reply::Json(json!([]))),
    ("text", |_| Reply::Json(json!("Allow"))),
    ("no-json", |_| Reply::Raw("{\"principalId\": ")),
    ("nothing", |_| Reply::Raw("")),
    ("no-policy", |_| Reply::Json(json!({"principalId": "alice"}))),
    ("null-policy", |_| with(json!({"policyDocument": null}))),
    ("text-policy", |_| with(json!({"policyDocument": "Allow"}))),
    ("unknown-effect", |_| answer(policy("Permit", "*"))),
    ("no-resource", |_| answer(json!([{"Effect": "Allow", "Action": "execute-api:Invoke"}]))),
    ("no-principal", |_| with(json!({"principalId": null}))),
    ("context-scalars", |_| with(json!({"context": {"text": "a \"b\" é", "count": 7, "ratio": 0.5, "trial": true}}))),
    ("context-object", |_| with(json!({"context": {"a": {"b": 1}}}))),
    ("context-array", |_| with(json!({"context": {"a": [1]}}))),
    ("context-null-value", |_| with(json!({"context": {"a": null}}))),
    ("context-null", |_| with(json!({"context": null}))),
    ("context-text", |_| with(json!({"context": "a"}))),
    ("key-null", |_| with(json!({"usageIdentifierKey": null}))),
    ("key-empty", |_| with(json!({"usageIdentifierKey": ""}))),
    ("key-number", |_| with(json!({"usageIdentifierKey": 12_345_678}))),
    ("key-object", |_| with(json!({"usageIdentifierKey": {"value": "x"}}))),
    ("throttled", |_| Reply::Refused(429, "TooManyRequestsException")),
    ("not-mine", |_| Reply::Refused(403, "AccessDeniedException")),
];

/// An answer that allows everything, with other members than that. `null`
/// leaves a `principalId` out.
#[must_use]
pub fn with(members: Value) -> Reply {
    let mut answer = json!({"principalId": "alice", "policyDocument": document(policy("Allow", "*"))});
    if let (Some(answer), Value::Object(members)) = (answer.as_object_mut(), members) {
        answer.extend(members);
        answer.retain(|name, value| !(name == "principalId" && value.is_null()));
    }
    Reply::Json(answer)
}

/// One statement's list.
#[must_use]
pub fn policy(effect: &str, resource: &str) -> Value {
    json!([statement(effect, resource)])
}

fn statement(effect: &str, resource: &str) -> Value {
    json!({"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource})
}

fn document(statements: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn answer(statements: Value) -> Reply {
    with(json!({"policyDocument": document(statements)}))
}

fn method_arn(event: &Value) -> &str {
    event["methodArn"].as_str().unwrap_or_default()
}

/// The method ARN up to the stage.
fn stage_arn(event: &Value) -> String {
    method_arn(event).splitn(3, '/').take(2).collect::<Vec<_>>().join("/")
}

//! What the template lets the operator and the function do, held against what
//! they ask of the table.

use std::collections::BTreeSet;

use keyplan_tests::{DynamodbProxy, aws_cli};
use serde_json::{Value, json};

use crate::keyplan::{FUNCTION, Keyplan, TABLE, properties};

/// The actions on the table that a policy document allows, as `GetItem TOKEN`,
/// by the beginnings of the partitions that they may touch.
fn allowed(document: &Value) -> BTreeSet<String> {
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let mut allowed = BTreeSet::new();
    for statement in document["Statement"].as_array().into_iter().flatten() {
        for action in list(&statement["Action"]) {
            let Some(action) = action.as_str().and_then(|action| action.strip_prefix("dynamodb:")) else { continue };
            let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            for key in keys.as_array().into_iter().flatten().filter_map(Value::as_str) {
                allowed.insert(format!("{action} {}", key.trim_end_matches("#*")));
            }
            if keys.is_null() {
                allowed.insert(format!("{action} "));
            }
        }
    }
    allowed
}

/// What was asked, in the same words.
fn asked(proxy: &DynamodbProxy) -> BTreeSet<String> {
    let asked = proxy.tallies().into_keys().map(|operation| {
        let of_table = TABLE.trim_start_matches("keyplan-") == operation.table;
        assert!(of_table || operation.table.is_empty(), "{operation} is about another table");
        let partition = operation.item.split('/').next().unwrap_or_default();
        format!("{} {partition}", operation.kind)
    });
    asked.collect()
}

#[test]
fn the_operator_and_the_function_ask_for_no_more_than_their_policies_allow() {
    let keyplan = Keyplan::deploy();
    let key = keyplan.operate("POST", "/apikeys", &json!({"name": "alice", "enabled": true}));
    let key = format!("/apikeys/{}", key["id"].as_str().expect("a key has an id"));
    let (token_id, token) = keyplan.token_of(key.trim_start_matches("/apikeys/"));
    let rename = json!({"patchOperations": [{"op": "replace", "path": "/name", "value": "bob"}]});
    let subject = json!({"issuer": "https://login.example.com/", "subject": "alice"});
    let subject = keyplan.operate("POST", &format!("{key}/subjects"), &subject);
    let subject_id = subject["id"].as_str().expect("a subject has an id");
    for (method, path, body) in [
        ("GET", "/apikeys".to_owned(), Value::Null),
        ("GET", "/apikeys?includeValues=true&name=al".to_owned(), Value::Null),
        ("GET", format!("{key}?includeValue=true"), Value::Null),
        ("PATCH", key.clone(), rename),
        ("GET", format!("{key}/tokens"), Value::Null),
        ("POST", format!("{key}/tokens/{token_id}/rotate"), json!({})),
        ("GET", format!("{key}/subjects"), Value::Null),
        ("DELETE", format!("{key}/subjects/{subject_id}"), Value::Null),
    ] {
        keyplan.operate(method, &path, &body);
    }
    let method_arn = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/prod/GET/pets";
    let event = json!({"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn});
    let (answer, payload) = aws_cli::lambda_invoke(&keyplan.lambda.url, FUNCTION, &event);
    assert!(answer.is_ok() && payload["usageIdentifierKey"].is_string(), "{answer:?} {payload}");
    keyplan.operate("DELETE", &format!("{key}/tokens/{token_id}"), &Value::Null);
    keyplan.operate("DELETE", &key, &Value::Null);

    let policies = &properties("AuthorizerRole")["Policies"];
    let (asked_by_function, of_role) = (asked(&keyplan.by_function), allowed(&policies[0]["PolicyDocument"]));
    assert!(asked_by_function.contains("GetItem TOKEN") && asked_by_function.contains("UpdateItem TOKEN"));
    assert!(asked_by_function.is_subset(&of_role), "{asked_by_function:?} is more than {of_role:?}");

    // A transaction takes the actions of what is in it, whose partitions the
    // proxy does not tell; a batch likewise.
    let mut of_operator = allowed(&properties("KeyOperator")["PolicyDocument"]);
    of_operator.extend(["TransactWriteItems ", "BatchGetItem ", "BatchWriteItem "].map(str::to_owned));
    let asked_by_operator = asked(&keyplan.by_operator);
    assert!(asked_by_operator.contains("DescribeTable ") && asked_by_operator.contains("Query KEYS"));
    assert!(asked_by_operator.is_subset(&of_operator), "{asked_by_operator:?} is more than {of_operator:?}");
}

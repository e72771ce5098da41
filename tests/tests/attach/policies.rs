//! What the template lets the operator and the function do, held against what
//! they ask of the table.

use keyplan_tests::iam_policy::{Asked, Policy};
use keyplan_tests::{DynamodbProxy, aws_cli, template};
use serde_json::{Value, json};

use crate::keyplan::{FUNCTION, Keyplan};

fn asked(proxy: &DynamodbProxy) -> Vec<Asked> {
    proxy.accesses().iter().map(Asked::from).collect()
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
    let (answer, payload) = aws_cli::lambda_invoke(&keyplan.lambda.url, keyplan.template.name(FUNCTION), &event);
    assert!(answer.is_ok() && payload["usageIdentifierKey"].is_string(), "{answer:?} {payload}");
    keyplan.operate("DELETE", &format!("{key}/tokens/{token_id}"), &Value::Null);
    keyplan.operate("DELETE", &key, &Value::Null);

    let of_role = Policy::of(&keyplan.template.statements(FUNCTION));
    let names = [(keyplan.template.arn("ConfigTable"), "config")];
    let asked_by_function = asked(&keyplan.by_function);
    assert_eq!(of_role.refused(&asked_by_function), Vec::<&Asked>::new());
    assert_eq!(of_role.unasked("dynamodb", &asked_by_function, &names), ["GetItem config SUBJECT#*".to_owned()].into());

    let document = &keyplan.template.properties("KeyOperator")["PolicyDocument"];
    let of_operator = Policy::of(&template::statements(document));
    let asked_by_operator = asked(&keyplan.by_operator);
    assert!(asked_by_operator.iter().any(|asked| asked.action == "dynamodb:DescribeTable"));
    assert_eq!(of_operator.refused(&asked_by_operator), Vec::<&Asked>::new());
}

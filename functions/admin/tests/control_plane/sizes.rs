//! What is too large to be kept, and ids that nothing can have.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Control, text};

const LAMBDA_URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations";

fn replace(path: &str, value: &str) -> Value {
    json!({"patchOperations": [{"op": "replace", "path": path, "value": value}]})
}

#[tokio::test]
async fn texts_that_no_item_has_room_for_are_refused_and_change_nothing() {
    let control = Control::start().await;
    let api = control.post("/restapis", json!({"name": "a"})).await.created();
    let (id, root) = (text(&api, "id"), text(&api, "rootResourceId"));
    let path = format!("/restapis/{id}");
    let method = format!("{path}/resources/{root}/methods/GET");
    control.put(&method, json!({"authorizationType": "NONE"})).await.created();
    control.put(&format!("{method}/integration"), json!({"type": "MOCK"})).await.created();
    let deployment = control.post(&format!("{path}/deployments"), json!({"stageName": "prod"})).await.created();
    let key = text(&control.post("/apikeys", json!({"name": "k"})).await.created(), "id");
    let plan = text(&control.post("/usageplans", json!({"name": "p"})).await.created(), "id");
    let long = "x".repeat(500_000);
    let variables: serde_json::Map<String, Value> =
        (0..1_000).map(|number| (format!("v{number}"), json!("x".repeat(500)))).collect();
    let stage = |name: &str| json!({"stageName": name, "deploymentId": text(&deployment, "id")});
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let authorizer =
        json!({"name": "z", "type": "TOKEN", "authorizerUri": LAMBDA_URI, "identitySource": "method.request.header.A"});
    let cases = [
        ("POST", "/usageplans".into(), json!({"name": long})),
        ("POST", "/usageplans".into(), json!({"name": "n", "description": long})),
        ("POST", "/restapis".into(), json!({"name": long})),
        ("POST", "/restapis".into(), json!({"name": "n", "description": long})),
        ("POST", "/restapis".into(), json!({"name": "n", "binaryMediaTypes": [long]})),
        ("PATCH", path.clone(), replace("/name", &long)),
        ("POST", format!("{path}/resources/{root}"), json!({"pathPart": long})),
        (
            "PUT",
            format!("{path}/resources/{root}/methods/PUT"),
            json!({"authorizationType": "NONE", "operationName": long}),
        ),
        ("PUT", format!("{method}/integration"), json!({"type": "MOCK", "requestTemplates": {"a/b": long}})),
        ("POST", format!("{path}/authorizers"), with(authorizer.clone(), "name", json!(long))),
        ("POST", format!("{path}/authorizers"), with(authorizer, "identityValidationExpression", json!(long))),
        ("POST", format!("{path}/deployments"), json!({"description": long})),
        ("POST", format!("{path}/stages"), with(stage("q1"), "description", json!(long))),
        ("POST", format!("{path}/stages"), with(stage("q2"), "variables", Value::Object(variables))),
        ("PUT", format!("{path}/gatewayresponses/THROTTLED"), json!({"responseTemplates": {"a/b": long}})),
        ("POST", "/apikeys".into(), json!({"name": "n", "customerId": long})),
        ("POST", "/apikeys".into(), json!({"description": "\u{1f600}".repeat(125_000)})),
        ("PATCH", format!("/apikeys/{key}"), replace("/customerId", &long)),
        ("PATCH", format!("/usageplans/{plan}"), replace("/productCode", &long)),
        ("PATCH", "/account".into(), replace("/cloudwatchRoleArn", &format!("arn:aws:iam::123456789012:role/{long}"))),
    ];
    for (verb, path, body) in cases {
        let answer = control.call(verb, &path, &body.to_string()).await;
        let told = format!("{verb} {path}: {} {}", answer.status, answer.body);
        assert!((400..500).contains(&answer.status), "{told}");
        assert!(answer.kind.ends_with("Exception") && answer.body["message"].is_string(), "{told}");
    }
    assert_eq!(control.get("/usageplans").await.ok()["item"].as_array().unwrap().len(), 1);
    assert_eq!(control.get("/apikeys").await.ok()["item"].as_array().unwrap().len(), 1);
    assert_eq!(control.get("/restapis").await.ok()["item"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_id_that_no_item_can_have_is_one_that_none_has() {
    let control = Control::start().await;
    let long = "x".repeat(3_000);
    let api = text(&control.post("/restapis", json!({"name": "a"})).await.created(), "id");
    let plan = text(&control.post("/usageplans", json!({"name": "p"})).await.created(), "id");
    let paths = [
        format!("/apikeys/{long}"),
        format!("/restapis/{long}"),
        format!("/usageplans/{long}"),
        format!("/usageplans/{plan}/keys/{long}"),
        format!("/restapis/{api}/stages/{long}"),
        format!("/restapis/{api}/deployments/{long}"),
        format!("/restapis/{api}/resources/{long}"),
        format!("/restapis/{api}/resources/{long}/methods/GET"),
    ];
    for path in paths {
        for verb in ["GET", "DELETE"] {
            let answer = control.call(verb, &path, "").await;
            let told = format!("{verb} {}: {answer:?}", &path[..30]);
            assert_eq!(answer.status, StatusCode::NOT_FOUND.as_u16(), "{told}");
        }
    }
    for query in ["/usageplans?keyId=", "/apikeys?name="] {
        let answer = control.get(&format!("{query}{long}")).await;
        assert!(answer.status < 500, "{query}: {answer:?}");
    }
    let plan_key = json!({"keyId": long, "keyType": "API_KEY"});
    let answer = control.post(&format!("/usageplans/{plan}/keys"), plan_key).await;
    assert_eq!(answer.status, 404, "{answer:?}");
}

use http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Control, text};

const LAMBDA_URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations";

/// `ANY /pets/{id}`, which nobody may call without a key and a token, as this
/// integration: the API's path, the method's, and the authorizer's.
async fn guarded(control: &Control, integration: Value) -> (String, String, String) {
    let api = control.post("/restapis", json!({"name": "a"})).await.created();
    let path = format!("/restapis/{}", text(&api, "id"));
    let root = text(&api, "rootResourceId");
    let pets = control.post(&format!("{path}/resources/{root}"), json!({"pathPart": "pets"})).await.created();
    let pets = format!("{path}/resources/{}", text(&pets, "id"));
    let pet = control.post(&pets, json!({"pathPart": "{id}"})).await.created();
    let authorizer = control
        .post(
            &format!("{path}/authorizers"),
            json!({"name": "tokens", "type": "TOKEN", "authorizerUri": LAMBDA_URI,
                   "identitySource": "method.request.header.Authorization"}),
        )
        .await
        .created();
    let authorizer = text(&authorizer, "id");
    let method = format!("{path}/resources/{}/methods/ANY", text(&pet, "id"));
    let asks = json!({"authorizationType": "CUSTOM", "authorizerId": authorizer, "apiKeyRequired": true});
    control.put(&method, asks).await.created();
    control.put(&format!("{method}/integration"), integration).await.created();
    let authorizer = format!("{path}/authorizers/{authorizer}");
    (path, method, authorizer)
}

async fn mocked(control: &Control) -> (String, String, String) {
    let mock = json!({"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}});
    let (api, method, authorizer) = guarded(control, mock).await;
    control.put(&format!("{method}/responses/200"), json!({})).await.created();
    let response = json!({"responseTemplates": {
        "application/json": "$input.params('id') $input.params('q') $stageVariables.tier $context.stage",
    }});
    control.put(&format!("{method}/integration/responses/200"), response).await.created();
    (api, method, authorizer)
}

/// The log without times and ids.
fn shown(log: &Value) -> String {
    let lines =
        log.as_str().unwrap().lines().map(|line| line.split_once(" UTC 2026 : ").map_or(line, |(_, text)| text));
    let words = lines.map(|line| {
        let words = line.split(' ').map(|word| if word.len() == 36 && word.contains('-') { "[uuid]" } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    words.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_method_is_called_before_it_is_deployed_past_authorizer_key_and_limits() {
    let control = Control::start().await;
    let (_, method, _) = mocked(&control).await;
    let call = json!({
        "pathWithQueryString": "/pets/7?q=a%20b",
        "headers": {"Authorization": "Bearer secret", "x-tenant": "t"},
        "stageVariables": {"tier": "gold"},
    });
    let tested = control.post(&method.replace("/ANY", "/POST"), call).await.ok();
    assert_eq!((&tested["status"], &tested["body"]), (&json!(200), &json!("7 a b gold test-invoke-stage")));
    assert_eq!(tested["headers"]["content-type"], "application/json");
    assert_eq!(tested["multiValueHeaders"]["content-type"], json!(["application/json"]));
    assert!(tested["latency"].is_u64());
    assert_snapshot!(shown(&tested["log"]).split("Method response headers").next().unwrap(), @r#"
    Execution log for request [uuid]
    Starting execution for request: [uuid]
    HTTP Method: POST, Resource Path: /pets/7
    Method request path: {"id": "7"}
    Method request query string: q=a%20b
    Method request headers: {authorization=****, x-tenant=t}
    Received response. Status: 200
    Successfully completed execution
    "#);
}

#[tokio::test]
async fn what_cannot_be_called_is_refused() {
    let control = Control::start().await;
    let (api, method, authorizer) = mocked(&control).await;
    for (path, call, answer) in [
        (
            &method,
            json!({"pathWithQueryString": "/cats"}),
            "400 BadRequestException: The path does not match the resource.",
        ),
        (&method, json!({"headers": {"a b": "c"}}), "400 BadRequestException: Invalid header specified"),
        (
            &method,
            json!({"clientCertificateId": "abc"}),
            "400 BadRequestException: Keyplan does not support clientCertificateId.",
        ),
        (
            &format!("{api}/resources/none/methods/GET"),
            json!({}),
            "404 NotFoundException: Invalid Resource identifier specified",
        ),
        (&format!("{authorizer}x"), json!({}), "404 NotFoundException: Invalid Authorizer identifier specified"),
    ] {
        assert_eq!(control.post(path, call).await.error(), answer, "{path}");
    }
    let root = control.get(&format!("{api}/resources")).await.ok();
    let root = root["item"].as_array().unwrap().iter().find(|resource| resource["path"] == "/").unwrap();
    let missing = control.post(&format!("{api}/resources/{}/methods/GET", text(root, "id")), json!({})).await;
    assert_eq!(missing.error(), "404 NotFoundException: Invalid Method identifier specified");
    control.post("/restapis/none/authorizers/x", json!({})).await.expect(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_integration_that_is_not_supported_is_named_in_the_log() {
    let control = Control::start().await;
    let (_, method, _) =
        guarded(&control, json!({"type": "HTTP", "httpMethod": "GET", "uri": "http://example.com"})).await;
    let tested = control.post(&method, json!({})).await.ok();
    assert_eq!((&tested["status"], &tested["body"]), (&json!(500), &json!("{\"message\":\"Internal server error\"}")));
    assert!(shown(&tested["log"]).contains("Execution failed: an integration of type HTTP\n"), "{}", tested["log"]);
}

#[tokio::test]
async fn an_authorizer_is_not_asked_without_an_identity() {
    let control = Control::start().await;
    let (_, _, authorizer) = mocked(&control).await;
    let tested = control.post(&authorizer, json!({})).await.ok();
    assert_eq!(tested["clientStatus"], 401);
    assert!(tested.get("principalId").is_none() && tested.get("policy").is_none());
}

#[tokio::test]
async fn an_authorizer_that_cannot_be_asked_is_a_failure() {
    let control = Control::start().await;
    let (_, _, authorizer) = mocked(&control).await;
    let tested = control.post(&authorizer, json!({"headers": {"Authorization": "Bearer secret"}})).await.ok();
    assert_eq!(tested["clientStatus"], 500);
    assert!(!tested["log"].as_str().unwrap().contains("secret"));
}

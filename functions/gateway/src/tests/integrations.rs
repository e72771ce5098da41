use http::header::CONTENT_TYPE;
use keyplan_domain::api::{Integration, IntegrationResponse, IntegrationType};
use serde_json::json;

use super::lambda::Reply;
use super::*;
use crate::testing::{function, function_uri, integration, mock, open_method, request, strings};

const INTERNAL: &str = "{\"message\":\"Internal server error\"}";

async fn bench(integration: Integration) -> Bench {
    Bench::of(ApiKeySource::Header, open_method(integration)).await
}

async fn proxy(reply: Reply) -> Bench {
    let bench = bench(function("backend")).await;
    bench.lambda.set("backend", reply);
    bench
}

#[tokio::test]
async fn a_function_gets_the_whole_request() {
    let mut keyed = open_method(function("backend"));
    keyed.api_key_required = true;
    let bench = Bench::of(ApiKeySource::Header, keyed).await;
    bench.lambda.set("backend", Reply::Echo);
    bench
        .edit(|definition| {
            let stage = definition.stages.get_mut("prod").unwrap();
            stage.variables = strings(&[("tier", "gold")]);
        })
        .await;
    let (key, _) = bench.key_in_plan(|_| ()).await;
    let mut call = request("POST", &format!("/{API}/prod//pets/7%2B1/?a=1&a=2&b=x%20y"))
        .with("x-api-key", VALUE)
        .with("user-agent", "test/1")
        .with("content-type", "application/json")
        .with("host", "127.0.0.1:4501")
        .with("x-tenant", "a")
        .with("x-tenant", "b");
    call.body = "{\"n\":1}".into();
    let response = bench.call(call).await;
    assert_eq!(response.status(), 200);
    let mut event = json(&response);
    assert_eq!(event["requestContext"]["identity"]["apiKeyId"], key.as_str());
    for volatile in ["deploymentId", "extendedRequestId"] {
        assert!(event["requestContext"][volatile].is_string());
        event["requestContext"][volatile] = json!("[volatile]");
    }
    event["requestContext"]["identity"]["apiKeyId"] = json!("[key]");
    insta::assert_json_snapshot!(event, @r#"
    {
      "body": "{\"n\":1}",
      "headers": {
        "Content-Type": "application/json",
        "Host": "127.0.0.1:4501",
        "User-Agent": "test/1",
        "X-Forwarded-For": "192.0.2.1",
        "x-api-key": "a-key-value-of-enough-characters",
        "x-tenant": "b"
      },
      "httpMethod": "POST",
      "isBase64Encoded": false,
      "multiValueHeaders": {
        "Content-Type": [
          "application/json"
        ],
        "Host": [
          "127.0.0.1:4501"
        ],
        "User-Agent": [
          "test/1"
        ],
        "X-Forwarded-For": [
          "192.0.2.1"
        ],
        "x-api-key": [
          "a-key-value-of-enough-characters"
        ],
        "x-tenant": [
          "a",
          "b"
        ]
      },
      "multiValueQueryStringParameters": {
        "a": [
          "1",
          "2"
        ],
        "b": [
          "x y"
        ]
      },
      "path": "/pets/7%2B1/",
      "pathParameters": {
        "petId": "7%2B1"
      },
      "queryStringParameters": {
        "a": "2",
        "b": "x y"
      },
      "requestContext": {
        "accountId": "000000000000",
        "apiId": "abcdefghij",
        "deploymentId": "[volatile]",
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "extendedRequestId": "[volatile]",
        "httpMethod": "POST",
        "identity": {
          "accessKey": null,
          "accountId": null,
          "apiKey": "a-key-value-of-enough-characters",
          "apiKeyId": "[key]",
          "caller": null,
          "cognitoAuthenticationProvider": null,
          "cognitoAuthenticationType": null,
          "cognitoIdentityId": null,
          "cognitoIdentityPoolId": null,
          "principalOrgId": null,
          "sourceIp": "192.0.2.1",
          "user": null,
          "userAgent": "test/1",
          "userArn": null
        },
        "path": "/prod//pets/7%2B1/",
        "protocol": "HTTP/1.1",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "requestTime": "23/Nov/2026:12:00:00 +0000",
        "requestTimeEpoch": 1795435200000,
        "resourceId": "pet001",
        "resourcePath": "/pets/{petId}",
        "stage": "prod"
      },
      "resource": "/pets/{petId}",
      "stageVariables": {
        "tier": "gold"
      }
    }
    "#);
}

#[tokio::test]
async fn binary_bodies_go_to_a_function_as_base64() {
    let bench = Bench::with(ApiKeySource::Header, |definition| {
        definition.api.binary_media_types = vec!["image/png".into()];
        let methods = BTreeMap::from([("ANY".to_owned(), open_method(function("backend")))]);
        definition.methods.insert("pet001".into(), methods);
    })
    .await;
    bench.lambda.set("backend", Reply::Echo);
    let mut call = get_pet().with("content-type", "image/png");
    call.body = vec![0, 255].into();
    let event = json(&bench.call(call).await);
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("AP8="), &json!(true)));

    bench.lambda.set("backend", Reply::Answer(json!({"body": "AP8=", "isBase64Encoded": true})));
    let bytes = bench.call(get_pet().with("accept", "image/png, */*")).await;
    assert_eq!(bytes.body().bytes().as_ref(), [0, 255]);
    let text = bench.call(get_pet()).await;
    assert_eq!(text.body().bytes().as_ref(), b"AP8=");
}

#[tokio::test]
async fn a_function_that_fails_is_a_bad_gateway() {
    for reply in [Reply::Fail("boom"), Reply::Fail("Unauthorized"), Reply::Answer(json!({"status": 200}))] {
        let bench = proxy(reply).await;
        let response = bench.call(get_pet()).await;
        assert_eq!(gist(&response), (502, Some("InternalServerErrorException"), INTERNAL));
    }
}

#[tokio::test]
async fn a_function_that_does_not_exist_is_an_internal_error() {
    let response = bench(function("nobody")).await.call(get_pet()).await;
    assert_eq!(gist(&response), (500, Some("InternalServerErrorException"), INTERNAL));
}

#[tokio::test]
async fn a_function_beyond_its_time_is_a_gateway_time_out() {
    let bench = bench(Integration { timeout_in_millis: 1_000, ..function("backend") }).await;
    bench.lambda.set("backend", Reply::Hang);
    let timed_out = "{\"message\":\"Endpoint request timed out\"}";
    assert_eq!(gist(&bench.call(get_pet()).await), (504, Some("InternalServerErrorException"), timed_out));
    assert_eq!(bench.lambda.events("backend").len(), 1);
}

#[tokio::test]
async fn a_stage_variable_names_the_function() {
    let uri = function_uri("${stageVariables.backend}");
    let bench = bench(Integration { uri: Some(uri), ..function("") }).await;
    bench.lambda.set("blue", Reply::Echo);
    assert_eq!(bench.call(get_pet()).await.status(), 500);
    bench
        .edit(|definition| {
            definition.stages.get_mut("prod").unwrap().variables = strings(&[("backend", "blue")]);
        })
        .await;
    bench.gateway.drop_caches();
    assert_eq!(bench.call(get_pet()).await.status(), 200);
}

#[tokio::test]
async fn integrations_that_are_not_there_yet_are_internal_errors() {
    let mut by_get = function("backend");
    by_get.http_method = Some("GET".into());
    for unsupported in [
        by_get,
        integration(IntegrationType::Http),
        integration(IntegrationType::HttpProxy),
        integration(IntegrationType::Aws),
    ] {
        let response = bench(unsupported).await.call(get_pet()).await;
        assert_eq!(gist(&response), (500, Some("InternalServerErrorException"), INTERNAL));
    }
}

/// A mock whose status is the query's `s`.
fn choosing() -> Integration {
    let response = |status: &str, pattern: Option<&str>, media_type: &str| IntegrationResponse {
        status_code: status.into(),
        selection_pattern: pattern.map(str::to_owned),
        response_parameters: strings(&[
            ("method.response.header.X-Asked", "method.request.querystring.s"),
            ("method.response.header.X-Backend", "integration.response.header.x"),
        ]),
        response_templates: BTreeMap::from([(media_type.to_owned(), Some(format!("{status} of $context.stage")))]),
        content_handling: None,
    };
    Integration {
        request_templates: strings(&[("application/json", "{ statusCode: $input.params('s') }")]),
        integration_responses: BTreeMap::from([
            ("404".to_owned(), response("404", Some("4\\d{2}"), "text/plain")),
            ("500".to_owned(), response("500", Some("50"), "application/json")),
            ("200".to_owned(), response("200", None, "application/json")),
        ]),
        ..integration(IntegrationType::Mock)
    }
}

#[tokio::test]
async fn a_mocks_status_chooses_its_response() {
    let bench = bench(choosing()).await;
    let call = async |status: &str| bench.call(request("GET", &format!("/{API}/prod/pets/7?s={status}"))).await;
    let not_found = call("418").await;
    assert_eq!(gist(&not_found), (404, None, "404 of prod"));
    assert_eq!(not_found.headers()[CONTENT_TYPE], "text/plain");
    assert_eq!(not_found.headers()["x-asked"], "418");
    assert!(!not_found.headers().contains_key("x-backend"));
    // A pattern is for all of the status.
    assert_eq!(call("500").await.status(), 200);
    assert_eq!(gist(&call("none").await), (500, Some("InternalServerErrorException"), INTERNAL));
}

#[tokio::test]
async fn a_mock_reads_the_body_where_no_template_is_for_it() {
    let mut passing = mock("{}");
    passing.request_templates.clear();
    let bench = bench(passing).await;
    let mut call = get_pet().with("content-type", "application/json");
    call.body = "{\"statusCode\": 200}".into();
    assert_eq!(bench.call(call).await.status(), 200);
    assert_eq!(bench.call(get_pet()).await.status(), 500);
}

#[tokio::test]
async fn a_mock_that_passes_nothing_through_supports_only_its_own_media_types() {
    let bench = bench(Integration { passthrough_behavior: "NEVER".into(), ..mock("{}") }).await;
    assert_eq!(bench.call(get_pet().with("content-type", "application/json; charset=utf-8")).await.status(), 200);
    let unsupported = (415, Some("UnsupportedMediaTypeException"), "{\"message\":\"Unsupported Media Type\"}");
    assert_eq!(gist(&bench.call(get_pet().with("content-type", "text/xml")).await), unsupported);
}

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request as Call;
use axum::response::{IntoResponse, Response as Answer};
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName};
use keyplan_domain::api::{Integration, IntegrationType};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::testing::{integration, open_method, request, strings};
use crate::{AddressRule, BodyError, MAX_BODY_BYTES};

/// A backend that answers by its path, `/echo` with the request that it got.
async fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

async fn answer(call: Call) -> Answer {
    let (parts, body) = call.into_parts();
    let path = parts.uri.path().to_owned();
    match path.as_str() {
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            "late".into_response()
        }
        "/moved" => (StatusCode::FOUND, [("location", "http://127.0.0.1:1/elsewhere")]).into_response(),
        "/connection" => {
            let mut response = (StatusCode::CREATED, "made").into_response();
            for (name, value) in [
                ("server", "backend/1"),
                ("x-hop", "1"),
                ("connection", "x-hop"),
                ("set-cookie", "a=1"),
                ("set-cookie", "b=2"),
                ("x-amzn-requestid", "the backend's"),
            ] {
                response.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            response
        }
        "/stalls" => axum::body::Body::new(Stalls::default()).into_response(),
        "/huge" => vec![0; MAX_BODY_BYTES + 1].into_response(),
        "/none" => StatusCode::NO_CONTENT.into_response(),
        _ => {
            let headers: BTreeMap<_, _> = parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let echo = json!({
                "method": parts.method.as_str(),
                "uri": parts.uri.to_string(),
                "headers": headers,
                "body": String::from_utf8_lossy(&body),
            });
            axum::Json(echo).into_response()
        }
    }
}

/// A body of one piece that never ends.
#[derive(Default)]
struct Stalls(bool);

impl http_body::Body for Stalls {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data("first".into()))))
    }
}

fn http_proxy(uri: String) -> Integration {
    Integration { http_method: Some("ANY".into()), uri: Some(uri), ..integration(IntegrationType::HttpProxy) }
}

async fn bench(uri: String) -> Bench {
    Bench::of(ApiKeySource::Header, open_method(http_proxy(uri))).await
}

/// Status and the whole body.
async fn outcome(response: Response) -> (u16, String) {
    let (parts, body) = response.into_parts();
    let body = body.collect(usize::MAX).await.unwrap();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

const UNREACHABLE: &str = "{\"message\":\"Network error communicating with endpoint\"}";
const INTERNAL: &str = "{\"message\":\"Internal server error\"}";

#[tokio::test]
async fn a_backend_gets_the_request_and_its_answer_is_passed_on() {
    let address = backend().await;
    let mut proxy = http_proxy(format!("http://{address}/echo/{{id}}"));
    proxy.request_parameters = strings(&[
        ("integration.request.path.id", "method.request.path.petId"),
        ("integration.request.querystring.stage", "context.stage"),
        ("integration.request.header.x-tenant", "stageVariables.tenant"),
    ]);
    let bench = Bench::of(ApiKeySource::Header, open_method(proxy)).await;
    bench
        .edit(|definition| {
            definition.stages.get_mut("prod").unwrap().variables = strings(&[("tenant", "acme")]);
        })
        .await;
    bench.deploy().await;
    let mut call = request("POST", &format!("/{API}/prod/pets/a%20b?x=1&x=2"))
        .with("host", "api.example.com")
        .with("content-type", "text/plain")
        .with("x-tenant", "forged")
        .with("connection", "x-private")
        .with("x-private", "1");
    call.body = "hello".into();
    let response = bench.call(call).await;
    assert_eq!(response.headers()["x-amzn-requestid"], "c6af9ac6-7b61-11e6-9a41-93e8deadbeef");
    let (status, body) = outcome(response).await;
    let echo: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, echo),
        (
            200,
            json!({
                "method": "POST",
                "uri": "/echo/a%20b?x=1&x=2&stage=prod",
                "headers": {
                    "host": address.to_string(),
                    "content-length": "5",
                    "content-type": "text/plain",
                    "x-amzn-apigateway-api-id": API,
                    "x-forwarded-for": "192.0.2.1",
                    "x-tenant": "acme",
                },
                "body": "hello",
            })
        )
    );
}

#[tokio::test]
async fn the_integrations_own_method_replaces_the_clients() {
    let mut proxy = http_proxy(format!("http://{}/echo", backend().await));
    proxy.http_method = Some("PUT".into());
    let bench = Bench::of(ApiKeySource::Header, open_method(proxy)).await;
    let (_, body) = outcome(bench.call(get_pet()).await).await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["method"], "PUT");
}

#[tokio::test]
async fn headers_of_the_connection_stay_with_it() {
    let bench = bench(format!("http://{}/connection", backend().await)).await;
    let response = bench.call(get_pet()).await;
    assert_eq!(response.status(), 201);
    let headers = response.headers();
    for absent in ["x-hop", "server"] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
    assert!(!headers.contains_key(CONNECTION) && !headers.contains_key(CONTENT_LENGTH));
    assert_eq!(headers["x-amzn-remapped-server"], "backend/1");
    assert_eq!(headers["x-amzn-remapped-content-length"], "4");
    assert_eq!(headers["x-amzn-remapped-x-amzn-requestid"], "the backend's");
    assert_eq!(headers["x-amzn-requestid"], "c6af9ac6-7b61-11e6-9a41-93e8deadbeef");
    assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(outcome(response).await.1, "made");
}

#[tokio::test]
async fn a_redirection_is_the_clients_to_follow() {
    let bench = bench(format!("http://{}/moved", backend().await)).await;
    let response = bench.call(get_pet()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (302, &"http://127.0.0.1:1/elsewhere".parse().unwrap())
    );
}

#[tokio::test]
async fn a_backend_that_is_slow_or_gone_is_504_and_one_without_an_address_500() {
    let address = backend().await;
    let mut slow = http_proxy(format!("http://{address}/slow"));
    slow.timeout_in_millis = 50;
    let bench = Bench::of(ApiKeySource::Header, open_method(slow)).await;
    assert_eq!(
        outcome(bench.call(get_pet()).await).await,
        (504, "{\"message\":\"Endpoint request timed out\"}".into())
    );

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (uri, status, body) in [
        (format!("http://{closed}/"), 504, UNREACHABLE),
        // Plain HTTP where TLS is expected: no certificate holds.
        (format!("https://{address}/echo"), 504, UNREACHABLE),
        ("http://name.invalid/".to_owned(), 500, INTERNAL),
    ] {
        let bench = self::bench(uri.clone()).await;
        assert_eq!(outcome(bench.call(get_pet()).await).await, (status, body.to_owned()), "{uri}");
    }
}

#[tokio::test]
async fn an_answer_streams_until_it_stalls_or_grows_too_large() {
    let address = backend().await;
    let mut stalls = http_proxy(format!("http://{address}/stalls"));
    stalls.timeout_in_millis = 50;
    let bench = Bench::of(ApiKeySource::Header, open_method(stalls)).await;
    let response = bench.call(get_pet()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect(usize::MAX).await, Err(BodyError::TimedOut));

    let bench = self::bench(format!("http://{address}/huge")).await;
    assert_eq!(outcome(bench.call(get_pet()).await).await, (502, INTERNAL.into()));
}

#[tokio::test]
async fn an_answer_without_a_body_has_none() {
    let bench = bench(format!("http://{}/none", backend().await)).await;
    assert_eq!(outcome(bench.call(get_pet()).await).await, (204, String::new()));
}

#[tokio::test]
async fn addresses_that_are_not_public_are_not_reached_unless_they_are_named() {
    let port = backend().await.port();
    for (rule, name, status) in [
        (AddressRule::PublicAnd(Vec::new()), "127.0.0.1", 500),
        (AddressRule::PublicAnd(Vec::new()), "localhost", 500),
        (AddressRule::PublicAnd(Vec::new()), "[::1]", 500),
        (AddressRule::PublicAnd(Vec::new()), "2130706433", 500),
        (AddressRule::PublicAnd(vec!["127.0.0.0/8".parse().unwrap()]), "127.0.0.1", 200),
        (AddressRule::PublicAnd(vec!["127.0.0.0/8".parse().unwrap()]), "localhost", 200),
    ] {
        let method = open_method(http_proxy(format!("http://{name}:{port}/echo")));
        let mut bench = Bench::of(ApiKeySource::Header, method).await;
        bench.address_rule(rule.clone());
        assert_eq!(outcome(bench.call(get_pet()).await).await.0, status, "{name} {rule:?}");
    }
}

#[tokio::test]
async fn the_answer_of_an_event_is_whole() {
    let bench = bench(format!("http://{}/connection", backend().await)).await;
    let mut event: Value =
        serde_json::from_str(include_str!("../../../../events/gateway/rest-api-without-key.json")).unwrap();
    event["path"] = format!("/{API}/prod/pets/7").into();
    let answer = bench.gateway.handle_event(event, None).await.unwrap();
    assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(201), &json!("made")));
}

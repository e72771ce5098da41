use axum::body::Body;
use http::{HeaderValue, Request};
use serde_json::json;

use crate::support::{Control, signed};

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let control = Control::start().await;
    let request = Request::builder().uri("/apikeys").header("host", "h").body(Body::empty()).unwrap();
    assert_eq!(
        control.send(request).await.error(),
        "403 MissingAuthenticationTokenException: Missing Authentication Token"
    );
}

#[tokio::test]
async fn a_request_that_was_changed_is_refused_and_changes_nothing() {
    let control = Control::start().await;
    let mut request = signed("POST", "/apikeys", r#"{"name":"k"}"#);
    *request.body_mut() = Body::from(r#"{"name":"x"}"#);
    assert!(control.send(request).await.error().starts_with(
        "403 InvalidSignatureException: The request signature we calculated does not match the signature you provided."
    ));
    assert_eq!(control.get("/apikeys").await.ok(), json!({"item": []}));
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let control = Control::start().await;
    let mut request = signed("POST", "/apikeys", r#"{"name":"k"}"#);
    *request.body_mut() = Body::new(NeverSent);
    tokio::time::pause();
    assert_eq!(
        control.send(request).await.error(),
        "400 BadRequestException: The request body did not arrive in time."
    );
}

/// A body of which no piece arrives.
struct NeverSent;

impl http_body::Body for NeverSent {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn the_credentials_of_nobody_are_refused() {
    let control = Control::start().await;
    let mut request = signed("GET", "/apikeys", "");
    let header = request.headers()["authorization"].to_str().unwrap().replace("=local/", "=nobody/");
    request.headers_mut().insert("authorization", HeaderValue::from_str(&header).unwrap());
    assert_eq!(
        control.send(request).await.error(),
        "403 UnrecognizedClientException: The security token included in the request is invalid."
    );
}

#[tokio::test]
async fn what_is_no_operation_is_told_so_once_it_is_signed() {
    let control = Control::start().await;
    let unknown =
        "404 UnknownOperationException: This method and path are no operation of Amazon API Gateway's REST APIs.";
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("PUT", "/apikeys"),
        ("POST", "/restapis/abc/resources/def/methods"),
        ("GET", "/apikeys//"),
        ("GET", "/apikeys/abc/tokens/def"),
        ("GET", "/apikeys/abc/subjects/def"),
    ] {
        assert_eq!(control.call(method, path, "").await.error(), unknown, "{method} {path}");
    }
}

#[tokio::test]
async fn an_operation_that_keyplan_does_not_have_is_named() {
    let control = Control::start().await;
    for (method, path, operation) in [
        ("POST", "/restapis?mode=import", "ImportRestApi"),
        ("PUT", "/restapis/abc?mode=overwrite", "PutRestApi"),
        ("GET", "/restapis/abc/stages/prod/sdks/java", "GetSdk"),
        ("POST", "/vpclinks", "CreateVpcLink"),
    ] {
        let expected = format!("400 BadRequestException: Keyplan does not support {operation}.");
        assert_eq!(control.call(method, path, "").await.error(), expected);
    }
}

#[tokio::test]
async fn a_malformed_body_is_refused() {
    let control = Control::start().await;
    for (body, text) in [
        ("{", "The request body is not well-formed JSON"),
        ("[]", "class java.util.ArrayList can not be converted to an Map"),
        (r#"{"name":true}"#, "class java.lang.Boolean can not be converted to an String"),
        (r#"{"value":1}"#, "class java.lang.Integer can not be converted to an String"),
    ] {
        assert_eq!(control.call("POST", "/apikeys", body).await.error(), format!("400 SerializationException: {text}"));
    }
    assert!(control.patch("/apikeys/abc", &[("wrong", "/name", "x")]).await.error().starts_with(
        "400 ValidationException: 1 validation error detected: Value 'wrong' at \
         'updateApiKeyInput.patchOperations.1.member.op' failed to satisfy constraint"
    ));
}

#[tokio::test]
async fn a_path_and_a_query_must_be_utf_8() {
    let control = Control::start().await;
    assert_eq!(control.get("/apikeys/%FF").await.status, 400);
    assert_eq!(control.get("/apikeys?name=%FF").await.status, 400);
    assert_eq!(control.get("/apikeys?limit=many").await.status, 400);
    assert_eq!(control.get("/apikeys?limit=-1").await.status, 200);
}

#[tokio::test]
async fn a_body_of_more_than_10_megabytes_is_refused() {
    let control = Control::start().await;
    let answer = control.call("POST", "/apikeys", &"x".repeat(10 * 1024 * 1024 + 1)).await;
    assert_eq!((answer.status, answer.kind.as_str()), (413, "RequestEntityTooLargeException"));
}

//! The control plane as a Lambda function behind a REST API: its proxy events
//! become requests to the routers, the answers proxy responses.
//!
//! API Gateway hands the path over decoded and, called by its own address, with
//! the stage in front of what the client signed. So the signature decides: each
//! spelling that the client may have signed is tried, and the one that was
//! signed is routed.

use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use aws_lambda_events::encodings::Body as EventBody;
use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use keyplan_gateway::{Environment, Inspector, lambda_client};
use keyplan_store::clock::SystemClock;
use keyplan_store::connect::{Connection, MissingVariable};
use keyplan_store::{Store, Tables, keys};
use keyplan_telemetry::logging;
use keyplan_wire::error::ApiError;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt;

use crate::answer::Failure;
use crate::credentials::Credentials;
use crate::sigv4::CandidatePath;
use crate::{Admin, Settings};

/// Everything but RFC 3986's unreserved characters, as clients encode the
/// parts of a path and of a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A tag operation's path ends with one segment, whatever slashes are in it.
const TAGS: &str = "/tags/";

/// Runs the function whose router is made by `router`, with what the
/// environment says. What keeps the function from starting is logged by the
/// name of its variable.
pub async fn main(router: fn(&Admin) -> Result<Router, Error>) -> ExitCode {
    logging::ended(serve(router).await)
}

async fn serve(router: fn(&Admin) -> Result<Router, Error>) -> Result<(), Error> {
    logging::start()?;
    let connection = Connection::from_env()?;
    let settings = Settings {
        region: connection.region.clone(),
        account_id: required("AWS_ACCOUNT_ID", "the 12 digits of the AWS account")?,
    };
    let tables = Tables {
        config: required("CONFIG_TABLE", "the name of the configuration table")?,
        usage: required("USAGE_TABLE", "the name of the usage table")?,
    };
    let credentials = Credentials::from_env()?;
    let store = Store::new(connection.dynamodb(), tables);
    store.warm_up(&keys::no_plan()).await;
    let router = router(&Admin::new(settings, store, Arc::new(SystemClock), credentials))?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<ApiGatewayProxyRequest>| {
        let router = router.clone();
        async move { handle(router, event.payload).await }
    }))
    .await
}

/// The router of [`crate::apis`], whose tests of methods and authorizers call
/// backends as the gateway does, with what the gateway is told by its
/// environment.
///
/// # Errors
/// Names the variable that is missing or malformed.
pub fn apis(admin: &Admin) -> Result<Router, Error> {
    let environment = Environment::read()?;
    let lambda = lambda_client(&environment.connection, environment.lambda_endpoint_url.as_deref());
    let inspector = Inspector::new(environment.settings, admin.store().clone(), lambda, Arc::new(SystemClock));
    Ok(crate::apis::router(admin, &inspector))
}

fn required(name: &'static str, expected: &'static str) -> Result<String, MissingVariable> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(MissingVariable { name, expected })
}

/// Answers one event.
///
/// # Errors
/// When the answer cannot be read, which no caller can bring about.
pub async fn handle(router: Router, event: ApiGatewayProxyRequest) -> Result<ApiGatewayProxyResponse, Error> {
    let response = match decode(event) {
        Ok(request) => match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => Failure::from(error).into_response(),
    };
    encode(response).await
}

fn decode(event: ApiGatewayProxyRequest) -> Result<Request<Body>, ApiError> {
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Vec::new(),
        (Some(text), false) => text.into_bytes(),
        (Some(text), true) => BASE64_STANDARD
            .decode(text)
            .map_err(|_| ApiError::bad_request("The event's body is said to be Base64 and is not."))?,
    };
    let path = event.path.unwrap_or_else(|| "/".to_owned());
    let candidates = candidates(&path, event.request_context.path.as_deref().unwrap_or_default());

    let mut query = event.multi_value_query_string_parameters;
    if query.is_empty() {
        query = event.query_string_parameters;
    }
    let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let uri = match pairs.join("&").as_str() {
        "" => encoded_path(&path),
        query => format!("{}?{query}", encoded_path(&path)),
    };

    let mut request = Request::builder()
        .method(event.http_method)
        .uri(uri)
        .extension(candidates)
        .body(Body::from(body))
        .map_err(|_| ApiError::bad_request("The event's path is none."))?;
    *request.headers_mut() =
        if event.multi_value_headers.is_empty() { event.headers } else { event.multi_value_headers };
    Ok(request)
}

/// What a client may have signed: the path as it stands in the event or as it
/// was before it was decoded, with or without what `full`, the path of the
/// event's context, has in front of it.
fn candidates(path: &str, full: &str) -> Vec<CandidatePath> {
    let prefix = full.strip_suffix(path).filter(|prefix| !prefix.is_empty());
    let mut candidates = Vec::new();
    for prefix in std::iter::once("").chain(prefix) {
        for path in [path.to_owned(), encoded_path(path)] {
            let candidate = CandidatePath { prefix: prefix.to_owned(), path };
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
    }
    candidates
}

/// A decoded path as a client encodes it.
fn encoded_path(path: &str) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    match path.strip_prefix(TAGS) {
        Some(arn) => format!("{TAGS}{}", encoded(arn)),
        None => path.split('/').map(encoded).collect::<Vec<_>>().join("/"),
    }
}

/// Bytes of an answer, with what JSON puts around it: Lambda carries 6 MB (Lambda
/// Developer Guide, "Lambda quotas").
const MOST_BYTES: usize = 6 * 1024 * 1024 - 64 * 1024;

async fn encode(response: Response<Body>) -> Result<ApiGatewayProxyResponse, Error> {
    let (parts, body) = text(response).await?;
    // Escaping at most doubles what is shown in JSON.
    if body.len() > MOST_BYTES / 2 && serde_json::to_string(&body)?.len() > MOST_BYTES {
        let error = ApiError::bad_request("The response exceeds the 6 MB that a function can answer.");
        let (parts, body) = text(Failure::from(error).into_response()).await?;
        return Ok(proxy_response(parts, body));
    }
    Ok(proxy_response(parts, body))
}

async fn text(response: Response<Body>) -> Result<(Parts, String), Error> {
    let (parts, body) = response.into_parts();
    Ok((parts, String::from_utf8(body.collect().await?.to_bytes().to_vec())?))
}

fn proxy_response(parts: Parts, body: String) -> ApiGatewayProxyResponse {
    let mut answer = ApiGatewayProxyResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = parts.headers;
    answer.headers.remove(CONTENT_LENGTH);
    if !body.is_empty() {
        answer.body = Some(EventBody::Text(body));
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::routing::any;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn paths(path: &str, full: &str) -> Vec<String> {
        candidates(path, full).into_iter().map(|CandidatePath { prefix, path }| format!("{prefix}|{path}")).collect()
    }

    proptest! {
        #[test]
        fn a_path_that_is_encoded_is_the_same_decoded(path in "(/[^/]{0,10}){1,5}|/tags/.{0,40}") {
            let encoded = encoded_path(&path);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(percent_encoding::percent_decode_str(&encoded).decode_utf8().unwrap(), path);
        }
    }

    #[test]
    fn every_path_that_may_have_been_signed_is_tried() {
        assert_eq!(paths("/apikeys", "/apikeys"), ["|/apikeys"]);
        assert_eq!(paths("/apikeys/", "/prod/apikeys/"), ["|/apikeys/", "/prod|/apikeys/"]);
        assert_eq!(
            paths("/tags/arn:aws:apigateway:us-east-1::/restapis/abc", ""),
            [
                "|/tags/arn:aws:apigateway:us-east-1::/restapis/abc",
                "|/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fabc",
            ]
        );
        assert_eq!(
            paths("/tags/arn%3Aaws", "/prod/tags/arn%3Aaws"),
            ["|/tags/arn%3Aaws", "|/tags/arn%253Aaws", "/prod|/tags/arn%3Aaws", "/prod|/tags/arn%253Aaws"]
        );
    }

    async fn answered(event: Value) -> Value {
        let echo = async |request: Request<Body>| {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let values: Vec<_> = parts.headers.get_all("a").iter().collect();
            format!("{} {} {values:?} {}", parts.method, parts.uri, String::from_utf8_lossy(&body))
        };
        let router = Router::new().fallback(any(echo));
        let event = serde_json::from_value(event).unwrap();
        serde_json::to_value(handle(router, event).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn an_event_becomes_a_request_and_its_answer_a_response() {
        let answer = answered(json!({
            "resource": "/{proxy+}",
            "path": "/restapis/é/x y",
            "httpMethod": "PUT",
            "headers": {"Host": "h", "A": "2"},
            "multiValueHeaders": {"Host": ["h"], "A": ["1", "2"]},
            "queryStringParameters": {"k": "2"},
            "multiValueQueryStringParameters": {"k": ["1&", "2"]},
            "requestContext": {"httpMethod": "PUT", "path": "/restapis/é/x y"},
            "body": "Ym9keQ==",
            "isBase64Encoded": true
        }))
        .await;
        assert_eq!(
            answer,
            json!({
                "statusCode": 200,
                "headers": {"content-type": "text/plain; charset=utf-8"},
                "multiValueHeaders": {},
                "body": "PUT /restapis/%C3%A9/x%20y?k=1%26&k=2 [\"1\", \"2\"] body",
                "isBase64Encoded": false
            })
        );
    }

    proptest! {
        #[test]
        fn no_event_is_a_failure_of_ours(
            path in prop_oneof![Just(Value::Null), "\\PC{0,20}".prop_map(Value::from), ".{0,20}".prop_map(Value::from)],
            full in prop_oneof![Just(Value::Null), ".{0,20}".prop_map(Value::from)],
            query in prop_oneof![Just(Value::Null), (".{0,9}", ".{0,9}").prop_map(|(name, value)| json!({name: [value]}))],
            body in prop_oneof![Just(Value::Null), ".{0,20}".prop_map(Value::from)],
            is_base64_encoded: bool,
        ) {
            let event = json!({
                "path": path, "httpMethod": "POST", "headers": null, "multiValueQueryStringParameters": query,
                "requestContext": {"httpMethod": "POST", "path": full}, "body": body,
                "isBase64Encoded": is_base64_encoded,
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let answer = runtime.block_on(answered(event.clone()));
            prop_assert!(answer["statusCode"] == 200 || answer["statusCode"] == 400, "{event}: {answer}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_a_function_cannot_give_is_refused() {
        let event = json!({"path": "/", "httpMethod": "GET", "requestContext": {"httpMethod": "GET"}});
        for (body, status) in
            [("a".repeat(6_000_000), 200), ("a".repeat(6_300_000), 400), ("\"".repeat(4_000_000), 400)]
        {
            let router = Router::new().fallback(any(move || async { body }));
            let answer = handle(router, serde_json::from_value(event.clone()).unwrap()).await.unwrap();
            assert_eq!(answer.status_code, status);
            assert!(serde_json::to_vec(&answer).unwrap().len() < 6 * 1024 * 1024);
        }
    }

    #[tokio::test]
    async fn a_body_that_is_not_what_it_is_said_to_be_is_refused() {
        let answer = answered(json!({
            "path": "/", "httpMethod": "GET", "requestContext": {"httpMethod": "GET"}, "body": "?", "isBase64Encoded": true
        }))
        .await;
        assert_eq!(
            (&answer["statusCode"], &answer["headers"]["x-amzn-errortype"]),
            (&json!(400), &json!("BadRequestException"))
        );
    }
}

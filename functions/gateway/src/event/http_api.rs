use std::borrow::Cow;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::{EventError, body, foreign_host};
use crate::Request;
use crate::request::text;

/// The stage of an HTTP API that is not part of its path.
const DEFAULT_STAGE: &str = "$default";

/// What cannot stand in a path as it was sent. An HTTP API hands the path over
/// decoded, so that a `%` in it is one of the client's own.
const NOT_IN_A_PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// Reads the event of an HTTP API in format 2.0 (developer guide, "Create AWS
/// Lambda proxy integrations for HTTP APIs").
pub(super) fn decode(event: Value) -> Result<Request, EventError> {
    const MALFORMED: EventError = EventError::Malformed { front: "an HTTP API" };
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event).map_err(|_| MALFORMED)?;
    let context = event.request_context;
    let path = event.raw_path.ok_or(MALFORMED)?;
    let path = behind_stage(&path, context.stage.as_deref().unwrap_or(DEFAULT_STAGE));
    if !path.is_empty() && !path.starts_with('/') {
        return Err(MALFORMED);
    }
    let headers = with_cookies(event.headers, event.cookies);
    Ok(Request {
        method: context.http.method,
        path: utf8_percent_encode(path, NOT_IN_A_PATH).to_string(),
        query: event.raw_query_string.unwrap_or_default(),
        host: foreign_host(headers.get("host").and_then(text), context.apiid.as_deref()),
        headers,
        body: body(event.body, event.is_base64_encoded)?,
        source_ip: context.http.source_ip.unwrap_or_default(),
        request_id: context.request_id,
        protocol: protocol(context.http.protocol),
        tracing_header: None,
    })
}

/// Reads the event of a function URL, also format 2.0 (Lambda developer guide,
/// "Request and response payloads").
pub(super) fn decode_url(event: Value) -> Result<Request, EventError> {
    const MALFORMED: EventError = EventError::Malformed { front: "a function URL" };
    let event: LambdaFunctionUrlRequest = serde_json::from_value(event).map_err(|_| MALFORMED)?;
    let context = event.request_context;
    let method = context.http.method.and_then(|method| method.parse().ok()).ok_or(MALFORMED)?;
    let headers = with_cookies(event.headers, event.cookies);
    Ok(Request {
        method,
        path: event.raw_path.filter(|path| path.starts_with('/')).ok_or(MALFORMED)?,
        query: event.raw_query_string.unwrap_or_default(),
        host: foreign_host(headers.get("host").and_then(text), context.apiid.as_deref()),
        headers,
        body: body(event.body, event.is_base64_encoded)?,
        source_ip: context.http.source_ip.unwrap_or_default(),
        request_id: context.request_id,
        protocol: protocol(context.http.protocol),
        tracing_header: None,
    })
}

/// The path without `/{stage}` in front.
fn behind_stage<'a>(path: &'a str, stage: &str) -> &'a str {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
    match rest {
        Some(rest) if stage != DEFAULT_STAGE && (rest.is_empty() || rest.starts_with('/')) => rest,
        _ => path,
    }
}

/// Format 2.0 takes the cookies out of the headers.
fn with_cookies(mut headers: HeaderMap, cookies: Option<Vec<String>>) -> HeaderMap {
    let cookies = cookies.unwrap_or_default().join("; ");
    if !cookies.is_empty()
        && !headers.contains_key(COOKIE)
        && let Ok(value) = HeaderValue::from_str(&cookies)
    {
        headers.insert(COOKIE, value);
    }
    headers
}

fn protocol(named: Option<String>) -> Cow<'static, str> {
    named.map_or("HTTP/1.1".into(), Into::into)
}

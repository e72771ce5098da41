use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use serde_json::Value;

use super::{EventError, body, encoded_query, foreign_host};
use crate::Request;
use crate::request::text;

const FRONT: &str = "a REST API";

/// Reads the event of a proxy integration in format 1.0 (developer guide,
/// "Input format of a Lambda function for proxy integration"). Its path is
/// that behind the front's stage, percent-encoding kept.
pub(super) fn decode(event: Value) -> Result<Request, EventError> {
    let malformed = EventError::Malformed { front: FRONT };
    let event: ApiGatewayProxyRequest = serde_json::from_value(event).map_err(|_| malformed)?;
    let context = event.request_context;
    // Both are there, but for test invocations, which may have either.
    let headers = if event.multi_value_headers.is_empty() { event.headers } else { event.multi_value_headers };
    let query = if event.multi_value_query_string_parameters.is_empty() {
        event.query_string_parameters
    } else {
        event.multi_value_query_string_parameters
    };
    Ok(Request {
        method: event.http_method,
        path: event.path.filter(|path| path.starts_with('/')).ok_or(malformed)?,
        query: encoded_query(query.iter()),
        host: foreign_host(headers.get("host").and_then(text), context.apiid.as_deref()),
        headers,
        body: body(event.body, event.is_base64_encoded)?,
        source_ip: context.identity.source_ip.unwrap_or_default(),
        request_id: context.request_id,
        protocol: context.protocol.map_or("HTTP/1.1".into(), Into::into),
        tracing_header: None,
    })
}

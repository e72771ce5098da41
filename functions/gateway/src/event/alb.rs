use aws_lambda_events::alb::AlbTargetGroupRequest;
use serde_json::Value;

use super::{AnswerForm, EventError, body, joined};
use crate::Request;
use crate::request::text;

/// Reads the event of a load balancer (Elastic Load Balancing, "Use Lambda
/// functions as targets of an Application Load Balancer"). Its query comes as
/// it was sent, still encoded; there is no request id.
pub(super) fn decode(event: Value) -> Result<(Request, AnswerForm), EventError> {
    const MALFORMED: EventError = EventError::Malformed { front: "a load balancer" };
    let has_lists = event.get("multiValueHeaders").is_some_and(Value::is_object);
    let event: AlbTargetGroupRequest = serde_json::from_value(event).map_err(|_| MALFORMED)?;
    let (headers, query, form) = if has_lists {
        (event.multi_value_headers, event.multi_value_query_string_parameters, AnswerForm::AlbMultiValue)
    } else {
        (event.headers, event.query_string_parameters, AnswerForm::Alb)
    };
    // The balancer adds the address that it sees at the end.
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back().and_then(text);
    let source_ip = forwarded.and_then(|all| all.rsplit(',').next()).map(str::trim).unwrap_or_default().to_owned();
    let request = Request {
        method: event.http_method,
        path: event.path.filter(|path| path.starts_with('/')).ok_or(MALFORMED)?,
        query: joined(query.iter().map(|(name, value)| (name.to_owned(), value.to_owned()))),
        host: headers.get("host").and_then(text).map(str::to_owned),
        headers,
        body: body(event.body, event.is_base64_encoded)?,
        source_ip,
        request_id: None,
        protocol: "HTTP/1.1".into(),
        tracing_header: None,
    };
    Ok((request, form))
}

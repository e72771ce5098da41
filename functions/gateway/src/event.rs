//! The events of Lambda's HTTP front ends, told apart by their shape, and the
//! answers that each of them takes: REST APIs (proxy format 1.0), HTTP APIs
//! and function URLs (format 2.0), and Application Load Balancers.

mod alb;
mod answer;
mod http_api;
mod rest_api;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lambda_runtime::Diagnostic;
use serde_json::Value;

pub use answer::encode;

use crate::Request;
use crate::parameters::encoded;

/// The form in which a front end takes its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// Proxy format 1.0.
    RestApi,
    /// Proxy format 2.0, of HTTP APIs and function URLs.
    HttpApi,
    /// A load balancer's, with one value a header.
    Alb,
    /// A load balancer's whose target group has multi-value headers on.
    AlbMultiValue,
}

/// Why an event carries no request. What it holds is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not of any shape that is known.
    #[error("the event is none of a REST API, an HTTP API, a function URL or a load balancer")]
    Unknown,
    /// Of a known shape, but a member of it is missing or of another type.
    #[error("the event of {front} is malformed")]
    Malformed {
        /// Whose event it is.
        front: &'static str,
    },
    /// A body that is said to be base64 is not.
    #[error("the body of the event is not base64")]
    Body,
}

impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Self {
        Self { error_type: "InvalidEvent".into(), error_message: error.to_string() }
    }
}

/// Reads the request that an event carries.
///
/// # Errors
/// When it carries none.
pub fn decode(event: Value) -> Result<(Request, AnswerForm), EventError> {
    let context = event.get("requestContext").ok_or(EventError::Unknown)?;
    if context.get("elb").is_some() {
        return alb::decode(event);
    }
    if context.get("http").is_some() {
        let domain = context.get("domainName").and_then(Value::as_str).unwrap_or_default();
        let request =
            if domain.contains(".lambda-url.") { http_api::decode_url(event) } else { http_api::decode(event) };
        return request.map(|request| (request, AnswerForm::HttpApi));
    }
    if event.get("httpMethod").is_some() {
        return rest_api::decode(event).map(|request| (request, AnswerForm::RestApi));
    }
    Err(EventError::Unknown)
}

fn body(text: Option<String>, is_base64: bool) -> Result<Bytes, EventError> {
    match text {
        None => Ok(Bytes::new()),
        Some(text) if is_base64 => STANDARD.decode(text).map(Bytes::from).map_err(|_| EventError::Body),
        Some(text) => Ok(text.into()),
    }
}

/// The host that was asked, but for the front's own, which names the front and
/// not an API of ours.
fn foreign_host(host: Option<&str>, front_id: Option<&str>) -> Option<String> {
    let own = |host: &str| front_id.is_some_and(|id| host.split_once('.').is_some_and(|(first, _)| first == id));
    host.filter(|host| !own(host)).map(str::to_owned)
}

/// A query of decoded parameters, in the order of their names: the order of
/// different names is lost in the event.
fn encoded_query<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    joined(parameters.map(|(name, value)| (encoded(name), encoded(value))))
}

fn joined(parameters: impl Iterator<Item = (String, String)>) -> String {
    let mut parameters: Vec<_> = parameters.collect();
    // Stable: the values of one name stay in their order.
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    let pairs: Vec<_> = parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

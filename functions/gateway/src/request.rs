use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header};
use keyplan_store::entropy;

/// One HTTP request, whole, however it arrived. It has no `Debug`, since its
/// headers hold keys and tokens.
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The path as it was sent, percent-encoding kept.
    pub path: String,
    /// The query as it was sent, without `?`; empty when there is none.
    pub query: String,
    /// All headers, with all their values.
    pub headers: HeaderMap,
    /// The body, decoded from whatever carried it.
    pub body: Bytes,
    /// The host that was asked; `None` where it is merely the front's own and
    /// so names no API.
    pub host: Option<String>,
    /// The address of the client.
    pub source_ip: String,
    /// The id that the front gave the request, if it did.
    pub request_id: Option<String>,
    /// For example `HTTP/1.1`.
    pub protocol: Cow<'static, str>,
    /// `X-Amzn-Trace-Id` of the Lambda invocation that brought the request, where
    /// one did.
    pub tracing_header: Option<String>,
}

impl Request {
    /// A header's first value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(self.headers.get(name)?)
    }

    /// The key that the client sends.
    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
        text(self.headers.get(X_API_KEY)?)
    }

    /// What the client says it is.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        text(self.headers.get(header::USER_AGENT)?)
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        text(self.headers.get(header::CONTENT_TYPE)?)
    }

    /// The first media type that the client accepts.
    pub(crate) fn first_accepted(&self) -> Option<&str> {
        text(self.headers.get(header::ACCEPT)?)?.split(',').next().map(str::trim)
    }
}

/// A header's value where it is text; names and values are ASCII almost always.
pub(crate) fn text(value: &http::HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// The two ids under which API Gateway reports a request.
#[derive(Clone)]
pub(crate) struct RequestIds {
    /// `x-amzn-RequestId`: the front's, else a random UUID.
    pub(crate) request: String,
    /// `x-amz-apigw-id`, which API Gateway calls the extended request id.
    pub(crate) extended: String,
}

impl RequestIds {
    pub(crate) fn of(request: &Request) -> Self {
        Self { request: request.request_id.clone().unwrap_or_else(uuid), extended: extended_id() }
    }

    /// Those of what is no request.
    pub(crate) fn random() -> Self {
        Self { request: uuid(), extended: extended_id() }
    }
}

/// A random UUID, of version 4 (RFC 9562).
fn uuid() -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = entropy::bytes::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from(DIGITS[usize::from(nibble)]));
        }
    }
    text
}

/// 15 characters of base64 and `=`, as API Gateway's are.
fn extended_id() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE.encode(entropy::bytes::<11>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_api_gateways() {
        let id = uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(id.match_indices('-').map(|(at, _)| at).collect::<Vec<_>>(), [8, 13, 18, 23]);
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
        let extended = extended_id();
        assert!(extended.len() == 16 && extended.ends_with('='), "{extended}");
        assert_ne!(uuid(), id);
    }
}

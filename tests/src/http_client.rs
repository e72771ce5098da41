//! A plain HTTP client, and answers as they came.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;

use crate::signing;

/// A request to send.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A client that keeps its connection from one call to the next.
#[derive(Debug)]
pub struct Client {
    agent: ureq::Agent,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// By lower-case name; the values of a repeated one are joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The whole body, which every answer here has as text.
    pub body: String,
}

impl Call {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self { method: method.to_owned(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A GET.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a JSON body and says so.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets a body of some type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Signs the request as it is now for `service`, by `local:local`.
    #[must_use]
    pub fn signed_for(self, service: &str) -> Self {
        self.signed_by(service, "local", "local")
    }

    /// Signs the request as it is now, over all of its headers and the `host`.
    #[must_use]
    pub fn signed_by(mut self, service: &str, id: &str, secret: &str) -> Self {
        let host = self.url.split('/').nth(2).unwrap_or_default().to_owned();
        let mut headers = self.headers.clone();
        headers.push(("host".to_owned(), host));
        self.headers.extend(signing::sign(service, (id, secret), &self.method, &self.url, &headers, &self.body));
        self
    }

    /// Its verb.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Where it goes.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its headers, those of its signature last.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Its body.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.body
    }

    /// Whether its signature covers just these headers, given as SigV4 lists them.
    #[must_use]
    pub fn signs(&self, headers: &str) -> bool {
        let listed = format!("SignedHeaders={headers},");
        self.headers.iter().any(|(name, value)| name == "authorization" && value.contains(&listed))
    }

    /// Sends it over a connection of its own and takes the whole answer.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn send(self) -> Answer {
        let at = format!("{} {}", self.method, self.url);
        Client::new().send(self).unwrap_or_else(|error| panic!("{at}: {error}"))
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// One that has no connection yet.
    #[must_use]
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            .user_agent("keyplan-tests")
            .build();
        Self { agent: config.into() }
    }

    /// Sends a call and takes the whole answer, whatever its status.
    ///
    /// # Errors
    /// When there is none.
    ///
    /// # Panics
    /// When the call is no request.
    pub fn send(&self, call: Call) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(call.method.as_str()).uri(&call.url);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let request = request.body(call.body).expect("a test's request is well formed");
        let mut answer = self.agent.run(request)?;
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in answer.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|values| {
                    values.push_str(", ");
                    values.push_str(&value);
                })
                .or_insert_with(|| value.clone().into_owned());
        }
        let body = answer.body_mut().read_to_string()?;
        Ok(Answer { status: answer.status().as_u16(), headers, body })
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }
}

/// The whole answer, for snapshots: what differs from one run to the next is
/// replaced by what it is, and left out is what belongs to the connection.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            let value = match name.as_str() {
                "connection" | "content-length" | "date" | "transfer-encoding" => continue,
                "x-amzn-requestid" if is_uuid(value) => "[uuid]",
                "x-amz-apigw-id" if !value.is_empty() => "[id]",
                "retry-after" if value.bytes().all(|byte| byte.is_ascii_digit()) => "[seconds]",
                "x-amzn-trace-id" if value.starts_with("Root=1-") => "[trace]",
                _ => value,
            };
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.body)
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

//! TOKEN and REQUEST events of REST APIs.

use serde::Deserialize;

use super::headers::Headers;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    pub(super) authorization_token: Option<String>,
    pub(super) method_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) method_arn: Option<String>,
    headers: Option<Headers<String>>,
    multi_value_headers: Option<Headers<Vec<String>>>,
}

impl Request {
    /// The `Authorization` header. Of a repeated one the last value counts, as in
    /// API Gateway's `headers`.
    pub(super) fn credential(&self) -> String {
        let last = || self.multi_value_headers.as_ref()?.authorization()?.last();
        let single = self.headers.as_ref().and_then(Headers::authorization);
        single.or_else(last).cloned().unwrap_or_default()
    }
}

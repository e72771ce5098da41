use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::AnswerForm;

/// Writes a response as a front end takes it. A body that is not text goes as
/// base64; what is unset is left out.
#[must_use]
pub fn encode(response: Response<Bytes>, form: AnswerForm) -> Value {
    let (parts, body) = response.into_parts();
    let mut answer = Map::new();
    answer.insert("statusCode".into(), parts.status.as_u16().into());
    match form {
        AnswerForm::RestApi => {
            answer.insert("headers".into(), single_values(&parts.headers));
            let lists = lists(&parts.headers, |count| count > 1);
            if !lists.is_empty() {
                answer.insert("multiValueHeaders".into(), json!(lists));
            }
        }
        AnswerForm::HttpApi => {
            let mut headers = parts.headers;
            let cookies: Vec<_> = values(&headers, &SET_COOKIE).collect();
            headers.remove(SET_COOKIE);
            answer.insert("headers".into(), combined(&headers));
            if !cookies.is_empty() {
                answer.insert("cookies".into(), cookies.into());
            }
        }
        AnswerForm::Alb => {
            answer.insert("statusDescription".into(), description(parts.status).into());
            answer.insert("headers".into(), combined(&parts.headers));
        }
        AnswerForm::AlbMultiValue => {
            answer.insert("statusDescription".into(), description(parts.status).into());
            answer.insert("multiValueHeaders".into(), json!(lists(&parts.headers, |_| true)));
        }
    }
    let (text, is_base64) = text_or_base64(body);
    answer.insert("body".into(), text.into());
    answer.insert("isBase64Encoded".into(), is_base64.into());
    Value::Object(answer)
}

fn text_or_base64(body: Bytes) -> (String, bool) {
    match String::from_utf8(body.into()) {
        Ok(text) => (text, false),
        Err(error) => (STANDARD.encode(error.as_bytes()), true),
    }
}

/// `403 Forbidden`
fn description(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
}

fn values(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The headers that have one value.
fn single_values(headers: &HeaderMap) -> Value {
    lists(headers, |count| count == 1).into_iter().map(|(name, values)| (name.to_owned(), values.concat())).collect()
}

/// All headers, several values joined by commas.
fn combined(headers: &HeaderMap) -> Value {
    lists(headers, |_| true).into_iter().map(|(name, values)| (name.to_owned(), values.join(","))).collect()
}

/// The headers whose number of values is wanted.
fn lists(headers: &HeaderMap, wanted: impl Fn(usize) -> bool) -> BTreeMap<&str, Vec<String>> {
    headers
        .keys()
        .map(|name| (name.as_str(), values(headers, name).collect::<Vec<_>>()))
        .filter(|(_, values)| wanted(values.len()))
        .collect()
}

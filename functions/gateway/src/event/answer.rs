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
            let (headers, cookies) = without_cookies(parts.headers);
            answer.insert("headers".into(), combined(&headers).into());
            if !cookies.is_empty() {
                answer.insert("cookies".into(), cookies.into());
            }
        }
        AnswerForm::Alb => {
            answer.insert("statusDescription".into(), description(parts.status).into());
            let (headers, cookies) = without_cookies(parts.headers);
            let mut headers = combined(&headers);
            headers.extend(cookies.into_iter().enumerate().map(|(place, cookie)| (set_cookie(place), cookie.into())));
            answer.insert("headers".into(), headers.into());
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

/// The other headers, and the cookies that are set: those must not be joined (RFC
/// 6265, section 3).
fn without_cookies(mut headers: HeaderMap) -> (HeaderMap, Vec<String>) {
    let cookies = values(&headers, &SET_COOKIE).collect();
    headers.remove(SET_COOKIE);
    (headers, cookies)
}

/// `set-cookie` in letters that no other place has. A load balancer that takes one
/// value a name tells names apart by their case, and clients do not.
fn set_cookie(place: usize) -> String {
    let in_case = |(at, letter): (usize, char)| if place >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter };
    let mut name: String = "setcookie".chars().enumerate().map(in_case).collect();
    name.insert(3, '-');
    name
}

/// The headers that have one value.
fn single_values(headers: &HeaderMap) -> Value {
    lists(headers, |count| count == 1).into_iter().map(|(name, values)| (name.to_owned(), values.concat())).collect()
}

/// All headers, several values joined by commas.
fn combined(headers: &HeaderMap) -> Map<String, Value> {
    lists(headers, |_| true).into_iter().map(|(name, values)| (name.to_owned(), values.join(",").into())).collect()
}

/// The headers whose number of values is wanted.
fn lists(headers: &HeaderMap, wanted: impl Fn(usize) -> bool) -> BTreeMap<&str, Vec<String>> {
    headers
        .keys()
        .map(|name| (name.as_str(), values(headers, name).collect::<Vec<_>>()))
        .filter(|(_, values)| wanted(values.len()))
        .collect()
}

//! The answer of a function behind a proxy integration (developer guide,
//! "Output format of a Lambda function for proxy integration"). Everything in
//! it is optional; a member that is not of the format makes it malformed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::remapped;
use crate::Response;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProxyAnswer {
    status_code: Option<Status>,
    headers: Option<BTreeMap<String, Scalar>>,
    multi_value_headers: Option<BTreeMap<String, Vec<Scalar>>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Number(u16),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Flag(bool),
    Number(serde_json::Number),
}

impl Scalar {
    fn into_header(self) -> Option<HeaderValue> {
        match self {
            Self::Text(text) => HeaderValue::try_from(text).ok(),
            Self::Flag(flag) => Some(HeaderValue::from_static(if flag { "true" } else { "false" })),
            Self::Number(number) => HeaderValue::try_from(number.to_string()).ok(),
        }
    }
}

const MALFORMED: &str = "malformed Lambda proxy response";

/// The response that a function answered with. A body in base64 becomes bytes
/// where `accepts_bytes`, and is passed on as it is elsewhere.
///
/// # Errors
/// When it is not of the format, without repeating anything of it.
pub(super) fn parse(json: &[u8], accepts_bytes: bool) -> Result<Response, &'static str> {
    let answer: ProxyAnswer = serde_json::from_slice(json).map_err(|_| MALFORMED)?;
    let status = match answer.status_code {
        None => Some(StatusCode::OK),
        Some(Status::Number(number)) => StatusCode::from_u16(number).ok(),
        Some(Status::Text(text)) => text.parse().ok(),
    };
    let status = status.filter(|status| (200..=599).contains(&status.as_u16())).ok_or(MALFORMED)?;
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers.unwrap_or_default() {
        if let Some(name) = passed_on(&name)? {
            headers.insert(name, value.into_header().ok_or(MALFORMED)?);
        }
    }
    for (name, values) in answer.multi_value_headers.unwrap_or_default() {
        let Some(name) = passed_on(&name)? else { continue };
        // All values of a name come from here where it stands in both.
        headers.remove(&name);
        for value in values {
            headers.append(&name, value.into_header().ok_or(MALFORMED)?);
        }
    }
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded.unwrap_or(false) && accepts_bytes {
        STANDARD.decode(body).map(Bytes::from).map_err(|_| "the body of the Lambda proxy response is no base64")?
    } else {
        body.into()
    };
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A header's name as the client gets it; `None` where it gets none.
fn passed_on(name: &str) -> Result<Option<HeaderName>, &'static str> {
    name.parse().map(|name| remapped::header(&name)).map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(answer: &Value) -> Result<Response, &'static str> {
        parse(answer.to_string().as_bytes(), false)
    }

    #[test]
    fn everything_may_be_left_out() {
        for answer in [json!({}), json!({"statusCode": null, "headers": null, "body": null})] {
            let response = parsed(&answer).unwrap();
            assert_eq!((response.status().as_u16(), response.body().bytes().len()), (200, 0));
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        }
    }

    #[test]
    fn a_status_is_an_integer_or_one_in_a_string() {
        assert_eq!(parsed(&json!({"statusCode": "201"})).unwrap().status(), 201);
        assert_eq!(parsed(&json!({"statusCode": 404})).unwrap().status(), 404);
        for wrong in [json!("test"), json!(200.5), json!(99), json!(100), json!(600), json!(-1), json!([200])] {
            assert_eq!(parsed(&json!({"statusCode": wrong})).unwrap_err(), MALFORMED, "{wrong}");
        }
    }

    #[test]
    fn header_values_are_scalars_and_lists_win() {
        let response = parsed(&json!({
            "headers": {"X-One": "solo", "X-Flag": true, "Content-Type": "text/plain"},
            "multiValueHeaders": {"x-one": ["a", "b"], "Set-Cookie": ["c=1", "d=2"]},
        }))
        .unwrap();
        let all =
            |name| response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("x-one"), ["a", "b"]);
        assert_eq!(all("set-cookie"), ["c=1", "d=2"]);
        assert_eq!(all("x-flag"), ["true"]);
        assert_eq!(all("content-type"), ["text/plain"]);
    }

    #[test]
    fn headers_of_the_connection_are_remapped_or_dropped() {
        let response = parsed(&json!({"headers": {
            "Content-Length": "999", "WWW-Authenticate": "Basic", "Transfer-Encoding": "chunked",
        }}))
        .unwrap();
        let names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-amzn-remapped-content-length", "x-amzn-remapped-www-authenticate", "content-type"]);
    }

    #[test]
    fn what_is_not_of_the_format_is_malformed() {
        for wrong in [
            json!("just a string"),
            json!(null),
            json!([]),
            json!({"statusCode": 200, "wrongValue": "value"}),
            json!({"body": {"message": "an object"}}),
            json!({"headers": ["x"]}),
            json!({"headers": {"x": {}}}),
            json!({"headers": {"x": "a\nb"}}),
            json!({"headers": {"a b": "c"}}),
            json!({"multiValueHeaders": {"x": "value1"}}),
            json!({"isBase64Encoded": "yes"}),
        ] {
            assert_eq!(parsed(&wrong).unwrap_err(), MALFORMED, "{wrong}");
        }
        assert_eq!(parse(b"", false).unwrap_err(), MALFORMED);
    }

    #[test]
    fn base64_is_decoded_only_for_clients_that_accept_bytes() {
        let answer = json!({"body": "AAEC/w==", "isBase64Encoded": true}).to_string();
        assert_eq!(parse(answer.as_bytes(), true).unwrap().body().bytes().as_ref(), [0, 1, 2, 255]);
        assert_eq!(parse(answer.as_bytes(), false).unwrap().body().bytes().as_ref(), b"AAEC/w==");
        assert!(parse(br#"{"body": "%", "isBase64Encoded": true}"#, true).is_err());
    }
}

//! The sample events of a function, and how an answer is held against the
//! expected one.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::{binaries, signing};

/// An event of `events/{function}/` and what it is to be answered with.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The file's name without its endings.
    pub case: String,
    /// `{case}.json`
    pub event: Value,
    /// `{case}.expected.json`: the answer, or a function error's
    /// `errorMessage` and `errorType`.
    pub expected: Value,
    /// Variables that the function is started with besides the usual ones: of
    /// `default.environment.json` and then of `{case}.environment.json`, if there
    /// are such files.
    pub environment: BTreeMap<String, String>,
}

/// One sample of a function.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn named(function: &str, case: &str) -> Sample {
    let sample = of(function).into_iter().find(|sample| sample.case == case);
    sample.unwrap_or_else(|| panic!("events/{function} has no {case}"))
}

/// All samples of a function, by name.
///
/// # Panics
/// When one is no JSON or lacks its expected answer.
#[must_use]
pub fn of(function: &str) -> Vec<Sample> {
    let directory = binaries::workspace().join("events").join(function);
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let environment = |name: &str| -> BTreeMap<String, String> {
        if !directory.join(name).is_file() {
            return BTreeMap::new();
        }
        serde_json::from_value(read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut cases: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        // What belongs to a case is named after it: `{case}.expected`.
        .filter(|case| !case.contains('.'))
        .collect();
    cases.sort();
    cases
        .into_iter()
        .map(|case| Sample {
            event: read(&format!("{case}.json")),
            expected: read(&format!("{case}.expected.json")),
            environment: ["default", &case]
                .into_iter()
                .flat_map(|name| environment(&format!("{name}.environment.json")))
                .collect(),
            case,
        })
        .collect()
}

/// Where `actual` is not as expected, if anywhere. In what is expected,
/// `"<any>"` stands for any value, and `{"<json>": X}` for a string that is
/// JSON as X says.
#[must_use]
pub fn difference(expected: &Value, actual: &Value) -> Option<String> {
    compare("", expected, actual)
}

fn compare(at: &str, expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::String(any), _) if any == "<any>" => None,
        (Value::Object(wanted), Value::String(text)) if wanted.len() == 1 && wanted.contains_key("<json>") => {
            match serde_json::from_str(text) {
                Ok(inner) => compare(&format!("{at}(json)"), &wanted["<json>"], &inner),
                Err(_) => Some(format!("{at}: {text:?} is no JSON")),
            }
        }
        (Value::Object(wanted), Value::Object(given)) => {
            let surplus = given.keys().find(|name| !wanted.contains_key(*name));
            if let Some(name) = surplus {
                return Some(format!("{at}/{name}: {} is not expected", given[name]));
            }
            wanted.iter().find_map(|(name, value)| {
                let at = format!("{at}/{name}");
                given.get(name).map_or_else(|| Some(format!("{at} is missing")), |given| compare(&at, value, given))
            })
        }
        (Value::Array(wanted), Value::Array(given)) if wanted.len() == given.len() => {
            let mut pairs = wanted.iter().zip(given).enumerate();
            pairs.find_map(|(place, (wanted, given))| compare(&format!("{at}/{place}"), wanted, given))
        }
        _ if expected == actual => None,
        _ => Some(format!("{at}: {actual} instead of {expected}")),
    }
}

/// Puts a signature of now by `local:local` where a REST proxy event has
/// `"Authorization": "SIGN"`, and `X-Amz-Date` beside it.
///
/// # Panics
/// When the event lacks what is signed.
pub fn sign(event: &mut Value) {
    let is_to_be_signed = event["headers"]["Authorization"] == "SIGN";
    if !is_to_be_signed {
        return;
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let host = text(&event["headers"]["Host"]).expect("an event to be signed has a Host");
    let path = text(&event["requestContext"]["path"]).or_else(|| text(&event["path"])).expect("an event has a path");
    let method = text(&event["httpMethod"]).expect("an event has an httpMethod");
    let url = format!("https://{host}{path}{}", query(event));
    let mut signed = vec![("host".to_owned(), host)];
    for name in ["Accept", "Content-Type"] {
        signed.extend(text(&event["headers"][name]).map(|value| (name.to_lowercase(), value)));
    }
    let body = text(&event["body"]).unwrap_or_default();
    for (name, value) in signing::sign("apigateway", ("local", "local"), &method, &url, &signed, body.as_bytes()) {
        let name = if name == "authorization" { "Authorization" } else { "X-Amz-Date" };
        event["headers"][name] = Value::String(value.clone());
        if event["multiValueHeaders"].is_object() {
            event["multiValueHeaders"][name] = Value::from(vec![value]);
        }
    }
}

fn query(event: &Value) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let none = Map::new();
    let values = |name: &str| event[name].as_object().unwrap_or(&none);
    let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let mut pairs = Vec::new();
    for (name, many) in values("multiValueQueryStringParameters") {
        for value in many.as_array().into_iter().flatten().filter_map(Value::as_str) {
            pairs.push(format!("{}={}", encoded(name), encoded(value)));
        }
    }
    if pairs.is_empty() {
        for (name, value) in values("queryStringParameters") {
            pairs.push(format!("{}={}", encoded(name), encoded(value.as_str().unwrap_or_default())));
        }
    }
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_must_be_as_expected_in_every_member() {
        let expected = json!({"status": 200, "headers": {"id": "<any>"}, "body": {"<json>": {"a": ["<any>", 1]}}});
        let as_expected = json!({"status": 200, "headers": {"id": "x"}, "body": "{\"a\": [null, 1]}"});
        assert_eq!(difference(&expected, &as_expected), None);
        for (wrong, because) in [
            (json!({"status": 200, "headers": {"id": "x"}}), "/body is missing"),
            (json!({"status": 200, "headers": {}, "body": "{\"a\": [0, 1]}"}), "/headers/id is missing"),
            (
                json!({"status": 200, "headers": {"id": 1}, "body": "{\"a\": [0]}"}),
                "/body(json)/a: [0] instead of [\"<any>\",1]",
            ),
            (json!({"status": 200, "headers": {"id": 1}, "body": "no"}), "/body: \"no\" is no JSON"),
            (json!({"status": 200, "headers": {"id": 1}, "body": "{\"a\": [0, 1]}", "x": 1}), "/x: 1 is not expected"),
        ] {
            assert_eq!(difference(&expected, &wrong).as_deref(), Some(because));
        }
    }
}

//! Request bodies: JSON of the type that an operation takes, or API Gateway's
//! `SerializationException`. Members that a type does not have are ignored, as
//! API Gateway ignores them.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::ApiError;

/// Reads a body. None at all is an empty object: clients send none when every
/// member is optional and unset.
///
/// # Errors
/// `SerializationException`, which repeats nothing of the body, when it is no
/// JSON object or a member has another type than it must.
pub fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let json = match body.trim_ascii() {
        [] => Value::Object(serde_json::Map::new()),
        body => serde_json::from_slice(body)
            .map_err(|_| ApiError::serialization("The request body is not well-formed JSON"))?,
    };
    if !json.is_object() {
        return Err(ApiError::serialization(cannot_be_converted(class_of(&json), "Map")));
    }
    serde_json::from_value(json).map_err(|error| ApiError::serialization(conversion_error(&error.to_string())))
}

/// API Gateway's words for a member of the wrong type, out of serde's.
fn conversion_error(error: &str) -> String {
    let parts = error.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    let Some((found, expected)) = parts else {
        return "A member of the request body has a value that cannot be converted".to_owned();
    };
    let class = match found.split(' ').next().unwrap_or_default() {
        "boolean" => "java.lang.Boolean",
        "integer" => "java.lang.Integer",
        "floating" => "java.lang.Double",
        "string" => "java.lang.String",
        "sequence" => "java.util.ArrayList",
        _ => "java.util.LinkedHashMap",
    };
    let target = match expected {
        "a string" => "String",
        "a boolean" => "Boolean",
        "f64" => "Double",
        "a sequence" => "List",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => "Integer",
        _ => "Map",
    };
    cannot_be_converted(class, target)
}

fn cannot_be_converted(class: &str, target: &str) -> String {
    format!("class {class} can not be converted to an {target}")
}

fn class_of(json: &Value) -> &'static str {
    match json {
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        Value::Number(_) => "java.lang.Integer",
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) | Value::Null => "java.util.LinkedHashMap",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Input {
        name: Option<String>,
        enabled: Option<bool>,
        limit: Option<i64>,
        rate: Option<f64>,
        tags: Option<BTreeMap<String, String>>,
        list: Option<Vec<String>>,
    }

    fn error(body: &str) -> String {
        let error = from_json::<Input>(body.as_bytes()).unwrap_err();
        assert_eq!((error.status, error.kind), (400, "SerializationException"));
        error.message
    }

    #[test]
    fn a_member_of_the_wrong_type_is_told_in_java_terms() {
        assert_eq!(error(r#"{"name": true}"#), "class java.lang.Boolean can not be converted to an String");
        assert_eq!(error(r#"{"enabled": "a secret"}"#), "class java.lang.String can not be converted to an Boolean");
        assert_eq!(error(r#"{"limit": "1, expected x"}"#), "class java.lang.String can not be converted to an Integer");
        assert_eq!(error(r#"{"limit": 1.5}"#), "class java.lang.Double can not be converted to an Integer");
        assert_eq!(error(r#"{"rate": []}"#), "class java.util.ArrayList can not be converted to an Double");
        assert_eq!(error(r#"{"tags": "x"}"#), "class java.lang.String can not be converted to an Map");
        assert_eq!(error(r#"{"tags": {"a": {}}}"#), "class java.util.LinkedHashMap can not be converted to an String");
        assert_eq!(error(r#"{"list": 1}"#), "class java.lang.Integer can not be converted to an List");
        assert_eq!(error("[]"), "class java.util.ArrayList can not be converted to an Map");
    }

    #[test]
    fn whatever_is_no_json_is_refused() {
        for body in ["{", "{}x", "\u{0}", "'"] {
            assert_eq!(error(body), "The request body is not well-formed JSON");
        }
    }

    #[test]
    fn no_body_is_an_empty_object_and_unknown_members_are_ignored() {
        let empty = Input { name: None, enabled: None, limit: None, rate: None, tags: None, list: None };
        assert_eq!(from_json::<Input>(b"").unwrap(), empty);
        assert_eq!(from_json::<Input>(br#" {"unknown": 1, "name": null} "#).unwrap(), empty);
    }
}

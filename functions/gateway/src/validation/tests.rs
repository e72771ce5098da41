use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod limits;
mod oracle;

const API: &str = "abcdefghij";

fn url(name: &str) -> String {
    Model::reference(API, name)
}

/// A schema of the model `Tested`, among other models.
fn schema_among(tested: &Value, others: &[(&str, Value)]) -> Schema {
    let model = |name: &str, schema: &Value| Model {
        id: "abc123".into(),
        name: name.into(),
        description: None,
        schema: Some(schema.to_string()),
        content_type: "application/json".into(),
    };
    let others = others.iter().map(|(name, schema)| ((*name).to_owned(), model(name, schema)));
    let by_name = others.chain([("Tested".to_owned(), model("Tested", tested))]).collect();
    Schema::new("Tested".into(), Arc::new(schema::Models { api: API.into(), by_name }))
}

/// What is wrong with a body, if anything is.
fn wrong(schema: &Value, body: &str) -> Option<String> {
    wrong_by(&schema_among(schema, &[]), body)
}

fn wrong_by(schema: &Schema, body: &str) -> Option<String> {
    match schema.check(body.as_bytes()) {
        Ok(()) => None,
        Err(Refusal::BodyInvalid { errors }) => Some(errors),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn each_kind_of_error_is_told_as_api_gateway_tells_it() {
    let one = |schema: Value, body: Value, text: &str| {
        assert_eq!(wrong(&schema, &body.to_string()).as_deref(), Some(format!("[{text}]").as_str()), "{schema}");
    };
    // Seen in real answers.
    one(json!({"required": ["type", "id"]}), json!({}), r#"object has missing required properties (["id","type"])"#);
    one(
        json!({"type": "number"}),
        json!("1"),
        r#"instance type (string) does not match any allowed primitive type (allowed: ["integer","number"])"#,
    );
    one(
        json!({"type": "string"}),
        json!(true),
        r#"instance type (boolean) does not match any allowed primitive type (allowed: ["string"])"#,
    );
    one(json!({"enum": ["A", 1]}), json!("B"), r#"instance value ("B") not found in enum (possible values: ["A",1])"#);
    one(
        json!({"additionalProperties": false, "properties": {"a": {}}}),
        json!({"a": 1, "c": 1, "b": 1}),
        r#"object instance has properties which are not allowed by the schema: ["b","c"]"#,
    );
    one(
        json!({"minimum": 10}),
        json!(1),
        "numeric instance is lower than the required minimum (minimum: 10, found: 1)",
    );
    one(
        json!({"maximum": 10}),
        json!(10.5),
        "numeric instance is greater than the required maximum (maximum: 10, found: 10.5)",
    );
    one(json!({"maxLength": 4}), json!("größer"), "string \"größer\" is too long (length: 6, maximum allowed: 4)");
    one(json!({"pattern": "^\\d+$"}), json!("1a"), r#"ECMA 262 regex "^\d+$" does not match input string "1a""#);
    one(
        json!({"oneOf": [{"type": "null"}, {"type": "string"}]}),
        json!(1),
        "instance failed to match exactly one schema (matched 0 out of 2)",
    );
    // As the library has them.
    one(
        json!({"oneOf": [{}, {"type": "string"}, {"minimum": 1}]}),
        json!(1),
        "instance failed to match exactly one schema (matched 2 out of 3)",
    );
    one(
        json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
        json!(1),
        "instance failed to match at least one required schema among 2",
    );
    one(
        json!({"allOf": [{"required": ["b"]}, {}]}),
        json!({}),
        "instance failed to match all required schemas (matched only 1 out of 2)",
    );
    one(
        json!({"dependencies": {"a": ["c", "b"], "b": ["a"]}}),
        json!({"a": 1, "c": 1}),
        "property \"a\" of object has missing property dependencies (schema requires [\"b\",\"c\"]; missing: [\"b\"])",
    );
    one(
        json!({"dependencies": {"a": {"required": ["b"]}}}),
        json!({"a": 1}),
        r#"object has missing required properties (["b"])"#,
    );
    one(json!({"not": {}}), json!(1), "instance matched a schema which it should not have");
    one(
        json!({"minimum": 1, "exclusiveMinimum": true}),
        json!(1),
        "numeric instance is not strictly greater than the required minimum 1",
    );
    one(
        json!({"maximum": 1, "exclusiveMaximum": true}),
        json!(2),
        "numeric instance is greater than the required maximum (maximum: 1, found: 2)",
    );
    one(json!({"multipleOf": 2}), json!(3), "remainder of division is not zero (3 / 2)");
    one(json!({"minLength": 3}), json!("ab"), "string \"ab\" is too short (length: 2, required minimum: 3)");
    one(
        json!({"minItems": 2}),
        json!([1]),
        "array is too short: must have at least 2 elements but instance has 1 elements",
    );
    one(
        json!({"maxItems": 1}),
        json!([1, 2]),
        "array is too long: must have at most 1 elements but instance has 2 elements",
    );
    one(
        json!({"items": [{}], "additionalItems": false}),
        json!([1, 2]),
        "schema only allows 1 elements in array but instance has 2 elements",
    );
    one(json!({"uniqueItems": true}), json!([1, 1]), "array must not contain duplicate elements");
    one(
        json!({"minProperties": 1}),
        json!({}),
        "object has too few properties (found 0 but schema requires at least 1)",
    );
    one(
        json!({"maxProperties": 0}),
        json!({"a": 1}),
        "object has too many properties (found 1 but schema requires at most 0)",
    );
    one(json!({"format": "email"}), json!("me"), "string \"me\" is not a valid email address");
    one(
        json!({"format": "date-time"}),
        json!("noon"),
        "string \"noon\" is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, \
         yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]",
    );
}

#[test]
fn what_is_within_is_looked_at_once_all_around_it_is_right() {
    let text = json!({"type": "string"});
    let order = json!({
        "type": "object",
        "required": ["id"],
        "properties": {"id": text, "line": {"type": "object", "properties": {"a": text, "b": text}}, "note": text},
    });
    let is_told = |body: Value, count: usize, part: &str| {
        let told = wrong(&order, &body.to_string()).unwrap();
        assert_eq!((told.matches("instance type").count(), told.contains(part)), (count, true), "{body}: {told}");
    };
    // The members of an order that lacks one are not looked at.
    is_told(json!({"note": 1}), 0, "missing");
    // A line of the wrong kind, and the note beside it.
    is_told(json!({"id": "1", "line": 1, "note": null}), 2, "(integer)");
    // Members are looked at by name; a line's own no longer.
    is_told(json!({"note": true, "line": {"a": 1}, "id": 1.5}), 2, "[instance type (number)");
    // Both members of a line, and the note beside it.
    is_told(json!({"note": true, "line": {"b": [], "a": {}}, "id": "1"}), 3, "[instance type (object)");
}

#[test]
fn what_is_wrong_at_one_place_is_told_by_the_names_of_the_keywords() {
    let schema = json!({
        "type": "array", "required": ["b"], "minProperties": 2, "enum": [1], "not": {}, "oneOf": [{"enum": [1]}],
        "additionalProperties": false,
    });
    let told = wrong(&schema, r#"{"a": 1}"#).unwrap();
    let parts = [
        "not allowed by",
        "not found in enum",
        "too few",
        "should not have",
        "exactly one",
        "missing",
        "type (object)",
    ];
    let places: Vec<_> = parts.iter().map(|part| told.find(part).unwrap()).collect();
    assert!(places.is_sorted(), "{told}");
}

#[test]
fn a_body_that_is_no_json_is_told_without_being_repeated() {
    let deep = "[".repeat(100_000);
    let closed = format!("{deep}{}", "]".repeat(100_000));
    for body in ["", " ", "{", "{'a': 1}", "a=1", "\u{feff}{}", "{} {}", &deep, &closed] {
        assert_eq!(wrong(&json!({}), body).as_deref(), Some("[Unknown error parsing request body]"));
    }
    assert!(schema_among(&json!({}), &[]).check(b"\"\xff\"").is_err());
}

/// Recursion is as deep as the body, which the parser bounds.
#[test]
fn as_deep_as_bodies_get_they_are_checked() {
    let schema = schema_among(&json!({"anyOf": [{"items": {"$ref": "#"}, "type": "array"}, {"type": "integer"}]}), &[]);
    let nested = |inner: &str| format!("{}{inner}{}", "[".repeat(120), "]".repeat(120));
    assert_eq!(wrong_by(&schema, &nested("1")), None);
    assert!(wrong_by(&schema, &nested("true")).is_some());
}

#[test]
fn of_a_large_body_it_is_told_only_that_it_is_wrong() {
    let schema = schema_among(&json!({"items": {"type": "string"}}), &[]);
    let large = |count| format!("[{}1]", "1,".repeat(count));
    assert_eq!(wrong_by(&schema, &large(1_000_000)).unwrap(), "[instance does not match the schema]");
    let told = wrong_by(&schema, &large(5_000)).unwrap();
    assert!(told.starts_with("[instance type") && told.len() < 10_000, "{}", told.len());
}

#[test]
fn a_schema_refers_to_other_models_and_within_its_own() {
    let pet = json!({"required": ["owner"], "properties": {"owner": {"$ref": url("Owner")}, "friend": {"$ref": "#"}}});
    let owner = json!({
        "properties": {"name": {"$ref": "#/definitions/name"}, "pets": {"items": {"$ref": url("Tested")}}},
        "definitions": {"name": {"type": "string"}},
    });
    let elsewhere = Model::reference("another", "Owner");
    let pet_of_a_copy = json!({"properties": {"owner": {"$ref": elsewhere}}});
    for tested in [pet, pet_of_a_copy] {
        let schema = schema_among(&tested, &[("Owner", owner.clone())]);
        assert_eq!(wrong_by(&schema, r#"{"owner": {"name": "a"}}"#), None);
        assert!(wrong_by(&schema, r#"{"owner": {"name": 1}}"#).unwrap().contains("(integer)"));
    }
}

#[test]
fn what_a_schema_says_of_its_address_and_draft_does_not_count() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "id": "not a uri %%",
        "minimum": 1,
        "exclusiveMinimum": true,
        "properties": {
            "a": {"id": "/properties/a", "$ref": "#/definitions/a"},
            "b": {"id": "/properties/b", "items": [{"id": "/items", "allOf": [{"$ref": "#/definitions/a"}]}]},
            "id": {"type": "integer"},
        },
        "definitions": {"a": {"type": "string"}},
    });
    assert_eq!(wrong(&schema, r#"{"a": "x", "b": ["y"], "id": 1}"#), None);
    for body in [r#"{"a": 1}"#, r#"{"b": [1]}"#, r#"{"id": "x"}"#] {
        assert!(wrong(&schema, body).is_some(), "{body}");
    }
}

#[test]
fn formats_are_those_of_draft_4() {
    for (format, good, bad) in [
        ("date-time", "2026-11-25T10:05:01Z", "2026-11-25"),
        ("email", "a@example.com", "a"),
        ("hostname", "example.com", "-a"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("ipv6", "::1", "::g"),
        ("uri", "https://example.com/", "exa mple"),
    ] {
        let schema = json!({"format": format});
        assert_eq!(wrong(&schema, &json!(good).to_string()), None, "{format}");
        assert!(wrong(&schema, &json!(bad).to_string()).is_some(), "{format}");
    }
    for unknown in ["date", "time", "uuid", "int32", "password"] {
        assert_eq!(wrong(&json!({"format": unknown}), "\"x\""), None, "{unknown}");
    }
}

#[test]
fn a_pattern_that_would_not_end_is_given_up() {
    let text = Value::from("ab".repeat(20_000)).to_string();
    assert!(wrong(&json!({"pattern": "^(a|b|ab)*(?=c)\\1$"}), &text).is_some());
    assert!(wrong(&json!({"pattern": "^(a|b|ab)*(a|b|ab)*c$"}), &text).is_some());
    // Look-ahead, as passwords are often described.
    let password = json!({"pattern": "^(?=.*[A-Z])(?=.*\\d).{8,}$"});
    assert_eq!(wrong(&password, "\"Secret123\""), None);
    assert!(wrong(&password, "\"secret123\"").is_some());
}

#[test]
fn schemas_that_refer_to_nothing_but_themselves_end() {
    for tested in [
        json!({"$ref": "#"}),
        json!({"$ref": url("Tested")}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"oneOf": [{"$ref": url("Other")}]}),
        json!({"not": {"not": {"$ref": "#"}}}),
    ] {
        let others = [("Other", json!({"anyOf": [{"$ref": url("Tested")}]}))];
        let _ = wrong_by(&schema_among(&tested, &others), "{}");
    }
}

#[test]
fn a_schema_that_cannot_be_evaluated_is_not_supported() {
    for tested in [
        json!({"$ref": url("Gone")}),
        json!({"$ref": "https://example.com/schema"}),
        json!({"properties": {"a": {"$ref": "#/definitions/gone"}}}),
        json!({"pattern": "("}),
        json!({"required": true}),
    ] {
        let schema = schema_among(&tested, &[]);
        let what = "a model whose schema cannot be evaluated";
        assert_eq!(schema.check(b"{}"), Err(Refusal::Unsupported { what }), "{tested}");
        assert_eq!(schema.unsupported(), Some(what));
    }
}

/// JSON of a few names and values, so that schemas and bodies meet.
fn json() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(json!(null)), Just(json!(true)), (0..3).prop_map(Value::from), "[ab]".prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

fn simple_schema() -> impl Strategy<Value = Value> {
    let types = prop_oneof!["object", "array", "string", "integer", "boolean", "null"];
    let leaf = prop_oneof![
        Just(json!({})),
        types.prop_map(|kind| json!({"type": kind})),
        prop::collection::vec(json(), 1..3).prop_map(|values| json!({"enum": values})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..3);
        let by_name = prop::collection::btree_map("[abc]", inner.clone(), 0..3);
        prop_oneof![
            (by_name, prop::collection::btree_set("[abc]", 1..3))
                .prop_map(|(properties, required)| json!({"properties": properties, "required": required})),
            inner.clone().prop_map(|items| json!({"items": items})),
            some.clone().prop_map(|schemas| json!({"allOf": schemas})),
            some.clone().prop_map(|schemas| json!({"anyOf": schemas})),
            some.prop_map(|schemas| json!({"oneOf": schemas})),
            inner.prop_map(|schema| json!({"not": schema})),
        ]
    })
}

/// Whether a body is what a simple schema describes, as draft 4 defines it.
fn is_described(schema: &Value, body: &Value) -> bool {
    let Some(members) = schema.as_object() else { return true };
    let count =
        |schemas: &Value| schemas.as_array().unwrap().iter().filter(|schema| is_described(schema, body)).count();
    members.iter().all(|(keyword, value)| match keyword.as_str() {
        "type" => match value.as_str().unwrap() {
            "object" => body.is_object(),
            "array" => body.is_array(),
            "string" => body.is_string(),
            "integer" => body.is_i64(),
            "boolean" => body.is_boolean(),
            _ => body.is_null(),
        },
        "enum" => value.as_array().unwrap().contains(body),
        "required" => body
            .as_object()
            .is_none_or(|body| value.as_array().unwrap().iter().all(|name| body.contains_key(name.as_str().unwrap()))),
        "properties" => body.as_object().is_none_or(|body| {
            body.iter().all(|(name, member)| value.get(name).is_none_or(|schema| is_described(schema, member)))
        }),
        "items" => body.as_array().is_none_or(|items| items.iter().all(|item| is_described(value, item))),
        "allOf" => count(value) == value.as_array().unwrap().len(),
        "anyOf" => count(value) > 0,
        "oneOf" => count(value) == 1,
        "not" => !is_described(value, body),
        _ => unreachable!("{keyword}"),
    })
}

proptest! {
    #[test]
    fn a_body_is_refused_where_draft_4_says_so_and_then_something_is_told(schema in simple_schema(), body in json()) {
        let told = wrong(&schema, &body.to_string());
        prop_assert_eq!(told.is_none(), is_described(&schema, &body), "{} {}", schema, body);
        prop_assert!(told.is_none_or(|told| told.len() > 2));
    }
}

//! What no schema and no body can bring about.

use serde_json::{Map, json};

use super::{schema_among, wrong, wrong_by};

const UNTOLD: Option<&str> = Some("[instance does not match the schema]");

fn nested(depth: usize, inner: &str) -> String {
    format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Each level doubles what there is to be tried.
#[test]
fn alternatives_within_themselves_are_given_up() {
    let again = json!({"items": {"$ref": "#"}, "type": "array"});
    for several in ["anyOf", "oneOf"] {
        let schema = json!({several: [again, again, {"type": "null"}]});
        assert_eq!(wrong(&schema, &nested(100, "1")).as_deref(), UNTOLD);
        // What can be decided is.
        assert_eq!(wrong(&schema, "null"), None);
    }
    // Nor does it count as a value that the schema does not describe.
    let schema = json!({"not": {"$ref": "#/definitions/a"}, "definitions": {"a": {"anyOf": [
        {"items": {"$ref": "#/definitions/a"}, "type": "array"},
        {"items": {"$ref": "#/definitions/a"}, "type": "array"},
    ]}}});
    assert_eq!(wrong(&schema, &nested(100, "1")).as_deref(), UNTOLD);
    // Alternatives that are told apart by what they are take no time.
    let schema = json!({"oneOf": [
        {"type": "array", "maxItems": 1, "items": {"$ref": "#"}},
        {"type": "array", "minItems": 2, "items": {"$ref": "#"}},
        {"type": "integer"},
    ]});
    assert_eq!(wrong(&schema, &nested(120, "1")), None);
}

#[test]
fn many_errors_at_one_place_fill_no_memory() {
    // Each level has the next one twice.
    let mut definitions = Map::new();
    for at in 0..20 {
        let next = json!({"$ref": format!("#/definitions/{}", at + 1)});
        definitions.insert(at.to_string(), json!({"dependencies": {"a": next, "b": next}}));
    }
    definitions.insert("20".to_owned(), json!({"type": "array"}));
    let schema = json!({"$ref": "#/definitions/0", "definitions": definitions});
    assert_eq!(wrong(&schema, r#"{"a": 1, "b": 1}"#).as_deref(), UNTOLD);
}

/// In a thread of half the stack that those of the functions have.
fn with_little_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(1 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn references_one_after_another_are_given_up_before_the_stack_ends() {
    with_little_stack(|| {
        // What stands between a reference and the next, and how many are followed.
        let between = [("%", 900), ("{'allOf': [%]}", 450), ("{'oneOf': [%]}", 450), ("{'not': {'not': %}}", 300)];
        let more = [("{'anyOf': [%]}", 450), ("{'dependencies': {'a': %}}", 450)];
        for (between, reached) in between.into_iter().chain(more) {
            for (count, is_decided) in [(reached, true), (reached * 10, false)] {
                let mut definitions = Map::new();
                for at in 0..count {
                    let next = format!("{{'$ref': '#/definitions/{}'}}", at + 1);
                    let schema = between.replace('%', &next).replace('\'', "\"");
                    definitions.insert(at.to_string(), serde_json::from_str(&schema).unwrap());
                }
                definitions.insert(count.to_string(), json!({"properties": {"a": {"type": "string"}}}));
                let schema = schema_among(&json!({"$ref": "#/definitions/0", "definitions": definitions}), &[]);
                assert_eq!(wrong_by(&schema, r#"{"a": "b"}"#).is_none(), is_decided, "{count}");
                assert!(wrong_by(&schema, r#"{"a": 1}"#).is_some());
            }
        }
    });
}

#[test]
fn schemas_and_bodies_as_deep_as_they_get_fit_the_stack() {
    with_little_stack(|| {
        let schema = (0..120).fold(json!({"type": "integer"}), |inner, _| json!({"not": inner}));
        assert_eq!(wrong(&schema, "1"), None);
        let schema = (0..60).fold(json!({"type": "integer"}), |inner, _| json!({"items": [inner]}));
        assert_eq!(wrong(&schema, &nested(60, "1")), None);
        assert!(wrong(&schema, &nested(60, "true")).is_some());
        let schema = json!({"properties": {"a": {"allOf": [{"$ref": "#"}]}}, "additionalProperties": false});
        let body = |inner| format!("{}{inner}{}", r#"{"a":"#.repeat(120), "}".repeat(120));
        assert_eq!(wrong(&schema, &body("1")), None);
        assert!(wrong(&schema, &body(r#"{"b":1}"#)).is_some());
    });
}

#[test]
fn many_items_are_held_against_each_other_in_no_time() {
    let schema = schema_among(&json!({"uniqueItems": true}), &[]);
    let items = |last: &str| {
        let items: String = (0..200_000).map(|item| format!("{{\"a\":{item}}},")).collect();
        format!("[{items}{last}]")
    };
    assert_eq!(wrong_by(&schema, &items("1")), None);
    assert_eq!(wrong_by(&schema, &items("{\"a\":1.0}")).as_deref(), UNTOLD);
}

#[test]
fn numbers_are_as_they_are_written() {
    for (schema, valid, invalid) in [
        (json!({"multipleOf": 0.01}), "0.07", "0.075"),
        (json!({"multipleOf": 0.01}), "4.35", "1e-300"),
        (json!({"multipleOf": 3}), "9007199254740993", "9007199254740994"),
        (json!({"multipleOf": 1e-7}), "1e308", "1e-8"),
        (json!({"maximum": 9_007_199_254_740_992_u64}), "9007199254740992.0", "9007199254740993"),
        (json!({"minimum": 0.1, "exclusiveMinimum": true}), "0.10000000000000001e1", "1e-1"),
        (json!({"type": "integer"}), "18446744073709551615", "1.0"),
        (json!({"enum": [1, 100]}), "1e2", "1.5"),
        (json!({"uniqueItems": true}), "[1, 10]", "[10, 1e1]"),
        (json!({"minLength": 2, "maxLength": 2}), "\"😀é\"", "\"😀\""),
    ] {
        assert_eq!(wrong(&schema, valid), None, "{schema}");
        assert!(wrong(&schema, invalid).is_some(), "{schema}");
    }
    // A number that is larger than any is none.
    assert_eq!(wrong(&json!({}), "1e400").as_deref(), Some("[Unknown error parsing request body]"));
}

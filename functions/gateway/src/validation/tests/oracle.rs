//! Whether a body is valid, held against the crate `jsonschema`.

use jsonschema::{Draft, PatternOptions, Validator};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{schema_among, wrong_by};

fn oracle(schema: &Value) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(true);
    let options = options.with_pattern_options(PatternOptions::fancy_regex());
    options.build(schema).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

fn number() -> impl Strategy<Value = Value> {
    let texts = [
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "2",
        "3",
        "1e0",
        "10",
        "0.5",
        "0.01",
        "0.07",
        "4.35",
        "1.1",
        "-2.5",
        "1e2",
        "1e-7",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
    ];
    prop::sample::select(texts.to_vec()).prop_map(|text| serde_json::from_str(text).unwrap())
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[abc1]{0,3}",
        2 => "[a-cé😀 \n]{0,4}",
        1 => prop::sample::select(vec!["192.0.2.1", "192.0.2.01", "::1", "1::2::3", "a@b", "a@", "(", "^a"]).prop_map(str::to_owned),
    ]
    .prop_map(Value::from)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[abc]", 1 => Just("~/%".to_owned())]
}

/// Values of a few names and values, so that schemas and bodies meet.
fn value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![2 => number(), 2 => text(), 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

/// One keyword with a value of its kind, and with others where it needs them.
fn demand() -> impl Strategy<Value = Value> {
    let types =
        prop::sample::subsequence(vec!["object", "array", "string", "integer", "number", "boolean", "null"], 1..4);
    let patterns =
        ["a", "^a", "b$", "^[ab]+$", "^.{2}$", "\\d", "\\W", "^(a|b)*$", "(?=.*a)b", "^(?!a)", "(.)\\1", "^\\S*$", "é"];
    let limits = ["maximum", "minimum"];
    let counts = ["maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"];
    let divisors =
        ["1", "2", "3", "0.5", "0.01", "1e-7", "1.5"].map(|text| serde_json::from_str::<Value>(text).unwrap());
    prop_oneof![
        types.prop_map(|types| if types.len() == 1 { json!({"type": types[0]}) } else { json!({"type": types}) }),
        prop::collection::vec(value(), 1..4).prop_map(|values| json!({"enum": values})),
        prop::sample::select(divisors.to_vec()).prop_map(|divisor| json!({"multipleOf": divisor})),
        (prop::sample::select(limits.to_vec()), number(), any::<bool>()).prop_map(|(keyword, limit, is_exclusive)| {
            json!({keyword: limit, keyword.replace('m', "exclusiveM"): is_exclusive})
        }),
        (prop::sample::select(counts.to_vec()), 0..3).prop_map(|(keyword, count)| json!({keyword: count})),
        prop::sample::select(patterns.to_vec()).prop_map(|pattern| json!({"pattern": pattern})),
        prop::sample::select(vec!["ipv4", "ipv6", "regex", "other"]).prop_map(|format| json!({"format": format})),
        any::<bool>().prop_map(|is_unique| json!({"uniqueItems": is_unique})),
        prop::collection::btree_set(name(), 1..3).prop_map(|names| json!({"required": names})),
        (name(), prop::collection::btree_set(name(), 1..3))
            .prop_map(|(name, names)| json!({"dependencies": {name: names}})),
        (name(), reference(&["#", "#/definitions/a", "#/definitions/b"]))
            .prop_map(|(name, schema)| json!({"properties": {name: schema}})),
        reference(&["#", "#/definitions/a", "#/definitions/~0~1%25"]).prop_map(|schema| json!({"items": schema})),
    ]
}

fn reference(to: &[&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(to.to_vec()).prop_map(|reference| json!({"$ref": reference}))
}

/// A schema that refers to itself or to others for members and items, and elsewhere
/// to `direct`: that of a value that is valid if it is not makes no sense.
fn schema(direct: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let demands = prop::collection::vec(demand(), 0..3).prop_map(merged);
    let leaf =
        if direct.is_empty() { demands.boxed() } else { prop_oneof![4 => demands, 1 => reference(direct)].boxed() };
    leaf.prop_recursive(3, 20, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..4);
        let by_name = prop::collection::btree_map(name(), inner.clone(), 0..3);
        let by_pattern =
            prop::collection::btree_map(prop::sample::select(vec!["a", "^[bc]$", "/"]), inner.clone(), 0..2);
        let additional = prop_oneof![2 => any::<bool>().prop_map(Value::from), 1 => inner.clone()];
        let combined = prop_oneof![
            (by_name, by_pattern, additional.clone()).prop_map(|(by_name, by_pattern, additional)| {
                json!({"properties": by_name, "patternProperties": by_pattern, "additionalProperties": additional})
            }),
            inner.clone().prop_map(|items| json!({"items": items})),
            (some.clone(), additional).prop_map(|(items, others)| json!({"items": items, "additionalItems": others})),
            (name(), inner.clone()).prop_map(|(name, schema)| json!({"dependencies": {name: schema}})),
            some.clone().prop_map(|schemas| json!({"allOf": schemas})),
            some.clone().prop_map(|schemas| json!({"anyOf": schemas})),
            some.prop_map(|schemas| json!({"oneOf": schemas})),
            inner.clone().prop_map(|schema| json!({"not": schema})),
        ];
        prop::collection::vec(prop_oneof![3 => combined, 1 => demand()], 1..3).prop_map(merged)
    })
}

fn merged(schemas: Vec<Value>) -> Value {
    let members: Map<String, Value> =
        schemas.into_iter().filter_map(|schema| schema.as_object().cloned()).flatten().collect();
    Value::Object(members)
}

/// A schema with definitions to refer to.
fn whole_schema() -> impl Strategy<Value = Value> {
    let whole = schema(&["#/definitions/a", "#/definitions/b", "#/definitions/~0~1%25"]);
    (whole, schema(&[]), schema(&[]), schema(&[])).prop_map(|(mut whole, a, b, escaped)| {
        whole["definitions"] = json!({"a": a, "b": b, "~/%": escaped});
        whole
    })
}

fn has_large_number(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_large_number),
        Value::Object(members) => members.values().any(has_large_number),
        value => value.as_f64().is_some_and(|number| number.abs() > 1e15),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_valid_is_so_for_another_implementation(
        schema in whole_schema(),
        bodies in prop::collection::vec(value(), 8),
    ) {
        let (ours, theirs) = (schema_among(&schema, &[]), oracle(&schema));
        prop_assert_eq!(ours.unsupported(), None);
        // The oracle divides large numbers by fractions as floats.
        let divides_floats = schema.to_string().contains("\"multipleOf\":");
        for body in bodies.into_iter().filter(|body| !divides_floats || !has_large_number(body)) {
            let told = wrong_by(&ours, &body.to_string());
            prop_assert_eq!(told.is_none(), theirs.is_valid(&body), "{} {}: {:?}", schema, body, told);
            prop_assert!(told.is_none_or(|told| told.starts_with('[') && told.len() > 2));
        }
    }
}

//! Whether a text is a schema that API Gateway takes: JSON schema, draft 4.

use keyplan_domain::api::Model;
use serde_json::{Map, Value};

const INVALID: &str = "Invalid model schema specified";

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// What OpenAPI adds to schemas and draft 4 does not know. Other unknown
/// keywords are let pass: of which of them API Gateway refuses nothing is told.
const UNSUPPORTED: [&str; 8] =
    ["deprecated", "discriminator", "example", "externalDocs", "nullable", "readOnly", "writeOnly", "xml"];

/// What is wrong with a schema, in API Gateway's words; nothing if it is one.
///
/// Texts as seen in public reports of failed calls: one `Invalid model schema
/// specified` for each keyword of a value that it cannot have.
pub(super) fn errors(text: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(text) {
        Ok(root @ Value::Object(_)) => {
            let mut check = Check { root: &root, errors: Vec::new() };
            check.schema(&root);
            check.errors
        }
        _ => vec![INVALID.to_owned()],
    }
}

struct Check<'a> {
    root: &'a Value,
    errors: Vec<String>,
}

impl Check<'_> {
    fn schema(&mut self, schema: &Value) {
        let Value::Object(members) = schema else {
            return self.errors.push(INVALID.to_owned());
        };
        // Whatever stands beside a reference is ignored (draft 4, "JSON Reference").
        if let Some(reference) = members.get("$ref") {
            return self.reference(reference);
        }
        self.unsupported(members);
        for (keyword, value) in members {
            self.keyword(keyword, value);
        }
    }

    /// A reference is the URL of a model, or points into the schema itself.
    fn reference(&mut self, reference: &Value) {
        let is_canonical = match reference.as_str() {
            None => return self.errors.push(INVALID.to_owned()),
            Some(reference) => match reference.strip_prefix('#') {
                Some(pointer) => pointer.contains('%') || self.root.pointer(pointer).is_some(),
                None => Model::referred_to(reference).is_some(),
            },
        };
        if !is_canonical {
            self.errors.push("Model reference must be in canonical form".to_owned());
        }
    }

    fn unsupported(&mut self, members: &Map<String, Value>) {
        let unsupported: Vec<String> = UNSUPPORTED
            .iter()
            .filter(|keyword| members.contains_key(**keyword))
            .map(|keyword| format!("\"{keyword}\""))
            .collect();
        if !unsupported.is_empty() {
            self.errors.push(format!("{INVALID}. Unsupported keyword(s): [{}]", unsupported.join(", ")));
        }
    }

    fn keyword(&mut self, keyword: &str, value: &Value) {
        let fits = match keyword {
            "properties" | "patternProperties" | "definitions" => return self.schemas_by_name(value),
            "allOf" | "anyOf" | "oneOf" => return self.schemas(value),
            "not" => return self.schema(value),
            "items" if value.is_array() => return self.schemas(value),
            "items" => return self.schema(value),
            "additionalItems" | "additionalProperties" if !value.is_boolean() => return self.schema(value),
            "dependencies" => return self.dependencies(value),
            "type" => is_type(value),
            "enum" => value.as_array().is_some_and(|values| !values.is_empty()),
            "required" => is_list_of_names(value),
            "maximum" | "minimum" => value.is_number(),
            "multipleOf" => value.as_f64().is_some_and(|number| number > 0.0),
            "exclusiveMaximum" | "exclusiveMinimum" | "uniqueItems" => value.is_boolean(),
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties" => is_count(value),
            "id" | "$schema" | "title" | "description" | "pattern" | "format" => value.is_string(),
            _ => true,
        };
        if !fits {
            self.errors.push(INVALID.to_owned());
        }
    }

    fn schemas(&mut self, value: &Value) {
        match value.as_array() {
            Some(schemas) if !schemas.is_empty() => schemas.iter().for_each(|schema| self.schema(schema)),
            _ => self.errors.push(INVALID.to_owned()),
        }
    }

    fn schemas_by_name(&mut self, value: &Value) {
        match value.as_object() {
            Some(schemas) => schemas.values().for_each(|schema| self.schema(schema)),
            None => self.errors.push(INVALID.to_owned()),
        }
    }

    fn dependencies(&mut self, value: &Value) {
        let Some(dependencies) = value.as_object() else {
            return self.errors.push(INVALID.to_owned());
        };
        for dependency in dependencies.values() {
            if dependency.is_object() {
                self.schema(dependency);
            } else if !is_list_of_names(dependency) {
                self.errors.push(INVALID.to_owned());
            }
        }
    }
}

fn is_type(value: &Value) -> bool {
    let is_one = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::Array(types) => !types.is_empty() && types.iter().all(is_one) && is_set(types),
        value => is_one(value),
    }
}

/// Draft 4 wants at least one, and none twice.
fn is_list_of_names(value: &Value) -> bool {
    value.as_array().is_some_and(|names| !names.is_empty() && names.iter().all(Value::is_string) && is_set(names))
}

fn is_set(values: &[Value]) -> bool {
    let names: std::collections::BTreeSet<_> = values.iter().filter_map(Value::as_str).collect();
    names.len() == values.len()
}

fn is_count(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_of_draft_4_has_no_errors() {
        for schema in [
            json!({}),
            json!({"type": ["object", "null"], "required": ["a"], "maxProperties": 3, "x-own": 1,
                "properties": {"a": {"type": "string", "maxLength": 35, "pattern": "^a"}, "example": {}},
                "default": {"example": 1}, "patternProperties": {"^b": {"enum": [1, null]}}, "additionalProperties": false}),
            json!({"type": "array", "items": [{"multipleOf": 0.5}, {"minimum": 1, "exclusiveMinimum": true}],
                "additionalItems": {"not": {"type": "null"}}, "uniqueItems": true, "minItems": 2.0}),
            json!({"anyOf": [{"$ref": "#/definitions/a"}, {"$ref": "#"}], "definitions": {"a": {}},
                "dependencies": {"a": ["b"], "c": {"required": ["d"]}}}),
            json!({"$ref": "https://apigateway.amazonaws.com/restapis/abcdefghij/models/Pet", "example": 1}),
        ] {
            assert_eq!(errors(&schema.to_string()), Vec::<String>::new(), "{schema}");
        }
    }

    #[test]
    fn each_keyword_of_a_wrong_value_is_an_error() {
        for (schema, wrong) in [
            (json!({"required": []}), 1),
            (json!({"required": true}), 1),
            (json!({"required": ["a", "a"]}), 1),
            (json!({"type": "file"}), 1),
            (json!({"type": []}), 1),
            (json!({"properties": {"a": {"minLength": "1", "maxLength": "35"}}}), 2),
            (json!({"properties": []}), 1),
            (json!({"properties": {"a": "string"}}), 1),
            (json!({"items": {"maximum": "3"}}), 1),
            (json!({"items": []}), 1),
            (json!({"exclusiveMinimum": 3}), 1),
            (json!({"multipleOf": 0}), 1),
            (json!({"minItems": -1, "maxItems": 1.5}), 2),
            (json!({"enum": [], "title": 1, "uniqueItems": 1}), 3),
            (json!({"allOf": {}, "not": [], "additionalProperties": "no"}), 3),
            (json!({"dependencies": {"a": "b"}}), 1),
            (json!({"$ref": 1}), 1),
        ] {
            assert_eq!(errors(&schema.to_string()), vec![INVALID; wrong], "{schema}");
        }
        for text in ["no schema", "[]", "1", "{"] {
            assert_eq!(errors(text), [INVALID], "{text}");
        }
    }

    #[test]
    fn what_only_openapi_has_is_named() {
        let schema = json!({"properties": {"a": {"type": "string", "nullable": true, "example": "b"}}, "xml": {}});
        assert_eq!(
            errors(&schema.to_string()),
            [
                "Invalid model schema specified. Unsupported keyword(s): [\"xml\"]",
                "Invalid model schema specified. Unsupported keyword(s): [\"example\", \"nullable\"]",
            ]
        );
    }

    #[test]
    fn a_reference_leads_to_a_model_or_into_the_schema() {
        for reference in ["#/components/schemas/Pet", "Pet", "https://example.com/schema", "#/definitions/gone"] {
            let schema = json!({"properties": {"a": {"$ref": reference}}});
            assert_eq!(errors(&schema.to_string()), ["Model reference must be in canonical form"], "{reference}");
        }
    }
}

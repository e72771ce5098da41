//! The sample of GetModelTemplate: a mapping template that writes what a model
//! describes.
//!
//! The samples of the API reference and of the AWS CLI fix how objects and their
//! values are written, templates that the console generated how arrays are. What
//! stands for a boolean is ours.

mod ordered;

use std::collections::BTreeMap;

use keyplan_domain::api::Model;

use self::ordered::Ordered;

const ROOT: &str = "#set($inputRoot = $input.path('$'))\n";
const EACH: &str =
    "##TODO: Update this foreach loop to reference array from input json\n#foreach($elem in $inputRoot.TODO)\n";
const NEXT: &str = "#if($foreach.hasNext),#end\n#end\n";

/// How deep references are followed: as deep as a schema's own text can be.
const DEPTH: usize = 32;

/// How long a sample may get: schemas that refer to one another many times over
/// grow without end.
const LENGTH: usize = 100_000;

/// The template of a model among the `models` of its API.
pub(super) fn of(model: &Model, models: &BTreeMap<String, Model>) -> String {
    let schemas = models.iter().filter_map(|(name, model)| Some((name.as_str(), parsed(model)?))).collect();
    // One that was kept before schemas were looked at may be none.
    let schema = parsed(model).unwrap_or(Ordered::Object(Vec::new()));
    let mut sample = Sample { schemas: &schemas, text: ROOT.to_owned() };
    sample.value(&schema, &schema, Place { indent: 0, depth: 0 });
    sample.text
}

fn parsed(model: &Model) -> Option<Ordered> {
    serde_json::from_str(model.schema.as_deref()?).ok()
}

#[derive(Clone, Copy)]
struct Place {
    indent: usize,
    depth: usize,
}

impl Place {
    fn inner(self) -> Self {
        Self { indent: self.indent + 1, depth: self.depth + 1 }
    }

    fn followed(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

struct Sample<'a> {
    /// By the names of their models.
    schemas: &'a BTreeMap<&'a str, Ordered>,
    text: String,
}

impl Sample<'_> {
    /// Writes what `schema`, a part of `root`, describes.
    fn value(&mut self, schema: &Ordered, root: &Ordered, place: Place) {
        if place.depth > DEPTH || self.text.len() > LENGTH {
            return self.text.push_str("{ }");
        }
        if let Some(reference) = schema.get("$ref").and_then(Ordered::as_str) {
            return self.referred(reference, root, place);
        }
        match kind(schema) {
            "array" => self.array(schema, root, place),
            "boolean" => self.text.push_str("true"),
            "integer" => self.text.push_str("42"),
            "number" => self.text.push_str("3.1415"),
            "null" => self.text.push_str("null"),
            "string" => self.text.push_str("\"foo\""),
            _ => self.object(schema, root, place),
        }
    }

    fn referred(&mut self, reference: &str, root: &Ordered, place: Place) {
        if let Some(pointer) = reference.strip_prefix('#') {
            return match root.pointer(pointer) {
                Some(schema) => self.value(schema, root, place.followed()),
                None => self.text.push_str("{ }"),
            };
        }
        match Model::referred_to(reference).and_then(|name| self.schemas.get(name)) {
            Some(schema) => self.value(schema, schema, place.followed()),
            None => self.text.push_str("{ }"),
        }
    }

    fn object(&mut self, schema: &Ordered, root: &Ordered, place: Place) {
        let properties = match schema.get("properties") {
            Some(Ordered::Object(properties)) if !properties.is_empty() => properties,
            _ => return self.text.push_str("{ }"),
        };
        self.text.push_str("{\n");
        let inner = place.inner();
        for (index, (name, property)) in properties.iter().enumerate() {
            self.text.push_str(&"  ".repeat(inner.indent));
            self.text.push_str(&serde_json::Value::from(name.as_str()).to_string());
            self.text.push_str(" : ");
            self.value(property, root, inner);
            self.text.push_str(if index + 1 < properties.len() { ",\n" } else { "\n" });
        }
        self.text.push_str(&"  ".repeat(place.indent));
        self.text.push('}');
    }

    fn array(&mut self, schema: &Ordered, root: &Ordered, place: Place) {
        self.text.push_str("[\n");
        self.text.push_str(EACH);
        self.text.push_str(&"  ".repeat(place.indent));
        self.text.push(' ');
        let none = Ordered::Object(Vec::new());
        let item = match schema.get("items") {
            Some(Ordered::Array(items)) => items.first(),
            items => items,
        };
        self.value(item.unwrap_or(&none), root, place.followed());
        self.text.push_str(" \n");
        self.text.push_str(NEXT);
        self.text.push_str(&"  ".repeat(place.indent));
        self.text.push(']');
    }
}

/// The type that a schema is of: the first, if it is of several.
fn kind(schema: &Ordered) -> &str {
    let named = match schema.get("type") {
        Some(Ordered::Array(types)) => types.first().and_then(Ordered::as_str),
        named => named.and_then(Ordered::as_str),
    };
    named.unwrap_or(if schema.get("items").is_some() { "array" } else { "object" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apis::testing::model;

    fn template(schema: &str) -> String {
        let url = "https://apigateway.amazonaws.com/restapis/abcdefghij/models";
        let other =
            json!({"properties": {"id": {"$ref": "#/definitions/id"}}, "definitions": {"id": {"type": "integer"}}});
        let looped = json!({"properties": {"self": {"$ref": format!("{url}/Loop")}, "me": {"$ref": "#"}}});
        let models = BTreeMap::from([
            model("Model", &schema.replace("MODELS", url)),
            model("Other", &other.to_string()),
            model("Loop", &looped.to_string()),
        ]);
        of(&models["Model"], &models)
    }

    #[test]
    fn the_samples_of_the_reference_and_of_the_cli_come_out() {
        // API reference, "GetModelTemplate"; the model is that of "CreateModel".
        let calc = r#"{"title": "Calc output", "type": "object", "properties": {"a": {"type": "number"},
            "b": {"type": "number"}, "op": {"type": "string"}, "c": {"type": "number"}}}"#;
        assert_eq!(
            template(calc),
            "#set($inputRoot = $input.path('$'))\n{\n  \"a\" : 3.1415,\n  \"b\" : 3.1415,\n  \"op\" : \"foo\",\n  \
             \"c\" : 3.1415\n}"
        );
        // AWS CLI, `get-model-template` of `Empty`.
        assert_eq!(template(r#"{"type": "object"}"#), "#set($inputRoot = $input.path('$'))\n{ }");
    }

    #[test]
    fn an_array_is_a_loop() {
        assert_eq!(
            template(r#"{"type": "array", "items": {"type": "object", "properties": {"age": {"type": "integer"}}}}"#),
            "#set($inputRoot = $input.path('$'))\n[\n##TODO: Update this foreach loop to reference array from input \
             json\n#foreach($elem in $inputRoot.TODO)\n {\n  \"age\" : 42\n} \n#if($foreach.hasNext),#end\n#end\n]"
        );
    }

    #[test]
    fn references_are_followed() {
        assert_eq!(
            template(
                r#"{"properties": {"ok": {"type": ["boolean", "null"]}, "other": {"$ref": "MODELS/Other"},
                    "gone": {"$ref": "MODELS/Gone"}}}"#
            ),
            "#set($inputRoot = $input.path('$'))\n{\n  \"ok\" : true,\n  \"other\" : {\n    \"id\" : 42\n  },\n  \
             \"gone\" : { }\n}"
        );
    }

    #[test]
    fn what_refers_to_itself_ends() {
        let looped = template(r#"{"$ref": "MODELS/Loop"}"#);
        assert!(looped.ends_with('}') && looped.len() < 2 * LENGTH, "{}", looped.len());
    }
}

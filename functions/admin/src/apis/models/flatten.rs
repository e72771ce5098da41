//! `flatten` of GetModel.

use std::collections::{BTreeMap, BTreeSet};

use keyplan_domain::api::Model;
use serde_json::{Map, Value};

/// Names of the models that a schema refers to.
pub(super) fn references(schema: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Ok(mut schema) = serde_json::from_str(schema) {
        each_reference(&mut schema, &mut |reference| {
            names.extend(Model::referred_to(reference).map(str::to_owned));
        });
    }
    names
}

/// The model's schema with all that it refers to among its definitions. What is
/// not there stays a reference.
pub(super) fn schema(model: &Model, models: &BTreeMap<String, Model>) -> Option<String> {
    let text = model.schema.as_ref()?;
    let Ok(mut schema) = serde_json::from_str::<Value>(text) else { return Some(text.clone()) };
    let mut definitions = Map::new();
    let mut open = localise(&mut schema, models);
    while let Some(name) = open.pop_first() {
        if definitions.contains_key(&name) {
            continue;
        }
        let text = models.get(&name).and_then(|model| model.schema.as_deref()).unwrap_or("{}");
        let mut definition = serde_json::from_str(text).unwrap_or_default();
        open.append(&mut localise(&mut definition, models));
        definitions.insert(name, definition);
    }
    if !definitions.is_empty()
        && let Value::Object(schema) = &mut schema
    {
        let own = schema.entry("definitions").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(own) = own {
            own.append(&mut definitions);
        }
    }
    Some(schema.to_string())
}

/// Turns references to models that exist into ones to definitions, and gives the
/// models' names.
fn localise(schema: &mut Value, models: &BTreeMap<String, Model>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each_reference(schema, &mut |reference| {
        if let Some(name) = Model::referred_to(reference).filter(|name| models.contains_key(*name)) {
            let name = name.to_owned();
            *reference = format!("#/definitions/{name}");
            names.insert(name);
        }
    });
    names
}

fn each_reference(value: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(reference) if name == "$ref" => visit(reference),
                    member => each_reference(member, visit),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apis::testing::model;

    #[test]
    fn all_that_is_referred_to_is_defined_once_though_it_goes_in_circles() {
        let to = |name: &str| Model::reference("abcdefghij", name);
        let models = BTreeMap::from([
            model("A", &json!({"properties": {"b": {"$ref": to("B")}, "c": {"$ref": to("Gone")}}}).to_string()),
            model("B", &json!({"items": [{"$ref": to("C")}, {"$ref": to("C")}]}).to_string()),
            model("C", &json!({"anyOf": [{"$ref": to("B")}, {"$ref": "#/definitions/own"}]}).to_string()),
        ]);
        let flat: Value = serde_json::from_str(&schema(&models["A"], &models).unwrap()).unwrap();
        let here = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
        assert_eq!(
            flat,
            json!({
                "properties": {"b": here("B"), "c": {"$ref": to("Gone")}},
                "definitions": {
                    "B": {"items": [here("C"), here("C")]},
                    "C": {"anyOf": [here("B"), here("own")]},
                },
            })
        );
        assert_eq!(references(models["A"].schema.as_deref().unwrap()), ["B".to_owned(), "Gone".to_owned()].into());
    }
}

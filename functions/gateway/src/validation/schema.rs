use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};

use jsonschema::{Draft, PatternOptions, Retrieve, Uri, Validator};
use keyplan_domain::api::Model;
use keyplan_domain::refusal::Refusal;
use serde_json::Value;

use super::errors;

/// How often a pattern may try again on one text. Most patterns never do, since
/// they are matched in linear time; only look-around and back-references need it.
const BACKTRACKS: usize = 10_000;

/// The size in bytes up to which a body is told what is wrong with it, which
/// takes memory for each error that it has. That it is wrong takes none.
const TOLD: usize = 16 * 1024;

/// What API Gateway says of a body that is no JSON, as seen in real answers.
const NO_JSON: &str = "[Unknown error parsing request body]";

/// The models of a deployment.
pub(super) struct Models {
    pub(super) api: String,
    pub(super) by_name: BTreeMap<String, Model>,
}

/// The schema of a model, compiled when the first body is checked against it.
pub(super) struct Schema {
    name: String,
    models: Arc<Models>,
    compiled: OnceLock<Result<Validator, Unusable>>,
}

/// The schema is none that can be evaluated; why has been logged.
struct Unusable;

impl Schema {
    pub(super) fn new(name: String, models: Arc<Models>) -> Self {
        Self { name, models, compiled: OnceLock::new() }
    }

    /// Whether a body is what the schema describes.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), Refusal> {
        let validator = self.validator().map_err(|what| Refusal::Unsupported { what })?;
        // What is nested deeper than the parser follows is no JSON either, so
        // that no body decides how deep the stack gets.
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Err(Refusal::BodyInvalid { errors: NO_JSON.to_owned() });
        };
        if validator.is_valid(&value) {
            return Ok(());
        }
        let errors = if body.len() <= TOLD { errors::told(validator.iter_errors(&value)) } else { errors::untold() };
        Err(Refusal::BodyInvalid { errors })
    }

    pub(super) fn unsupported(&self) -> Option<&'static str> {
        self.validator().err()
    }

    fn validator(&self) -> Result<&Validator, &'static str> {
        let compiled = self.compiled.get_or_init(|| {
            self.compile().map_err(|error| {
                let api_id = &self.models.api;
                tracing::error!(api_id, model = self.name, %error, "a model cannot be evaluated");
                Unusable
            })
        });
        compiled.as_ref().map_err(|Unusable| "a model whose schema cannot be evaluated")
    }

    fn compile(&self) -> Result<Validator, Box<dyn Error + Send + Sync>> {
        let schema = self.models.schema(&self.name)?;
        let mut options = jsonschema::options()
            .with_draft(Draft::Draft4)
            .with_base_uri(Model::reference(&self.models.api, &self.name))
            .with_retriever(References(self.models.clone()))
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS))
            .should_validate_formats(true);
        // Formats of other drafts, which draft 4 does not know.
        for unknown in ["date", "time"] {
            options = options.with_format(unknown, |_: &str| true);
        }
        Ok(options.build(&schema)?)
    }
}

impl Models {
    fn schema(&self, name: &str) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let text = self.by_name.get(name).and_then(|model| model.schema.as_deref()).ok_or("there is no such model")?;
        let mut schema = serde_json::from_str(text)?;
        anonymise(&mut schema);
        Ok(schema)
    }
}

/// Finds the models that schemas refer to, and nothing else.
struct References(Arc<Models>);

impl Retrieve for References {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.0.schema(Model::referred_to(uri.as_str()).ok_or("it is no model's URL")?)
    }
}

/// Takes from a schema, and from all within it, what it says of its own address
/// and draft: references mean the model that they are in, whatever generators of
/// schemas write into `id`.
fn anonymise(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    members.remove("id");
    members.remove("$schema");
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "definitions" | "dependencies", Value::Object(schemas)) => {
                schemas.values_mut().for_each(anonymise);
            }
            ("allOf" | "anyOf" | "oneOf" | "items", Value::Array(schemas)) => schemas.iter_mut().for_each(anonymise),
            ("not" | "items" | "additionalItems" | "additionalProperties", schema) => anonymise(schema),
            _ => {}
        }
    }
}

//! Models as bodies are checked against them: JSON schema of draft 4. It is evaluated
//! here, and by no library, since that draft changes no more and is all there is to
//! it, since libraries are several times as large, and since what is wrong is told in
//! the words and the order of another one.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};

use keyplan_domain::api::Model;
use keyplan_domain::refusal::Refusal;
use serde_json::Value;

use super::compile::{Compiled, compile};
use super::errors;
use super::evaluate::Evaluation;
use super::work::TooLong;

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
    compiled: OnceLock<Option<Compiled>>,
}

impl Schema {
    pub(super) fn new(name: String, models: Arc<Models>) -> Self {
        Self { name, models, compiled: OnceLock::new() }
    }

    /// Whether a body is what the schema describes.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), Refusal> {
        let compiled = self.compiled().map_err(|what| Refusal::Unsupported { what })?;
        // What is nested deeper than the parser follows is no JSON either, so
        // that no body decides how deep the stack gets.
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Err(Refusal::BodyInvalid { errors: NO_JSON.to_owned() });
        };
        let evaluation = || Evaluation::new(compiled, body.len());
        let found = match evaluation().check(&value) {
            Ok(true) => return Ok(()),
            Ok(false) if body.len() <= TOLD => evaluation().faults(&value),
            _ => Err(TooLong),
        };
        let errors = found.map_or_else(|TooLong| errors::untold(), errors::told);
        Err(Refusal::BodyInvalid { errors })
    }

    pub(super) fn unsupported(&self) -> Option<&'static str> {
        self.compiled().err()
    }

    fn compiled(&self) -> Result<&Compiled, &'static str> {
        let compiled = self.compiled.get_or_init(|| {
            compile(&self.name, &self.models.by_name)
                .inspect_err(|error| {
                    let (api_id, cause) = (&self.models.api, error.source());
                    tracing::error!(api_id, model = self.name, %error, cause, "a model cannot be evaluated");
                })
                .ok()
        });
        compiled.as_ref().ok_or("a model whose schema cannot be evaluated")
    }
}

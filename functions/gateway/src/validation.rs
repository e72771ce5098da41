//! Whether a request is what its method asks for: its request validator, which
//! looks for the required parameters and then at the body (developer guide,
//! "Request validation for REST APIs in API Gateway"). Nothing is read here, and
//! nothing counted: what is refused has been admitted.

mod compile;
mod equality;
mod errors;
mod evaluate;
mod format;
mod keyword;
mod number;
mod parameters;
mod pattern;
mod schema;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::api::{Method, Model, RequestValidator};
use keyplan_domain::id::RestApiId;
use keyplan_domain::refusal::Refusal;

use crate::by_media_type::ByMediaType;
use crate::exchange::Exchange;
use parameters::RequiredParameters;
use schema::Schema;

/// What of a request a method has checked.
pub(crate) struct RequestValidation {
    parameters: Option<RequiredParameters>,
    body: Option<ByMediaType<Arc<Schema>>>,
}

/// The validators and models of a deployment, and of the latter those that some
/// method has bodies checked by.
pub(crate) struct Validators {
    validators: BTreeMap<String, RequestValidator>,
    models: Arc<schema::Models>,
    used: BTreeMap<String, Arc<Schema>>,
}

impl Validators {
    pub(crate) fn new(
        api: &RestApiId,
        validators: BTreeMap<String, RequestValidator>,
        models: BTreeMap<String, Model>,
    ) -> Self {
        let models = Arc::new(schema::Models { api: api.as_str().to_owned(), by_name: models });
        Self { validators, models, used: BTreeMap::new() }
    }

    /// What a method has checked; `None` where it is nothing.
    ///
    /// # Errors
    /// When the deployment does not hold what would be needed for it.
    pub(crate) fn of(&mut self, method: &Method) -> Result<Option<RequestValidation>, &'static str> {
        let Some(id) = method.request_validator_id.as_ref() else {
            return Ok(None);
        };
        let validator = self.validators.get(id);
        let &RequestValidator { validate_request_body, validate_request_parameters, .. } =
            validator.ok_or("a request validator that the deployment does not hold: deploy the API again")?;
        let parameters = validate_request_parameters.then(|| RequiredParameters::of(&method.request_parameters));
        let body = match validate_request_body {
            true => Some(self.schemas(&method.request_models)?),
            false => None,
        };
        let validation = RequestValidation {
            parameters: parameters.filter(|parameters| !parameters.is_empty()),
            body: body.filter(|schemas| !schemas.is_empty()),
        };
        Ok((validation.parameters.is_some() || validation.body.is_some()).then_some(validation))
    }

    fn schemas(&mut self, models: &BTreeMap<String, String>) -> Result<ByMediaType<Arc<Schema>>, &'static str> {
        let of = |(media_type, name): (&String, &String)| {
            let schema = match self.used.get(name) {
                Some(schema) => schema.clone(),
                None if self.models.by_name.contains_key(name) => {
                    let schema = Arc::new(Schema::new(name.clone(), self.models.clone()));
                    self.used.insert(name.clone(), schema.clone());
                    schema
                }
                None => return Err("a model that the deployment does not hold: deploy the API again"),
            };
            Ok((media_type.clone(), schema))
        };
        models.iter().map(of).collect()
    }
}

impl RequestValidation {
    /// Whether a request is what the method asks for.
    ///
    /// # Errors
    /// When it is not, or when that cannot be told.
    pub(crate) fn check(&self, exchange: &Exchange<'_>) -> Result<(), Refusal> {
        if let Some(parameters) = &self.parameters {
            parameters.check(exchange)?;
        }
        match self.body.as_ref().and_then(|schemas| schemas.pick(exchange.request.content_type())) {
            Some(schema) => schema.check(&exchange.request.body),
            None => Ok(()),
        }
    }

    /// What keeps bodies from being checked, where something does. It compiles
    /// every schema, which calls do only once one of them needs it.
    pub(crate) fn unsupported(&self) -> Option<&'static str> {
        self.body.iter().flat_map(ByMediaType::values).find_map(|schema| schema.unsupported())
    }
}

#[cfg(test)]
mod tests;

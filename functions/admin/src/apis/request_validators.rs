use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{RequestValidator, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_store::entropy;
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::CreateRequestValidatorInput;
use keyplan_wire::{input, patch};

use super::{definition, missing, paging};
use crate::Admin;
use crate::answer::{Outcome, accepted, created, edited, ok};
use crate::extract::{Query, Segments};

const PATCH_PATHS: [&str; 3] = ["/name", "/validateRequestParameters", "/validateRequestBody"];

pub(super) async fn create(State(admin): State<Admin>, Segments(api): Segments<String>, body: Bytes) -> Outcome {
    let input: CreateRequestValidatorInput = input::from_json(&body)?;
    let mut validator = RequestValidator {
        id: entropy::part_id(),
        name: input.name.filter(|name| !name.is_empty()),
        validate_request_body: input.validate_request_body.unwrap_or(false),
        validate_request_parameters: input.validate_request_parameters.unwrap_or(false),
    };
    let edit = |definition: &mut RestApiDefinition| {
        while definition.request_validators.contains_key(&validator.id) {
            validator.id = entropy::part_id();
        }
        definition.request_validators.insert(validator.id.clone(), validator.clone());
        Ok(validator.clone())
    };
    // Said by this operation alone.
    let unknown_api = ApiError::bad_request("Invalid REST API identifier specified");
    created(&edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, unknown_api)?)
}

pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>, query: Query) -> Outcome {
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    let validators = definition.request_validators.values();
    ok(&paging::page(validators, |validator| validator.id.clone(), |validator| validator, &query.page()?)?)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, id)): Segments<(String, String)>) -> Outcome {
    let definition = admin.store().definition(&RestApiId::new(api)).await?.ok_or_else(missing::request_validator)?;
    ok(definition.request_validators.get(&id).ok_or_else(missing::request_validator)?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, id)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateRequestValidatorInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let validator = definition.request_validators.get_mut(&id).ok_or_else(missing::request_validator)?;
        apply(validator, &operations)?;
        Ok(validator.clone())
    };
    ok(&edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::request_validator())?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, id)): Segments<(String, String)>) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| take(definition, &id);
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::request_validator())?;
    accepted()
}

/// Carries out a patch (patch operations, "RequestValidator").
fn apply(validator: &mut RequestValidator, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let path = operation.path.as_deref().unwrap_or_default();
        if !PATCH_PATHS.contains(&path) {
            return Err(operation.unknown_path(&PATCH_PATHS));
        }
        if operation.op != Op::Replace {
            return Err(operation.unsupported_op());
        }
        match path {
            "/name" => {
                let name = operation.text().filter(|name| !name.trim().is_empty());
                let blank = || ApiError::bad_request("Request Validator name cannot be blank");
                validator.name = Some(name.ok_or_else(blank)?.to_owned());
            }
            "/validateRequestBody" => validator.validate_request_body = operation.boolean(),
            _ => validator.validate_request_parameters = operation.boolean(),
        }
    }
    Ok(())
}

/// Takes a validator that no method uses.
fn take(definition: &mut RestApiDefinition, id: &str) -> Result<(), ApiError> {
    if !definition.request_validators.contains_key(id) {
        return Err(missing::request_validator());
    }
    for (resource, methods) in &definition.methods {
        if let Some(verb) =
            methods.values().find(|method| method.request_validator_id.as_deref() == Some(id)).map(|m| &m.http_method)
        {
            let path = definition.resources.get(resource).map_or(resource.as_str(), |resource| &resource.path);
            return Err(ApiError::conflict(format!(
                "Cannot delete request validator '{id}', is used by method: {path}/{verb}"
            )));
        }
    }
    definition.request_validators.remove(id);
    Ok(())
}

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{MethodResponse, RestApiDefinition};
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::PutMethodResponseInput;
use keyplan_wire::{input, patch};

use super::{mapping, methods};
use crate::Admin;
use crate::answer::{Outcome, created, no_content, ok};
use crate::extract::Segments;

type Ids = Segments<(String, String, String, String)>;

pub(super) async fn put(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): Ids,
    body: Bytes,
) -> Outcome {
    mapping::status_code(&status)?;
    let input: PutMethodResponseInput = input::from_json(&body)?;
    let response = MethodResponse {
        status_code: status.clone(),
        response_parameters: input.response_parameters.unwrap_or_default(),
        response_models: input.response_models.unwrap_or_default(),
    };
    response.response_parameters.keys().try_for_each(|name| check_parameter(name))?;
    let edit = |definition: &mut RestApiDefinition| {
        let method = methods::of_mut(definition, &resource, &verb)?;
        if method.method_responses.contains_key(&status) {
            return Err(ApiError::conflict("Response already exists for this resource"));
        }
        method.method_responses.insert(status.clone(), response.clone());
        Ok(())
    };
    methods::edit_api(&admin, &api, edit).await?;
    created(&response)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, resource, verb, status)): Ids) -> Outcome {
    let method = methods::method(&admin, &api, &resource, &verb).await?;
    ok(method.method_responses.get(&status).ok_or_else(missing::response)?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): Ids,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateMethodResponseInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let method = methods::of_mut(definition, &resource, &verb)?;
        let response = method.method_responses.get_mut(&status).ok_or_else(missing::response)?;
        operations.iter().try_for_each(|operation| apply(response, operation))?;
        Ok(response.clone())
    };
    // 201, unlike every other update.
    created(&methods::edit_api(&admin, &api, edit).await?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, resource, verb, status)): Ids) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| {
        let method = methods::of_mut(definition, &resource, &verb)?;
        method.method_responses.remove(&status).map(|_| ()).ok_or_else(missing::response)
    };
    methods::edit_api(&admin, &api, edit).await?;
    no_content()
}

/// The answer to a status code that a method or an integration has no response of.

fn apply(response: &mut MethodResponse, operation: &PatchOperation) -> Result<(), ApiError> {
    let segments = operation.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    operation.add_remove_or_replace()?;
    let is_removal = operation.op == Op::Remove;
    match segments.as_slice() {
        ["responseParameters", name] if is_removal => {
            response.response_parameters.remove(*name);
        }
        ["responseParameters", name] => {
            check_parameter(name)?;
            response.response_parameters.insert((*name).to_owned(), operation.boolean());
        }
        ["responseModels", media_type] if is_removal => {
            response.response_models.remove(*media_type);
        }
        ["responseModels", media_type] => {
            let model = operation.text().ok_or_else(|| operation.invalid_path())?;
            response.response_models.insert((*media_type).to_owned(), model.to_owned());
        }
        _ => return Err(operation.invalid_path()),
    }
    Ok(())
}

fn check_parameter(name: &str) -> Result<(), ApiError> {
    mapping::parameter(mapping::Direction::Response, name, "''")
}

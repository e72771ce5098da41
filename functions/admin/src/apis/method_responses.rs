use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{MethodResponse, RestApiDefinition};
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::PatchOperation;
use keyplan_wire::rest_api::PutMethodResponseInput;
use keyplan_wire::{input, patch};

use super::mapping::{check_names, check_status};
use super::methods::{self, ResponsePath, edit_api, edit_entry};
use super::missing;
use crate::Admin;
use crate::answer::{Outcome, created, no_content, ok};
use crate::extract::Segments;

pub(super) async fn put(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): ResponsePath,
    body: Bytes,
) -> Outcome {
    let input: PutMethodResponseInput = input::from_json(&body)?;
    let response = new_response(input, &status)?;
    let edit = |definition: &mut RestApiDefinition| {
        methods::of(definition, &resource, &verb)?;
        methods::check_models(definition, &response.response_models)?;
        let responses = &mut methods::of(definition, &resource, &verb)?.method_responses;
        if responses.contains_key(&status) {
            return Err(ApiError::conflict("Response already exists for this resource"));
        }
        responses.insert(status.clone(), response.clone());
        Ok(())
    };
    edit_api(&admin, &api, edit).await?;
    created(&response)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, resource, verb, status)): ResponsePath) -> Outcome {
    let method = methods::read(&admin, &api, &resource, &verb).await?;
    ok(method.method_responses.get(&status).ok_or_else(missing::response)?)
}

/// Answers 201, not 200, as API Gateway does.
pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): ResponsePath,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateMethodResponseInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let responses = &mut methods::of(definition, &resource, &verb)?.method_responses;
        let response = responses.get_mut(&status).ok_or_else(missing::response)?;
        apply(response, &operations)?;
        let response = response.clone();
        methods::check_models(definition, &response.response_models)?;
        Ok(response)
    };
    created(&edit_api(&admin, &api, edit).await?)
}

pub(super) async fn delete(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): ResponsePath,
) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| {
        let responses = &mut methods::of(definition, &resource, &verb)?.method_responses;
        responses.remove(&status).map(|_| ()).ok_or_else(missing::response)
    };
    edit_api(&admin, &api, edit).await?;
    no_content()
}

fn new_response(input: PutMethodResponseInput, status: &str) -> Result<MethodResponse, ApiError> {
    check_status(status)?;
    let response = MethodResponse {
        status_code: status.to_owned(),
        response_parameters: input.response_parameters.unwrap_or_default(),
        response_models: input.response_models.unwrap_or_default(),
    };
    check(&response)?;
    Ok(response)
}

/// Carries out a patch (patch operations, "MethodResponse").
fn apply(response: &mut MethodResponse, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["responseParameters", name] => {
                edit_entry(&mut response.response_parameters, name, operation, operation.boolean())?;
            }
            ["responseModels", content_type] => {
                let model = operation.text().unwrap_or_default().to_owned();
                edit_entry(&mut response.response_models, content_type, operation, model)?;
            }
            _ => return Err(operation.invalid_path()),
        }
    }
    check(response)
}

fn check(response: &MethodResponse) -> Result<(), ApiError> {
    check_names(response.response_parameters.keys(), "method.response", &["header"])
}

#[cfg(test)]
mod tests {
    use keyplan_wire::patch::Op;

    use super::*;
    use crate::apis::testing::operation;

    fn response(body: &str, status: &str) -> Result<MethodResponse, ApiError> {
        new_response(input::from_json(body.as_bytes()).unwrap(), status)
    }

    #[test]
    fn a_response_is_shown_as_recorded() {
        assert_eq!(
            serde_json::to_value(response("{}", "200").unwrap()).unwrap(),
            serde_json::json!({"statusCode": "200"})
        );
    }

    #[test]
    fn status_and_parameters_are_checked() {
        assert_eq!(response("{}", "wrong").unwrap_err().kind, "ValidationException");
        assert!(response(r#"{"responseModels":{"application/json":"Empty"}}"#, "200").is_ok());
        assert!(response(r#"{"responseParameters":{"method.response.header.x":true}}"#, "200").is_ok());
        assert!(response(r#"{"responseParameters":{"method.response.body.x":true}}"#, "200").is_err());
    }

    #[test]
    fn models_and_parameters_are_patched() {
        let mut response = response("{}", "200").unwrap();
        let add = [
            operation(Op::Add, "/responseParameters/method.response.header.x", "true"),
            operation(Op::Add, "/responseModels/application~1json", "Error"),
        ];
        apply(&mut response, &add).unwrap();
        assert_eq!(response.response_models["application/json"], "Error");
        assert!(response.response_parameters["method.response.header.x"]);
        let error = apply(&mut response, &[operation(Op::Replace, "/statusCode", "201")]).unwrap_err();
        assert_eq!(error.message, "Invalid patch path /statusCode");
    }
}

mod rules;

pub(super) use rules::with_variables_filled;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Integration, RestApiDefinition};
use keyplan_wire::error::ApiError;
use keyplan_wire::rest_api::PutIntegrationInput;
use keyplan_wire::{input, patch};

use super::mapping::check_declared_in_request;
use super::methods::{self, MethodPath, edit_api};
use super::missing;
use crate::Admin;
use crate::answer::{Outcome, created, no_content, ok};
use crate::extract::Segments;

pub(super) async fn put(
    State(admin): State<Admin>,
    Segments((api, resource, verb)): MethodPath,
    body: Bytes,
) -> Outcome {
    let input: PutIntegrationInput = input::from_json(&body)?;
    let integration = rules::new_integration(input, &resource)?;
    let edit = |definition: &mut RestApiDefinition| -> Result<(), ApiError> {
        let method = methods::of(definition, &resource, &verb)?;
        check_declared_in_request(&integration.request_parameters, &method.request_parameters)?;
        method.method_integration = Some(integration.clone());
        Ok(())
    };
    edit_api(&admin, &api, edit).await?;
    created(&integration)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, resource, verb)): MethodPath) -> Outcome {
    let method = methods::read(&admin, &api, &resource, &verb).await?;
    ok(&method.method_integration.ok_or_else(missing::integration)?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, resource, verb)): MethodPath,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateIntegrationInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let method = methods::of(definition, &resource, &verb)?;
        let integration = method.method_integration.as_mut().ok_or_else(missing::integration)?;
        rules::patch(integration, &operations)?;
        check_declared_in_request(&integration.request_parameters, &method.request_parameters)?;
        Ok(integration.clone())
    };
    ok(&edit_api(&admin, &api, edit).await?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, resource, verb)): MethodPath) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| {
        let integration = methods::of(definition, &resource, &verb)?.method_integration.take();
        integration.map(|_| ()).ok_or_else(missing::integration)
    };
    edit_api(&admin, &api, edit).await?;
    no_content()
}

/// An integration to edit.
pub(super) fn of<'a>(
    definition: &'a mut RestApiDefinition,
    resource: &str,
    verb: &str,
) -> Result<&'a mut Integration, ApiError> {
    methods::of(definition, resource, verb)?.method_integration.as_mut().ok_or_else(missing::integration)
}

mod rules;

pub(super) use rules::with_variables_filled;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Integration, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_wire::error::ApiError;
use keyplan_wire::rest_api::PutIntegrationInput;
use keyplan_wire::{input, patch};

use super::{methods, missing};
use crate::Admin;
use crate::answer::{Outcome, created, edited, no_content, ok};
use crate::extract::Segments;

type MethodPath = Segments<(String, String, String)>;

pub(super) async fn put(
    State(admin): State<Admin>,
    Segments((api, resource, verb)): MethodPath,
    body: Bytes,
) -> Outcome {
    let input: PutIntegrationInput = input::from_json(&body)?;
    let integration = rules::new_integration(input, &resource)?;
    let edit = |definition: &mut RestApiDefinition| -> Result<(), ApiError> {
        methods::of(definition, &resource, &verb)?.method_integration = Some(integration.clone());
        Ok(())
    };
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::resource())?;
    created(&integration)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, resource, verb)): MethodPath) -> Outcome {
    let method = methods::read(&admin, &RestApiId::new(api), &resource, &verb).await?;
    ok(&method.method_integration.ok_or_else(missing::integration)?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, resource, verb)): MethodPath,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateIntegrationInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let integration = of(definition, &resource, &verb)?;
        rules::patch(integration, &operations)?;
        Ok(integration.clone())
    };
    ok(&edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::resource())?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, resource, verb)): MethodPath) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| {
        let integration = methods::of(definition, &resource, &verb)?.method_integration.take();
        integration.map(|_| ()).ok_or_else(missing::integration)
    };
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::resource())?;
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

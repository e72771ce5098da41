mod rules;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Method, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_wire::error::ApiError;
use keyplan_wire::rest_api::PutMethodInput;
use keyplan_wire::{input, patch};

pub(super) use rules::{check_models, edit_entry};

use super::missing;
use crate::Admin;
use crate::answer::{Failure, Outcome, created, edited, no_content, ok};
use crate::extract::Segments;

/// The API, the resource and the verb of a method's path.
pub(super) type MethodPath = Segments<(String, String, String)>;
/// The same, and the status of a response of the method or its integration.
pub(super) type ResponsePath = Segments<(String, String, String, String)>;

pub(super) async fn put(
    State(admin): State<Admin>,
    Segments((api, resource, verb)): MethodPath,
    body: Bytes,
) -> Outcome {
    let input: PutMethodInput = input::from_json(&body)?;
    let edit = |definition: &mut RestApiDefinition| rules::put(definition, &resource, &verb, input.clone());
    created(&edit_api(&admin, &api, edit).await?)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, resource, verb)): MethodPath) -> Outcome {
    ok(&read(&admin, &api, &resource, &verb).await?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, resource, verb)): MethodPath,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateMethodInput")?;
    let edit = |definition: &mut RestApiDefinition| rules::patch(definition, &resource, &verb, &operations);
    ok(&edit_api(&admin, &api, edit).await?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, resource, verb)): MethodPath) -> Outcome {
    edit_api(&admin, &api, |definition| rules::delete(definition, &resource, &verb)).await?;
    no_content()
}

/// A method, or why there is none.
pub(super) async fn read(admin: &Admin, api: &str, resource: &str, verb: &str) -> Result<Method, Failure> {
    let api = RestApiId::new(api);
    match admin.store().method(&api, resource, verb).await? {
        Some(method) => Ok(method),
        None if admin.store().resource(&api, resource).await?.is_some() => Err(missing::method().into()),
        None => Err(missing::resource().into()),
    }
}

/// A method to edit.
pub(super) fn of<'a>(
    definition: &'a mut RestApiDefinition,
    resource: &str,
    verb: &str,
) -> Result<&'a mut Method, ApiError> {
    if !definition.resources.contains_key(resource) {
        return Err(missing::resource());
    }
    definition.method_mut(resource, verb).ok_or_else(missing::method)
}

/// Edits an API at the level of resources and methods, where an unknown API is
/// answered as an unknown resource is.
pub(super) async fn edit_api<T>(
    admin: &Admin,
    api: &str,
    edit: impl FnMut(&mut RestApiDefinition) -> Result<T, ApiError>,
) -> Result<T, Failure> {
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::resource())
}

mod rules;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Method, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_wire::error::ApiError;
use keyplan_wire::rest_api::PutMethodInput;
use keyplan_wire::{input, patch};

use super::missing;
use crate::Admin;
use crate::answer::{Failure, Outcome, created, edited, no_content, ok};
use crate::extract::Segments;

type Ids = Segments<(String, String, String)>;

pub(super) async fn put(State(admin): State<Admin>, Segments((api, resource, verb)): Ids, body: Bytes) -> Outcome {
    let input: PutMethodInput = input::from_json(&body)?;
    let edit = |definition: &mut RestApiDefinition| {
        let method = rules::new_method(definition, &resource, &verb, input.clone())?;
        definition.methods.entry(resource.clone()).or_default().insert(verb.clone(), method.clone());
        Ok(method)
    };
    created(&edit_api(&admin, &api, edit).await?)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, resource, verb)): Ids) -> Outcome {
    ok(&method(&admin, &api, &resource, &verb).await?)
}

pub(super) async fn update(State(admin): State<Admin>, Segments((api, resource, verb)): Ids, body: Bytes) -> Outcome {
    let operations = patch::parse(&body, "updateMethodInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let mut method = of(definition, &resource, &verb)?.clone();
        rules::patch(definition, &mut method, &operations)?;
        definition.methods.entry(resource.clone()).or_default().insert(verb.clone(), method.clone());
        Ok(method)
    };
    ok(&edit_api(&admin, &api, edit).await?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, resource, verb)): Ids) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| {
        of(definition, &resource, &verb)?;
        if let Some(methods) = definition.methods.get_mut(&resource) {
            methods.remove(&verb);
        }
        Ok(())
    };
    edit_api(&admin, &api, edit).await?;
    no_content()
}

/// A method read by itself; an unknown API answers as an unknown resource does.
pub(super) async fn method(admin: &Admin, api: &str, resource: &str, verb: &str) -> Result<Method, Failure> {
    let api = RestApiId::new(api);
    match admin.store().method(&api, resource, verb).await? {
        Some(method) => Ok(method),
        None if admin.store().resource(&api, resource).await?.is_some() => Err(missing::method().into()),
        None => Err(missing::resource().into()),
    }
}

/// A method of an API that is being edited.
pub(super) fn of<'a>(definition: &'a RestApiDefinition, resource: &str, verb: &str) -> Result<&'a Method, ApiError> {
    if !definition.resources.contains_key(resource) {
        return Err(missing::resource());
    }
    definition.method(resource, verb).ok_or_else(missing::method)
}

/// The same, to be changed.
pub(super) fn of_mut<'a>(
    definition: &'a mut RestApiDefinition,
    resource: &str,
    verb: &str,
) -> Result<&'a mut Method, ApiError> {
    of(definition, resource, verb)?;
    definition.method_mut(resource, verb).ok_or_else(missing::method)
}

/// Edits an API at the level of resources and methods, where an unknown API
/// answers as an unknown resource does.
pub(super) async fn edit_api<T>(
    admin: &Admin,
    api: &str,
    edit: impl FnMut(&mut RestApiDefinition) -> Result<T, ApiError>,
) -> Result<T, Failure> {
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::resource())
}

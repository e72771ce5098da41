mod rules;

use std::collections::BTreeMap;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Method, Resource, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_store::entropy;
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::rest_api::{CreateResourceInput, ResourceAnswer};
use keyplan_wire::{input, patch};

use super::methods::edit_api;
use super::{definition, missing, paging};
use crate::Admin;
use crate::answer::{Outcome, accepted, created, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(
    State(admin): State<Admin>,
    Segments((api, parent)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let input: CreateResourceInput = input::from_json(&body)?;
    let part =
        input.path_part.ok_or_else(|| ApiError::validation(Violation::missing("createResourceInput.pathPart")))?;
    let edit = |definition: &mut RestApiDefinition| {
        let mut id = entropy::part_id();
        while definition.resources.contains_key(&id) {
            id = entropy::part_id();
        }
        rules::create(definition, &parent, &part, id)
    };
    created(&ResourceAnswer::new(&edit_api(&admin, &api, edit).await?, None, false))
}

/// Sorted by path.
pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>, query: Query) -> Outcome {
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    let mut resources: Vec<&Resource> = definition.resources.values().collect();
    resources.sort_by(|one, other| one.path.cmp(&other.path));
    let embed = embeds_methods(&query);
    ok(&paging::page(
        resources.into_iter(),
        |resource| resource.path.clone(),
        |resource| answer(resource, &definition, embed),
        &query.page()?,
    )?)
}

pub(super) async fn get(
    State(admin): State<Admin>,
    Segments((api, id)): Segments<(String, String)>,
    query: Query,
) -> Outcome {
    let definition = admin.store().definition(&RestApiId::new(api)).await?.ok_or_else(missing::resource)?;
    let resource = definition.resources.get(&id).ok_or_else(missing::resource)?;
    ok(&answer(resource, &definition, embeds_methods(&query)))
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, id)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateResourceInput")?;
    let edit = |definition: &mut RestApiDefinition| -> Result<(Resource, Option<BTreeMap<String, Method>>), ApiError> {
        let resource = rules::patch(definition, &id, &operations)?;
        Ok((resource, definition.methods.get(&id).cloned()))
    };
    let (resource, methods) = edit_api(&admin, &api, edit).await?;
    ok(&ResourceAnswer::new(&resource, methods.as_ref(), false))
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, id)): Segments<(String, String)>) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| rules::delete(definition, &id);
    edit_api(&admin, &api, edit).await?;
    accepted()
}

fn embeds_methods(query: &Query) -> bool {
    query.all("embed").iter().any(|embed| embed == "methods")
}

fn answer<'a>(resource: &'a Resource, definition: &'a RestApiDefinition, embed: bool) -> ResourceAnswer<'a> {
    ResourceAnswer::new(resource, definition.methods.get(&resource.id), embed)
}

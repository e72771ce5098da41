mod rules;

use std::collections::BTreeMap;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Method, Resource, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_store::entropy;
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::page::Items;
use keyplan_wire::rest_api::{CreateResourceInput, ResourceAnswer};
use keyplan_wire::{input, patch};

use super::missing;
use crate::Admin;
use crate::answer::{Outcome, accepted, created, edited, ok};
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
    let written = admin.store().edit_rest_api(&RestApiId::new(api), edit).await;
    created(&ResourceAnswer::new(&edited(written, missing::resource())?, None, false))
}

/// Resources are few; their page begins after the path that `position` names.
pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>, query: Query) -> Outcome {
    let definition =
        admin.store().definition(&RestApiId::new(&api)).await?.ok_or_else(|| missing::api(&admin, &api))?;
    let page = query.page()?;
    let mut resources: Vec<&Resource> = definition.resources.values().collect();
    resources.sort_by(|one, other| one.path.cmp(&other.path));
    if let Some(last) = &page.position {
        resources.retain(|resource| resource.path > *last);
    }
    let more = resources.len() > page.limit;
    resources.truncate(page.limit);
    let position = resources.last().filter(|_| more).map(|last| last.path.clone());
    let embed = embeds_methods(&query);
    let shown = resources.into_iter().map(|resource| answer(resource, &definition, embed));
    ok(&Items { item: shown.collect(), position })
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
    let written = admin.store().edit_rest_api(&RestApiId::new(api), edit).await;
    let (resource, methods) = edited(written, missing::resource())?;
    ok(&ResourceAnswer::new(&resource, methods.as_ref(), false))
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, id)): Segments<(String, String)>) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| rules::delete(definition, &id);
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::resource())?;
    accepted()
}

fn embeds_methods(query: &Query) -> bool {
    query.all("embed").iter().any(|embed| embed == "methods")
}

fn answer<'a>(resource: &'a Resource, definition: &'a RestApiDefinition, embed: bool) -> ResourceAnswer<'a> {
    ResourceAnswer::new(resource, definition.methods.get(&resource.id), embed)
}

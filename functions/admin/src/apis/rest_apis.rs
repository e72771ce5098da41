mod copy;
mod patch;
mod rules;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Resource, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_store::entropy;
use keyplan_wire::error::ApiError;
use keyplan_wire::omission::Shown;
use keyplan_wire::page::Items;
use keyplan_wire::rest_api::{CreateRestApiInput, RestApiAnswer};
use keyplan_wire::{input, patch as wire_patch};

use super::missing;
use crate::Admin;
use crate::answer::{Outcome, accepted, created, edited, ok};
use crate::extract::{Query, Segments};
use crate::refused::unsupported;

pub(super) async fn create(State(admin): State<Admin>, query: Query, body: Bytes) -> Outcome {
    if query.get("mode") == Some("import") {
        return Err(unsupported("ImportRestApi"));
    }
    let mut input: CreateRestApiInput = input::from_json(&body)?;
    let source = match input.clone_from.take().filter(|id| !id.is_empty()) {
        None => None,
        Some(id) => {
            let source = admin.store().definition(&RestApiId::new(&id)).await?;
            Some(source.ok_or_else(|| missing::api(&admin, &id))?)
        }
    };
    let root = Resource {
        // Of an API's form: the root's id is longer than those of other resources.
        id: entropy::rest_api_id().to_string(),
        parent_id: None,
        path_part: None,
        path: "/".to_owned(),
    };
    let api = rules::new_api(input, entropy::rest_api_id(), &root.id, admin.now())?;
    admin.store().create_rest_api(&api, &root).await?;
    if let Some(source) = source {
        let copy = |definition: &mut RestApiDefinition| {
            copy::into(definition, &source);
            Ok::<_, ApiError>(())
        };
        let copied = admin.store().edit_rest_api(&api.id, copy).await;
        if copied.is_err() {
            // Nobody was told its id yet.
            admin.store().delete_rest_api(&api.id).await?;
        }
        edited(copied, missing::api(&admin, api.id.as_str()))?;
    }
    created(&RestApiAnswer::new(&api, Shown::CreatedOrListed))
}

pub(super) async fn list(State(admin): State<Admin>, query: Query) -> Outcome {
    let page = admin.store().rest_apis(&query.page()?).await?;
    let shown = page.items.iter().map(|api| RestApiAnswer::new(api, Shown::CreatedOrListed));
    ok(&Items { item: shown.collect(), position: page.position })
}

pub(super) async fn get(State(admin): State<Admin>, Segments(id): Segments<String>) -> Outcome {
    let api = admin.store().rest_api(&RestApiId::new(&id)).await?.ok_or_else(|| missing::api(&admin, &id))?;
    ok(&RestApiAnswer::new(&api, Shown::Alone))
}

pub(super) async fn update(State(admin): State<Admin>, Segments(id): Segments<String>, body: Bytes) -> Outcome {
    let operations = wire_patch::parse(&body, "updateRestApiInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        patch::apply(&mut definition.api, &operations)?;
        Ok(definition.api.clone())
    };
    let written = admin.store().edit_rest_api(&RestApiId::new(&id), edit).await;
    let api = edited(written, missing::api(&admin, &id))?;
    ok(&RestApiAnswer::new(&api, Shown::Alone))
}

pub(super) async fn delete(State(admin): State<Admin>, Segments(id): Segments<String>) -> Outcome {
    if admin.store().delete_rest_api(&RestApiId::new(&id)).await? {
        accepted()
    } else {
        Err(missing::api(&admin, &id).into())
    }
}

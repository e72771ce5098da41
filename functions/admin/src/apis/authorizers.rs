mod rules;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::RestApiDefinition;
use keyplan_domain::id::RestApiId;
use keyplan_store::entropy;
use keyplan_wire::error::ApiError;
use keyplan_wire::rest_api::CreateAuthorizerInput;
use keyplan_wire::{input, patch};

use super::{definition, missing, paging};
use crate::Admin;
use crate::answer::{Outcome, accepted, created, edited, ok};
use crate::extract::{Query, Segments};

/// An unknown API is said to be modified concurrently, which is what API
/// Gateway says.
pub(super) async fn create(State(admin): State<Admin>, Segments(api): Segments<String>, body: Bytes) -> Outcome {
    let input: CreateAuthorizerInput = input::from_json(&body)?;
    let mut authorizer = rules::new_authorizer(input, entropy::part_id())?;
    let edit = |definition: &mut RestApiDefinition| {
        while definition.authorizers.contains_key(&authorizer.id) {
            authorizer.id = entropy::part_id();
        }
        rules::check_name(definition, &authorizer)?;
        definition.authorizers.insert(authorizer.id.clone(), authorizer.clone());
        Ok(authorizer.clone())
    };
    let written = admin.store().edit_rest_api(&RestApiId::new(api), edit).await;
    created(&edited(written, ApiError::concurrent_modification())?)
}

pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>, query: Query) -> Outcome {
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    let authorizers = definition.authorizers.values();
    ok(&paging::page(authorizers, |authorizer| authorizer.id.clone(), |authorizer| authorizer, &query.page()?)?)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, id)): Segments<(String, String)>) -> Outcome {
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    ok(definition.authorizers.get(&id).ok_or_else(missing::authorizer)?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, id)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateAuthorizerInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let mut authorizer = definition.authorizers.get(&id).ok_or_else(missing::authorizer)?.clone();
        rules::patch(&mut authorizer, &operations)?;
        rules::check_name(definition, &authorizer)?;
        definition.authorizers.insert(id.clone(), authorizer.clone());
        Ok(authorizer)
    };
    let written = admin.store().edit_rest_api(&RestApiId::new(&api), edit).await;
    ok(&edited(written, missing::api(&admin, &api))?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, id)): Segments<(String, String)>) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| rules::delete(definition, &id);
    let written = admin.store().edit_rest_api(&RestApiId::new(&api), edit).await;
    edited(written, missing::api(&admin, &api))?;
    accepted()
}

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::key::{ApiKey, ApiKeyId, KeyValue};
use keyplan_store::{CreateKeyError, entropy};
use keyplan_wire::api_key::{ApiKeyAnswer, CreateApiKeyInput};
use keyplan_wire::error::ApiError;
use keyplan_wire::omission::Shown;
use keyplan_wire::page::Items;
use keyplan_wire::{input, patch};

use super::{import, rules, unknown_key};
use crate::Admin;
use crate::answer::{Failure, Outcome, accepted, created, edited, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(State(admin): State<Admin>, query: Query, body: Bytes) -> Outcome {
    if query.get("mode") == Some("import") {
        return import::import(&admin, &query, &body).await;
    }
    let input: CreateApiKeyInput = input::from_json(&body)?;
    let (mut key, value) = rules::new_key(input, entropy::api_key_id(), admin.now())?;
    let value = value.unwrap_or_else(entropy::key_value);
    while !is_created(&admin, &key, &value).await? {
        key.id = entropy::api_key_id();
    }
    created(&ApiKeyAnswer::new(&key, Some(&value), Shown::CreatedOrListed))
}

/// False: a key has this id already.
async fn is_created(admin: &Admin, key: &ApiKey, value: &KeyValue) -> Result<bool, Failure> {
    match admin.store().create_api_key(key, value).await {
        Ok(()) => Ok(true),
        Err(CreateKeyError::IdExists) => Ok(false),
        Err(CreateKeyError::ValueExists) => Err(ApiError::conflict("API Key already exists").into()),
        Err(CreateKeyError::Store(error)) => Err(error.into()),
    }
}

pub(super) async fn list(State(admin): State<Admin>, query: Query) -> Outcome {
    let store = admin.store();
    let page = store.api_keys(&query.page()?, query.text("name"), query.text("customerId")).await?;
    let values = if query.flag("includeValues") {
        let ids: Vec<ApiKeyId> = page.items.iter().map(|key| key.id.clone()).collect();
        store.key_values(&ids).await?
    } else {
        Default::default()
    };
    let shown = page.items.iter().map(|key| ApiKeyAnswer::new(key, values.get(&key.id), Shown::CreatedOrListed));
    ok(&Items { item: shown.collect(), position: page.position })
}

pub(super) async fn get(State(admin): State<Admin>, Segments(id): Segments<String>, query: Query) -> Outcome {
    let id = ApiKeyId::new(id);
    if query.flag("includeValue") {
        let (key, value) = admin.store().api_key_with_value(&id).await?.ok_or_else(unknown_key)?;
        ok(&ApiKeyAnswer::new(&key, Some(&value), Shown::Alone))
    } else {
        let key = admin.store().api_key(&id).await?.ok_or_else(unknown_key)?;
        ok(&ApiKeyAnswer::new(&key, None, Shown::Alone))
    }
}

pub(super) async fn update(State(admin): State<Admin>, Segments(id): Segments<String>, body: Bytes) -> Outcome {
    let operations = patch::parse(&body, "updateApiKeyInput")?;
    let now = admin.now();
    let edit = |key: &mut ApiKey| rules::patch(key, &operations, now);
    let key = edited(admin.store().update_api_key(&ApiKeyId::new(id), edit).await, unknown_key())?;
    ok(&ApiKeyAnswer::new(&key, None, Shown::Alone))
}

pub(super) async fn delete(State(admin): State<Admin>, Segments(id): Segments<String>) -> Outcome {
    if admin.store().delete_api_key(&ApiKeyId::new(id)).await? { accepted() } else { Err(unknown_key().into()) }
}

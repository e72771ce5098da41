use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::subject::SubjectId;
use keyplan_store::CreateSubjectError;
use keyplan_wire::api_key::{CreateSubjectInput, SubjectAnswer};
use keyplan_wire::error::ApiError;
use keyplan_wire::input;
use keyplan_wire::page::Items;

use super::{rules, unknown_key};
use crate::Admin;
use crate::answer::{Failure, Outcome, accepted, created, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(State(admin): State<Admin>, Segments(key): Segments<String>, body: Bytes) -> Outcome {
    let input: CreateSubjectInput = input::from_json(&body)?;
    let record = rules::new_subject(input, ApiKeyId::new(key), admin.now())?;
    admin.store().create_subject(&record).await.map_err(failure)?;
    created(&SubjectAnswer::from(&record))
}

fn failure(error: CreateSubjectError) -> Failure {
    match error {
        CreateSubjectError::KeyNotFound => unknown_key().into(),
        CreateSubjectError::AlreadyMapped => ApiError::conflict("The subject is already mapped to an API key").into(),
        CreateSubjectError::Store(error) => error.into(),
    }
}

pub(super) async fn list(State(admin): State<Admin>, Segments(key): Segments<String>, query: Query) -> Outcome {
    let key = ApiKeyId::new(key);
    admin.store().api_key(&key).await?.ok_or_else(unknown_key)?;
    let page = admin.store().subjects(&key, &query.page()?).await?;
    ok(&Items { item: page.items.iter().map(SubjectAnswer::from).collect(), position: page.position })
}

pub(super) async fn delete(
    State(admin): State<Admin>,
    Segments((key, subject)): Segments<(String, String)>,
) -> Outcome {
    if admin.store().delete_subject(&ApiKeyId::new(key), &SubjectId::new(subject)).await? {
        accepted()
    } else {
        Err(ApiError::not_found("Invalid subject identifier specified").into())
    }
}

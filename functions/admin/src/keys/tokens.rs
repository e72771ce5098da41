use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::token::{Token, TokenRecord};
use keyplan_store::entropy;
use keyplan_wire::api_key::{CreateTokenInput, RotateTokenInput, TokenAnswer};
use keyplan_wire::error::ApiError;
use keyplan_wire::input;
use keyplan_wire::page::Items;

use super::{rules, unknown_key};
use crate::Admin;
use crate::answer::{Outcome, accepted, created, edited, found, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(State(admin): State<Admin>, Segments(key): Segments<String>, body: Bytes) -> Outcome {
    let input: CreateTokenInput = input::from_json(&body)?;
    let token = Token::from_entropy(entropy::bytes());
    let record = rules::new_token(input, token.id(), ApiKeyId::new(key), admin.now())?;
    found(admin.store().create_token(&token.hash(), &record).await, unknown_key())?;
    created(&TokenAnswer::issued(&record, &token))
}

pub(super) async fn list(State(admin): State<Admin>, Segments(key): Segments<String>, query: Query) -> Outcome {
    let key = ApiKeyId::new(key);
    admin.store().api_key(&key).await?.ok_or_else(unknown_key)?;
    let page = admin.store().tokens(&key, &query.page()?).await?;
    let shown = page.items.iter().map(|(record, last_used)| TokenAnswer::listed(record, *last_used));
    ok(&Items { item: shown.collect(), position: page.position })
}

/// A new token for the holder of another, which goes on for a while beside it.
pub(super) async fn rotate(
    State(admin): State<Admin>,
    Segments((key, old)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let input: RotateTokenInput = input::from_json(&body)?;
    let token = Token::from_entropy(entropy::bytes());
    let rotate = |old: &TokenRecord| rules::rotated(&input, old, &token, admin.now());
    let rotated = admin.store().rotate_token(&ApiKeyId::new(key), &old, rotate).await;
    created(&TokenAnswer::issued(&edited(rotated, unknown_token())?, &token))
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((key, token)): Segments<(String, String)>) -> Outcome {
    if admin.store().delete_token(&ApiKeyId::new(key), &token).await? {
        accepted()
    } else {
        Err(unknown_token().into())
    }
}

fn unknown_token() -> ApiError {
    ApiError::not_found("Invalid token identifier specified")
}

//! API keys, the tokens that stand for them, and the subjects that they stand for.

mod api_keys;
mod import;
mod rules;
mod subjects;
mod tokens;

use axum::Router;
use axum::routing::{delete, get, post};
use keyplan_wire::error::ApiError;

use crate::Admin;

/// `/apikeys`, behind the gate.
pub fn router(admin: &Admin) -> Router {
    admin.gated(routes())
}

pub(crate) fn routes() -> Router<Admin> {
    Router::new()
        .route("/apikeys", get(api_keys::list).post(api_keys::create))
        .route("/apikeys/{key}", get(api_keys::get).patch(api_keys::update).delete(api_keys::delete))
        .route("/apikeys/{key}/subjects", get(subjects::list).post(subjects::create))
        .route("/apikeys/{key}/subjects/{subject}", delete(subjects::delete))
        .route("/apikeys/{key}/tokens", get(tokens::list).post(tokens::create))
        .route("/apikeys/{key}/tokens/{token}", delete(tokens::delete))
        .route("/apikeys/{key}/tokens/{token}/rotate", post(tokens::rotate))
}

fn unknown_key() -> ApiError {
    ApiError::not_found("Invalid API Key identifier specified")
}

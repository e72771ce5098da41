//! Usage plans, their keys, and what the keys used.

mod draft;
mod patch;
mod plan_keys;
mod usage;
mod usage_plans;

use axum::Router;
use axum::routing::{get, patch as on_patch};
use keyplan_wire::error::ApiError;

use crate::Admin;

/// `/usageplans`, behind the gate.
pub fn router(admin: &Admin) -> Router {
    admin.gated(routes())
}

pub(crate) fn routes() -> Router<Admin> {
    Router::new()
        .route("/usageplans", get(usage_plans::list).post(usage_plans::create))
        .route("/usageplans/{plan}", get(usage_plans::get).patch(usage_plans::update).delete(usage_plans::delete))
        .route("/usageplans/{plan}/keys", get(plan_keys::list).post(plan_keys::create))
        .route("/usageplans/{plan}/keys/{key}", get(plan_keys::get).delete(plan_keys::delete))
        .route("/usageplans/{plan}/usage", get(usage::get))
        .route("/usageplans/{plan}/keys/{key}/usage", on_patch(usage::update))
}

fn unknown_plan() -> ApiError {
    ApiError::not_found("Invalid Usage Plan ID specified")
}

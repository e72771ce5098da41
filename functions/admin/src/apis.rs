//! REST APIs and everything below them, the account, and tags.
//!
//! Whatever belongs to an API is edited as one definition: the store reads it,
//! a pure function here changes it or refuses, and what has changed is written
//! together, on condition that nobody else wrote meanwhile.

mod account;
mod authorizers;
mod deployments;
mod explain;
mod gateway_responses;
mod integration_responses;
mod integrations;
mod mapping;
mod method_responses;
mod methods;
mod missing;
mod models;
mod paging;
mod request_validators;
mod resources;
mod rest_apis;
mod stages;
mod tags;
mod test_invoke;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, put};
use keyplan_domain::api::RestApiDefinition;
use keyplan_domain::id::RestApiId;
use keyplan_gateway::Inspector;

use crate::answer::Failure;
use crate::{Admin, refused};

/// `/restapis`, `/account`, `/tags` and `/_keyplan/explain`, behind the gate.
/// What is about the data plane is told by `inspector`.
pub fn router(admin: &Admin, inspector: &Inspector) -> Router {
    admin.gated(routes(inspector))
}

const METHOD: &str = "/restapis/{api}/resources/{resource}/methods/{verb}";

pub(crate) fn routes(inspector: &Inspector) -> Router<Admin> {
    Router::new()
        .route("/restapis", get(rest_apis::list).post(rest_apis::create))
        .route("/restapis/{api}", get(rest_apis::get).patch(rest_apis::update).delete(rest_apis::delete))
        .route("/restapis/{api}/resources", get(resources::list))
        .route(
            "/restapis/{api}/resources/{resource}",
            get(resources::get).post(resources::create).patch(resources::update).delete(resources::delete),
        )
        .merge(method_routes())
        .route("/restapis/{api}/authorizers", get(authorizers::list).post(authorizers::create))
        .route(
            "/restapis/{api}/authorizers/{authorizer}",
            get(authorizers::get).patch(authorizers::update).delete(authorizers::delete),
        )
        .route("/restapis/{api}/models", get(models::list).post(models::create))
        .route("/restapis/{api}/models/{model}", get(models::get).patch(models::update).delete(models::delete))
        .route("/restapis/{api}/models/{model}/default_template", get(models::get_template))
        .route("/restapis/{api}/requestvalidators", get(request_validators::list).post(request_validators::create))
        .route(
            "/restapis/{api}/requestvalidators/{validator}",
            get(request_validators::get).patch(request_validators::update).delete(request_validators::delete),
        )
        .route("/restapis/{api}/deployments", get(deployments::list).post(deployments::create))
        .route(
            "/restapis/{api}/deployments/{deployment}",
            get(deployments::get).patch(deployments::update).delete(deployments::delete),
        )
        .route("/restapis/{api}/stages", get(stages::list).post(stages::create))
        .route("/restapis/{api}/stages/{stage}", get(stages::get).patch(stages::update).delete(stages::delete))
        .route("/restapis/{api}/stages/{stage}/cache/data", delete(stages::flush_cache))
        .route("/restapis/{api}/stages/{stage}/cache/authorizers", delete(stages::flush_authorizers_cache))
        .route("/restapis/{api}/gatewayresponses", get(gateway_responses::list))
        .route(
            "/restapis/{api}/gatewayresponses/{type}",
            get(gateway_responses::get)
                .put(gateway_responses::put)
                .patch(gateway_responses::update)
                .delete(gateway_responses::delete),
        )
        .route("/account", get(account::get).patch(account::update))
        .route("/tags/{arn}", get(tags::get).put(tags::tag).delete(tags::untag))
        .merge(test_invoke::routes(inspector))
        .merge(explain::routes(inspector))
        .merge(refused::routes())
}

fn method_routes() -> Router<Admin> {
    Router::new()
        .route(METHOD, put(methods::put).get(methods::get).patch(methods::update).delete(methods::delete))
        .route(
            &format!("{METHOD}/responses/{{status}}"),
            put(method_responses::put)
                .get(method_responses::get)
                .patch(method_responses::update)
                .delete(method_responses::delete),
        )
        .route(
            &format!("{METHOD}/integration"),
            put(integrations::put).get(integrations::get).patch(integrations::update).delete(integrations::delete),
        )
        .route(
            &format!("{METHOD}/integration/responses/{{status}}"),
            put(integration_responses::put)
                .get(integration_responses::get)
                .patch(integration_responses::update)
                .delete(integration_responses::delete),
        )
}

/// An API with everything that belongs to it.
async fn definition(admin: &Admin, id: &RestApiId) -> Result<Arc<RestApiDefinition>, Failure> {
    Ok(admin.store().definition(id).await?.ok_or_else(|| missing::api(admin, id.as_str()))?)
}

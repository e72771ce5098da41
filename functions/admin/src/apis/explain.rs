//! `GET /_keyplan/explain`: what would become of a call, and why. Keyplan's own.

use axum::Router;
use axum::routing::get;
use keyplan_domain::id::{ApiKeyId, RestApiId};
use keyplan_gateway::{ExplainCall, Inspector};
use keyplan_wire::error::ApiError;

use crate::Admin;
use crate::answer::{Outcome, ok};
use crate::extract::Query;

pub(super) fn routes(inspector: &Inspector) -> Router<Admin> {
    let inspector = inspector.clone();
    Router::new().route("/_keyplan/explain", get(async move |query| explain(inspector, query).await))
}

async fn explain(inspector: Inspector, query: Query) -> Outcome {
    let call = read(&query)?;
    ok(&inspector.explain(&call).await?)
}

fn read(query: &Query) -> Result<ExplainCall, ApiError> {
    let required = |name: &str| {
        query.text(name).ok_or_else(|| ApiError::bad_request(format!("The query parameter {name} is required")))
    };
    let path = required("path")?;
    Ok(ExplainCall {
        rest_api_id: RestApiId::new(required("restApiId")?),
        stage: required("stage")?.to_owned(),
        method: required("method")?.parse().map_err(|_| ApiError::bad_request("Invalid HttpMethod specified"))?,
        path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
        key_id: query.text("keyId").map(ApiKeyId::new),
    })
}

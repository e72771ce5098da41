//! Answers, as axum sends them.

use std::convert::Infallible;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use keyplan_store::{StoreError, UpdateError};
use keyplan_wire::error::ApiError;
use serde::Serialize;

/// What a handler gives back.
pub(crate) type Outcome = Result<Response, Failure>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An error that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Failure(ApiError);

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<StoreError> for Failure {
    /// What failed is for the log, not for the caller.
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::Conflict => ApiError::concurrent_modification(),
            // The API Gateway reference tells no limit of most texts, nor what is beyond it.
            StoreError::TooLarge => {
                ApiError::bad_request("The request exceeds the size of what can be kept: 400 KB each")
            }
            StoreError::InvalidPosition => ApiError::bad_request("Invalid position specified"),
            StoreError::Unavailable { .. } | StoreError::Throttled { .. } | StoreError::Outage => {
                tracing::error!(%error, "the store is unavailable");
                ApiError::new(503, "ServiceUnavailableException", "Service Unavailable")
            }
            StoreError::Corrupt { .. } => {
                tracing::error!(%error, "an item is corrupt");
                internal_failure()
            }
        })
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&error.body()).unwrap_or_default();
        let kind = HeaderValue::from_static(error.kind);
        let mut response = (status, [(CONTENT_TYPE, JSON)], body).into_response();
        response.headers_mut().insert("x-amzn-errortype", kind);
        response
    }
}

/// An answer with a body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Outcome {
    let body = serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        internal_failure()
    })?;
    Ok((status, [(CONTENT_TYPE, JSON)], body).into_response())
}

/// 200 with a body.
pub(crate) fn ok(body: &impl Serialize) -> Outcome {
    json(StatusCode::OK, body)
}

/// 201 with a body.
pub(crate) fn created(body: &impl Serialize) -> Outcome {
    json(StatusCode::CREATED, body)
}

/// 202 without a body: what most deletions answer.
pub(crate) fn accepted() -> Outcome {
    Ok(StatusCode::ACCEPTED.into_response())
}

/// 204: what the others answer.
pub(crate) fn no_content() -> Outcome {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The outcome of an edit, with `not_found` for a thing that is not there.
pub(crate) fn edited<T>(result: Result<T, UpdateError<ApiError>>, not_found: ApiError) -> Result<T, Failure> {
    result.map_err(|error| match error {
        UpdateError::NotFound => not_found.into(),
        UpdateError::Rejected(error) => error.into(),
        UpdateError::Store(error) => error.into(),
    })
}

/// As [`edited`], for edits that refuse nothing.
pub(crate) fn found<T>(result: Result<T, UpdateError<Infallible>>, not_found: ApiError) -> Result<T, Failure> {
    result.map_err(|error| match error {
        UpdateError::NotFound => not_found.into(),
        UpdateError::Rejected(never) => match never {},
        UpdateError::Store(error) => error.into(),
    })
}

/// The answer to a method and a path that are no operation.
pub(crate) async fn no_such_operation() -> Failure {
    unknown_operation()
}

pub(crate) fn unknown_operation() -> Failure {
    Failure(ApiError::new(
        404,
        "UnknownOperationException",
        "This method and path are no operation of Amazon API Gateway's REST APIs.",
    ))
}

fn internal_failure() -> ApiError {
    ApiError::new(500, "InternalFailureException", "Internal server error")
}

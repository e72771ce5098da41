//! What API Gateway says of things that are not there.

use keyplan_wire::error::ApiError;

use crate::Admin;

pub(in crate::apis) fn api(admin: &Admin, id: &str) -> ApiError {
    let account = &admin.settings().account_id;
    ApiError::not_found(format!("Invalid API identifier specified {account}:{id}"))
}

/// Also said of an unknown API, where a resource or a method is asked for.
pub(in crate::apis) fn resource() -> ApiError {
    ApiError::not_found("Invalid Resource identifier specified")
}

pub(in crate::apis) fn method() -> ApiError {
    ApiError::not_found("Invalid Method identifier specified")
}

pub(in crate::apis) fn integration() -> ApiError {
    ApiError::not_found("Invalid Integration identifier specified")
}

/// Of a method or of an integration.
pub(in crate::apis) fn response() -> ApiError {
    ApiError::not_found("Invalid Response status code specified")
}

pub(in crate::apis) fn authorizer() -> ApiError {
    ApiError::not_found("Invalid Authorizer identifier specified")
}

pub(in crate::apis) fn model(name: &str) -> ApiError {
    ApiError::not_found(format!("Invalid model name specified: {name}"))
}

pub(in crate::apis) fn request_validator() -> ApiError {
    ApiError::not_found("Invalid Request Validator identifier specified")
}

pub(in crate::apis) fn deployment() -> ApiError {
    ApiError::not_found("Invalid Deployment identifier specified")
}

pub(in crate::apis) fn stage() -> ApiError {
    ApiError::not_found("Invalid stage identifier specified")
}

pub(in crate::apis) fn parameter() -> ApiError {
    ApiError::not_found("Invalid parameter name specified")
}

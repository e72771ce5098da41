//! Lambda functions, which are always reached through Lambda's Invoke API.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Region};
use aws_sdk_lambda::error::{DisplayErrorContext, SdkError};
use aws_sdk_lambda::primitives::Blob;
use keyplan_domain::arn::{FunctionRef, InvalidFunction};
use keyplan_store::connect::{CONNECT_TIMEOUT, Connection};
use serde::Deserialize;

use crate::stage_variables;

/// A client of Lambda with the region, the credentials and the connections of
/// `connection`; no request is sent. It never retries: a function may act before it fails.
#[must_use]
pub fn lambda_client(connection: &Connection, endpoint_url: Option<&str>) -> Client {
    let mut config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(connection.region.clone()))
        .credentials_provider(connection.credentials.clone())
        .http_client(connection.http_client(endpoint_url))
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .retry_config(RetryConfig::disabled());
    config.set_endpoint_url(endpoint_url.map(str::to_owned));
    Client::from_conf(config.build())
}

/// The function that an integration or an authorizer names.
#[derive(Debug)]
pub(crate) enum Function {
    /// Named once and for all.
    Fixed(FunctionRef),
    /// The URI refers to stage variables.
    PerStage(String),
}

impl Function {
    pub(crate) fn compile(uri: &str) -> Result<Self, InvalidFunction> {
        if stage_variables::are_in(uri) {
            Ok(Self::PerStage(uri.to_owned()))
        } else {
            FunctionRef::from_invocation_uri(uri).map(Self::Fixed)
        }
    }

    pub(crate) fn at(&self, variables: &BTreeMap<String, String>) -> Result<Cow<'_, FunctionRef>, InvalidFunction> {
        match self {
            Self::Fixed(function) => Ok(Cow::Borrowed(function)),
            Self::PerStage(uri) => {
                FunctionRef::from_invocation_uri(&stage_variables::replaced(uri, variables)).map(Cow::Owned)
            }
        }
    }
}

/// What came of an invocation.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The function's answer, as JSON.
    Answered(Vec<u8>),
    /// The function itself failed, with this message.
    Failed {
        /// `errorMessage`; empty where there is none.
        message: String,
    },
}

/// Why a function was not invoked, or nobody knows what became of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    #[error("the function did not answer in time")]
    TimedOut,
    #[error("Lambda cannot be reached")]
    Unreachable,
    #[error("the event is larger than Lambda takes")]
    TooLarge,
    #[error("Lambda refused to invoke the function")]
    Refused,
}

#[derive(Deserialize)]
struct FunctionFailure {
    #[serde(default, rename = "errorMessage")]
    message: Option<String>,
    #[serde(default, rename = "errorType")]
    kind: Option<String>,
}

/// Invokes a function and waits for its answer.
pub(crate) async fn invoke(
    client: &Client,
    function: &FunctionRef,
    event: Vec<u8>,
    time_out: Duration,
) -> Result<Outcome, InvokeError> {
    let call = client.invoke().function_name(function.as_str()).payload(Blob::new(event)).send();
    let answer = match tokio::time::timeout(time_out, call).await {
        Err(_) => return Err(InvokeError::TimedOut),
        Ok(Err(error)) => {
            tracing::error!(function = function.name(), error = %DisplayErrorContext(&error), "a function was not invoked");
            return Err(match error {
                SdkError::TimeoutError(_) => InvokeError::TimedOut,
                SdkError::ServiceError(error) if error.err().is_request_too_large_exception() => InvokeError::TooLarge,
                SdkError::ServiceError(_) => InvokeError::Refused,
                _ => InvokeError::Unreachable,
            });
        }
        Ok(Ok(answer)) => answer,
    };
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    if answer.function_error.is_none() {
        return Ok(Outcome::Answered(payload));
    }
    let failure = serde_json::from_slice(&payload).unwrap_or(FunctionFailure { message: None, kind: None });
    let message = failure.message.unwrap_or_default();
    if message != UNAUTHORIZED {
        // The message is the function's own and may hold anything.
        tracing::error!(function = function.name(), error_type = failure.kind, "a function failed");
    }
    Ok(Outcome::Failed { message })
}

/// The message with which an authorizer says that the caller is not who it
/// should be (developer guide, "Use API Gateway Lambda authorizers").
pub(crate) const UNAUTHORIZED: &str = "Unauthorized";

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:\
                       000000000000:function:${stageVariables.name}:${stageVariables.alias}/invocations";

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn stage_variables_name_the_function() {
        let function = Function::compile(URI).unwrap();
        let resolved = function.at(&variables(&[("name", "echo"), ("alias", "live")])).unwrap();
        assert_eq!((resolved.name(), resolved.qualifier()), ("echo", Some("live")));
    }

    #[test]
    fn a_stage_variable_that_is_not_set_names_no_function() {
        assert!(Function::compile(URI).unwrap().at(&variables(&[("name", "echo")])).is_err());
    }

    #[test]
    fn a_fixed_uri_is_checked_once() {
        assert!(Function::compile("arn:aws:s3:::bucket").is_err());
    }
}

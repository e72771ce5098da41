//! Clients from explicit settings: environment credentials only, no profile
//! files, no instance metadata, nothing looked up at start.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient};

use crate::http_clients::HttpClients;

/// How long AWS may take to be reached. The same for all its services, since
/// connections are shared by those who wait for them equally long.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long DynamoDB may take to answer: without an end, one that hangs would hang
/// every caller.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where DynamoDB is and who asks. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The AWS region.
    pub region: String,
    /// Another address than the region's own.
    pub endpoint_url: Option<String>,
    /// What requests are signed with.
    pub credentials: Credentials,
    http_clients: HttpClients,
}

/// A variable of the environment that is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is not set: {expected} is expected")]
pub struct MissingVariable {
    /// The variable.
    pub name: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

impl Connection {
    /// With connections of its own.
    #[must_use]
    pub fn new(region: impl Into<String>, endpoint_url: Option<String>, credentials: Credentials) -> Self {
        Self { region: region.into(), endpoint_url, credentials, http_clients: HttpClients::default() }
    }

    /// From `AWS_REGION`, `AWS_ENDPOINT_URL_DYNAMODB` and AWS's variables for
    /// credentials, which Lambda sets.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn from_env() -> Result<Self, MissingVariable> {
        let region = required("AWS_REGION", "a region's name")?;
        Ok(Self::new(region, optional("AWS_ENDPOINT_URL_DYNAMODB"), credentials_from_env()?))
    }

    /// A client for it; no request is sent.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .http_client(self.http_client(self.endpoint_url.as_deref()));
        config.set_endpoint_url(self.endpoint_url.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// What a client of AWS reaches its endpoint by: another address than the
    /// region's own, if there is one.
    #[must_use]
    pub fn http_client(&self, endpoint_url: Option<&str>) -> SharedHttpClient {
        self.http_clients.to(endpoint_url)
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
///
/// # Errors
/// Names the variable that is missing.
pub fn credentials_from_env() -> Result<Credentials, MissingVariable> {
    Ok(Credentials::new(
        required("AWS_ACCESS_KEY_ID", "an access key")?,
        required("AWS_SECRET_ACCESS_KEY", "its secret")?,
        optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    ))
}

fn required(name: &'static str, expected: &'static str) -> Result<String, MissingVariable> {
    optional(name).ok_or(MissingVariable { name, expected })
}

fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What answers the calls of a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    /// The kind of backend.
    #[serde(rename = "type")]
    pub integration_type: IntegrationType,
    /// The verb the backend is called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_method: Option<String>,
    /// The backend: a URL, or an ARN of API Gateway's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// `INTERNET`, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<String>,
    /// The role API Gateway would take on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// Backend parameters by the expression they are filled from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, String>,
    /// Templates by content type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_templates: BTreeMap<String, String>,
    /// What happens to a body that no template is for: `WHEN_NO_MATCH`,
    /// `WHEN_NO_TEMPLATES` or `NEVER`.
    pub passthrough_behavior: String,
    /// `CONVERT_TO_BINARY` or `CONVERT_TO_TEXT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<String>,
    /// Milliseconds the backend may take, 50 to 29,000.
    pub timeout_in_millis: u32,
    /// `BUFFERED`, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_transfer_mode: Option<String>,
    /// Where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsConfig>,
    /// By default the resource's id.
    pub cache_namespace: String,
    /// Parameters that a cached answer depends on.
    #[serde(default)]
    pub cache_key_parameters: Vec<String>,
    /// By status code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub integration_responses: BTreeMap<String, IntegrationResponse>,
}

impl Integration {
    /// An integration of a kind with what API Gateway gives one whose author
    /// asked for nothing else. `cache_namespace` is usually the resource's id.
    #[must_use]
    pub fn new(integration_type: IntegrationType, cache_namespace: impl Into<String>) -> Self {
        Self {
            integration_type,
            http_method: None,
            uri: None,
            connection_type: None,
            credentials: None,
            request_parameters: BTreeMap::new(),
            request_templates: BTreeMap::new(),
            passthrough_behavior: "WHEN_NO_MATCH".into(),
            content_handling: None,
            timeout_in_millis: 29_000,
            response_transfer_mode: None,
            tls_config: None,
            cache_namespace: cache_namespace.into(),
            cache_key_parameters: Vec::new(),
            integration_responses: BTreeMap::new(),
        }
    }
}

/// `tlsConfig` of an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsConfig {
    /// Never true: certificates are verified.
    pub insecure_skip_verification: bool,
}

/// The kinds of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IntegrationType {
    /// A URL, with mapping templates.
    Http,
    /// A Lambda function or AWS service, with mapping templates.
    Aws,
    /// No backend: the answer comes from templates alone.
    Mock,
    /// A URL, passed through.
    HttpProxy,
    /// A Lambda function that gets the whole request as an event.
    AwsProxy,
}

impl IntegrationType {
    /// The names, in the order in which validation errors list them.
    pub const NAMES: [&'static str; 5] = ["HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"];

    /// The type of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "HTTP" => Some(Self::Http),
            "AWS" => Some(Self::Aws),
            "MOCK" => Some(Self::Mock),
            "HTTP_PROXY" => Some(Self::HttpProxy),
            "AWS_PROXY" => Some(Self::AwsProxy),
            _ => None,
        }
    }
}

/// How an answer of the backend becomes one of the method's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationResponse {
    /// Three digits.
    pub status_code: String,
    /// The backend answers this is for; `None` makes it the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection_pattern: Option<String>,
    /// Response headers by the expression they are filled from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<String, String>,
    /// Templates by content type; `None` is an empty one, which passes through.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub response_templates: BTreeMap<String, Option<String>>,
    /// `CONVERT_TO_BINARY` or `CONVERT_TO_TEXT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<String>,
}

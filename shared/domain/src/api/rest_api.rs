use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::RestApiId;
use crate::source::ApiKeySource;
use crate::time::Timestamp;

/// A REST API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestApi {
    /// The API's id.
    pub id: RestApiId,
    /// Names need not be unique.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A label of its author's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was made.
    pub created_date: Timestamp,
    /// Where its keys come from, from the next deployment on.
    pub api_key_source: ApiKeySource,
    /// Which endpoints it would have on AWS.
    pub endpoint_configuration: EndpointConfiguration,
    /// Media types carried as bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binary_media_types: Vec<String>,
    /// Answers of at least this many bytes may be compressed; `None` never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_compression_size: Option<u32>,
    /// The resource policy, as the text it was given as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Whether the default endpoint refuses every call.
    pub disable_execute_api_endpoint: bool,
    /// Versions and ciphers of TLS that AWS's endpoints would take: kept and
    /// shown, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_policy: Option<String>,
    /// `BASIC` or `STRICT`, of AWS's endpoints: kept and shown, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_access_mode: Option<String>,
    /// Id of the resource `/`, ten characters.
    pub root_resource_id: String,
    /// Resource tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl RestApi {
    /// An API with what API Gateway gives one whose author chose a name alone,
    /// made now.
    #[must_use]
    pub fn new(id: RestApiId, name: impl Into<String>, root_resource_id: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            description: None,
            version: None,
            created_date: now,
            api_key_source: ApiKeySource::default(),
            endpoint_configuration: EndpointConfiguration::default(),
            binary_media_types: Vec::new(),
            minimum_compression_size: None,
            policy: None,
            disable_execute_api_endpoint: false,
            security_policy: None,
            endpoint_access_mode: None,
            root_resource_id: root_resource_id.into(),
            tags: BTreeMap::new(),
        }
    }
}

/// `endpointConfiguration` of a REST API: kept and shown; Keyplan serves every
/// API at one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointConfiguration {
    /// `EDGE`, `REGIONAL` or `PRIVATE`: exactly one.
    pub types: Vec<String>,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: String,
    /// For `PRIVATE` APIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vpc_endpoint_ids: Vec<String>,
}

impl Default for EndpointConfiguration {
    /// What API Gateway gives an API whose author asked for nothing.
    fn default() -> Self {
        Self { types: vec!["EDGE".into()], ip_address_type: "ipv4".into(), vpc_endpoint_ids: Vec::new() }
    }
}

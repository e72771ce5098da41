use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Account;
use crate::throttle::ThrottleSettings;
use crate::time::Timestamp;

/// A stage of a REST API. Its settings act at once; what it serves is the
/// deployment it points at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// The first segment of the stage's URLs.
    pub stage_name: String,
    /// Which stage of that name: one deleted and made again has another.
    pub uid: String,
    /// The snapshot it serves.
    pub deployment_id: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `$stageVariables`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// By `*/*` or `{path, with / as ~1}/{VERB}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub method_settings: BTreeMap<String, MethodSetting>,
    /// Kept and shown; Keyplan has no cache cluster.
    pub cache_cluster_enabled: bool,
    /// Kept and shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_cluster_size: Option<String>,
    /// Whether to trace with X-Ray.
    pub tracing_enabled: bool,
    /// Kept and shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation_version: Option<String>,
    /// Where API Gateway would write a line for each request, and what: kept and
    /// shown.
    #[serde(default, skip_serializing_if = "AccessLogSettings::is_empty")]
    pub access_log_settings: AccessLogSettings,
    /// Resource tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_date: Timestamp,
    /// When it last changed.
    pub last_updated_date: Timestamp,
    /// Raised by a flush of the authorizer cache, in whose keys it stands: so
    /// a flush reaches every process.
    #[serde(default)]
    pub authorizer_epoch: u64,
    /// Which version of it this is: later ones are higher. 0 where none is kept.
    #[serde(skip)]
    pub version: u64,
}

impl Stage {
    /// A stage without settings, made now.
    #[must_use]
    pub fn new(
        stage_name: impl Into<String>,
        uid: impl Into<String>,
        deployment_id: impl Into<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            stage_name: stage_name.into(),
            uid: uid.into(),
            deployment_id: deployment_id.into(),
            description: None,
            variables: BTreeMap::new(),
            method_settings: BTreeMap::new(),
            cache_cluster_enabled: false,
            cache_cluster_size: None,
            tracing_enabled: false,
            documentation_version: None,
            access_log_settings: AccessLogSettings::default(),
            tags: BTreeMap::new(),
            created_date: now,
            last_updated_date: now,
            authorizer_epoch: 0,
            version: 0,
        }
    }
}

/// `accessLogSettings` of a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessLogSettings {
    /// The format of a line, with `$context` variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The log group, or the delivery stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_arn: Option<String>,
}

impl AccessLogSettings {
    /// Whether neither is set, and nothing is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Settings of one method of a stage, or of all (`*/*`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodSetting {
    /// Kept and shown.
    pub metrics_enabled: bool,
    /// `OFF`, `ERROR` or `INFO`, once set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_level: Option<String>,
    /// Kept and shown.
    pub data_trace_enabled: bool,
    /// Capacity in requests, over all callers; -1 is none of the stage's own.
    pub throttling_burst_limit: i32,
    /// Requests per second, over all callers; -1 is none of the stage's own.
    pub throttling_rate_limit: f64,
    /// Kept and shown.
    pub caching_enabled: bool,
    /// Kept and shown.
    pub cache_ttl_in_seconds: u32,
    /// Kept and shown.
    pub cache_data_encrypted: bool,
    /// Kept and shown.
    pub require_authorization_for_cache_control: bool,
    /// Kept and shown.
    pub unauthorized_cache_control_header_strategy: String,
}

impl Default for MethodSetting {
    /// What API Gateway shows after a first patch of something else.
    fn default() -> Self {
        let ThrottleSettings { burst_limit, rate_limit } = Account::DEFAULT_THROTTLE;
        Self {
            metrics_enabled: false,
            logging_level: None,
            data_trace_enabled: false,
            throttling_burst_limit: i32::try_from(burst_limit).unwrap_or(i32::MAX),
            throttling_rate_limit: rate_limit,
            caching_enabled: false,
            cache_ttl_in_seconds: 300,
            cache_data_encrypted: false,
            require_authorization_for_cache_control: true,
            unauthorized_cache_control_header_strategy: "SUCCEED_WITH_RESPONSE_HEADER".into(),
        }
    }
}

//! REST APIs, their resources, deployments and stages.

mod input;
mod test_invoke;

use std::collections::BTreeMap;

use keyplan_domain::api::{
    AccessLogSettings, Deployment, EndpointConfiguration, Method, MethodSetting, Resource, RestApi, Snapshot, Stage,
};
use keyplan_domain::source::ApiKeySource;
use keyplan_domain::template::json_escaped;
use serde::Serialize;

pub use self::input::{
    ApiEndpointInput, CreateAuthorizerInput, CreateDeploymentInput, CreateModelInput, CreateRequestValidatorInput,
    CreateResourceInput, CreateRestApiInput, CreateStageInput, PutGatewayResponseInput, PutIntegrationInput,
    PutIntegrationResponseInput, PutMethodInput, PutMethodResponseInput, TlsConfigInput,
};
pub use self::test_invoke::{
    TestInvokeAuthorizerAnswer, TestInvokeAuthorizerInput, TestInvokeMethodAnswer, TestInvokeMethodInput,
};
use crate::omission::{Shown, Tags, text};

/// `Template`, the answer of GetModelTemplate.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateAnswer {
    /// A sample mapping template.
    pub value: String,
}

/// `RestApi`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestApiAnswer<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    created_date: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    binary_media_types: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_compression_size: Option<u32>,
    api_key_source: ApiKeySource,
    endpoint_configuration: &'a EndpointConfiguration,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a Tags>,
    disable_execute_api_endpoint: bool,
    root_resource_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_access_mode: Option<&'a str>,
}

impl<'a> RestApiAnswer<'a> {
    /// The answer that shows `api`.
    #[must_use]
    pub fn new(api: &'a RestApi, shown: Shown) -> Self {
        Self {
            id: api.id.as_str(),
            name: &api.name,
            description: text(api.description.as_ref()),
            created_date: api.created_date.as_seconds(),
            version: text(api.version.as_ref()),
            binary_media_types: &api.binary_media_types,
            minimum_compression_size: api.minimum_compression_size,
            api_key_source: api.api_key_source,
            endpoint_configuration: &api.endpoint_configuration,
            // Clients take this second escaping off.
            policy: text(api.policy.as_ref()).map(json_escaped),
            tags: shown.tags(&api.tags),
            disable_execute_api_endpoint: api.disable_execute_api_endpoint,
            root_resource_id: &api.root_resource_id,
            security_policy: text(api.security_policy.as_ref()),
            endpoint_access_mode: text(api.endpoint_access_mode.as_ref()),
        }
    }
}

/// `Resource`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAnswer<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_part: Option<&'a str>,
    path: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    resource_methods: BTreeMap<&'a str, ResourceMethod<'a>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum ResourceMethod<'a> {
    Embedded(&'a Method),
    Named {},
}

impl<'a> ResourceAnswer<'a> {
    /// The answer that shows `resource`; its `methods` whole if `embed`, else
    /// their verbs alone.
    #[must_use]
    pub fn new(resource: &'a Resource, methods: Option<&'a BTreeMap<String, Method>>, embed: bool) -> Self {
        let shown = |method| if embed { ResourceMethod::Embedded(method) } else { ResourceMethod::Named {} };
        let methods = methods.into_iter().flatten();
        Self {
            id: &resource.id,
            parent_id: resource.parent_id.as_deref(),
            path_part: resource.path_part.as_deref(),
            path: &resource.path,
            resource_methods: methods.map(|(verb, method)| (verb.as_str(), shown(method))).collect(),
        }
    }
}

/// `Deployment`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentAnswer<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    created_date: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_summary: Option<BTreeMap<&'a str, BTreeMap<&'a str, MethodSummary<'a>>>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MethodSummary<'a> {
    authorization_type: &'a str,
    api_key_required: bool,
}

impl<'a> DeploymentAnswer<'a> {
    /// The answer that shows `deployment`.
    #[must_use]
    pub fn new(deployment: &'a Deployment) -> Self {
        Self {
            id: &deployment.id,
            description: text(deployment.description.as_ref()),
            created_date: deployment.created_date.as_seconds(),
            api_summary: None,
        }
    }

    /// With `apiSummary`: the methods that the deployment froze, by path.
    #[must_use]
    pub fn with_summary(self, snapshot: &'a Snapshot) -> Self {
        let summary = |method: &'a Method| MethodSummary {
            authorization_type: &method.authorization_type,
            api_key_required: method.api_key_required,
        };
        let of_resource = |resource: &'a Resource| {
            let methods = snapshot.methods.get(&resource.id)?;
            let methods: BTreeMap<_, _> = methods.iter().map(|(verb, m)| (verb.as_str(), summary(m))).collect();
            (!methods.is_empty()).then_some((resource.path.as_str(), methods))
        };
        Self { api_summary: Some(snapshot.resources.iter().filter_map(of_resource).collect()), ..self }
    }
}

/// `Stage`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageAnswer<'a> {
    stage_name: &'a str,
    deployment_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    cache_cluster_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_cluster_size: Option<&'a str>,
    cache_cluster_status: &'static str,
    method_settings: &'a BTreeMap<String, MethodSetting>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variables: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation_version: Option<&'a str>,
    tracing_enabled: bool,
    #[serde(skip_serializing_if = "AccessLogSettings::is_empty")]
    access_log_settings: &'a AccessLogSettings,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: &'a Tags,
    created_date: i64,
    last_updated_date: i64,
}

impl<'a> StageAnswer<'a> {
    /// The answer that shows `stage`. Its cache cluster, which caches nothing, is
    /// available at once, since there are clients that wait for it.
    #[must_use]
    pub fn new(stage: &'a Stage) -> Self {
        Self {
            stage_name: &stage.stage_name,
            deployment_id: &stage.deployment_id,
            description: text(stage.description.as_ref()),
            cache_cluster_enabled: stage.cache_cluster_enabled,
            cache_cluster_size: text(stage.cache_cluster_size.as_ref()),
            cache_cluster_status: if stage.cache_cluster_enabled { "AVAILABLE" } else { "NOT_AVAILABLE" },
            method_settings: &stage.method_settings,
            variables: &stage.variables,
            documentation_version: text(stage.documentation_version.as_ref()),
            tracing_enabled: stage.tracing_enabled,
            access_log_settings: &stage.access_log_settings,
            tags: &stage.tags,
            created_date: stage.created_date.as_seconds(),
            last_updated_date: stage.last_updated_date.as_seconds(),
        }
    }
}

#[cfg(test)]
mod tests;

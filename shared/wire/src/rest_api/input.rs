use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::omission::Tags;

/// The body of CreateRestApi.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRestApiInput {
    /// Required.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// A label of its author's.
    pub version: Option<String>,
    /// Another API to copy.
    pub clone_from: Option<String>,
    /// Media types carried as bytes.
    pub binary_media_types: Option<Vec<String>>,
    /// Bytes.
    pub minimum_compression_size: Option<i64>,
    /// `HEADER` or `AUTHORIZER`.
    pub api_key_source: Option<String>,
    /// Which endpoints it has.
    pub endpoint_configuration: Option<ApiEndpointInput>,
    /// The resource policy, as JSON in a string.
    pub policy: Option<String>,
    /// Resource tags.
    pub tags: Option<Tags>,
    /// Whether the default endpoint refuses every call.
    pub disable_execute_api_endpoint: Option<bool>,
    /// TLS, of AWS's endpoints.
    pub security_policy: Option<String>,
    /// Of AWS's endpoints.
    pub endpoint_access_mode: Option<String>,
}

/// The body of CreateModel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateModelInput {
    /// Required: letters and digits.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// A JSON schema, as text.
    pub schema: Option<String>,
    /// Required: a media type.
    pub content_type: Option<String>,
}

/// The body of CreateRequestValidator.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRequestValidatorInput {
    /// What it is called.
    pub name: Option<String>,
    /// Whether it checks bodies.
    pub validate_request_body: Option<bool>,
    /// Whether it checks parameters.
    pub validate_request_parameters: Option<bool>,
}

/// `endpointConfiguration` as it comes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiEndpointInput {
    /// One of `EDGE`, `REGIONAL`, `PRIVATE`.
    pub types: Option<Vec<String>>,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: Option<String>,
    /// For `PRIVATE` APIs.
    pub vpc_endpoint_ids: Option<Vec<String>>,
}

/// The body of CreateResource.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateResourceInput {
    /// Required: the path's last segment.
    pub path_part: Option<String>,
}

/// The body of PutMethod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutMethodInput {
    /// Required.
    pub authorization_type: Option<String>,
    /// Required for `CUSTOM`.
    pub authorizer_id: Option<String>,
    /// False when absent.
    pub api_key_required: Option<bool>,
    /// A name for SDKs.
    pub operation_name: Option<String>,
    /// Parameters a call may carry, true where it must.
    pub request_parameters: Option<BTreeMap<String, bool>>,
    /// Model names by content type.
    pub request_models: Option<BTreeMap<String, String>>,
    /// The validator of parameters and body.
    pub request_validator_id: Option<String>,
    /// OAuth scopes, for Cognito.
    pub authorization_scopes: Option<Vec<String>>,
}

/// The body of PutMethodResponse.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutMethodResponseInput {
    /// `method.response.header.x`, true where it is always there.
    pub response_parameters: Option<BTreeMap<String, bool>>,
    /// Model names by content type.
    pub response_models: Option<BTreeMap<String, String>>,
}

/// The body of PutIntegration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutIntegrationInput {
    /// Required.
    #[serde(rename = "type")]
    pub integration_type: Option<String>,
    /// The verb the backend is called with.
    pub http_method: Option<String>,
    /// The backend.
    pub uri: Option<String>,
    /// `INTERNET` or `VPC_LINK`.
    pub connection_type: Option<String>,
    /// A VPC link.
    pub connection_id: Option<String>,
    /// A role's ARN.
    pub credentials: Option<String>,
    /// Backend parameters by the expression they are filled from.
    pub request_parameters: Option<BTreeMap<String, String>>,
    /// Templates by content type.
    pub request_templates: Option<BTreeMap<String, String>>,
    /// What happens to a body that no template is for.
    pub passthrough_behavior: Option<String>,
    /// By default the resource's id.
    pub cache_namespace: Option<String>,
    /// Parameters that a cached answer depends on.
    pub cache_key_parameters: Option<Vec<String>>,
    /// `CONVERT_TO_BINARY` or `CONVERT_TO_TEXT`.
    pub content_handling: Option<String>,
    /// Milliseconds.
    pub timeout_in_millis: Option<i64>,
    /// Of HTTP backends.
    pub tls_config: Option<TlsConfigInput>,
    /// `BUFFERED` or `STREAM`.
    pub response_transfer_mode: Option<String>,
    /// A load balancer behind a VPC link.
    pub integration_target: Option<String>,
}

/// `tlsConfig` as it comes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsConfigInput {
    /// Whether the backend's certificate may be anybody's.
    pub insecure_skip_verification: Option<bool>,
}

/// The body of PutIntegrationResponse.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutIntegrationResponseInput {
    /// The backend answers this is for.
    pub selection_pattern: Option<String>,
    /// Response headers by the expression they are filled from.
    pub response_parameters: Option<BTreeMap<String, String>>,
    /// Templates by content type.
    pub response_templates: Option<BTreeMap<String, Option<String>>>,
    /// `CONVERT_TO_BINARY` or `CONVERT_TO_TEXT`.
    pub content_handling: Option<String>,
}

/// The body of CreateAuthorizer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAuthorizerInput {
    /// Required.
    pub name: Option<String>,
    /// Required: `TOKEN`, `REQUEST` or `COGNITO_USER_POOLS`.
    #[serde(rename = "type")]
    pub authorizer_type: Option<String>,
    /// Cognito user pools.
    #[serde(rename = "providerARNs")]
    pub provider_arns: Option<Vec<String>>,
    /// `custom` when absent.
    pub auth_type: Option<String>,
    /// The function, as an ARN of API Gateway's.
    pub authorizer_uri: Option<String>,
    /// A role's ARN.
    pub authorizer_credentials: Option<String>,
    /// Where the caller's identity is.
    pub identity_source: Option<String>,
    /// What a token must look like.
    pub identity_validation_expression: Option<String>,
    /// Seconds.
    pub authorizer_result_ttl_in_seconds: Option<i64>,
}

/// The body of CreateDeployment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDeploymentInput {
    /// The stage to make or to point at the deployment.
    pub stage_name: Option<String>,
    /// Of a stage that is made.
    pub stage_description: Option<String>,
    /// Of the deployment.
    pub description: Option<String>,
    /// Of the stage.
    pub cache_cluster_enabled: Option<bool>,
    /// Of the stage.
    pub cache_cluster_size: Option<String>,
    /// Of the stage.
    pub variables: Option<BTreeMap<String, String>>,
    /// A share of the stage's traffic for this deployment.
    pub canary_settings: Option<Value>,
    /// Of the stage.
    pub tracing_enabled: Option<bool>,
}

/// The body of CreateStage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateStageInput {
    /// Required.
    pub stage_name: Option<String>,
    /// Required.
    pub deployment_id: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it has a cache cluster.
    pub cache_cluster_enabled: Option<bool>,
    /// In gigabytes.
    pub cache_cluster_size: Option<String>,
    /// `$stageVariables`.
    pub variables: Option<BTreeMap<String, String>>,
    /// Of the API's documentation.
    pub documentation_version: Option<String>,
    /// A share of the traffic for another deployment.
    pub canary_settings: Option<Value>,
    /// Whether to trace with X-Ray.
    pub tracing_enabled: Option<bool>,
    /// Resource tags.
    pub tags: Option<Tags>,
}

/// The body of PutGatewayResponse.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutGatewayResponseInput {
    /// Three digits.
    pub status_code: Option<String>,
    /// `gatewayresponse.header.x` by the expression it is filled from.
    pub response_parameters: Option<BTreeMap<String, String>>,
    /// Templates by content type.
    pub response_templates: Option<BTreeMap<String, String>>,
}

//! What the tests of the rules start from.

use std::collections::BTreeMap;

use keyplan_domain::api::{
    Authorizer, AuthorizerType, EndpointConfiguration, Integration, IntegrationType, Method, Resource, RestApi,
    RestApiDefinition, Stage,
};
use keyplan_domain::id::RestApiId;
use keyplan_domain::source::ApiKeySource;
use keyplan_domain::time::Timestamp;
use keyplan_wire::patch::{Op, PatchOperation};

pub(in crate::apis) const LAMBDA_URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:000000000000:function:f/invocations";

/// An API with a root that is called `root` and has no methods.
pub(in crate::apis) fn definition() -> RestApiDefinition {
    let root = Resource { id: "root".into(), parent_id: None, path_part: None, path: "/".into() };
    RestApiDefinition {
        api: RestApi {
            id: RestApiId::new("abcdefghij"),
            name: "a".into(),
            description: None,
            version: None,
            created_date: Timestamp::from_seconds(1),
            api_key_source: ApiKeySource::Header,
            endpoint_configuration: EndpointConfiguration::default(),
            binary_media_types: Vec::new(),
            minimum_compression_size: None,
            policy: None,
            disable_execute_api_endpoint: false,
            root_resource_id: "root".into(),
            tags: BTreeMap::new(),
        },
        resources: BTreeMap::from([("root".to_owned(), root)]),
        methods: BTreeMap::new(),
        authorizers: BTreeMap::new(),
        gateway_responses: BTreeMap::new(),
        stages: BTreeMap::new(),
    }
}

/// The same with `GET /`.
pub(in crate::apis) fn definition_with_method() -> RestApiDefinition {
    let mut definition = definition();
    definition.methods.entry("root".into()).or_default().insert("GET".into(), method());
    definition
}

pub(in crate::apis) fn method() -> Method {
    Method {
        http_method: "GET".into(),
        authorization_type: "NONE".into(),
        authorizer_id: None,
        api_key_required: false,
        operation_name: None,
        request_parameters: BTreeMap::new(),
        request_models: BTreeMap::new(),
        request_validator_id: None,
        authorization_scopes: Vec::new(),
        method_responses: BTreeMap::new(),
        method_integration: None,
    }
}

pub(in crate::apis) fn mock() -> Integration {
    Integration {
        integration_type: IntegrationType::Mock,
        http_method: None,
        uri: None,
        connection_type: None,
        credentials: None,
        request_parameters: BTreeMap::new(),
        request_templates: BTreeMap::new(),
        passthrough_behavior: "WHEN_NO_MATCH".into(),
        content_handling: None,
        timeout_in_millis: 29_000,
        cache_namespace: "root".into(),
        cache_key_parameters: Vec::new(),
        integration_responses: BTreeMap::new(),
    }
}

pub(in crate::apis) fn authorizer() -> Authorizer {
    Authorizer {
        id: "abc123".into(),
        name: "tokens".into(),
        authorizer_type: AuthorizerType::Token,
        auth_type: Some("custom".into()),
        authorizer_uri: Some(LAMBDA_URI.into()),
        authorizer_credentials: None,
        identity_source: Some("method.request.header.Authorization".into()),
        identity_validation_expression: None,
        authorizer_result_ttl_in_seconds: None,
    }
}

pub(in crate::apis) fn stage() -> Stage {
    Stage {
        stage_name: "dev".into(),
        uid: "uid".into(),
        deployment_id: "dep123".into(),
        description: None,
        variables: BTreeMap::new(),
        method_settings: BTreeMap::new(),
        cache_cluster_enabled: false,
        cache_cluster_size: None,
        tracing_enabled: false,
        documentation_version: None,
        tags: BTreeMap::new(),
        created_date: Timestamp::from_seconds(1),
        last_updated_date: Timestamp::from_seconds(1),
        authorizer_epoch: 0,
    }
}

pub(in crate::apis) fn operation(op: Op, path: &str, value: &str) -> PatchOperation {
    PatchOperation { op, path: Some(path.into()), value: Some(value.into()), from: None }
}

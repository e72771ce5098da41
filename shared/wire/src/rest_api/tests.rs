use keyplan_domain::id::RestApiId;
use keyplan_domain::time::Timestamp;
use serde_json::json;

use super::*;

fn api() -> RestApi {
    RestApi::new(RestApiId::new("abcdefghij"), "a", "klmnopqrst", Timestamp::from_seconds(1_695_700_000))
}

fn method() -> Method {
    Method { api_key_required: true, ..Method::new("GET") }
}

fn root() -> Resource {
    Resource { id: "klmnopqrst".into(), parent_id: None, path_part: None, path: "/".into() }
}

fn stage() -> Stage {
    Stage {
        authorizer_epoch: 7,
        last_updated_date: Timestamp::from_seconds(2),
        ..Stage::new("dev", "uid", "abc123", Timestamp::from_seconds(1))
    }
}

#[test]
fn a_created_api_is_shown_as_recorded() {
    assert_eq!(
        serde_json::to_value(RestApiAnswer::new(&api(), Shown::CreatedOrListed)).unwrap(),
        json!({
            "apiKeySource": "HEADER",
            "createdDate": 1_695_700_000,
            "disableExecuteApiEndpoint": false,
            "endpointConfiguration": {"ipAddressType": "ipv4", "types": ["EDGE"]},
            "id": "abcdefghij",
            "name": "a",
            "rootResourceId": "klmnopqrst",
        })
    );
}

#[test]
fn an_api_shown_alone_has_tags_and_all_that_is_set() {
    let api = RestApi {
        description: Some("d".into()),
        version: Some("v".into()),
        binary_media_types: vec!["image/png".into()],
        minimum_compression_size: Some(0),
        policy: Some("{}".into()),
        api_key_source: ApiKeySource::Authorizer,
        ..api()
    };
    assert_eq!(
        serde_json::to_value(RestApiAnswer::new(&api, Shown::Alone)).unwrap(),
        json!({
            "apiKeySource": "AUTHORIZER",
            "binaryMediaTypes": ["image/png"],
            "createdDate": 1_695_700_000,
            "description": "d",
            "disableExecuteApiEndpoint": false,
            "endpointConfiguration": {"ipAddressType": "ipv4", "types": ["EDGE"]},
            "id": "abcdefghij",
            "minimumCompressionSize": 0,
            "name": "a",
            "policy": "{}",
            "rootResourceId": "klmnopqrst",
            "tags": {},
            "version": "v",
        })
    );
}

#[test]
fn a_resource_names_its_methods_or_embeds_them() {
    let methods = BTreeMap::from([("GET".to_owned(), method())]);
    let root = root();
    assert_eq!(
        serde_json::to_value(ResourceAnswer::new(&root, None, true)).unwrap(),
        json!({"id": "klmnopqrst", "path": "/"})
    );
    assert_eq!(
        serde_json::to_value(ResourceAnswer::new(&root, Some(&methods), false)).unwrap(),
        json!({"id": "klmnopqrst", "path": "/", "resourceMethods": {"GET": {}}})
    );
    assert_eq!(
        serde_json::to_value(ResourceAnswer::new(&root, Some(&methods), true)).unwrap()["resourceMethods"],
        json!({"GET": {"apiKeyRequired": true, "authorizationType": "NONE", "httpMethod": "GET"}})
    );
}

#[test]
fn a_deployment_has_a_summary_only_when_asked() {
    let deployment = Deployment { id: "abc123".into(), description: None, created_date: Timestamp::from_seconds(1) };
    assert_eq!(
        serde_json::to_value(DeploymentAnswer::new(&deployment)).unwrap(),
        json!({"createdDate": 1, "id": "abc123"})
    );
    let snapshot = Snapshot {
        api: api(),
        resources: vec![root()],
        methods: BTreeMap::from([("klmnopqrst".to_owned(), BTreeMap::from([("GET".to_owned(), method())]))]),
        authorizers: BTreeMap::new(),
        models: BTreeMap::new(),
        request_validators: BTreeMap::new(),
        gateway_responses: Vec::new(),
    };
    assert_eq!(
        serde_json::to_value(DeploymentAnswer::new(&deployment).with_summary(&snapshot)).unwrap()["apiSummary"],
        json!({"/": {"GET": {"authorizationType": "NONE", "apiKeyRequired": true}}})
    );
}

#[test]
fn a_stage_is_shown_as_recorded() {
    assert_eq!(
        serde_json::to_value(StageAnswer::new(&stage())).unwrap(),
        json!({
            "cacheClusterEnabled": false,
            "cacheClusterStatus": "NOT_AVAILABLE",
            "createdDate": 1,
            "deploymentId": "abc123",
            "lastUpdatedDate": 2,
            "methodSettings": {},
            "stageName": "dev",
            "tracingEnabled": false,
        })
    );
}

#[test]
fn first_method_settings_are_shown_as_recorded() {
    let stage = Stage { method_settings: BTreeMap::from([("*/*".to_owned(), MethodSetting::default())]), ..stage() };
    assert_eq!(
        serde_json::to_value(StageAnswer::new(&stage)).unwrap()["methodSettings"]["*/*"],
        json!({
            "cacheDataEncrypted": false,
            "cacheTtlInSeconds": 300,
            "cachingEnabled": false,
            "dataTraceEnabled": false,
            "metricsEnabled": false,
            "requireAuthorizationForCacheControl": true,
            "throttlingBurstLimit": 5000,
            "throttlingRateLimit": 10000.0,
            "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
        })
    );
}

//! What the tests of the rules start from.

use std::collections::BTreeMap;

use keyplan_domain::api::{
    Authorizer, AuthorizerType, Integration, IntegrationType, Method, Model, Resource, RestApi, RestApiDefinition,
    Stage,
};
use keyplan_domain::id::RestApiId;
use keyplan_domain::time::Timestamp;
use keyplan_wire::patch::{Op, PatchOperation};

pub(in crate::apis) const LAMBDA_URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:000000000000:function:f/invocations";

/// An API with a root that is called `root` and has no methods.
pub(in crate::apis) fn definition() -> RestApiDefinition {
    let root = Resource { id: "root".into(), parent_id: None, path_part: None, path: "/".into() };
    RestApiDefinition {
        api: RestApi::new(RestApiId::new("abcdefghij"), "a", "root", Timestamp::from_seconds(1)),
        resources: BTreeMap::from([("root".to_owned(), root)]),
        methods: BTreeMap::new(),
        authorizers: BTreeMap::new(),
        models: Model::defaults(["empty1".into(), "error1".into()]).map(|model| (model.name.clone(), model)).into(),
        request_validators: BTreeMap::new(),
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
    Method::new("GET")
}

pub(in crate::apis) fn mock() -> Integration {
    Integration::new(IntegrationType::Mock, "root")
}

/// A model by its name.
pub(in crate::apis) fn model(name: &str, schema: &str) -> (String, Model) {
    let model = Model {
        id: "abc123".into(),
        name: name.into(),
        description: None,
        schema: Some(schema.into()),
        content_type: "application/json".into(),
    };
    (name.to_owned(), model)
}

pub(in crate::apis) fn authorizer() -> Authorizer {
    Authorizer {
        id: "abc123".into(),
        name: "tokens".into(),
        authorizer_type: AuthorizerType::Token,
        auth_type: Some("custom".into()),
        provider_arns: Vec::new(),
        authorizer_uri: Some(LAMBDA_URI.into()),
        authorizer_credentials: None,
        identity_source: Some("method.request.header.Authorization".into()),
        identity_validation_expression: None,
        authorizer_result_ttl_in_seconds: None,
    }
}

pub(in crate::apis) fn stage() -> Stage {
    Stage::new("dev", "uid", "dep123", Timestamp::from_seconds(1))
}

pub(in crate::apis) fn operation(op: Op, path: &str, value: &str) -> PatchOperation {
    PatchOperation { op, path: Some(path.into()), value: Some(value.into()), from: None }
}

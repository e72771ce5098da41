use std::collections::BTreeMap;

use keyplan_domain::api::{
    Authorizer, AuthorizerType, Deployment, Integration, IntegrationResponse, IntegrationType, Method, MethodResponse,
    Resource, RestApi, RestApiDefinition, Stage,
};
use keyplan_domain::id::RestApiId;
use keyplan_domain::source::ApiKeySource;
use keyplan_domain::time::Timestamp;
use keyplan_store::{DeployError, Store, StoreError, UpdateError, entropy};

use super::{DemoError, HEADER_API, PATH_PART, Place, STAGE, TOKEN_API};

const ROOT: &str = "demoroot00";
const RESOURCE: &str = "hello1";
const AUTHORIZER: &str = "author";
const DEPLOYMENT: &str = "deploy";
const JSON: &str = "application/json";

/// An API with the one method `GET /hello`.
pub(super) struct DemoApi {
    api: RestApi,
    method: Method,
    authorizer: Option<Authorizer>,
}

/// The client sends its key in `x-api-key`; no backend.
pub(super) fn header_sourced(now: Timestamp) -> DemoApi {
    let integration = Integration {
        request_templates: BTreeMap::from([(JSON.into(), r#"{"statusCode": 200}"#.into())]),
        integration_responses: BTreeMap::from([(
            "200".into(),
            IntegrationResponse {
                status_code: "200".into(),
                selection_pattern: None,
                response_parameters: BTreeMap::new(),
                response_templates: BTreeMap::from([(JSON.into(), Some(r#"{"message": "hello"}"#.into()))]),
                content_handling: None,
            },
        )]),
        ..integration(IntegrationType::Mock)
    };
    DemoApi {
        api: api(HEADER_API, "Demo: the key is sent in a header", ApiKeySource::Header, now),
        method: method(integration),
        authorizer: None,
    }
}

/// The client sends a token, for which the authorizer gives the key; the
/// backend answers with what it was called with.
pub(super) fn authorizer_sourced(place: &Place, now: Timestamp) -> DemoApi {
    let integration = Integration {
        http_method: Some("POST".into()),
        uri: Some(place.invocation_uri("echo")),
        ..integration(IntegrationType::AwsProxy)
    };
    DemoApi {
        api: api(TOKEN_API, "Demo: the authorizer gives the key", ApiKeySource::Authorizer, now),
        method: Method {
            authorization_type: "CUSTOM".into(),
            authorizer_id: Some(AUTHORIZER.into()),
            ..method(integration)
        },
        authorizer: Some(Authorizer {
            id: AUTHORIZER.into(),
            name: "tokens".into(),
            authorizer_type: AuthorizerType::Token,
            auth_type: Some("custom".into()),
            provider_arns: Vec::new(),
            authorizer_uri: Some(place.invocation_uri("authorizer")),
            authorizer_credentials: None,
            identity_source: Some("method.request.header.Authorization".into()),
            identity_validation_expression: None,
            authorizer_result_ttl_in_seconds: None,
        }),
    }
}

/// Makes the API unless it is there, and deploys it unless its stage is there.
pub(super) async fn make(store: &Store, demo: &DemoApi, now: Timestamp) -> Result<(), DemoError> {
    let id = &demo.api.id;
    let root = Resource { id: ROOT.into(), parent_id: None, path_part: None, path: "/".into() };
    if store.rest_api(id).await?.is_none() {
        match store.create_rest_api(&demo.api, &root).await {
            // Another process makes the same demo.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        store
            .edit_rest_api(id, |definition| {
                demo.complete(definition);
                Ok::<_, std::convert::Infallible>(())
            })
            .await
            .map_err(|error| match error {
                UpdateError::Store(error) => error.into(),
                other => DemoError::refused(id.as_str(), other),
            })?;
    }
    deploy(store, id, now).await
}

/// The stage is there already.
struct Deployed;

async fn deploy(store: &Store, api: &RestApiId, now: Timestamp) -> Result<(), DemoError> {
    if store.stage(api, STAGE).await?.is_some() {
        return Ok(());
    }
    let deployment = Deployment { id: DEPLOYMENT.into(), description: None, created_date: now };
    let publish = |definition: &mut RestApiDefinition| {
        if definition.stages.contains_key(STAGE) {
            return Err(Deployed);
        }
        definition.stages.insert(STAGE.into(), stage(now));
        Ok(())
    };
    match store.create_deployment(api, &deployment, publish).await {
        Ok(()) | Err(DeployError::Rejected(Deployed)) => Ok(()),
        Err(DeployError::Store(error)) => Err(error.into()),
        Err(DeployError::NotFound) => Err(DemoError::refused(api.as_str(), "it was deleted meanwhile")),
        Err(DeployError::Invalid(error)) => Err(DemoError::refused(api.as_str(), error)),
        Err(DeployError::TooLarge) => Err(DemoError::refused(api.as_str(), "it is too large")),
    }
}

impl DemoApi {
    fn complete(&self, definition: &mut RestApiDefinition) {
        let resource = Resource {
            id: RESOURCE.into(),
            parent_id: Some(ROOT.into()),
            path_part: Some(PATH_PART.into()),
            path: format!("/{PATH_PART}"),
        };
        definition.resources.insert(RESOURCE.into(), resource);
        let methods = BTreeMap::from([(self.method.http_method.clone(), self.method.clone())]);
        definition.methods.insert(RESOURCE.into(), methods);
        definition.authorizers.extend(self.authorizer.iter().map(|it| (it.id.clone(), it.clone())));
    }
}

fn api(id: &str, name: &str, api_key_source: ApiKeySource, now: Timestamp) -> RestApi {
    RestApi { api_key_source, ..RestApi::new(RestApiId::new(id), name, ROOT, now) }
}

fn method(integration: Integration) -> Method {
    let ok = MethodResponse {
        status_code: "200".into(),
        response_parameters: BTreeMap::new(),
        response_models: BTreeMap::new(),
    };
    Method {
        api_key_required: true,
        method_responses: BTreeMap::from([("200".into(), ok)]),
        method_integration: Some(integration),
        ..Method::new("GET")
    }
}

fn integration(integration_type: IntegrationType) -> Integration {
    Integration::new(integration_type, RESOURCE)
}

fn stage(now: Timestamp) -> Stage {
    Stage::new(STAGE, entropy::part_id(), DEPLOYMENT, now)
}

//! What the tests of several modules need: parts of an API, and a request
//! that has found its stage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method as Verb};
use keyplan_domain::api::{
    Authorizer, AuthorizerType, GatewayResponse, Integration, IntegrationResponse, IntegrationType, Method, Resource,
    RestApi, Snapshot, Stage,
};
use keyplan_domain::id::RestApiId;
use keyplan_domain::source::ApiKeySource;
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::Clock;

use crate::deployed::{DeployedApi, DeployedStage};
use crate::exchange::Exchange;
use crate::request::RequestIds;
use crate::{Request, Settings};

pub(crate) const API: &str = "abcdefghij";
pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn at_noon() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(NOON.as_nanos())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.store(self.now().plus(by).as_nanos(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.now().since(NOON)
    }
}

/// A request without headers or body. `target` may have a query.
pub(crate) fn request(method: &str, target: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: method.parse::<Verb>().unwrap(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: HeaderMap::new(),
        body: Default::default(),
        host: None,
        source_ip: "192.0.2.1".into(),
        request_id: Some("c6af9ac6-7b61-11e6-9a41-93e8deadbeef".into()),
        protocol: "HTTP/1.1".into(),
        tracing_header: None,
    }
}

impl Request {
    /// The same with one more header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        cache_ttl: Duration::from_secs(5),
        lease_cap: std::num::NonZeroU32::MIN,
        on_failure: Default::default(),
        retry_after: true,
        address_rule: crate::AddressRule::Any,
        rate_limit_headers: false,
        default_target: None,
    }
}

pub(crate) fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn rest_api(api_key_source: ApiKeySource) -> RestApi {
    RestApi { api_key_source, ..RestApi::new(RestApiId::new(API), "pets", "root", NOON) }
}

pub(crate) fn root() -> Resource {
    Resource { id: "root".into(), parent_id: None, path_part: None, path: "/".into() }
}

/// `/pets/{petId}`, without the resource between.
pub(crate) fn pet() -> Resource {
    Resource {
        id: "pet001".into(),
        parent_id: Some("root".into()),
        path_part: Some("{petId}".into()),
        path: "/pets/{petId}".into(),
    }
}

pub(crate) fn integration(integration_type: IntegrationType) -> Integration {
    Integration::new(integration_type, "root")
}

/// A mock that answers 200 with `body`, a template.
pub(crate) fn mock(body: &str) -> Integration {
    let response = IntegrationResponse {
        status_code: "200".into(),
        selection_pattern: None,
        response_parameters: strings(&[("method.response.header.X-Mock", "'yes'")]),
        response_templates: BTreeMap::from([("application/json".to_owned(), Some(body.to_owned()))]),
        content_handling: None,
    };
    Integration {
        request_templates: strings(&[("application/json", "{\"statusCode\": 200}")]),
        integration_responses: BTreeMap::from([("200".to_owned(), response)]),
        ..integration(IntegrationType::Mock)
    }
}

pub(crate) fn function_uri(name: &str) -> String {
    format!(
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
         arn:aws:lambda:us-east-1:000000000000:function:{name}/invocations"
    )
}

/// A proxy integration of a function.
pub(crate) fn function(name: &str) -> Integration {
    Integration {
        http_method: Some("POST".into()),
        uri: Some(function_uri(name)),
        ..integration(IntegrationType::AwsProxy)
    }
}

/// A method of any verb that needs nothing.
pub(crate) fn open_method(integration: Integration) -> Method {
    Method { method_integration: Some(integration), ..Method::new("ANY") }
}

/// A TOKEN authorizer over the function `authorizer`.
pub(crate) fn token_authorizer() -> Authorizer {
    Authorizer {
        id: "auth01".into(),
        name: "tokens".into(),
        authorizer_type: AuthorizerType::Token,
        auth_type: None,
        provider_arns: Vec::new(),
        authorizer_uri: Some(function_uri("authorizer")),
        authorizer_credentials: None,
        identity_source: Some("method.request.header.Authorization".into()),
        identity_validation_expression: None,
        authorizer_result_ttl_in_seconds: None,
    }
}

pub(crate) fn stage(variables: &[(&str, &str)]) -> Stage {
    Stage { variables: strings(variables), ..Stage::new("prod", "stage1", "dep001", NOON) }
}

/// An API of one method, `ANY /pets/{petId}`.
pub(crate) fn snapshot(method: Method, responses: Vec<GatewayResponse>) -> Snapshot {
    Snapshot {
        api: rest_api(ApiKeySource::Header),
        resources: vec![root(), pet()],
        methods: BTreeMap::from([("pet001".to_owned(), BTreeMap::from([("ANY".to_owned(), method)]))]),
        authorizers: BTreeMap::from([("auth01".to_owned(), token_authorizer())]),
        models: BTreeMap::new(),
        request_validators: BTreeMap::new(),
        gateway_responses: responses,
    }
}

/// A request that has found its stage.
pub(crate) struct Placed {
    request: Request,
    ids: RequestIds,
    settings: Settings,
    stage: DeployedStage,
}

impl Placed {
    pub(crate) fn new(request: Request, snapshot: Snapshot, variables: &[(&str, &str)]) -> Self {
        let deployment = Arc::new(DeployedApi::compile("dep001", snapshot).unwrap());
        Self {
            ids: RequestIds::of(&request),
            request,
            settings: settings(),
            stage: DeployedStage { stage: stage(variables), deployment },
        }
    }

    /// The exchange, routed where a route serves it.
    pub(crate) fn exchange(&self) -> Exchange<'_> {
        Exchange {
            request: &self.request,
            ids: &self.ids,
            received: NOON,
            settings: &self.settings,
            stage: &self.stage,
            path: &self.request.path,
            additional_context: None,
            route: self.stage.deployment.routes.lookup(&self.request.path, self.request.method.as_str()),
            authorized: None,
            key: None,
            plan: None,
            meter: None,
        }
    }
}

//! A request as Lambda functions get it: the event of a proxy integration
//! (developer guide, "Input format of a Lambda function for proxy
//! integration"), which with a type and a method ARN is also that of a REQUEST
//! authorizer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::exchange::{Exchange, common_log_time, milliseconds};
use crate::parameters::{self, MultiMap};

/// The event of a proxy integration.
pub(crate) fn for_integration(exchange: &Exchange<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let source = Source::of(exchange);
    let body = &exchange.request.body;
    let binary = exchange.stage.deployment.binary.holds(exchange.request.content_type());
    let text = if body.is_empty() {
        None
    } else if binary {
        Some(Cow::Owned(STANDARD.encode(body)))
    } else {
        Some(String::from_utf8_lossy(body))
    };
    serde_json::to_vec(&IntegrationEvent {
        parts: source.parts(exchange, Empty::IsNull),
        body: text,
        is_base64_encoded: binary && !body.is_empty(),
    })
}

/// The event of a REQUEST authorizer.
pub(crate) fn for_authorizer(exchange: &Exchange<'_>, method_arn: &str) -> Result<Vec<u8>, serde_json::Error> {
    let source = Source::of(exchange);
    serde_json::to_vec(&AuthorizerEvent { kind: "REQUEST", method_arn, parts: source.parts(exchange, Empty::IsEmpty) })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntegrationEvent<'a> {
    #[serde(flatten)]
    parts: Parts<'a>,
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    method_arn: &'a str,
    #[serde(flatten)]
    parts: Parts<'a>,
}

type Map<'a> = BTreeMap<&'a str, &'a str>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parts<'a> {
    resource: &'a str,
    path: Cow<'a, str>,
    http_method: &'a str,
    headers: Option<Map<'a>>,
    multi_value_headers: Option<&'a MultiMap<'a>>,
    query_string_parameters: Option<Map<'a>>,
    multi_value_query_string_parameters: Option<&'a MultiMap<'a>>,
    path_parameters: Option<Map<'a>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    request_context: RequestContext<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'a str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<BTreeMap<&'a str, Value>>,
    deployment_id: &'a str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    extended_request_id: &'a str,
    http_method: &'a str,
    identity: Identity<'a>,
    path: String,
    protocol: &'a str,
    request_id: &'a str,
    request_time: String,
    request_time_epoch: i64,
    resource_id: &'a str,
    resource_path: &'a str,
    stage: &'a str,
}

/// The members that only a signed request fills are null, as in the real one.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    access_key: Option<&'a str>,
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_id: Option<&'a str>,
    caller: Option<&'a str>,
    cognito_authentication_provider: Option<&'a str>,
    cognito_authentication_type: Option<&'a str>,
    cognito_identity_id: Option<&'a str>,
    cognito_identity_pool_id: Option<&'a str>,
    principal_org_id: Option<&'a str>,
    source_ip: &'a str,
    user: Option<&'a str>,
    user_agent: Option<&'a str>,
    user_arn: Option<&'a str>,
}

/// How a group of parameters is shown that has none.
#[derive(Clone, Copy)]
enum Empty {
    /// As integrations get it.
    IsNull,
    /// As authorizers get it.
    IsEmpty,
}

impl Empty {
    fn show<T>(self, is_empty: bool, value: T) -> Option<T> {
        match self {
            Self::IsNull if is_empty => None,
            _ => Some(value),
        }
    }
}

/// What the event borrows from.
struct Source<'a> {
    headers: MultiMap<'a>,
    query: MultiMap<'a>,
}

impl<'a> Source<'a> {
    fn of(exchange: &Exchange<'a>) -> Self {
        Self { headers: parameters::headers(exchange.request), query: parameters::query(&exchange.request.query) }
    }

    fn parts<'e>(&'e self, exchange: &'e Exchange<'a>, empty: Empty) -> Parts<'e> {
        let variables = &exchange.stage.stage.variables;
        let path_parameters: Map<'e> = exchange
            .route
            .iter()
            .flat_map(|route| &route.path_parameters)
            .map(|(name, value)| (*name, *value))
            .collect();
        Parts {
            resource: exchange.resource_path().unwrap_or_default(),
            path: exchange.path_of_resource(),
            http_method: exchange.verb(),
            headers: empty.show(self.headers.is_empty(), parameters::last_values(&self.headers)),
            multi_value_headers: empty.show(self.headers.is_empty(), &self.headers),
            query_string_parameters: empty.show(self.query.is_empty(), parameters::last_values(&self.query)),
            multi_value_query_string_parameters: empty.show(self.query.is_empty(), &self.query),
            path_parameters: empty.show(path_parameters.is_empty(), path_parameters),
            stage_variables: empty.show(variables.is_empty(), variables),
            request_context: request_context(exchange),
        }
    }
}

fn request_context<'e>(exchange: &'e Exchange<'_>) -> RequestContext<'e> {
    let request = exchange.request;
    let requires_key = exchange.route.as_ref().is_some_and(|route| route.value.key_required);
    RequestContext {
        account_id: &exchange.settings.account_id,
        api_id: exchange.stage.deployment.id.as_str(),
        authorizer: exchange.authorized.as_ref().map(|authorized| authorized.members()),
        deployment_id: &exchange.stage.deployment.deployment_id,
        domain_name: exchange.domain_name(),
        domain_prefix: exchange.domain_prefix(),
        extended_request_id: &exchange.ids.extended,
        http_method: exchange.verb(),
        identity: Identity {
            // As presented: an authorizer is asked before it is looked up.
            api_key: exchange.presented_key().filter(|_| requires_key),
            api_key_id: exchange.key.as_ref().map(|key| key.key_id.as_str()),
            source_ip: &request.source_ip,
            user_agent: request.user_agent(),
            ..Identity::default()
        },
        path: exchange.path_with_stage(),
        protocol: &request.protocol,
        request_id: &exchange.ids.request,
        request_time: common_log_time(exchange.received),
        request_time_epoch: milliseconds(exchange.received),
        resource_id: exchange.resource_id().unwrap_or_default(),
        resource_path: exchange.resource_path().unwrap_or_default(),
        stage: &exchange.stage.stage.stage_name,
    }
}

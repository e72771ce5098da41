//! A deployment's snapshot, compiled: routes, authorizers, integrations and
//! gateway responses are taken apart once and then only read.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::api::{Method, Snapshot, Stage};
use keyplan_domain::id::RestApiId;
use keyplan_domain::route::{InvalidRoutes, RouteTable};
use keyplan_domain::source::ApiKeySource;

use crate::answer::GatewayResponses;
use crate::authorizer::DeployedAuthorizer;
use crate::integration::{BinaryMediaTypes, Integration};
use crate::validation::{RequestValidation, Validators};

/// A stage and what it serves.
pub(crate) struct DeployedStage {
    /// The stage's own settings, which act at once.
    pub(crate) stage: Stage,
    /// What it points at.
    pub(crate) deployment: Arc<DeployedApi>,
}

impl DeployedStage {
    /// Whether answers name the reason of a refusal: the stage variable
    /// `keyplanExplain` is `true`.
    pub(crate) fn explains(&self) -> bool {
        self.stage.variables.get("keyplanExplain").is_some_and(|value| value == "true")
    }
}

/// An API as one deployment froze it.
pub(crate) struct DeployedApi {
    pub(crate) id: RestApiId,
    pub(crate) deployment_id: String,
    pub(crate) endpoint_disabled: bool,
    pub(crate) key_source: ApiKeySource,
    pub(crate) binary: BinaryMediaTypes,
    pub(crate) routes: RouteTable<DeployedMethod>,
    pub(crate) responses: GatewayResponses,
    /// What keeps the whole API from being served, where something does.
    pub(crate) unsupported: Option<&'static str>,
}

/// A method, ready to serve.
pub(crate) struct DeployedMethod {
    pub(crate) resource_id: String,
    /// Its own verb, or `ANY`.
    pub(crate) verb: String,
    pub(crate) guard: Guard,
    pub(crate) key_required: bool,
    /// What a request must be for the integration to be called; `None` where
    /// anything will do.
    pub(crate) validation: Option<RequestValidation>,
    pub(crate) integration: Integration,
    /// What keeps the method from being served, where something does.
    pub(crate) unsupported: Option<&'static str>,
}

/// Who decides whether a caller may pass.
pub(crate) enum Guard {
    /// Nobody: authorization type `NONE`.
    Open,
    /// A Lambda authorizer: `CUSTOM`.
    Lambda(Arc<DeployedAuthorizer>),
}

impl DeployedApi {
    /// Compiles a snapshot. What is not supported is marked and refused when
    /// it is called, so that it does not take the other methods with it.
    ///
    /// # Errors
    /// When its methods cannot be told apart.
    pub(crate) fn compile(deployment_id: &str, snapshot: Snapshot) -> Result<Self, InvalidRoutes> {
        let authorizers: BTreeMap<&str, Arc<DeployedAuthorizer>> = snapshot
            .authorizers
            .iter()
            .map(|(id, authorizer)| (id.as_str(), Arc::new(DeployedAuthorizer::compile(authorizer))))
            .collect();
        let mut validators = Validators::new(&snapshot.api.id, snapshot.request_validators, snapshot.models);
        let mut methods = Vec::new();
        for resource in &snapshot.resources {
            for (verb, method) in snapshot.methods.get(&resource.id).into_iter().flatten() {
                let method = DeployedMethod::compile(&resource.id, verb, method, &authorizers, &mut validators);
                methods.push((resource.path.as_str(), verb, method));
            }
        }
        Ok(Self {
            routes: RouteTable::compile(methods)?,
            id: snapshot.api.id,
            deployment_id: deployment_id.to_owned(),
            endpoint_disabled: snapshot.api.disable_execute_api_endpoint,
            key_source: snapshot.api.api_key_source,
            binary: BinaryMediaTypes::new(snapshot.api.binary_media_types),
            responses: GatewayResponses::compile(&snapshot.gateway_responses),
            unsupported: snapshot.api.policy.map(|_| "a resource policy"),
        })
    }
}

impl DeployedMethod {
    fn compile(
        resource_id: &str,
        verb: &str,
        method: &Method,
        authorizers: &BTreeMap<&str, Arc<DeployedAuthorizer>>,
        validators: &mut Validators,
    ) -> Self {
        let named = method.authorizer_id.as_deref().and_then(|id| authorizers.get(id));
        let (guard, mut unsupported) = match (method.authorization_type.as_str(), named) {
            ("NONE", _) => (Guard::Open, None),
            ("CUSTOM", Some(authorizer)) => (Guard::Lambda(authorizer.clone()), None),
            ("CUSTOM", None) => (Guard::Open, Some("a method whose authorizer does not exist")),
            _ => (Guard::Open, Some("an authorization type other than NONE and CUSTOM")),
        };
        let validation = validators.of(method).unwrap_or_else(|what| {
            unsupported = unsupported.or(Some(what));
            None
        });
        let integration = method.method_integration.as_ref().map(Integration::compile);
        if integration.is_none() {
            unsupported = unsupported.or(Some("a method without an integration"));
        }
        Self {
            resource_id: resource_id.to_owned(),
            verb: verb.to_owned(),
            guard,
            key_required: method.api_key_required,
            validation,
            integration: integration.unwrap_or(Integration::Unsupported("a method without an integration")),
            unsupported,
        }
    }
}

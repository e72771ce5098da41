//! The data plane looked at from the control plane: methods and authorizers of
//! an API as it stands, called before anybody deploys them, and what would
//! become of a call to a stage.
//!
//! A method is called past its authorizer, its key and its limits, as
//! TestInvokeMethod does; an authorizer past its cache. Nothing is counted and
//! nothing is kept. Logs show no token and no key.

mod authorizer;
mod execution_log;
mod explain;
mod method;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_lambda::Client;
use bytes::Bytes;
use http::{HeaderMap, Method};
use keyplan_domain::api::{Snapshot, Stage};
use keyplan_domain::time::Timestamp;
use keyplan_store::Store;
use keyplan_store::clock::Clock;

use crate::deployed::{DeployedApi, DeployedStage};
use crate::exchange::Exchange;
use crate::http_client::HttpClient;
use crate::integration::Backends;
use crate::request::{Request, RequestIds};
use crate::settings::Settings;
pub use authorizer::TestedAuthorizer;
pub use explain::{ExplainCall, Explanation};
pub use method::TestedMethod;

/// Tests what an API holds; cheap to clone.
#[derive(Clone)]
pub struct Inspector {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    store: Store,
    clock: Arc<dyn Clock>,
    backends: Backends,
}

/// A call as TestInvokeMethod and TestInvokeAuthorizer describe it.
#[derive(Clone, Default)]
pub struct TestCall {
    /// `/path?query`; `None` is the path of the resource itself.
    pub path_with_query_string: Option<String>,
    /// All headers, with all their values.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// `$stageVariables`
    pub stage_variables: BTreeMap<String, String>,
    /// Values in the place of `$context`'s own, by name without `context.`.
    pub additional_context: BTreeMap<String, String>,
}

/// Why nothing can be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// There is no such method.
    #[error("the resource has no such method")]
    NoMethod,
    /// There is no such authorizer.
    #[error("the API has no such authorizer")]
    NoAuthorizer,
    /// The path is not one of the resource's.
    #[error("the path does not match the resource")]
    Path,
    /// The API's methods cannot be told apart.
    #[error("the API's methods cannot be told apart")]
    Routes,
}

impl Inspector {
    /// One over the configuration and meters of `store`, which invokes functions
    /// through `lambda`. No request is sent.
    #[must_use]
    pub fn new(settings: Settings, store: Store, lambda: Client, clock: Arc<dyn Clock>) -> Self {
        let http = HttpClient::new(settings.address_rule.clone());
        Self { inner: Arc::new(Inner { settings, store, clock, backends: Backends { lambda, http } }) }
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}

/// A call on its way through what is tested.
struct Trial {
    request: Request,
    ids: RequestIds,
    stage: DeployedStage,
    additional_context: BTreeMap<String, String>,
}

impl Trial {
    fn new(
        snapshot: Snapshot,
        stage_name: &str,
        verb: Method,
        default_path: &str,
        call: TestCall,
        now: Timestamp,
    ) -> Result<Self, InspectError> {
        let target = call.path_with_query_string.filter(|target| !target.is_empty());
        let target = target.as_deref().unwrap_or(default_path);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: verb,
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            query: query.to_owned(),
            headers: call.headers,
            body: call.body,
            host: None,
            source_ip: "test-invoke-source-ip".into(),
            request_id: None,
            protocol: "HTTP/1.1".into(),
            tracing_header: None,
        };
        let deployment = DeployedApi::compile("test-invoke-deployment", snapshot).map_err(|_| InspectError::Routes)?;
        let mut stage = Stage::new(stage_name, stage_name, "test-invoke-deployment", now);
        stage.variables = call.stage_variables;
        Ok(Self {
            ids: RequestIds::of(&request),
            request,
            stage: DeployedStage { stage, deployment: Arc::new(deployment) },
            additional_context: call.additional_context,
        })
    }

    fn exchange<'t>(&'t self, settings: &'t Settings, now: Timestamp) -> Exchange<'t> {
        let routes = &self.stage.deployment.routes;
        Exchange {
            request: &self.request,
            ids: &self.ids,
            received: now,
            settings,
            stage: &self.stage,
            path: &self.request.path,
            additional_context: Some(&self.additional_context),
            route: routes.lookup(&self.request.path, self.request.method.as_str()),
            authorized: None,
            key: None,
            plan: None,
            meter: None,
        }
    }
}

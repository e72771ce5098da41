use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use keyplan_domain::api::Snapshot;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::route::ANY;

use super::execution_log::{ExecutionLog, shown};
use super::{InspectError, Inspector, TestCall, Trial};
use crate::exchange::Exchange;
use crate::{Response, answer, by_media_type};

/// The stage's name while a method is tested.
const STAGE: &str = "test-invoke-stage";

/// What a method answered.
#[derive(Clone, Debug)]
pub struct TestedMethod {
    /// The status that a caller would have got.
    pub status: u16,
    /// The headers that a caller would have got.
    pub headers: HeaderMap,
    /// The body that a caller would have got, as text.
    pub body: String,
    /// What happened, line by line.
    pub log: String,
    /// How long it took.
    pub latency: Duration,
}

impl Inspector {
    /// Calls a method of an API as it stands.
    ///
    /// # Errors
    /// When there is no such method, or the path is not one of its resource's.
    pub async fn test_method(
        &self,
        snapshot: Snapshot,
        resource_id: &str,
        verb: &str,
        call: TestCall,
    ) -> Result<TestedMethod, InspectError> {
        let started = self.now();
        let (snapshot, path) = alone(snapshot, resource_id, verb).ok_or(InspectError::NoMethod)?;
        let sent = if verb == ANY { "GET" } else { verb };
        let sent = sent.parse().map_err(|_| InspectError::NoMethod)?;
        let trial = Trial::new(snapshot, STAGE, sent, &path, call, started)?;
        let exchange = trial.exchange(&self.inner.settings, started);
        if exchange.route.is_none() {
            return Err(InspectError::Path);
        }

        let mut log = ExecutionLog::of(&trial.ids.request);
        log.line(self.now(), format_args!("Starting execution for request: {}", trial.ids.request));
        log.line(self.now(), format_args!("HTTP Method: {}, Resource Path: {}", exchange.verb(), trial.request.path));
        let parameters: BTreeMap<_, _> = exchange.route.iter().flat_map(|route| &route.path_parameters).collect();
        log.line(self.now(), format_args!("Method request path: {parameters:?}"));
        log.line(self.now(), format_args!("Method request query string: {}", trial.request.query));
        log.line(self.now(), format_args!("Method request headers: {}", shown(&trial.request.headers)));
        let response = match self.called(&exchange).await {
            Ok(response) => {
                log.line(self.now(), format_args!("Received response. Status: {}", response.status().as_u16()));
                log.line(self.now(), format_args!("Successfully completed execution"));
                response
            }
            Err(refusal) => {
                log.line(self.now(), format_args!("{}", failed(&refusal, &exchange)));
                answer::refuse(&refusal, &exchange, self.now())
            }
        };
        let response = answer::identified(response, trial.ids.clone());
        let (answered, body) = answer::collected(response, self.inner.store.metrics()).await.into_parts();
        log.line(self.now(), format_args!("Method response headers: {}", shown(&answered.headers)));
        log.line(self.now(), format_args!("Method completed with status: {}", answered.status.as_u16()));
        Ok(TestedMethod {
            status: answered.status.as_u16(),
            headers: answered.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            log: log.into_text(),
            latency: self.now().since(started),
        })
    }

    async fn called(&self, exchange: &Exchange<'_>) -> Result<Response, Refusal> {
        let method = exchange.route.as_ref().map(|route| route.value).ok_or(Refusal::RouteUnknown)?;
        if let Some(what) = method.unsupported {
            return Err(Refusal::Unsupported { what });
        }
        if let Some(validation) = &method.validation {
            validation.check(exchange)?;
        }
        method.integration.call(exchange, &self.inner.backends).await
    }
}

/// What the log says of a call that is refused: of one that is not what its
/// method asks for, as seen in real logs.
fn failed(refusal: &Refusal, exchange: &Exchange<'_>) -> String {
    match refusal {
        Refusal::ParametersMissing { .. } => answer::told(refusal).message.unwrap_or_default().into_owned(),
        Refusal::BodyInvalid { errors } => {
            let media_type = by_media_type::bare(exchange.request.content_type());
            format!("Request body does not match model schema for content type {media_type}: {errors}")
        }
        _ => format!("Execution failed: {}", refusal.detail().unwrap_or(refusal.name())),
    }
}

/// The API with this method alone, open to all, and the path of its resource.
fn alone(mut snapshot: Snapshot, resource_id: &str, verb: &str) -> Option<(Snapshot, String)> {
    let path = snapshot.resources.iter().find(|resource| resource.id == resource_id)?.path.clone();
    let mut methods = snapshot.methods.remove(resource_id)?;
    let mut method = methods.remove(verb).or_else(|| methods.remove(ANY))?;
    method.authorization_type = "NONE".into();
    method.api_key_required = false;
    let methods = BTreeMap::from([(method.http_method.clone(), method)]);
    snapshot.methods = BTreeMap::from([(resource_id.to_owned(), methods)]);
    Some((snapshot, path))
}

use std::time::Duration;

use http::Method;
use keyplan_domain::api::Snapshot;
use serde_json::Value;

use super::execution_log::{ExecutionLog, HIDDEN, without};
use super::{InspectError, Inspector, TestCall, Trial};
use crate::answer;
use crate::authorizer::{self, DeployedAuthorizer};

/// The stage's name in the method ARN that a tested authorizer is given
/// (developer guide, "Test an API Gateway Lambda authorizer").
const STAGE: &str = "ESTestInvoke-stage";

/// What hides in an event or an answer: credentials, and all that a caller sent.
const SECRETS: [&str; 7] = [
    "authorizationToken",
    "apiKey",
    "headers",
    "multiValueHeaders",
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "usageIdentifierKey",
];

/// What an authorizer answered.
#[derive(Clone, Debug)]
pub struct TestedAuthorizer {
    /// 0 where it answered a policy, else the status that a caller would have
    /// got.
    pub client_status: u16,
    /// Who the caller is.
    pub principal_id: Option<String>,
    /// The policy document, as JSON.
    pub policy: Option<String>,
    /// What happened, line by line.
    pub log: String,
    /// How long it took.
    pub latency: Duration,
}

impl Inspector {
    /// Asks an authorizer of an API as it stands.
    ///
    /// # Errors
    /// When there is no such authorizer.
    pub async fn test_authorizer(
        &self,
        mut snapshot: Snapshot,
        authorizer_id: &str,
        call: TestCall,
    ) -> Result<TestedAuthorizer, InspectError> {
        let started = self.now();
        let authorizer = snapshot.authorizers.get(authorizer_id).ok_or(InspectError::NoAuthorizer)?;
        let authorizer = DeployedAuthorizer::compile(authorizer);
        // No method is called, so none need be told from another.
        snapshot.methods.clear();
        let trial = Trial::new(snapshot, STAGE, Method::GET, "/", call, started)?;
        let exchange = trial.exchange(&self.inner.settings, started);

        let mut log = ExecutionLog::of("test-request");
        log.line(self.now(), format_args!("Starting authorizer: {authorizer_id} for request: {}", trial.ids.request));
        log.line(self.now(), format_args!("Incoming identity: {HIDDEN}"));
        let asked = authorizer::test(&self.inner.backends.lambda, &authorizer, &exchange).await;
        if let Some(event) = asked.event.as_deref().and_then(|event| serde_json::from_slice::<Value>(event).ok()) {
            let event = without(event, &SECRETS);
            log.line(self.now(), format_args!("Endpoint request body after transformations: {event}"));
        }
        let tested = |client_status, principal_id, policy, log: ExecutionLog| TestedAuthorizer {
            client_status,
            principal_id,
            policy,
            log: log.into_text(),
            latency: self.now().since(started),
        };
        match asked.answer {
            Ok(answer) => {
                let principal =
                    answer["principalId"].as_str().map_or_else(|| answer["principalId"].to_string(), Into::into);
                let policy = answer["policyDocument"].to_string();
                let shown = without(answer, &SECRETS);
                log.line(self.now(), format_args!("Authorizer result body before parsing: {shown}"));
                log.line(self.now(), format_args!("Using valid authorizer policy for principal: {HIDDEN}"));
                log.line(self.now(), format_args!("Successfully completed authorizer execution"));
                Ok(tested(0, Some(principal), Some(policy), log))
            }
            Err(refusal) => {
                let what = refusal.detail().unwrap_or(refusal.name());
                log.line(self.now(), format_args!("Execution failed: {what}"));
                Ok(tested(answer::told(&refusal).status.as_u16(), None, None, log))
            }
        }
    }
}

//! Lambda authorizers of methods: who is asked, whether an earlier answer
//! still counts, and what the answer's policy says of this method.
//!
//! An answer is kept per authorizer, stage, identity and the stage's epoch,
//! which a flush of the stage's authorizer cache raises. What is kept is the
//! answer, not the verdict: its policy is held against each method anew.
//! Failures and `Unauthorized` are never kept.

mod answer;
mod identity;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::Client;
use keyplan_domain::api::{Authorizer, AuthorizerType};
use keyplan_domain::arn::MethodArn;
use keyplan_domain::key::{KeyHash, KeyValue};
use keyplan_domain::policy::{INVOKE, Verdict};
use keyplan_domain::refusal::Refusal;
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::Clock;
use keyplan_telemetry::{Distribution, Metrics};
use quick_cache::sync::Cache;
use serde::Serialize;
use serde_json::Value;

use crate::exchange::Exchange;
use crate::function::{self, Function, InvokeError, Outcome};
use crate::{proxy_event, tracing_header};
use answer::Answer;
use identity::IdentitySources;

/// How long an authorizer may take.
const TIME_OUT: Duration = Duration::from_secs(29);

/// Answers kept at once.
const KEPT: usize = 10_000;

/// An authorizer of a deployment, ready to be asked.
pub(crate) struct DeployedAuthorizer {
    id: String,
    kind: AuthorizerType,
    ttl: Duration,
    asked: Result<Asked, &'static str>,
}

struct Asked {
    function: Function,
    identity: IdentitySources,
}

impl DeployedAuthorizer {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn compile(authorizer: &Authorizer) -> Self {
        Self {
            id: authorizer.id.clone(),
            kind: authorizer.authorizer_type,
            ttl: Duration::from_secs(authorizer.ttl_seconds().into()),
            asked: Asked::compile(authorizer),
        }
    }

    /// Whether its event names the key that a request presents, by value and id.
    pub(crate) fn is_shown_the_key(&self) -> bool {
        self.kind == AuthorizerType::Request
    }
}

impl Asked {
    fn compile(authorizer: &Authorizer) -> Result<Self, &'static str> {
        let uri = authorizer.authorizer_uri.as_deref().unwrap_or_default();
        Ok(Self {
            function: Function::compile(uri).map_err(|_| "the authorizer's URI names no Lambda function")?,
            identity: IdentitySources::compile(authorizer)?,
        })
    }
}

/// A caller whom an authorizer knows.
pub(crate) struct Authorized {
    answer: Arc<Answer>,
    /// How long the authorizer took; nothing where its answer was kept.
    latency: Duration,
}

impl Authorized {
    pub(crate) fn usage_identifier_key(&self) -> Option<&str> {
        self.answer.usage_identifier_key.as_ref().map(KeyValue::expose)
    }

    /// `$context.authorizer.{name}`: everything is a string there.
    pub(crate) fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "principalId" => Some(Cow::Borrowed(&self.answer.principal_id)),
            "integrationLatency" => Some(self.latency.as_millis().to_string().into()),
            _ => self.answer.context.get(name).map(|value| Cow::Borrowed(value.as_str())),
        }
    }

    /// `requestContext.authorizer` of a proxy event.
    pub(crate) fn members(&self) -> BTreeMap<&str, Value> {
        let context = self.answer.context.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
        context
            .chain([
                ("principalId", Value::from(self.answer.principal_id.as_str())),
                ("integrationLatency", Value::from(milliseconds(self.latency))),
            ])
            .collect()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    authorization_token: &'a str,
    method_arn: &'a str,
}

struct Kept {
    answer: Arc<Answer>,
    since: Timestamp,
}

/// Asks authorizers and keeps their answers.
pub(crate) struct Authorizers {
    lambda: Client,
    clock: Arc<dyn Clock>,
    kept: Cache<KeyHash, Arc<Kept>>,
    metrics: Metrics,
}

impl Authorizers {
    pub(crate) fn new(lambda: Client, clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        Self { lambda, clock, kept: Cache::new(KEPT), metrics }
    }

    /// Lets the caller of `exchange` pass, or not. What the authorizer says of
    /// a caller whom its policy denies is known to the exchange as well.
    pub(crate) async fn authorize(
        &self,
        authorizer: &DeployedAuthorizer,
        exchange: &mut Exchange<'_>,
    ) -> Result<(), Refusal> {
        let Question { asked, method_arn, identity } = Question::of(authorizer, exchange)?;
        let place =
            (!authorizer.ttl.is_zero() && !identity.is_empty()).then(|| place_of(authorizer, exchange, &identity));
        let kept = place.as_ref().and_then(|place| self.kept_answer(place, authorizer.ttl, exchange.received));
        let authorized = match kept {
            Some(answer) => Authorized { answer, latency: Duration::ZERO },
            None => {
                let event = event(authorizer, exchange, &identity, &method_arn)?;
                let started = self.clock.now();
                let answer = ask(&self.lambda, asked, exchange, event).await;
                let latency = self.clock.now().since(started);
                self.metrics.observe(Distribution::AuthorizerLatency, milliseconds(latency));
                let answer = Arc::new(Answer::parse(&answer?).map_err(failed)?);
                if let Some(place) = place {
                    let kept = Kept { answer: answer.clone(), since: exchange.received };
                    self.kept.insert(place, Arc::new(kept));
                }
                Authorized { answer, latency }
            }
        };
        let verdict = authorized.answer.policy.evaluate(INVOKE, &method_arn);
        exchange.authorized = Some(authorized);
        match verdict {
            Verdict::Allow => Ok(()),
            Verdict::ExplicitDeny => Err(Refusal::ExplicitDeny),
            Verdict::ImplicitDeny => Err(Refusal::ImplicitDeny),
        }
    }

    fn kept_answer(&self, place: &KeyHash, ttl: Duration, now: Timestamp) -> Option<Arc<Answer>> {
        self.kept.get(place).filter(|kept| now.since(kept.since) < ttl).map(|kept| kept.answer.clone())
    }
}

/// Asks an authorizer past the cache, as the control plane tests it.
pub(crate) async fn test(lambda: &Client, authorizer: &DeployedAuthorizer, exchange: &Exchange<'_>) -> Trial {
    let asked = Question::of(authorizer, exchange).and_then(|question| {
        let event = event(authorizer, exchange, &question.identity, &question.method_arn)?;
        Ok((question.asked, event))
    });
    let (asked, event) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return Trial { event: None, answer: Err(refusal) },
    };
    let answer = ask(lambda, asked, exchange, event.clone()).await.and_then(|answer| {
        Answer::parse(&answer).map_err(failed)?;
        serde_json::from_slice(&answer).map_err(|_| failed("the authorizer's answer is no JSON object"))
    });
    Trial { event: Some(event), answer }
}

/// What the authorizer's function answers, as it came.
async fn ask(lambda: &Client, asked: &Asked, exchange: &Exchange<'_>, event: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let function = asked
        .function
        .at(&exchange.stage.stage.variables)
        .map_err(|_| failed("the authorizer's URI names no Lambda function with these stage variables"))?;
    let tracing_header = tracing_header::of_call(exchange.request);
    let outcome = function::invoke(lambda, &function, event, tracing_header, TIME_OUT).await.map_err(|error| {
        failed(match error {
            InvokeError::TimedOut => "the authorizer took longer than 29 seconds",
            InvokeError::Unreachable => "Lambda cannot be reached for the authorizer",
            InvokeError::TooLarge => "the authorizer's event is larger than Lambda takes",
            InvokeError::Refused => "Lambda refused to invoke the authorizer",
        })
    })?;
    match outcome {
        Outcome::Answered(answer) => Ok(answer),
        Outcome::Failed { message } if message == function::UNAUTHORIZED => Err(Refusal::Unauthorized),
        Outcome::Failed { .. } => Err(failed("the authorizer failed")),
    }
}

/// What came of testing an authorizer.
pub(crate) struct Trial {
    /// The event that its function was given; `None` if it was not asked.
    pub(crate) event: Option<Vec<u8>>,
    /// Its answer, which is of the right form.
    pub(crate) answer: Result<Value, Refusal>,
}

/// What an authorizer is asked about a request.
struct Question<'a, 'e> {
    asked: &'a Asked,
    method_arn: String,
    identity: Vec<Cow<'e, str>>,
}

impl<'a, 'e> Question<'a, 'e> {
    fn of(authorizer: &'a DeployedAuthorizer, exchange: &'e Exchange<'_>) -> Result<Self, Refusal> {
        let asked = authorizer.asked.as_ref().map_err(|reason| failed(reason))?;
        let routed = exchange.route.as_ref().map_or(exchange.path, |route| route.path);
        let method_arn = exchange.stage_arn().method(exchange.verb(), routed).to_string();
        if method_arn.len() > MethodArn::MAX_BYTES {
            return Err(Refusal::UriTooLong);
        }
        Ok(Self { asked, method_arn, identity: asked.identity.of(exchange)? })
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn failed(reason: &'static str) -> Refusal {
    Refusal::AuthorizerFailed { reason }
}

fn event(
    authorizer: &DeployedAuthorizer,
    exchange: &Exchange<'_>,
    identity: &[Cow<'_, str>],
    method_arn: &str,
) -> Result<Vec<u8>, Refusal> {
    let event = match (authorizer.kind, identity.first()) {
        (AuthorizerType::Token, Some(token)) => {
            serde_json::to_vec(&TokenEvent { kind: "TOKEN", authorization_token: token, method_arn })
        }
        _ => proxy_event::for_authorizer(exchange, method_arn),
    };
    event.map_err(|_| failed("the authorizer's event cannot be written"))
}

/// Where an answer is kept: a hash, so that no token stays in memory for it.
fn place_of(authorizer: &DeployedAuthorizer, exchange: &Exchange<'_>, identity: &[Cow<'_, str>]) -> KeyHash {
    let stage = &exchange.stage.stage;
    let mut place =
        format!("{}/{}/{}/{}", exchange.stage.deployment.id, stage.uid, authorizer.id, stage.authorizer_epoch);
    for value in identity {
        // With its length, so that no two lists of values read the same.
        place.push_str(&format!("/{}:{value}", value.len()));
    }
    KeyHash::of(&place)
}

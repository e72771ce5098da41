//! The Lambda authorizer that turns a client's token into `usageIdentifierKey`.
//!
//! It answers the TOKEN and REQUEST events of API Gateway REST APIs with the value
//! of the key that the token stands for, and a policy over all it may reach,
//! since API Gateway caches the answer per token and applies it to every method.
//! There are two kinds of tokens:
//! - opaque ones, checked offline and looked up by their SHA-256, which name
//!   their key,
//! - JSON Web Tokens of configured issuers ([`jwt`]), verified with their issuer's
//!   keys, whose subject has a key.
//!
//! Either takes at most one read, and none while the cache holds.
//!
//! It answers HTTP APIs too, of either payload format, though without a key:
//! these have no usage plans. A simple answer ([`HttpApiResponse`]) is about the
//! route that is called, and API Gateway caches it for all routes unless
//! `$context.routeKey` is among the authorizer's identity sources.
//!
//! What is no valid token is the error `Unauthorized`, which API Gateway turns
//! into a 401. A failure of ours is another error, which becomes a 500, and
//! never a policy that denies. No token and no key value is in any error or log.

#![warn(missing_docs)]

mod answer;
mod error;
mod event;
mod identities;
mod issued;
pub mod jwt;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::token::bearer;
use keyplan_store::Store;
use keyplan_store::cache::Lookups;
use keyplan_store::clock::Clock;
use keyplan_telemetry::Counter;
use serde_json::Value;

pub use answer::Answer;
pub use error::{AuthorizerError, Rejection};
pub use event::EventError;
pub use settings::{HttpApiResponse, InvalidSettings, Settings, read_issuers};

use event::Question;
use identities::Identities;
use issued::IssuedTokens;
use jwt::{InvalidIssuer, Issuer};

/// How long a looked-up token is believed, if nothing else is configured: a
/// revoked one lives on for that long.
pub const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(5);

/// Tokens remembered, known and unknown together; as many subjects.
const CACHE_CAPACITY: usize = 10_000;

/// The function, apart from the Lambda runtime.
#[derive(Debug)]
pub struct Authorizer {
    store: Store,
    clock: Arc<dyn Clock>,
    cache_ttl: Duration,
    issued: IssuedTokens,
    /// Where some issuer is trusted.
    identities: Option<Identities>,
    http_api_response: HttpApiResponse,
}

impl Authorizer {
    /// An authorizer that believes what it looked up for [`DEFAULT_CACHE_TTL`].
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self::with_cache_ttl(store, clock, DEFAULT_CACHE_TTL)
    }

    /// An authorizer that believes what it looked up for `cache_ttl`; zero has
    /// it look up every time.
    #[must_use]
    pub fn with_cache_ttl(store: Store, clock: Arc<dyn Clock>, cache_ttl: Duration) -> Self {
        let issued = IssuedTokens::new(store.clone(), clock.clone(), cache_ttl);
        let http_api_response = HttpApiResponse::default();
        Self { store, clock, cache_ttl, issued, identities: None, http_api_response }
    }

    /// The same authorizer, which takes the JWTs of these issuers too.
    ///
    /// # Errors
    /// When an issuer makes no sense.
    pub fn trusting(self, issuers: Vec<Issuer>) -> Result<Self, InvalidIssuer> {
        if issuers.is_empty() {
            return Ok(Self { identities: None, ..self });
        }
        let identities = Identities::new(self.store.clone(), self.clock.clone(), self.cache_ttl, issuers)?;
        Ok(Self { identities: Some(identities), ..self })
    }

    /// The same authorizer, answering HTTP APIs of payload format 2.0 as they
    /// are set to expect.
    #[must_use]
    pub fn answering_http_apis(self, http_api_response: HttpApiResponse) -> Self {
        Self { http_api_response, ..self }
    }

    /// Answers one event of API Gateway.
    ///
    /// # Errors
    /// [`AuthorizerError::Unauthorized`] for whatever is no valid token, the
    /// others for what the caller cannot help.
    pub async fn handle(&self, event: Value) -> Result<Answer, AuthorizerError> {
        let answered = async {
            let question = Question::decode(event)?;
            let answer = self.answer(&question).await?;
            Ok((answer.allows(&question), answer))
        };
        let answered = answered.await;
        self.store.metrics().count(match &answered {
            Ok((true, _)) => Counter::AuthorizerAllowed,
            Ok((false, _)) => Counter::AuthorizerDenied,
            Err(AuthorizerError::Unauthorized(_)) => Counter::AuthorizerUnauthorized,
            Err(_) => Counter::AuthorizerFailures,
        });
        answered.map(|(_, answer)| answer).inspect_err(|error| match error {
            AuthorizerError::Unauthorized(rejection) => tracing::info!(%rejection, "token refused"),
            failure => {
                let cause = std::error::Error::source(failure).map(ToString::to_string);
                tracing::error!(%failure, cause, "token not checked");
            }
        })
    }

    /// Forgets which tokens are known and which are not.
    pub fn drop_caches(&self) {
        self.issued.drop_cache();
        if let Some(identities) = &self.identities {
            identities.drop_cache();
        }
    }

    async fn answer(&self, question: &Question) -> Result<Answer, AuthorizerError> {
        let presented = bearer(&question.credential);
        if presented.is_empty() {
            return Err(Rejection::Missing.into());
        }
        // No opaque token has a dot, and no JWT is without.
        match &self.identities {
            Some(identities) if presented.contains('.') => {
                let (identity, mapped) = identities.find(presented).await?;
                answer::of(identities::grant(&identity, &mapped), question, self.http_api_response)
            }
            _ => {
                let token = self.issued.find(presented).await?;
                answer::of(issued::grant(&token), question, self.http_api_response)
            }
        }
    }
}

/// How tokens and subjects are counted that are looked up.
fn lookups(store: &Store) -> Lookups {
    Lookups { metrics: store.metrics().clone(), hits: Counter::TokenCacheHits, misses: Counter::TokenCacheMisses }
}

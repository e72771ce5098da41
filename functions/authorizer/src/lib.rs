//! The Lambda authorizer that turns a client's token into `usageIdentifierKey`.
//!
//! It answers the TOKEN and REQUEST events of API Gateway REST APIs: the token
//! is checked offline, looked up by its SHA-256 (at most one read, none while
//! the cache holds) and answered with the value of the key that it stands for
//! and a policy over all it may reach, since API Gateway caches the answer per
//! token and applies it to every method.
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
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::token::{Token, TokenHash, bearer};
use keyplan_store::cache::TtlCache;
use keyplan_store::clock::Clock;
use keyplan_store::{IssuedToken, Store};
use serde_json::Value;

pub use error::{AuthorizerError, Rejection};
pub use event::EventError;
pub use settings::{HttpApiResponse, InvalidSettings, Settings};

use answer::Answer;
use event::Question;

/// How long a looked-up token is believed, if nothing else is configured: a
/// revoked one lives on for that long.
pub const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(5);

/// Tokens remembered, known and unknown together.
const CACHE_CAPACITY: usize = 10_000;

/// The function, apart from the Lambda runtime.
#[derive(Debug)]
pub struct Authorizer {
    store: Store,
    clock: Arc<dyn Clock>,
    tokens: TtlCache<TokenHash, Option<Arc<IssuedToken>>>,
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
        let tokens = TtlCache::new(CACHE_CAPACITY, cache_ttl);
        Self { store, clock, tokens, http_api_response: HttpApiResponse::default() }
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
    pub async fn handle(&self, event: Value) -> Result<Value, AuthorizerError> {
        let question = Question::decode(event)?;
        let answer = self.answer(&question).await.inspect_err(|error| match error {
            AuthorizerError::Unauthorized(rejection) => tracing::info!(%rejection, "token refused"),
            failure => {
                let cause = std::error::Error::source(failure).map(ToString::to_string);
                tracing::error!(%failure, cause, "token not checked");
            }
        })?;
        serde_json::to_value(answer).map_err(AuthorizerError::Answer)
    }

    /// Forgets which tokens are known and which are not.
    pub fn drop_caches(&self) {
        self.tokens.clear();
    }

    async fn answer(&self, question: &Question) -> Result<Answer, AuthorizerError> {
        let presented = bearer(&question.credential);
        if presented.is_empty() {
            return Err(Rejection::Missing.into());
        }
        let token = Token::parse(presented).map_err(Rejection::Malformed)?;
        let issued = self.issued(&token).await?.ok_or(Rejection::Unknown)?;
        if issued.record.is_expired(self.clock.now()) {
            return Err(Rejection::Expired { token_id: issued.record.id.clone() }.into());
        }
        answer::of(&issued.record, &issued.key_value, question, self.http_api_response)
    }

    async fn issued(&self, token: &Token) -> Result<Option<Arc<IssuedToken>>, AuthorizerError> {
        let hash = token.hash();
        let look_up = || async {
            // Boxed, on a miss alone: the SDK's futures nest deeper than rustc
            // cares to lay out in one piece.
            let found = Box::pin(self.store.token(&hash)).await?;
            if let Some(issued) = &found {
                Box::pin(self.note_use(&hash, issued)).await;
            }
            Ok(found.map(Arc::new))
        };
        self.tokens.get_or_load(&hash, self.clock.now(), look_up).await
    }

    /// Writes down that a token is used, once an hour. Whether that succeeds is
    /// nothing to its holder.
    async fn note_use(&self, hash: &TokenHash, issued: &IssuedToken) {
        let now = self.clock.now();
        if issued.record.is_expired(now) || !issued.is_use_noteworthy(now) {
            return;
        }
        if let Err(error) = self.store.note_token_used(hash, now).await {
            tracing::warn!(token_id = %issued.record.id, %error, "the use of a token is not written down");
        }
    }
}

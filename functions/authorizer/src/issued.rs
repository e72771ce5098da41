//! Opaque tokens, as they were issued.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::token::{Token, TokenHash};
use keyplan_store::cache::TtlCache;
use keyplan_store::clock::Clock;
use keyplan_store::{IssuedToken, Store};

use crate::answer::Grant;
use crate::{AuthorizerError, CACHE_CAPACITY, Rejection, lookups};

/// Looks tokens up: at most one read each, none while the cache holds.
#[derive(Debug)]
pub(crate) struct IssuedTokens {
    store: Store,
    clock: Arc<dyn Clock>,
    cache: TtlCache<TokenHash, Option<Arc<IssuedToken>>>,
}

impl IssuedTokens {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, cache_ttl: Duration) -> Self {
        Self { cache: TtlCache::new(CACHE_CAPACITY, cache_ttl).counting(lookups(&store)), store, clock }
    }

    pub(crate) fn drop_cache(&self) {
        self.cache.clear();
    }

    /// The token that was presented, if it is valid.
    pub(crate) async fn find(&self, presented: &str) -> Result<Arc<IssuedToken>, AuthorizerError> {
        let token = Token::parse(presented).map_err(Rejection::Malformed)?;
        let issued = self.look_up(&token.hash()).await?.ok_or(Rejection::Unknown)?;
        if issued.record.is_expired(self.clock.now()) {
            return Err(Rejection::Expired { token_id: issued.record.id.clone() }.into());
        }
        Ok(issued)
    }

    async fn look_up(&self, hash: &TokenHash) -> Result<Option<Arc<IssuedToken>>, AuthorizerError> {
        let look_up = || async {
            // Boxed, on a miss alone: the SDK's futures nest deeper than rustc
            // cares to lay out in one piece.
            let found = Box::pin(self.store.token(hash)).await?;
            if let Some(issued) = &found {
                Box::pin(self.note_use(hash, issued)).await;
            }
            Ok(found.map(Arc::new))
        };
        self.cache.get_or_load(hash, self.clock.now(), look_up).await
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

/// What a token was issued for. One without scopes reaches the whole stage.
pub(crate) fn grant(token: &IssuedToken) -> Grant<'_> {
    let record = &token.record;
    Grant {
        principal_id: &record.principal_id,
        key_id: &record.key_id,
        key_value: &token.key_value,
        scopes: Some(record.scopes.as_slice()).filter(|scopes| !scopes.is_empty()),
        context: BTreeMap::from([("tokenId".to_owned(), record.id.as_str().into())]),
    }
}

//! From whom a JWT is of to the key that stands for them.

mod first_sight;

use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::subject::SubjectHash;
use keyplan_store::cache::TtlCache;
use keyplan_store::clock::Clock;
use keyplan_store::{MappedSubject, Store};

use crate::answer::Grant;
use crate::jwt::{Identity, InvalidIssuer, Issuer, JwtVerifier};
use crate::{AuthorizerError, CACHE_CAPACITY, Rejection, lookups};
use first_sight::KeyMaker;

/// Verifies JWTs and finds the keys of their subjects: at most one read each,
/// none while the cache holds.
#[derive(Debug)]
pub(crate) struct Identities {
    store: Store,
    clock: Arc<dyn Clock>,
    verifier: JwtVerifier,
    /// Where some issuer's subjects are given keys.
    key_maker: Option<KeyMaker>,
    cache: TtlCache<SubjectHash, Option<Arc<MappedSubject>>>,
}

impl Identities {
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        cache_ttl: Duration,
        issuers: Vec<Issuer>,
    ) -> Result<Self, InvalidIssuer> {
        Ok(Self {
            key_maker: KeyMaker::of(&issuers, &store, &clock),
            verifier: JwtVerifier::new(issuers)?.counting_in(store.metrics()),
            cache: TtlCache::new(CACHE_CAPACITY, cache_ttl).counting(lookups(&store)),
            store,
            clock,
        })
    }

    pub(crate) fn drop_cache(&self) {
        self.verifier.drop_cache();
        self.cache.clear();
    }

    /// Whom the token that was presented is of, if it is valid, and their key.
    pub(crate) async fn find(&self, presented: &str) -> Result<(Arc<Identity>, Arc<MappedSubject>), AuthorizerError> {
        let identity = self.verifier.verify(presented, self.clock.now()).await?;
        let look_up = || async {
            // Boxed, on a miss alone, as for opaque tokens.
            let found = match (Box::pin(self.store.subject(&identity.hash)).await?, &self.key_maker) {
                (None, Some(key_maker)) => Box::pin(key_maker.at_first_sight(&identity)).await?,
                (found, _) => found,
            };
            Ok::<_, AuthorizerError>(found.map(Arc::new))
        };
        let mapped = self.cache.get_or_load(&identity.hash, self.clock.now(), look_up).await?;
        Ok((identity, mapped.ok_or(Rejection::NoKey)?))
    }
}

/// What a subject may do, as its token says.
pub(crate) fn grant<'a>(identity: &'a Identity, mapped: &'a MappedSubject) -> Grant<'a> {
    let mut context = identity.context.clone();
    context.insert("issuer".to_owned(), identity.subject.issuer().into());
    context.insert("subject".to_owned(), identity.subject.subject().into());
    Grant {
        principal_id: &identity.principal_id,
        key_id: &mapped.record.key_id,
        key_value: &mapped.key_value,
        scopes: identity.scopes.as_deref(),
        context,
    }
}

//! Buckets that callers share: the throttles of a stage's methods, and the
//! account's.
//!
//! Their tokens are leased ([`keyplan_domain::lease`]): one write takes some,
//! and requests spend them in memory. While a lease lasts, and while the bucket
//! is known to be empty, a request costs no I/O.
//!
//! **Concurrency.** Of one process, one write per bucket is under way at a time;
//! requests that come meanwhile wait for it and share what it brings. Between
//! processes a write is conditional, as a key's is.
//!
//! **Failure.** A write that fails, or whose answer is lost, grants nothing,
//! though it may have taken tokens; those that waited for it fail with it. A
//! request that is dropped gives its token back.
//!
//! **Items.** One small item per bucket, which expires a day after the bucket is
//! full again: one that is full is as one that was never used. So what belonged
//! to a deleted stage goes by itself.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyplan_domain::admission::write::{ATTEMPTS, form, share};
use keyplan_domain::admission::{Denied, Limits, MeterState};
use keyplan_domain::id::RestApiId;
use keyplan_domain::lease::{LeaseId, LeasedBucket, Taking};
use keyplan_domain::throttle::Gcra;
use keyplan_domain::time::Timestamp;
use quick_cache::sync::Cache;

use super::waiting::{self, Waiting};
use super::write::{Besides, Outcome, Write};
use crate::clock::Clock;
use crate::keys::{self, Key};
use crate::{Store, StoreError};

/// Buckets that a process knows at once; one that is forgotten loses its lease.
const KNOWN: usize = 10_000;
/// Seconds for which a bucket's item outlives its debt, for clocks that differ.
const OUTLIVES: i128 = 86_400;

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// A method of a stage, shared by all its callers.
    Method {
        /// The REST API.
        api: &'a RestApiId,
        /// The stage's name.
        stage: &'a str,
        /// Which stage of that name.
        stage_uid: &'a str,
        /// The resource's id.
        resource: &'a str,
        /// The method's verb, or `ANY`.
        verb: &'a str,
    },
    /// All requests of the account.
    Account,
}

/// Takes tokens of shared buckets; cheap to clone.
#[derive(Clone, Debug)]
pub struct Buckets {
    store: Store,
    clock: Arc<dyn Clock>,
    known: Arc<Cache<Key, Arc<Bucket>>>,
}

/// A bucket as this process knows it.
#[derive(Debug)]
struct Bucket {
    key: Key,
    leased: Mutex<LeasedBucket>,
    /// Held by whoever asks the table.
    asking: tokio::sync::Mutex<()>,
    /// Requests that hold `asking` or wait for it.
    waiting: AtomicU32,
    /// Times that asking the table failed.
    failures: AtomicU64,
}

/// A token, taken but not spent: dropped, it goes back, without I/O.
#[derive(Debug)]
#[must_use = "a token that is dropped goes back"]
pub struct Token {
    bucket: Arc<Bucket>,
    lease: LeaseId,
    is_spent: bool,
}

/// No token can be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// After how long one returns; `None` when none ever does.
    pub wait: Option<Duration>,
}

impl Buckets {
    /// Buckets in the store's usage table.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, known: Arc::new(Cache::new(KNOWN)) }
    }

    /// Takes a token of a bucket that is limited by `throttle`.
    ///
    /// # Errors
    /// When the table fails: the request must not be taken for admitted.
    pub async fn take(&self, scope: &Scope<'_>, throttle: Gcra) -> Result<Result<Token, Exhausted>, StoreError> {
        let bucket = self.bucket(scope, throttle);
        if let Ok(taken) = self.take_known(&bucket, throttle) {
            return Ok(taken);
        }
        let failures = bucket.failures.load(Ordering::Acquire);
        let _waiting = Waiting::at(&bucket.waiting);
        let _asking = bucket.asking.lock().await;
        let wanted = match self.take_known(&bucket, throttle) {
            Ok(taken) => return Ok(taken),
            Err(wanted) => wanted,
        };
        if bucket.failures.load(Ordering::Acquire) != failures {
            return Err(waiting::in_vain());
        }
        let asked = self.ask(&bucket, throttle, wanted).await;
        if asked.is_err() {
            bucket.failures.fetch_add(1, Ordering::AcqRel);
        }
        asked
    }

    /// As [`Buckets::take`], by what this process knows of the bucket alone.
    pub(super) fn take_unasked(&self, scope: &Scope<'_>, throttle: Gcra) -> Result<Token, Exhausted> {
        let bucket = self.bucket(scope, throttle);
        let taken = bucket.leased(throttle).take_unasked(self.clock.moment());
        taken.map(|lease| bucket.token(lease)).map_err(|wait| Exhausted { wait })
    }

    fn bucket(&self, scope: &Scope<'_>, throttle: Gcra) -> Arc<Bucket> {
        let key = keys::bucket(scope);
        let Ok(bucket) = self.known.get_or_insert_with(&key, || {
            Ok::<_, Infallible>(Arc::new(Bucket {
                key: key.clone(),
                leased: Mutex::new(LeasedBucket::new(throttle)),
                asking: tokio::sync::Mutex::default(),
                waiting: AtomicU32::default(),
                failures: AtomicU64::default(),
            }))
        });
        bucket
    }

    /// What can be decided without I/O; else how many tokens to ask for.
    fn take_known(&self, bucket: &Arc<Bucket>, throttle: Gcra) -> Result<Result<Token, Exhausted>, NonZeroU32> {
        let waiting = bucket.waiting.load(Ordering::Relaxed).max(1);
        match bucket.leased(throttle).take(self.clock.moment(), waiting) {
            Taking::Taken(lease) => Ok(Ok(bucket.token(lease))),
            Taking::Refused { wait } => Ok(Err(Exhausted { wait })),
            Taking::Ask(wanted) => Err(wanted),
        }
    }

    /// Leases `wanted` tokens, or as many as there are, and takes one of them.
    async fn ask(
        &self,
        bucket: &Arc<Bucket>,
        throttle: Gcra,
        wanted: NonZeroU32,
    ) -> Result<Result<Token, Exhausted>, StoreError> {
        let mut state = MeterState { bucket: bucket.leased(throttle).last_seen(), ..MeterState::default() };
        for attempt in 0..ATTEMPTS {
            let from = self.clock.moment();
            let now = from.wall;
            let gcra = throttle.in_force(state.bucket);
            let limits = Limits { throttle: Some(gcra), method: None, quota: None };
            let available = gcra.available(state.bucket, now);
            let wanted = wanted.min(share(available, attempt)).get();
            let tokens = NonZeroU32::new(wanted.min(available)).unwrap_or(NonZeroU32::MIN);
            let form = match form(&limits, &state, now, tokens, attempt) {
                Ok(form) => form,
                Err(denied) => {
                    bucket.leased(throttle).seen(state.bucket);
                    return Ok(Err(Exhausted { wait: wait_of(denied) }));
                }
            };
            let is_repair = form.is_repair();
            let besides = Besides::Expiry(expiry(gcra, now));
            let write = Write { key: &bucket.key, limits: &limits, now, tokens, form, besides, stale: &[] };
            match self.store.spend(write).await? {
                Outcome::Written(new) if !is_repair => {
                    let left = new.state(&limits, now).bucket;
                    let lease = bucket.leased(throttle).granted(tokens, from, left);
                    return Ok(Ok(bucket.token(lease)));
                }
                Outcome::Written(item) | Outcome::Refused(item) => state = item.state(&limits, now),
            }
        }
        Err(StoreError::Conflict)
    }
}

impl Bucket {
    fn leased(&self, throttle: Gcra) -> MutexGuard<'_, LeasedBucket> {
        let mut leased = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        leased.keep_to(throttle);
        leased
    }

    fn token(self: &Arc<Self>, lease: LeaseId) -> Token {
        Token { bucket: self.clone(), lease, is_spent: false }
    }
}

impl Token {
    /// Keeps the token from going back.
    pub fn spend(mut self) {
        self.is_spent = true;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.is_spent {
            self.bucket.leased.lock().unwrap_or_else(PoisonError::into_inner).give_back(self.lease);
        }
    }
}

fn wait_of(denied: Denied) -> Option<Duration> {
    match denied {
        Denied::Throttled { wait } => wait,
        Denied::QuotaSpent { .. } => None,
    }
}

/// When a bucket's item may go, in seconds since the Unix epoch: a debt reaches
/// no further ahead than a full bucket's.
fn expiry(throttle: Gcra, now: Timestamp) -> i128 {
    const NANOS_PER_SECOND: i128 = 1_000_000_000;
    (throttle.furthest(now) / NANOS_PER_SECOND).saturating_add(OUTLIVES)
}

//! The meter: what each key has used under each plan, spent in one conditional
//! write that decides throttle, method throttle and quota together.
//!
//! **Algorithm.** GCRA ([`keyplan_domain::throttle`]) with the theoretical
//! arrival time (TAT) kept in nanoseconds. DynamoDB has no `max` and its
//! conditions do no arithmetic, so a bucket's part of the write has two forms:
//! *busy* (`SET tat = tat + T IF tat > now AND tat <= limit`) and *idle*
//! (`SET tat = now + T IF tat <= now`). A process picks the form by what it saw
//! last; a wrong guess fails its condition, costs one more write and spends
//! nothing.
//!
//! **Concurrency.** Any number of processes may spend at once: the condition
//! and the change are one atomic UpdateItem. A refusal is given only on proof:
//! the item that DynamoDB returns with a failed condition shows it throttled or
//! spent. After several wrong guesses the write compares and sets.
//!
//! **Failure.** The SDK does not retry these writes. An error, or an answer
//! that got lost, may have spent a token and admits nobody.

mod state;
mod write;

use std::num::NonZeroU32;
use std::sync::Arc;

use keyplan_domain::admission::{Denied, Limits, MeterState, Verdict};
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::throttle::Gcra;
use keyplan_domain::time::Timestamp;
use quick_cache::sync::Cache;

pub(crate) use self::state::{DayCounts, MeterItem, day_attribute, remaining_attribute};
use self::write::{Form, Outcome, Write};
use crate::clock::Clock;
use crate::keys::{self, Key};
use crate::{Store, StoreError};

/// Tries in the form that the last answer showed, before comparing and setting.
const GUESSES: u32 = 4;
/// Tries in all.
const ATTEMPTS: u32 = 64;
/// Meters whose last state a process remembers.
const REMEMBERED: usize = 100_000;

/// Spends the tokens of keys in plans.
#[derive(Clone, Debug)]
pub struct Meter {
    store: Store,
    clock: Arc<dyn Clock>,
    /// What this process saw last. It decides the form of the next write, never
    /// its outcome.
    seen: Arc<Cache<Key, Arc<MeterItem>>>,
}

/// A request that is admitted and paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What is left of the quota in this period; `None` without a quota.
    pub remaining: Option<u64>,
}

impl Meter {
    /// A meter over the store's usage table.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, seen: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// Spends one token of `key` in `plan` under `limits`, or says why not.
    ///
    /// # Errors
    /// When the table fails: the request must not be taken for admitted.
    pub async fn spend(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        limits: &Limits,
    ) -> Result<Result<Admitted, Denied>, StoreError> {
        const ONE: NonZeroU32 = NonZeroU32::MIN;
        let at = keys::meter(plan, key);
        let mut item = self.seen.get(&at).unwrap_or_default();
        for attempt in 0..ATTEMPTS {
            let now = self.clock.now();
            let state = item.state(limits, now);
            let form = if attempt == 0 {
                if never_conforms(limits, ONE) {
                    // No state can make it conform, so none need be read.
                    return Ok(Err(Denied::Throttled { wait: None }));
                }
                Form::Guess(self::guess(&state, limits, now))
            } else {
                match limits.decide(&state, now, ONE) {
                    Verdict::Denied(denied) => return Ok(Err(denied)),
                    Verdict::Admitted(_) if attempt < GUESSES => Form::Guess(self::guess(&state, limits, now)),
                    Verdict::Admitted(next) => Form::Replace { seen: &state, next },
                    Verdict::Implausible(clamped) => match limits.decide(&clamped, now, ONE) {
                        Verdict::Admitted(next) => Form::Replace { seen: &state, next },
                        // A full bucket's debt: repaired now, refused on proof.
                        _ => Form::Repair { seen: &state, next: clamped },
                    },
                }
            };
            let is_repair = matches!(form, Form::Repair { .. });
            let write = Write { key: &at, limits, now, tokens: ONE, form, stale: &item.stale(now) };
            match self.store.spend(write).await? {
                Outcome::Written(new) => {
                    let new = Arc::new(new);
                    self.seen.insert(at.clone(), new.clone());
                    if is_repair {
                        item = new;
                        continue;
                    }
                    self.keep_history(plan, key, &new, now).await;
                    let remaining = limits.quota.map(|quota| {
                        let used = new.state(limits, now).used;
                        u64::try_from(i64::from(quota.limit).saturating_sub(used)).unwrap_or(0)
                    });
                    return Ok(Ok(Admitted { remaining }));
                }
                Outcome::Refused(current) => {
                    item = Arc::new(current);
                    self.seen.insert(at.clone(), item.clone());
                }
            }
        }
        Err(StoreError::Conflict)
    }

    /// Copies days that no longer change from the meter to its history, where
    /// they stay; a later write takes them out of the meter. Run again, it does
    /// the same. Its failure costs nothing: the days are still in the meter.
    async fn keep_history(&self, plan: &UsagePlanId, key: &ApiKeyId, item: &MeterItem, now: Timestamp) {
        let past = item.past_days(now);
        if past.is_empty() || item.is_kept() {
            return;
        }
        match self.store.keep_days(plan, key, past).await {
            Ok(()) => item.mark_kept(),
            Err(error) => tracing::warn!(%error, plan = %plan, key = %key, "usage history could not be written"),
        }
    }
}

/// Whether any throttle refuses such a request whatever its state. The quota
/// is not looked at, and would win: but a request that is never admitted cannot
/// have used it up.
fn never_conforms(limits: &Limits, tokens: NonZeroU32) -> bool {
    let never = |gcra: Gcra| gcra.increment(tokens).is_none();
    limits.throttle.is_some_and(never) || limits.method.is_some_and(|method| never(method.throttle))
}

/// For each throttle, whether its bucket is busy, as far as `state` tells.
fn guess(state: &MeterState, limits: &Limits, now: Timestamp) -> write::Busy {
    let is_busy = |tat: Option<i128>| tat.is_some_and(|tat| tat > i128::from(now.as_nanos()));
    write::Busy {
        plan: is_busy(state.tat),
        method: limits.method.is_some_and(|method| is_busy(state.method_tats.get(&method.slot).copied())),
    }
}

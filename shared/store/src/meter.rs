//! The meter: what each key has used under each plan, spent in one conditional
//! write that decides throttle, method throttle and quota together.
//!
//! **Algorithm.** GCRA ([`keyplan_domain::throttle`]) with the theoretical
//! arrival time (TAT) kept in nanoseconds. A process picks the form of the write
//! by what it saw last ([`keyplan_domain::admission::write`]); a wrong guess fails
//! its condition, costs one more write and spends nothing.
//!
//! **Concurrency.** Any number of processes may spend at once: the condition
//! and the change are one atomic UpdateItem. A refusal is given only on proof:
//! the item that DynamoDB returns with a failed condition shows it throttled or
//! spent, still when the answer comes, or when it was asked for while others took
//! all that returned ([`keyplan_domain::admission::flow`]). After several wrong
//! guesses the write compares and sets.
//!
//! **Refusals are remembered.** What others spend meanwhile only makes a key's
//! state worse, so a state once seen goes on proving its refusals: no I/O until
//! the time to wait is over, or the period. Only an operator's grant and changed
//! limits make it better. Limits are those of the call, and a grant is seen once
//! the time is over for which a meter believes what it saw.
//!
//! **Changed limits.** A bucket is kept with the settings that brought it about and
//! their version ([`Gcra::of_version`](keyplan_domain::throttle::Gcra::of_version)).
//! Later ones convert it, once: it owes as many tokens as before. A caller that still
//! has earlier ones is decided on by the later. A counter of a quota is kept: only
//! the limit that it is compared with changes.
//!
//! **Leases.** [`Meter::spend_leased`] takes several tokens in one write and
//! admits by them in memory ([`keyplan_domain::lease::key`]), some of them only
//! once they have come due. Quotas stay exact; a process that dies strands what
//! it held.
//!
//! **Failure.** The SDK does not retry these writes. One that met a transaction
//! has changed nothing and is sent again. An error, or an answer that got lost,
//! may have spent a token and admits nobody; the write is made once more, which
//! may spend a second one, and then the caller is told of the failure.
//! [`Metering`] goes on while the table is out.

mod bucket;
mod lease;
mod outage;
mod seen;
mod state;
mod waiting;
mod write;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::admission::write::{ATTEMPTS, Busy, Form, form, share};
use keyplan_domain::admission::{Denied, Limits, Verdict};
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::lease::key::Taking;
use keyplan_domain::left::{QuotaLeft, Reading};
use keyplan_domain::time::Timestamp;
use quick_cache::sync::Cache;

pub use self::bucket::{Buckets, Exhausted, Scope, Token};
use self::lease::LeasedMeter;
pub use self::outage::{KEPT, Metering};
use self::seen::{Seen, refusal};
pub(crate) use self::state::{DayCounts, MeterItem, day_attribute, remaining_attribute};
use self::write::{Besides, OPERATION, Outcome, Write};
use crate::clock::Clock;
use crate::keys::{self, Key};
use crate::{Store, StoreError};

const ONE: NonZeroU32 = NonZeroU32::MIN;
/// Meters whose last state a process remembers.
const REMEMBERED: usize = 100_000;
/// Meters that a process leases of at once.
const LEASED: usize = 10_000;

/// Spends the tokens of keys in plans.
#[derive(Clone, Debug)]
pub struct Meter {
    store: Store,
    clock: Arc<dyn Clock>,
    /// What this process saw last. It decides the form of the next write, never
    /// an admission; and it proves refusals for a while.
    seen: Arc<Cache<Key, Seen>>,
    /// How long it does.
    proves_for: Duration,
    /// What this process holds of meters. One that is forgotten is lost.
    leases: Arc<Cache<Key, Arc<LeasedMeter>>>,
}

/// A request that is admitted and paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The meter after it. What this process leased and has not used is left.
    pub reading: Reading,
    /// What its write took; `None` when a lease admitted it without one.
    pub debit: Option<Debit>,
}

/// What one write took of a meter. Shares of a quota that are used up are told
/// by this: every write has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debit {
    /// Tokens by which the counts grew.
    pub tokens: u32,
    /// What the counter leaves of the quota.
    pub quota: Option<QuotaLeft>,
}

/// A request that is refused and has spent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub denied: Denied,
    /// The meter: something may be left all the same.
    pub reading: Reading,
    /// What its write took for others that come later; `None` when there was no
    /// write, or none that took anything.
    pub debit: Option<Debit>,
}

impl Refused {
    fn without_a_write(denied: Denied, reading: Reading) -> Self {
        Self { denied, reading, debit: None }
    }
}

/// How a key stands under its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Why a request would be refused now, if it would be.
    pub denied: Option<Denied>,
    /// The meter.
    pub reading: Reading,
}

impl Store {
    /// How `key` stands under `limits` in `plan` at `now`, by one read; spends
    /// nothing.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn standing(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Standing, StoreError> {
        Ok(self.meter_item(plan, key).await?.standing(limits, now))
    }
}

impl MeterItem {
    fn standing(&self, limits: &Limits, now: Timestamp) -> Standing {
        let reading = self.reading(limits, now);
        Standing { denied: limits.denies(&reading.state, now), reading }
    }

    fn reading(&self, limits: &Limits, now: Timestamp) -> Reading {
        Reading { limits: *limits, state: self.state(limits, now), at: now }
    }
}

impl Meter {
    /// A meter over the store's usage table. What it saw of a key proves
    /// refusals for `proves_for`, an operator's grants notwithstanding: as long
    /// as configuration is kept, as a rule.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, proves_for: Duration) -> Self {
        Self { store, clock, seen: Arc::new(Cache::new(REMEMBERED)), proves_for, leases: Arc::new(Cache::new(LEASED)) }
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
    ) -> Result<Result<Admitted, Refused>, StoreError> {
        if limits.never_conforms() {
            return Ok(Err(self.refuse_always(plan, key, limits).await?));
        }
        let at = keys::meter(plan, key);
        let known = self.seen.get(&at);
        let arrived = self.clock.now();
        if let Some(refused) = known.as_ref().and_then(|known| self.proof(known, limits, arrived, 0)) {
            return Ok(Err(refused));
        }
        let traffic = known.as_ref().map(|known| known.traffic).unwrap_or_default();
        let mut item = known.map(|known| known.item).unwrap_or_default();
        let mut asked = arrived;
        let mut met = Busy::default();
        for attempt in 0..ATTEMPTS {
            if attempt > 0
                && let Some(refused) = self.exhausted(&at, &item, limits, asked)
            {
                return Ok(Err(refused));
            }
            // A wrong guess is put right at the time of the first: a bucket that
            // others have filled meanwhile is busy then, whatever they do next. At
            // a later time it would be idle again, and the guess as likely wrong.
            // A refusal takes the time that it is now, since others write at later
            // times than this: a bucket that they found full may seem empty.
            let (mut now, mut state) = (arrived, item.state(limits, arrived));
            let limits = &limits.in_force(&state);
            if !matches!(limits.decide(&state, now, ONE), Verdict::Admitted(_)) {
                now = self.clock.now();
                state = item.state(limits, now);
            }
            let form = match form(limits, &state, now, ONE, attempt) {
                Ok(Form::Guess(busy)) if attempt == 0 => Form::Guess(traffic.foresee(busy, limits)),
                Ok(Form::Guess(busy)) => Form::Guess(busy.or(met)),
                Ok(form) => form,
                Err(denied) => {
                    let reading = Reading { limits: *limits, state, at: now };
                    return Ok(Err(Refused::without_a_write(denied, reading)));
                }
            };
            let is_repair = form.is_repair();
            let guessed = match form {
                Form::Guess(busy) if attempt == 0 => Some(busy.plan),
                _ => None,
            };
            let besides = Besides::Counts { settled: 0 };
            let write = Write { key: &at, limits, now, tokens: ONE, form, besides, stale: &item.stale(now) };
            asked = now;
            match self.store.spend(write).await? {
                Outcome::Written(new) => {
                    let new = self.remember_met(&at, new, limits, now, guessed);
                    if is_repair {
                        item = new;
                        continue;
                    }
                    self.keep_history(plan, key, &new, now).await;
                    let reading = new.reading(limits, now);
                    let debit = Debit { tokens: ONE.get(), quota: reading.quota() };
                    return Ok(Ok(Admitted { reading, debit: Some(debit) }));
                }
                Outcome::Refused(current) => {
                    met = Busy::of(&current.state(limits, now), limits, now);
                    item = self.remember_met(&at, current, limits, now, guessed.map(|_| met.plan));
                }
            }
        }
        // More want the item than it takes writes.
        Err(StoreError::Throttled { operation: OPERATION })
    }

    /// How `key` stands under `limits` in `plan`; spends nothing. Without a
    /// quota and with a throttle that refuses everything, nothing need be known;
    /// otherwise it is what this process saw of the meter lately, or
    /// else one read.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn standing(&self, plan: &UsagePlanId, key: &ApiKeyId, limits: &Limits) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        let at = keys::meter(plan, key);
        let item = match self.seen.get(&at).filter(|seen| seen.is_fresh(now, self.proves_for)) {
            Some(seen) => seen.item,
            None if limits.quota.is_none() && limits.never_conforms() => Arc::default(),
            None => self.remember(&at, self.store.meter_item(plan, key).await?, limits, now),
        };
        Ok(self.standing_here(&at, &item, limits))
    }

    /// The refusal of a key that this process knows to be refused: asked first,
    /// it saves such a key's requests all that they would take elsewhere and
    /// give back. `None` is no admission. Known it is by what this process saw
    /// last, and if that proves nothing any more, by one read.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn still_refused(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        limits: &Limits,
    ) -> Result<Option<Refused>, StoreError> {
        if limits.never_conforms() {
            return Ok(Some(self.refuse_always(plan, key, limits).await?));
        }
        let now = self.clock.now();
        let at = keys::meter(plan, key);
        let Some(seen) = self.seen.get(&at) else { return Ok(None) };
        match self.would_take(&at, limits) {
            Taking::Taken => return Ok(None),
            Taking::Refused { wait } => return Ok(Some(self.refused_by_lease(&at, limits, wait))),
            Taking::Ask => {}
        }
        let counted = self.held(&at, limits).counted;
        let refused =
            if counted > 0 || seen.is_fresh(now, self.proves_for) || refusal(&seen.item, limits, now, 0).is_none() {
                self.proof(&seen, limits, now, counted)
            } else {
                let item = self.remember(&at, self.store.meter_item(plan, key).await?, limits, now);
                refusal(&item, limits, now, 0)
            };
        if refused.is_some() {
            self.note_refused(&at);
        }
        Ok(refused)
    }

    /// Forgets what was seen, so that an operator's grant acts at once. Leases
    /// are dropped with their rests: a counter that was set anew does not
    /// contain them any more.
    pub fn forget(&self) {
        self.seen.clear();
        self.leases.clear();
    }

    /// No state can make such a request conform: it only tells whether the
    /// quota is spent as well.
    async fn refuse_always(&self, plan: &UsagePlanId, key: &ApiKeyId, limits: &Limits) -> Result<Refused, StoreError> {
        let Standing { denied, reading } = self.standing(plan, key, limits).await?;
        Ok(Refused::without_a_write(denied.unwrap_or(Denied::Throttled { wait: None }), reading))
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

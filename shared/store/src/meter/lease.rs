//! Spending from leases: one write takes several tokens, and this process
//! admits by them.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyplan_domain::admission::{Denied, Limits, MeterState, Verdict};
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::lease::Moment;
use keyplan_domain::lease::key::{LeasedKey, Taking};
use keyplan_domain::left::Reading;
use keyplan_domain::throttle::Bucket;

use super::waiting::{self, Waiting};
use super::write::{Besides, OPERATION, Outcome, Write};
use super::{ATTEMPTS, Admitted, Busy, Debit, Form, Meter, MeterItem, ONE, Refused, Standing, form, share};
use crate::StoreError;
use crate::keys::{self, Key};

/// Writes that a request waits for at most, if each brings what it may. Where
/// requests come faster than writes can serve them, waiting would only grow.
const WRITES_WAITED_FOR: u32 = 32;

/// A meter that this process leases of.
#[derive(Debug, Default)]
pub(super) struct LeasedMeter {
    leased: Mutex<LeasedKey>,
    /// Held by whoever asks the table.
    asking: tokio::sync::Mutex<()>,
    /// Requests that hold `asking` or wait for it.
    waiting: AtomicU32,
    /// Times that asking the table failed.
    failures: AtomicU64,
}

impl LeasedMeter {
    fn leased(&self) -> MutexGuard<'_, LeasedKey> {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    /// As [`Meter::spend`], by a lease of at most `cap` tokens: most requests of
    /// a key that is used much then cost no I/O. With a cap of 1, and under a
    /// method's throttle, it is `spend`.
    ///
    /// Of one process, one write per key is under way at a time; requests that
    /// come meanwhile wait for it and share what it brings, its failure too.
    ///
    /// # Errors
    /// As [`Meter::spend`]; and [`StoreError::Throttled`] where more requests wait
    /// than some writes can serve.
    pub async fn spend_leased(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        limits: &Limits,
        cap: NonZeroU32,
    ) -> Result<Result<Admitted, Refused>, StoreError> {
        if cap == NonZeroU32::MIN || limits.method.is_some() || limits.never_conforms() {
            return self.spend(plan, key, limits).await;
        }
        let at = keys::meter(plan, key);
        let meter = self.leased_meter(&at);
        if let Some(known) = self.spend_known(&at, &meter, limits) {
            return Ok(known);
        }
        let arrived = self.clock.now();
        let failures = meter.failures.load(Ordering::Acquire);
        let place = Waiting::at(&meter.waiting);
        if place.before >= cap.get().saturating_mul(WRITES_WAITED_FOR) {
            return Err(StoreError::Throttled { operation: OPERATION });
        }
        let _asking = meter.asking.lock().await;
        if let Some(known) = self.spend_known(&at, &meter, limits) {
            return Ok(known);
        }
        if let Some(seen) = self.seen.get(&at).filter(|seen| seen.at > arrived)
            && let Some(refused) = self.exhausted(&at, &seen.item, limits, arrived)
        {
            // Of what others have asked for while it waited nothing is left to it.
            meter.leased().refused(self.clock.moment());
            return Ok(Err(refused));
        }
        if meter.failures.load(Ordering::Acquire) != failures {
            return Err(waiting::in_vain());
        }
        let asked = self.ask(plan, key, &at, &meter, limits, cap).await;
        if asked.is_err() {
            meter.failures.fetch_add(1, Ordering::AcqRel);
        }
        asked
    }

    /// What this process holds of a meter. A method's throttle lets no lease admit.
    pub(super) fn held(&self, at: &Key, limits: &Limits) -> Held {
        match self.leases.get(at).filter(|_| limits.method.is_none()) {
            Some(meter) => Held::of(&meter.leased(), limits, self.clock.moment()),
            None => Held::default(),
        }
    }

    /// How a key stands here, by what is known of its meter and what is held of it.
    pub(super) fn standing_here(&self, at: &Key, item: &MeterItem, limits: &Limits) -> Standing {
        let now = self.clock.moment();
        let state = self.held(at, limits).stands(item.state(limits, now.wall), limits);
        let denied = limits.denies(&state, now.wall);
        Standing { denied, reading: Reading { limits: *limits, state, at: now.wall } }
    }

    fn leased_meter(&self, at: &Key) -> Arc<LeasedMeter> {
        let Ok(meter) = self.leases.get_or_insert_with(at, || Ok::<_, Infallible>(Arc::default()));
        meter
    }

    /// What a request would come to by a lease alone. A method's throttle lets no
    /// lease admit.
    pub(super) fn would_take(&self, at: &Key, limits: &Limits) -> Taking {
        let leased = self.leases.get(at).filter(|_| limits.method.is_none());
        leased.map_or(Taking::Ask, |meter| meter.leased().would_take(limits, self.clock.moment()))
    }

    /// The refusal of a request that came before a reserved token.
    pub(super) fn refused_by_lease(&self, at: &Key, limits: &Limits, wait: Duration) -> Refused {
        self.note_refused(at);
        let now = self.clock.now();
        let reading = self.leases.get(at).and_then(|meter| meter.leased().reading(now));
        refused_for(wait, reading.unwrap_or_else(|| MeterItem::default().reading(limits, now)))
    }

    /// Notes that a request was refused, for how much is asked for next.
    pub(super) fn note_refused(&self, at: &Key) {
        if let Some(meter) = self.leases.get(at) {
            meter.leased().refused(self.clock.moment());
        }
    }

    /// What can be decided without I/O.
    pub(super) fn spend_known(
        &self,
        at: &Key,
        meter: &LeasedMeter,
        limits: &Limits,
    ) -> Option<Result<Admitted, Refused>> {
        let now = self.clock.moment();
        let mut leased = meter.leased();
        match leased.take(limits, now) {
            Taking::Taken => Some(Ok(Admitted { reading: leased.reading(now.wall)?, debit: None })),
            Taking::Refused { wait } => Some(Err(refused_for(wait, leased.reading(now.wall)?))),
            Taking::Ask => {
                let counted = leased.held(limits, now);
                let refused = self.proof(&self.seen.get(at)?, limits, now.wall, counted)?;
                leased.refused(now);
                Some(Err(refused))
            }
        }
    }

    async fn ask(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        at: &Key,
        meter: &LeasedMeter,
        limits: &Limits,
        cap: NonZeroU32,
    ) -> Result<Result<Admitted, Refused>, StoreError> {
        let seen = self.seen.get(at);
        let traffic = seen.as_ref().map(|seen| seen.traffic).unwrap_or_default();
        let mut item = seen.map(|seen| seen.item).unwrap_or_default();
        let arrived = self.clock.moment();
        let mut met = Busy::default();
        for attempt in 0..ATTEMPTS {
            // As in `spend`: a wrong guess is put right at the time of the first.
            let (mut from, mut known) = (arrived, item.state(limits, arrived.wall));
            let limits = &limits.in_force(&known);
            if !matches!(limits.decide(&known, from.wall, ONE), Verdict::Admitted(_)) {
                from = self.clock.moment();
                known = item.state(limits, from.wall);
            }
            let now = from.wall;
            let available = limits.throttle.map_or(u32::MAX, |gcra| gcra.available(known.bucket, now));
            let cap = cap.min(share(available, attempt));
            let waiting = meter.waiting.load(Ordering::Relaxed).max(1);
            let asking = meter.leased().ask(limits, &known, from, cap, waiting);
            let (tokens, settled) = (asking.tokens(), asking.settled());
            let state = asking.stands(&known);
            let form = match form(asking.limits(), &state, now, tokens, attempt) {
                Ok(Form::Guess(busy)) if attempt == 0 => Form::Guess(traffic.foresee(busy, limits)),
                Ok(Form::Guess(busy)) => Form::Guess(busy.or(met)),
                Ok(form) => form,
                Err(denied) => {
                    let mut leased = meter.leased();
                    leased.not_granted(asking);
                    leased.refused(from);
                    // The caller waits for a token that it may use, not for one to reserve.
                    let denied = limits.denies(&state, now).unwrap_or(denied);
                    let reading = Reading { limits: *limits, state, at: now };
                    return Ok(Err(Refused::without_a_write(denied, reading)));
                }
            };
            let is_repair = form.is_repair();
            let guessed = match form {
                Form::Guess(busy) if attempt == 0 => Some(busy.plan),
                _ => None,
            };
            let besides = Besides::Counts { settled };
            let write = Write { key: at, limits: asking.limits(), now, tokens, form, besides, stale: &item.stale(now) };
            // Whatever else comes of it, what was asked for is dropped, and what it settles.
            match self.store.spend(write).await? {
                Outcome::Written(new) if !is_repair => {
                    let new = self.remember_met(at, new, limits, now, guessed);
                    let read = new.reading(limits, now);
                    let debit = Debit { tokens: tokens.get() - settled, quota: read.quota() };
                    let (taking, reading) = {
                        let mut leased = meter.leased();
                        leased.granted(asking, &read.state);
                        // One that was reserved may have come due while it was written.
                        let waited = match leased.would_take(limits, from) {
                            Taking::Refused { wait } => wait.min(self.clock.moment().since(from)),
                            Taking::Taken | Taking::Ask => Duration::ZERO,
                        };
                        (leased.take(limits, from.plus(waited)), leased.reading(now))
                    };
                    self.keep_history(plan, key, &new, now).await;
                    let reading = reading.unwrap_or(read);
                    match taking {
                        Taking::Taken => return Ok(Ok(Admitted { reading, debit: Some(debit) })),
                        Taking::Refused { wait } => {
                            return Ok(Err(Refused { debit: Some(debit), ..refused_for(wait, reading) }));
                        }
                        // It comes due on another day, for which it is not counted.
                        Taking::Ask => item = new,
                    }
                }
                Outcome::Written(current) => {
                    meter.leased().not_granted(asking);
                    item = self.remember(at, current, limits, now);
                }
                Outcome::Refused(current) => {
                    meter.leased().not_granted(asking);
                    met = Busy::of(&current.state(limits, now), limits, now);
                    item = self.remember_met(at, current, limits, now, guessed.map(|_| met.plan));
                    if let Some(refused) = self.exhausted(at, &item, limits, now) {
                        meter.leased().refused(from);
                        return Ok(Err(refused));
                    }
                }
            }
        }
        // More want the item than it takes writes.
        Err(StoreError::Throttled { operation: OPERATION })
    }
}

fn refused_for(wait: Duration, reading: Reading) -> Refused {
    Refused::without_a_write(Denied::Throttled { wait: Some(wait) }, reading)
}

/// Tokens of a meter that this process holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// By which it admits without a write.
    pub(super) leased: u32,
    /// Which the quota's counter contains, those among them.
    pub(super) counted: u32,
}

impl Held {
    fn of(leased: &LeasedKey, limits: &Limits, now: Moment) -> Self {
        Self { leased: leased.leased(limits, now), counted: leased.held(limits, now) }
    }

    /// `state` as it stands for this process: what it holds is not used yet.
    fn stands(self, state: MeterState, limits: &Limits) -> MeterState {
        let returned = limits.throttle.map_or(0, |gcra| gcra.returning(self.leased));
        MeterState {
            bucket: state.bucket.map(|bucket| Bucket { tat: bucket.tat.saturating_sub(returned), ..bucket }),
            used: state.used.saturating_sub(i64::from(self.counted)),
            ..state
        }
    }
}

#[cfg(test)]
mod tests;

//! Metering that goes on while the usage table is out.
//!
//! [`Metering`] is a [`Meter`] and [`Buckets`] whose calls go through a
//! [`TableWatch`]. While the table answers it adds nothing. In an outage no
//! request waits for the table: a probe in the background finds out when it is
//! over, and what requests meet is [`OnFailure`]'s to say.
//!
//! **What is decided locally** is decided by what this process knows of a
//! meter: as last seen, with what it admitted since on top, and without the
//! doubts that time raises otherwise, since nothing newer can be had. A meter
//! that it never saw is taken for full. So in an outage of `s` seconds each
//! process admits
//! - under a throttle at most `burst + rate x s`, whatever other processes
//!   admit: `processes x` that in all;
//! - under a quota, which only [`OnFailure::Open`] lets it admit under, at most
//!   what the quota had left when this process last saw it, and all of it where
//!   it never did: over the limit by what others used of the same rest. A
//!   throttle of the same plan bounds that as well.
//!
//! A refusal that what was seen proves stays a refusal in every mode, and a
//! lease admits in every mode for as long as it lasts: it is counted already.
//! Buckets of stages protect a backend and are no contract: they go on by what
//! this process knows, in every mode.
//!
//! **Nothing admitted is lost.** What was admitted locally is counted once the
//! table answers: by a write of its own, for the key's next request before that
//! request, and for all other keys one after the other. It is counted for the
//! day it was admitted on, in usage as well as in quota, which may then be over
//! its limit. A process that ends before has not counted what it admitted; nor
//! has one that admits for more than [`KEPT`] keys in one outage.

mod settle;
mod unsettled;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyplan_domain::admission::{Denied, Limits, Verdict};
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::lease::Moment;
use keyplan_domain::lease::key::Taking;
use keyplan_domain::left::Reading;
use keyplan_domain::outage::OnFailure;
use keyplan_domain::throttle::Gcra;
use keyplan_telemetry::Counter;

pub use self::unsettled::KEPT;
use self::unsettled::Unsettled;
use super::{Admitted, Buckets, Debit, Exhausted, Meter, ONE, Refused, Scope, Standing, Token, refusal};
use crate::clock::Clock;
use crate::keys::{self, Key};
use crate::{Store, StoreError, TableWatch};

/// How often it is tried to count what was admitted in an outage.
const SETTLING_INTERVAL: Duration = Duration::from_secs(1);

/// A meter and buckets that have a stand-in for an outage; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metering {
    meter: Meter,
    buckets: Buckets,
    on_failure: OnFailure,
    store: Store,
    clock: Arc<dyn Clock>,
    watch: TableWatch,
    unsettled: Arc<Unsettled>,
    /// When counting what was admitted in an outage was last begun.
    settling: Arc<Mutex<Option<Moment>>>,
}

impl Metering {
    /// Over the store's usage table; `proves_for` is [`Meter::new`]'s.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, proves_for: Duration, on_failure: OnFailure) -> Self {
        let watch = TableWatch::of_usage(store.clone(), clock.clone());
        let store = store.watched(watch.clone());
        Self {
            meter: Meter::new(store.clone(), clock.clone(), proves_for),
            buckets: Buckets::new(store.clone(), clock.clone()),
            on_failure,
            store,
            clock,
            watch,
            unsettled: Arc::default(),
            settling: Arc::default(),
        }
    }

    /// As [`Meter::spend_leased`].
    ///
    /// # Errors
    /// When the table fails, or is out and this is no request to be decided
    /// locally: it must not be taken for admitted.
    pub async fn spend(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        limits: &Limits,
        cap: NonZeroU32,
    ) -> Result<Result<Admitted, Refused>, StoreError> {
        if self.watch.keeps_away() {
            return self.spend_alone(&keys::meter(plan, key), limits);
        }
        if !self.unsettled.is_over() {
            // Before anything more is admitted. If it fails, so will the rest.
            self.settle_or_tell(&keys::meter(plan, key)).await;
        }
        match self.meter.spend_leased(plan, key, limits, cap).await {
            Err(error) if self.is_outage(&error) => self.spend_alone(&keys::meter(plan, key), limits),
            spent => {
                if spent.is_ok() {
                    self.settle_in_background();
                }
                spent
            }
        }
    }

    /// As [`Meter::still_refused`].
    ///
    /// # Errors
    /// As [`Metering::spend`].
    pub async fn still_refused(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        limits: &Limits,
    ) -> Result<Option<Refused>, StoreError> {
        if self.watch.keeps_away() {
            return self.refused_alone(&keys::meter(plan, key), limits);
        }
        match self.meter.still_refused(plan, key, limits).await {
            Err(error) if self.is_outage(&error) => self.refused_alone(&keys::meter(plan, key), limits),
            known => known,
        }
    }

    /// As [`Meter::standing`]. In an outage it is how this process knows the key
    /// to stand, in every mode.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn standing(&self, plan: &UsagePlanId, key: &ApiKeyId, limits: &Limits) -> Result<Standing, StoreError> {
        if self.watch.keeps_away() {
            return Ok(self.meter.standing_alone(&keys::meter(plan, key), limits));
        }
        match self.meter.standing(plan, key, limits).await {
            Err(error) if self.is_outage(&error) => Ok(self.meter.standing_alone(&keys::meter(plan, key), limits)),
            standing => standing,
        }
    }

    /// As [`Buckets::take`].
    ///
    /// # Errors
    /// When the table fails, and is not out yet.
    pub async fn take(&self, scope: &Scope<'_>, throttle: Gcra) -> Result<Result<Token, Exhausted>, StoreError> {
        if self.watch.keeps_away() {
            return Ok(self.buckets.take_unasked(scope, throttle));
        }
        match self.buckets.take(scope, throttle).await {
            Err(error) if self.is_outage(&error) => Ok(self.buckets.take_unasked(scope, throttle)),
            taken => taken,
        }
    }

    /// Whether the table is out, as far as this process knows.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.watch.is_out()
    }

    /// As [`Meter::forget`]. What is to be counted yet is kept.
    pub fn forget(&self) {
        self.meter.forget();
    }

    /// Whether a call failed since the table is out: it was turned away, or is
    /// the one that showed it.
    fn is_outage(&self, error: &StoreError) -> bool {
        match error {
            StoreError::Outage => true,
            StoreError::Unavailable { .. } => self.watch.is_out(),
            _ => false,
        }
    }

    /// Decides on a request without the table, or refuses to.
    fn spend_alone(&self, at: &Key, limits: &Limits) -> Result<Result<Admitted, Refused>, StoreError> {
        if let Some(known) = self.meter.spend_known_alone(at, limits) {
            return Ok(known);
        }
        if limits.never_conforms() {
            return Ok(Err(self.meter.refused_always_alone(at, limits)));
        }
        if !self.on_failure.decides_locally(limits) {
            return Err(StoreError::Outage);
        }
        // One at a time: each decides on what the one before it left.
        let mut counts = self.unsettled.lock();
        let now = self.clock.now();
        let item = self.meter.seen.get(at).map(|seen| seen.item).unwrap_or_default();
        let mut state = item.state(limits, now);
        if let Verdict::Outdated(converted) = limits.decide(&state, now, ONE) {
            state = converted;
        }
        match limits.decide(&state, now, ONE) {
            Verdict::Admitted(next) => {
                let reading = Reading { limits: *limits, state: next.clone(), at: now };
                // As though it had been written.
                self.meter.remember(at, item.brought_to(next, limits, now), limits, now);
                counts.admitted(at, limits.quota, now);
                self.store.metrics().count(Counter::AdmittedInOutages);
                let debit = Debit { tokens: ONE.get(), quota: reading.quota() };
                Ok(Ok(Admitted { reading, debit: Some(debit) }))
            }
            Verdict::Denied(denied) => {
                let reading = Reading { limits: *limits, state, at: now };
                Ok(Err(Refused::without_a_write(denied, reading)))
            }
            // What is converted is not outdated.
            Verdict::Outdated(_) => Err(StoreError::Outage),
        }
    }

    fn refused_alone(&self, at: &Key, limits: &Limits) -> Result<Option<Refused>, StoreError> {
        if limits.never_conforms() {
            return Ok(Some(self.meter.refused_always_alone(at, limits)));
        }
        match self.meter.would_take(at, limits) {
            Taking::Taken => return Ok(None),
            Taking::Refused { wait } => return Ok(Some(self.meter.refused_by_lease(at, limits, wait))),
            Taking::Ask => {}
        }
        if self.on_failure.decides_locally(limits) {
            return Ok(self.meter.refusal_alone(at, limits));
        }
        self.meter.proof_alone(at, limits).map_or(Err(StoreError::Outage), |refused| Ok(Some(refused)))
    }
}

/// What a meter tells without the table.
impl Meter {
    /// What a lease admits, or what was seen lately proves to be refused.
    fn spend_known_alone(&self, at: &Key, limits: &Limits) -> Option<Result<Admitted, Refused>> {
        match self.leases.get(at).filter(|_| limits.method.is_none()) {
            Some(meter) => self.spend_known(at, &meter, limits),
            None => self.proof_alone(at, limits).map(Err),
        }
    }

    fn proof_alone(&self, at: &Key, limits: &Limits) -> Option<Refused> {
        let counted = self.held(at, limits).counted;
        self.seen.get(at).and_then(|seen| self.proof(&seen, limits, self.clock.now(), counted))
    }

    /// As far as it is known, however long ago it was seen.
    fn refusal_alone(&self, at: &Key, limits: &Limits) -> Option<Refused> {
        refusal(&self.seen.get(at)?.item, limits, self.clock.now(), 0)
    }

    fn standing_alone(&self, at: &Key, limits: &Limits) -> Standing {
        let item = self.seen.get(at).map(|seen| seen.item).unwrap_or_default();
        self.standing_here(at, &item, limits)
    }

    fn refused_always_alone(&self, at: &Key, limits: &Limits) -> Refused {
        let Standing { denied, reading } = self.standing_alone(at, limits);
        Refused::without_a_write(denied.unwrap_or(Denied::Throttled { wait: None }), reading)
    }
}

/// Counting what was admitted in an outage.
impl Metering {
    /// Counts it for one meter.
    async fn settle(&self, at: &Key) -> Result<(), StoreError> {
        let Some(mut settling) = self.unsettled.take(at) else { return Ok(()) };
        while let Some(batch) = settling.next() {
            self.store.settle(at, batch, self.clock.now()).await?;
            settling.is_settled();
        }
        Ok(())
    }

    async fn settle_or_tell(&self, at: &Key) -> bool {
        let settled = self.settle(at).await;
        if let Err(error) = &settled {
            tracing::warn!(%error, "what was admitted in an outage is not counted yet");
        }
        settled.is_ok()
    }

    /// Counts it for all meters, if there are any and nobody has begun lately.
    fn settle_in_background(&self) {
        if self.unsettled.is_over() {
            return;
        }
        let now = self.clock.moment();
        let mut begun = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.is_some_and(|begun| now.since(begun) < SETTLING_INTERVAL) {
            return;
        }
        *begun = Some(now);
        drop(begun);
        let metering = self.clone();
        tokio::spawn(async move { metering.settle_all().await });
    }

    async fn settle_all(&self) {
        let meters = self.unsettled.meters();
        for at in &meters {
            // One meter that is throttled keeps no other from being settled.
            if !self.settle_or_tell(at).await && self.watch.is_out() {
                return;
            }
        }
        let (admitted, uncounted) = self.unsettled.tell();
        if admitted > 0 || uncounted > 0 {
            tracing::warn!(
                outage_admitted = admitted,
                outage_uncounted = uncounted,
                "requests of an outage are counted"
            );
        }
    }
}

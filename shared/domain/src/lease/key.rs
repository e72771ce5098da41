//! Leases of a key's meter: tokens of a key in a plan that one process took in
//! one write and then admits by itself.
//!
//! A [`LeasedKey`] is what one process holds of such a meter. It admits from
//! its lease, and otherwise says how many tokens to [ask](LeasedKey::ask) for.
//! Whoever asks says what came of it, or says nothing: then neither what was
//! asked for nor what was to be settled exists any more, and that is the safe
//! direction. Nothing here reads a clock or writes.
//!
//! **How many.** What this process is likely to use in a lease's life, by the
//! requests that came lately and those that wait; at most the cap, a quarter of
//! the burst, and a 64th of what the quota leaves. So leases shrink to single
//! tokens while a quota runs out. Requests that a method's throttle limits as
//! well are not leased: a lease would have to belong to one method.
//!
//! **Beyond twice the rate**, when more requests are refused than admitted,
//! tokens return one by one and a write for each would find one. Then a process
//! *reserves*: it takes tokens that come due within [`AHEAD`], at most half of
//! those, and admits by each once it has come due
//! ([`Gcra::ahead`](crate::throttle::Gcra::ahead)). Whoever comes earlier is
//! refused: the shared meter has no earlier token either. So no request is
//! admitted sooner than the throttle allows, and a refusal costs no write. Below
//! that load nobody reserves, since a token that is reserved and not used was
//! somebody else's.
//!
//! **When it ends.** After [`LIFE`] by either clock, with its UTC day (all
//! periods of quotas begin at 00:00 UTC), or when the limits change.
//!
//! **What it left over** is settled in the next write of this process, if that
//! counts on the same counter: the quota's and the day's counts grow by what
//! is asked for less what is settled. That may be 0; the write is made all the
//! same, since only it shows that the throttle conforms and that the counter
//! is still within the limit. The TAT moves by all that is asked for: what a
//! lease left over of the throttle is lost, so that no token of it is used when
//! it is older than [`LIFE`]. Of a quota that outlasts the day, tokens settled on
//! a later day stay counted on the earlier one.
//!
//! **What it costs in exactness.** Of a quota nothing: each admission uses a
//! token that the counter of its period was debited with. Of a throttle what
//! [`super`] says. A process holds no more than the cap, lease and rest together.

mod demand;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;

use self::demand::Demand;
use super::{LIFE, Moment};
use crate::admission::{Limits, MeterState};
use crate::left::Reading;
use crate::quota::QuotaWindow;
use crate::throttle::{AHEAD, Bucket, Gcra, Tat};
use crate::time::Timestamp;

/// No lease takes more than one part in so many of what a quota leaves.
pub const PARTS_OF_QUOTA: i64 = 64;

/// No lease takes more than one part in so many of a burst.
pub const PARTS_OF_BURST: u32 = 4;

/// What one process holds of a key's meter.
#[derive(Clone, Debug, Default, Hash)]
pub struct LeasedKey {
    lease: Option<Lease>,
    rest: Option<Rest>,
    demand: Demand,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Lease {
    limits: Limits,
    counter: Counter,
    from: Moment,
    /// The day on which it was granted: its start, and that of the next one.
    day: [Timestamp; 2],
    left: u32,
    /// When the next of them comes due, where a throttle says so.
    due: Option<Tat>,
    /// What its write left.
    bucket: Option<Bucket>,
    used: i64,
}

/// What becomes of a request at a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// It has a token.
    Taken,
    /// It has none and can have none now: the next one reserved comes due after
    /// `wait`, and those that the meter still has come due later than that.
    Refused {
        /// Above zero.
        wait: Duration,
    },
    /// There is no lease, or nothing is left of it: the meter is to be asked.
    Ask,
}

/// Tokens that a counter was debited with and that nobody used.
#[derive(Clone, Copy, Debug, Hash)]
struct Rest {
    counter: Counter,
    tokens: u32,
}

/// What a write counts on that cannot be counted on later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counter {
    Quota(QuotaWindow),
    Day(Date),
}

impl Counter {
    fn of(limits: &Limits, now: Timestamp) -> Self {
        let day = now.date();
        limits.quota.map_or(Self::Day(day), |quota| Self::Quota(quota.window_of_day(day)))
    }
}

/// Tokens to be asked of the shared meter in one write. What it settles is held
/// by it alone: dropped, it is lost. Where its write is made again, it is settled
/// again, and that admits no more: no write makes a count less.
#[derive(Debug)]
// Only a search that goes back to an earlier state holds one twice.
#[cfg_attr(test, derive(Clone, Hash))]
#[must_use = "what it settles is lost with it"]
pub struct Asking {
    limits: Limits,
    counter: Counter,
    from: Moment,
    tokens: NonZeroU32,
    settled: u32,
}

impl Asking {
    /// Under which limits they are to be granted.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Tokens to be granted, and by which TATs move.
    #[must_use]
    pub fn tokens(&self) -> NonZeroU32 {
        self.tokens
    }

    /// Tokens among them that are counted already, and are not counted again.
    #[must_use]
    pub fn settled(&self) -> u32 {
        self.settled
    }

    /// `state` as it stands for this process: without the count of what is settled.
    #[must_use]
    pub fn stands(&self, state: &MeterState) -> MeterState {
        MeterState { used: state.used.saturating_sub(i64::from(self.settled)), ..state.clone() }
    }
}

impl LeasedKey {
    /// Takes one token of the lease, if it holds at `now` for `limits`.
    pub fn take(&mut self, limits: &Limits, now: Moment) -> Taking {
        let taking = self.would_take(limits, now);
        match taking {
            Taking::Taken => {
                if let Some(lease) = self.lease.as_mut() {
                    lease.spend();
                }
                self.demand.admitted();
            }
            Taking::Refused { .. } => self.refused(now),
            Taking::Ask => {}
        }
        taking
    }

    /// What [`LeasedKey::take`] would come to.
    #[must_use]
    pub fn would_take(&self, limits: &Limits, now: Moment) -> Taking {
        match self.holding(limits, now) {
            Some(lease) if lease.left > 0 => lease.wait(now).map_or(Taking::Taken, |wait| Taking::Refused { wait }),
            _ => Taking::Ask,
        }
    }

    /// Notes that a request was refused by what is known of the meter.
    pub fn refused(&mut self, now: Moment) {
        self.demand.refused(now);
    }

    /// Tokens of the lease that can be taken at `now` or will come due.
    #[must_use]
    pub fn leased(&self, limits: &Limits, now: Moment) -> u32 {
        self.holding(limits, now).map_or(0, |lease| lease.left)
    }

    /// Tokens that are counted and not used: those of the lease, and those that
    /// the next write can settle.
    #[must_use]
    pub fn held(&self, limits: &Limits, now: Moment) -> u32 {
        let counter = Counter::of(limits, now.wall);
        let lease = self.lease.filter(|lease| lease.counter == counter).map_or(0, |lease| lease.left);
        lease.saturating_add(self.rest.filter(|rest| rest.counter == counter).map_or(0, |rest| rest.tokens))
    }

    /// The meter as the lease's write left it and as it stands for this process:
    /// what it holds is not used yet.
    #[must_use]
    pub fn reading(&self, now: Timestamp) -> Option<Reading> {
        let Lease { limits, counter, left, bucket, used, .. } = self.lease?;
        let rest = self.rest.filter(|rest| rest.counter == counter).map_or(0, |rest| rest.tokens);
        let used = used.saturating_sub(i64::from(left)).saturating_sub(i64::from(rest));
        let returned = limits.throttle.map_or(0, |gcra| gcra.returning(left));
        let bucket = bucket.map(|bucket| Bucket { tat: bucket.tat.saturating_sub(returned), ..bucket });
        let state = MeterState { bucket, used, ..MeterState::default() };
        Some(Reading { limits, state, at: now })
    }

    /// What to ask for under the limits [in force](Limits::in_force) for `state`,
    /// which is what is known of the meter: at most `cap` tokens, for `waiting`
    /// requests and those to come. The lease, if there still is one, ends.
    pub fn ask(&mut self, limits: &Limits, state: &MeterState, now: Moment, cap: NonZeroU32, waiting: u32) -> Asking {
        let counter = Counter::of(limits, now.wall);
        self.end_lease();
        let rest = self.rest.take().filter(|rest| rest.counter == counter).map_or(0, |rest| rest.tokens);
        self.demand.begin(now);
        let mut limits = *limits;
        let mut most = i64::from(cap.get());
        let mut wanted = self.demand.within(LIFE, now).max(waiting);
        if let Some(gcra) = limits.throttle {
            let mut available = gcra.available(state.bucket, now.wall).min(gcra.burst() / PARTS_OF_BURST);
            if self.demand.is_beyond_twice_the_rate(now) {
                // Half of it, so that others find some as well; and the asker, who
                // takes one at once otherwise, may be none of those that use it.
                let reserved = gcra.ahead().available(state.bucket, now.wall).div_ceil(2).min(cap.get() - 1);
                if reserved > available {
                    limits.throttle = Some(gcra.ahead());
                    available = reserved;
                    wanted = self.demand.within(AHEAD, now).max(waiting);
                }
            }
            most = most.min(i64::from(available));
        }
        if let Some(quota) = limits.quota {
            // A 64th of nothing is one token, which the rest may pay for.
            most = most.min(i64::from(quota.limit).saturating_sub(state.used) / PARTS_OF_QUOTA);
        }
        let tokens = u32::try_from(most.max(1)).unwrap_or(u32::MAX).min(wanted);
        let tokens = NonZeroU32::new(tokens).unwrap_or(NonZeroU32::MIN);
        let settled = rest.min(tokens.get());
        self.rest = Some(Rest { counter, tokens: rest - settled });
        Asking { limits, counter, from: now, tokens, settled }
    }

    /// Notes that what was asked for was granted, by a write that left the meter
    /// in `state`.
    pub fn granted(&mut self, asking: Asking, state: &MeterState) {
        self.end_lease();
        let Asking { limits, counter, from, tokens, .. } = asking;
        let (bucket, used) = (state.bucket, state.used);
        let due = limits.throttle.zip(bucket).map(|(gcra, bucket)| gcra.first_due(bucket.tat, tokens));
        let limits = Limits { throttle: limits.throttle.map(Gcra::at_once), ..limits };
        let today = from.wall.date();
        let day = [today, today.saturating_add(1.day())].map(Timestamp::at_start_of);
        self.lease = Some(Lease { limits, counter, from, day, left: tokens.get(), due, bucket, used });
        self.demand.granted(from);
    }

    /// Notes that what was asked for was provably not granted: what it would
    /// have settled is still to be.
    pub fn not_granted(&mut self, asking: Asking) {
        self.keep(asking.counter, asking.settled);
    }

    fn holding(&self, limits: &Limits, now: Moment) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.holds(limits, now))
    }

    fn end_lease(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.keep(lease.counter, lease.left);
        }
    }

    /// Rests of two counters do not mix: the one that is kept is the newcomer's.
    fn keep(&mut self, counter: Counter, tokens: u32) {
        if tokens == 0 {
            return;
        }
        let before = self.rest.filter(|rest| rest.counter == counter).map_or(0, |rest| rest.tokens);
        self.rest = Some(Rest { counter, tokens: before.saturating_add(tokens) });
    }
}

impl Lease {
    fn holds(&self, limits: &Limits, now: Moment) -> bool {
        let [today, tomorrow] = self.day;
        self.limits.are_same(limits) && now.since(self.from) < LIFE && (today..tomorrow).contains(&now.wall)
    }

    /// How long it is until the next token comes due; `None` when it has.
    fn wait(&self, now: Moment) -> Option<Duration> {
        let ahead = self.due?.saturating_sub(i128::from(now.wall.as_nanos()));
        (ahead > 0).then(|| Duration::from_nanos(u64::try_from(ahead).unwrap_or(u64::MAX)))
    }

    fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
        let period = self.limits.throttle.map_or(0, |gcra| gcra.returning(1));
        self.due = self.due.map(|due| due.saturating_add(period));
    }
}

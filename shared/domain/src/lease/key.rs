//! Leases of a key's meter: tokens of a key in a plan that one process took in
//! one write and then admits by itself.
//!
//! A [`LeasedKey`] is what one process holds of such a meter. It admits from
//! its lease, and otherwise says how many tokens to [ask](LeasedKey::ask) for.
//! Whoever asks says what came of it, or says nothing: then neither what was
//! asked for nor what was to be settled exists any more, and that is the safe
//! direction. Nothing here reads a clock or writes.
//!
//! **How many.** What this process is likely to use in a lease's life, by its
//! last lease and by the requests that wait; at most the cap, a quarter of the
//! burst, and a 64th of what the quota leaves. So leases shrink to single
//! tokens while a quota runs out. Requests that a method's throttle limits as
//! well are not leased: a lease would have to belong to one method.
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

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::civil::Date;

use super::{LIFE, Moment};
use crate::admission::{Limits, MeterState};
use crate::quota::QuotaWindow;
use crate::time::Timestamp;

/// No lease takes more than one part in so many of what a quota leaves.
pub const PARTS_OF_QUOTA: i64 = 64;

/// No lease takes more than one part in so many of a burst.
pub const PARTS_OF_BURST: u32 = 4;

/// What one process holds of a key's meter.
#[derive(Clone, Debug, Default, Hash)]
pub struct LeasedKey {
    /// The last lease, kept beyond its end for its pace.
    lease: Option<Lease>,
    rest: Option<Rest>,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Lease {
    limits: Limits,
    counter: Counter,
    day: Date,
    from: Moment,
    left: u32,
    used: u32,
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
    pub fn take(&mut self, limits: &Limits, now: Moment) -> bool {
        let Some(lease) = self.lease.as_mut().filter(|lease| lease.holds(limits, now)) else { return false };
        let Some(left) = lease.left.checked_sub(1) else { return false };
        lease.left = left;
        lease.used = lease.used.saturating_add(1);
        true
    }

    /// Tokens of the lease that could be taken at `now` under `limits`.
    #[must_use]
    pub fn leased(&self, limits: &Limits, now: Moment) -> u32 {
        self.lease.filter(|lease| lease.holds(limits, now)).map_or(0, |lease| lease.left)
    }

    /// Tokens that are counted and not used: those of the lease, and those that
    /// the next write can settle.
    #[must_use]
    pub fn held(&self, limits: &Limits, now: Moment) -> u32 {
        let counter = Counter::of(limits, now.wall);
        let lease = self.lease.filter(|lease| lease.counter == counter).map_or(0, |lease| lease.left);
        lease.saturating_add(self.rest.filter(|rest| rest.counter == counter).map_or(0, |rest| rest.tokens))
    }

    /// What to ask for, `state` being what is known of the meter: at most `cap`
    /// tokens, for `waiting` requests and those to come. The lease, if there
    /// still is one, ends.
    pub fn ask(&mut self, limits: &Limits, state: &MeterState, now: Moment, cap: NonZeroU32, waiting: u32) -> Asking {
        let counter = Counter::of(limits, now.wall);
        self.end_lease();
        let rest = self.rest.take().filter(|rest| rest.counter == counter).map_or(0, |rest| rest.tokens);
        let mut most = i64::from(cap.get());
        if let Some(gcra) = limits.throttle {
            let tat = state.tat.map(|tat| tat.min(gcra.furthest(now.wall)));
            let available = gcra.available(tat, now.wall);
            most = most.min(i64::from(available.min(gcra.burst() / PARTS_OF_BURST)));
        }
        if let Some(quota) = limits.quota {
            // A 64th of nothing is one token, which the rest may pay for.
            most = most.min(i64::from(quota.limit).saturating_sub(state.used) / PARTS_OF_QUOTA);
        }
        let wanted = self.expected(now).max(waiting);
        let tokens = u32::try_from(most.max(1)).unwrap_or(u32::MAX).min(wanted);
        let tokens = NonZeroU32::new(tokens).unwrap_or(NonZeroU32::MIN);
        let settled = rest.min(tokens.get());
        self.rest = Some(Rest { counter, tokens: rest - settled });
        Asking { limits: *limits, counter, from: now, tokens, settled }
    }

    /// Notes that what was asked for was granted. One token of it is the asker's.
    pub fn granted(&mut self, asking: Asking) {
        self.end_lease();
        let Asking { limits, counter, from, tokens, .. } = asking;
        let day = from.wall.date();
        self.lease = Some(Lease { limits, counter, day, from, left: tokens.get() - 1, used: 1 });
    }

    /// Notes that what was asked for was provably not granted: what it would
    /// have settled is still to be.
    pub fn not_granted(&mut self, asking: Asking) {
        self.keep(asking.counter, asking.settled);
    }

    fn end_lease(&mut self) {
        if let Some(lease) = self.lease.as_mut() {
            let (counter, left) = (lease.counter, std::mem::take(&mut lease.left));
            self.keep(counter, left);
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

    /// What will be used in a lease's life, at the pace of the last lease.
    fn expected(&self, now: Moment) -> u32 {
        let Some(lease) = self.lease else { return 1 };
        let pace = f64::from(lease.used) / now.since(lease.from).max(Duration::from_millis(1)).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float saturates, and is positive"
        )]
        let expected = (pace * LIFE.as_secs_f64()).floor() as u32;
        expected
    }
}

impl Lease {
    fn holds(&self, limits: &Limits, now: Moment) -> bool {
        self.limits == *limits && now.since(self.from) < LIFE && now.wall.date() == self.day
    }
}

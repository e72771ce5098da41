//! How a decision is put to a shared table that can compare, add and set in one
//! step, and nothing else: the form of a write, and what that form means.
//!
//! A table has no `max` and its conditions do no arithmetic, so a bucket's part
//! of a write has two forms: *busy* (`SET tat = tat + n x T IF tat > now AND tat
//! <= latest conforming`) and *idle* (`SET tat = now + n x T IF tat <= now`), both
//! on condition that the settings of the write are those that brought the TAT
//! about.
//! [`form`] picks one by what was seen last. A wrong guess fails its condition
//! and spends nothing; it shows the state, by which it is put right, or by which
//! the request is refused on proof. After [`GUESSES`] the write compares and sets.
//!
//! [`Spending::apply`] is the meaning of each form, and the contract of
//! whoever puts it in a table's language.

use std::num::NonZeroU32;

use super::{Denied, Limits, MeterState, Verdict};
use crate::throttle::{Bucket, Gcra, Tat};
use crate::time::Timestamp;

/// Tries in the form that the last answer showed, before comparing and setting.
pub const GUESSES: u32 = 32;

/// Tries that may ask for all that is left of a bucket.
const TRIES_FOR_ALL: u32 = 2;

/// Tries in all, after which whoever writes gives up.
pub const ATTEMPTS: u32 = 64;

/// How many tokens a try may ask for of a bucket in which so many are `available`;
/// the first two as many as they like. Whoever asks for all that is left, where many
/// do, loses to each of them in turn: so the third asks for half of it at most, and
/// each one after it for half of what the one before might have, but at least one.
#[must_use]
pub fn share(available: u32, attempt: u32) -> NonZeroU32 {
    match attempt.checked_sub(TRIES_FOR_ALL) {
        None => NonZeroU32::MAX,
        Some(tries) => NonZeroU32::new(available.checked_shr(1 + tries).unwrap_or(0)).unwrap_or(NonZeroU32::MIN),
    }
}

/// Which buckets are taken for busy: their TAT lies ahead of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Busy {
    /// The plan's throttle.
    pub plan: bool,
    /// The method's.
    pub method: bool,
}

impl Busy {
    /// For each throttle, whether its bucket is busy, as far as `state` tells.
    #[must_use]
    pub fn of(state: &MeterState, limits: &Limits, now: Timestamp) -> Self {
        let is_busy = |bucket: Option<&Bucket>| bucket.is_some_and(|bucket| !bucket.is_full(now));
        Self {
            plan: is_busy(state.bucket.as_ref()),
            method: limits.method.is_some_and(|method| is_busy(state.methods.get(&method.slot))),
        }
    }

    /// Those that are busy by this or by `met`: how a try at an earlier moment has
    /// met them. Where others write all the time, they do so between the next try's
    /// moment and its arrival as well.
    #[must_use]
    pub fn or(self, met: Self) -> Self {
        Self { plan: self.plan || met.plan, method: self.method || met.method }
    }
}

/// How a write is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// Relative where a bucket is busy, absolute where it is idle.
    Guess(Busy),
    /// From exactly the buckets of this state to those of that one.
    Replace {
        /// The state that was seen.
        seen: &'a MeterState,
        /// The state after it.
        next: MeterState,
    },
    /// As `Replace`, of the buckets alone: spends nothing.
    Repair {
        /// The state that was seen.
        seen: &'a MeterState,
        /// The state after it.
        next: MeterState,
    },
}

impl Form<'_> {
    /// Whether it spends nothing, and so admits nobody.
    #[must_use]
    pub fn is_repair(&self) -> bool {
        matches!(self, Self::Repair { .. })
    }
}

/// How to put the next write, by what was seen last. The first attempt, 0,
/// guesses; from then on `state` is what the table held, and proves a refusal.
/// The limits must be those [in force](Limits::in_force) for it, and such as can
/// admit `tokens` at some time.
///
/// # Errors
/// The refusal that `state` proves: nothing is to be written.
pub fn form<'a>(
    limits: &Limits,
    state: &'a MeterState,
    now: Timestamp,
    tokens: NonZeroU32,
    attempt: u32,
) -> Result<Form<'a>, Denied> {
    if attempt == 0 {
        return Ok(Form::Guess(Busy::of(state, limits, now)));
    }
    match limits.decide(state, now, tokens) {
        Verdict::Denied(denied) => Err(denied),
        Verdict::Admitted(_) if attempt < GUESSES && limits.brought_about(state) => {
            Ok(Form::Guess(Busy::of(state, limits, now)))
        }
        Verdict::Admitted(next) => Ok(Form::Replace { seen: state, next }),
        // It does not conform: repaired now, refused on proof.
        Verdict::Outdated(converted) => Ok(Form::Repair { seen: state, next: converted }),
    }
}

impl Limits {
    /// Whether each bucket was brought about by just these, as a guess requires.
    fn brought_about(&self, state: &MeterState) -> bool {
        let by = |gcra: Gcra, bucket: Option<&Bucket>| bucket.is_none_or(|bucket| bucket.gcra == Some(gcra.at_once()));
        self.throttle.is_none_or(|gcra| by(gcra, state.bucket.as_ref()))
            && self.method.is_none_or(|method| by(method.throttle, state.methods.get(&method.slot)))
    }
}

/// What a write spends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spending<'a> {
    /// Under which limits.
    pub limits: &'a Limits,
    /// When, by the clock of whoever writes: its day and period are counted on.
    pub now: Timestamp,
    /// Tokens by which TATs move.
    pub tokens: NonZeroU32,
    /// Tokens among them that the counts contain already, at most all.
    pub settled: u32,
}

/// What a table holds of a meter, as far as a write at one moment reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The buckets, and the count of the moment's period.
    pub state: MeterState,
    /// Tokens counted on the moment's day.
    pub day: u64,
    /// What the day's last write left of the quota.
    pub remaining: Option<i64>,
}

impl Spending<'_> {
    /// What the write in this form makes of what the table holds, in one step;
    /// `None` when its condition does not hold and nothing changes.
    #[must_use]
    pub fn apply(&self, form: &Form<'_>, held: &Held) -> Option<Held> {
        let mut after = held.clone();
        let method = self.limits.method;
        let of_method = |state: &MeterState| method.and_then(|method| state.methods.get(&method.slot).copied());
        let (of_plan, of_method) = match form {
            Form::Guess(busy) => (
                self.moved(self.limits.throttle, held.state.bucket, busy.plan)?,
                self.moved(method.map(|method| method.throttle), of_method(&held.state), busy.method)?,
            ),
            Form::Replace { seen, next } | Form::Repair { seen, next } => {
                let is_as_seen = (self.limits.throttle.is_none() || held.state.bucket == seen.bucket)
                    && of_method(&held.state) == of_method(seen);
                if !is_as_seen {
                    return None;
                }
                (self.limits.throttle.and(next.bucket), of_method(next))
            }
        };
        after.state.bucket = of_plan.or(after.state.bucket);
        if let (Some(method), Some(bucket)) = (method, of_method) {
            after.state.methods.insert(method.slot, bucket);
        }
        if form.is_repair() {
            return Some(after);
        }
        let counted = self.tokens.get().saturating_sub(self.settled);
        after.day = after.day.saturating_add(u64::from(counted));
        if let Some(quota) = self.limits.quota {
            after.state.used = after.state.used.saturating_add(i64::from(counted));
            let remaining = i64::from(quota.limit).saturating_sub(after.state.used);
            if remaining < 0 {
                return None;
            }
            after.remaining = Some(remaining);
        }
        Some(after)
    }

    /// What becomes of a bucket, if there is a throttle: `None` when the condition
    /// of the form does not hold.
    #[expect(clippy::option_option, reason = "no such bucket is not a condition that fails")]
    fn moved(&self, gcra: Option<Gcra>, bucket: Option<Bucket>, is_busy: bool) -> Option<Option<Bucket>> {
        let Some(gcra) = gcra else { return Some(None) };
        let increment = gcra.increment(self.tokens)?;
        let by = Some(gcra.at_once());
        let from: Tat = if is_busy {
            let busy = bucket.filter(|bucket| bucket.gcra == by && !bucket.is_full(self.now))?;
            (busy.tat <= gcra.latest_conforming(self.now, self.tokens)?).then_some(busy.tat)?
        } else {
            let is_idle = bucket.is_none_or(|bucket| bucket.gcra == by && bucket.is_full(self.now));
            is_idle.then_some(i128::from(self.now.as_nanos()))?
        };
        Some(Some(Bucket { tat: from.saturating_add(increment), gcra: by }))
    }
}

#[cfg(test)]
mod tests;

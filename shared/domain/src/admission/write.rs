//! How a decision is put to a shared table that can compare, add and set in one
//! step, and nothing else: the form of a write, and what that form means.
//!
//! A table has no `max` and its conditions do no arithmetic, so a bucket's part
//! of a write has two forms: *busy* (`SET tat = tat + n x T IF tat > now AND tat
//! <= latest conforming`) and *idle* (`SET tat = now + n x T IF tat <= now`).
//! [`form`] picks one by what was seen last. A wrong guess fails its condition
//! and spends nothing; it shows the state, by which it is put right, or by which
//! the request is refused on proof. After [`GUESSES`] the write compares and sets.
//!
//! [`Spending::apply`] is the meaning of each form, and the contract of
//! whoever puts it in a table's language.

use std::num::NonZeroU32;

use super::{Denied, Limits, MeterState, Verdict};
use crate::throttle::{Gcra, Tat};
use crate::time::Timestamp;

/// Tries in the form that the last answer showed, before comparing and setting.
pub const GUESSES: u32 = 32;

/// Tries that may ask for several tokens: from then on one is enough. Whoever
/// asks for all that is left, where many do, loses to each of them in turn.
pub const SEVERAL: u32 = 2;

/// Tries in all, after which whoever writes gives up.
pub const ATTEMPTS: u32 = 64;

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
        let is_busy = |tat: Option<Tat>| tat.is_some_and(|tat| tat > i128::from(now.as_nanos()));
        Self {
            plan: is_busy(state.tat),
            method: limits.method.is_some_and(|method| is_busy(state.method_tats.get(&method.slot).copied())),
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
    /// From exactly the TATs of this state to those of that one.
    Replace {
        /// The state that was seen.
        seen: &'a MeterState,
        /// The state after it.
        next: MeterState,
    },
    /// As `Replace`, of the TATs alone: spends nothing.
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
/// The limits must be such as can admit `tokens` at some time.
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
        Verdict::Admitted(_) if attempt < GUESSES => Ok(Form::Guess(Busy::of(state, limits, now))),
        Verdict::Admitted(next) => Ok(Form::Replace { seen: state, next }),
        // With a full bucket's debt it does not conform: repaired now, refused on proof.
        Verdict::Implausible(clamped) => Ok(Form::Repair { seen: state, next: clamped }),
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
    /// The TATs, and the count of the moment's period.
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
        let tat_of = |state: &MeterState| method.and_then(|method| state.method_tats.get(&method.slot).copied());
        let (plan_tat, method_tat) = match form {
            Form::Guess(busy) => (
                self.moved(self.limits.throttle, held.state.tat, busy.plan)?,
                self.moved(method.map(|method| method.throttle), tat_of(&held.state), busy.method)?,
            ),
            Form::Replace { seen, next } | Form::Repair { seen, next } => {
                let is_as_seen = (self.limits.throttle.is_none() || held.state.tat == seen.tat)
                    && tat_of(&held.state) == tat_of(seen);
                if !is_as_seen {
                    return None;
                }
                (self.limits.throttle.and(next.tat), tat_of(next))
            }
        };
        after.state.tat = plan_tat.or(after.state.tat);
        if let (Some(method), Some(tat)) = (method, method_tat) {
            after.state.method_tats.insert(method.slot, tat);
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

    /// Where a bucket's TAT moves, if there is a bucket: `None` when the
    /// condition of the form does not hold.
    #[expect(clippy::option_option, reason = "no such bucket is not a condition that fails")]
    fn moved(&self, gcra: Option<Gcra>, tat: Option<Tat>, is_busy: bool) -> Option<Option<Tat>> {
        let Some(gcra) = gcra else { return Some(None) };
        let increment = gcra.increment(self.tokens)?;
        let now = i128::from(self.now.as_nanos());
        let conforms = if is_busy {
            tat.is_some_and(|tat| tat > now && gcra.latest_conforming(self.now, self.tokens) >= Some(tat))
        } else {
            tat.is_none_or(|tat| tat <= now)
        };
        let from = if is_busy { tat.unwrap_or(now) } else { now };
        conforms.then(|| Some(from.saturating_add(increment)))
    }
}

#[cfg(test)]
mod tests;

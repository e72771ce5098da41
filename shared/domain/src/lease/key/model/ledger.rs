//! What really was admitted, and what that must never violate.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use jiff::civil::Date;

use super::scenario::Scenario;
use super::table::Table;
use crate::admission::{Denied, Limits};
use crate::lease::LIFE;
use crate::throttle::Gcra;
use crate::time::Timestamp;

/// Kept by an observer who sees everything at once.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Ledger {
    /// Admissions under a quota, by the first day of its period.
    pub(super) admitted: BTreeMap<Date, i64>,
    by_day: BTreeMap<Date, u64>,
    /// The highest limit that anybody went by in a period.
    highest: BTreeMap<Date, i64>,
    /// By how much operators moved it in all.
    granted: BTreeMap<Date, i64>,
    /// For which moment each admission was, and when it was given, in nanoseconds of
    /// true time, in order of the first.
    times: Vec<(i64, i64)>,
    /// When each token was debited, by the writer's clock, in the order of the writes;
    /// or when one that is reserved comes due.
    debits: Vec<i64>,
}

/// The first day of what `limits` count on.
pub(super) fn period(limits: &Limits, day: Date) -> Date {
    limits.quota.map_or(day, |quota| quota.window_of_day(day).first_day)
}

/// Nanoseconds that a token takes to return.
pub(super) fn nanos_per_token(gcra: Gcra) -> i64 {
    i64::try_from(gcra.increment(NonZeroU32::MIN).unwrap()).unwrap()
}

impl Ledger {
    /// Notes an admission under `limits` that was given at `given`, for `at` by the
    /// clock of whoever admits, which is `skew` nanoseconds ahead.
    pub(super) fn admit(&mut self, limits: &Limits, at: Timestamp, skew: i64, given: Timestamp) {
        if let Some(quota) = limits.quota {
            *self.admitted.entry(quota.window(at).first_day).or_default() += 1;
        }
        *self.by_day.entry(at.date()).or_default() += 1;
        if limits.throttle.is_some() {
            let time = at.as_nanos() - skew;
            self.times.insert(self.times.partition_point(|(before, _)| *before <= time), (time, given.as_nanos()));
        }
    }

    /// Notes that a write debited `tokens` at `at`.
    pub(super) fn debit(&mut self, limits: &Limits, at: Timestamp, tokens: u32) {
        let Some(gcra) = limits.throttle else { return };
        for _ in 0..tokens {
            let wait = self.wait(gcra, at).max(0);
            self.debits.push(at.as_nanos() + wait);
        }
    }

    /// Notes that somebody goes by `limits` on `day`.
    pub(super) fn go_by(&mut self, limits: &Limits, day: Date) {
        if let Some(quota) = limits.quota {
            let highest = self.highest.entry(period(limits, day)).or_default();
            *highest = i64::from(quota.limit).max(*highest);
        }
    }

    /// Notes that everybody goes by `limits` from here on. What was leased by
    /// these, while others went by others, may yet be used.
    pub(super) fn keep_to(&mut self, limits: &Limits, leased: impl Fn(Date) -> i64) {
        let Some(quota) = limits.quota else { return };
        for (period, highest) in &mut self.highest {
            let admitted = self.admitted.get(period).copied().unwrap_or_default();
            let granted = self.granted.get(period).copied().unwrap_or_default();
            let used = admitted + leased(*period) - granted;
            *highest = i64::from(quota.limit).max(used).min(*highest);
        }
    }

    /// Notes that an operator set what remains, while processes held `held`.
    /// Those tokens the operator cannot know of.
    pub(super) fn grant(&mut self, limits: &Limits, day: Date, remaining: i64, held: i64) {
        let period = period(limits, day);
        let admitted = self.admitted.get(&period).copied().unwrap_or_default();
        let limit = limits.quota.map_or(0, |quota| i64::from(quota.limit));
        self.granted.insert(period, admitted + held + remaining - limit);
    }

    /// No period admits more than its limit and what operators granted.
    pub(super) fn check_admissions(&self) -> Result<(), String> {
        for (period, highest) in &self.highest {
            let admitted = self.admitted.get(period).copied().unwrap_or_default();
            let granted = self.granted.get(period).copied().unwrap_or_default();
            if admitted > highest + granted {
                return Err(format!("{admitted} admitted of {highest} and {granted} granted"));
            }
        }
        Ok(())
    }

    /// No count is less than what was admitted and what processes hold; and that
    /// of the period `in_order`, if any, is no more either.
    pub(super) fn check_counts(
        &self,
        table: &Table,
        held: impl Fn(Date) -> i64,
        in_order: Option<Date>,
        is_daily: bool,
    ) -> Result<(), String> {
        for period in self.highest.keys() {
            let admitted = self.admitted.get(period).copied().unwrap_or_default();
            let granted = self.granted.get(period).copied().unwrap_or_default();
            let counted = table.counts.get(period).copied().unwrap_or_default();
            let owed = admitted + held(*period) - granted;
            if counted < owed || (in_order == Some(*period) && counted != owed) {
                return Err(format!("{counted} counted of {owed}"));
            }
        }
        let counted_on = |day: &Date| table.days.get(day).map_or(0, |(counted, _)| *counted);
        for (day, admitted) in self.by_day.iter().filter(|_| is_daily) {
            if counted_on(day) < *admitted {
                return Err(format!("{} counted of {admitted} admitted on {day}", counted_on(day)));
            }
        }
        // What is settled on a later day of a longer period is counted on the earlier one.
        let counted: u64 = table.days.values().map(|(counted, _)| counted).sum();
        let admitted: u64 = self.by_day.values().sum();
        if counted < admitted { Err(format!("{counted} counted of {admitted} in all")) } else { Ok(()) }
    }

    /// In every window no more is admitted than the burst, what returns in it,
    /// and what could have been leased before it. Where the plan changes, a window
    /// ends when the last admission of it was given: one for an earlier moment may
    /// have been written after the bucket was converted.
    pub(super) fn check_windows(&self, scenario: &Scenario) -> Result<(), String> {
        let throttles: Vec<Gcra> = scenario.plans.iter().filter_map(|limits| limits.throttle).collect();
        let Some(period) = throttles.iter().map(|gcra| nanos_per_token(*gcra)).min() else { return Ok(()) };
        let burst = throttles.iter().map(|gcra| i64::from(gcra.burst())).max().unwrap_or(0);
        let of_life = burst + i64::try_from(LIFE.as_nanos()).unwrap() / period;
        let processes = i64::try_from(scenario.skews.len()).unwrap();
        let leased = (processes * (i64::from(scenario.cap.get()) - 1)).min(of_life);
        let is_changing = scenario.plans.len() > 1;
        for (first, (from, _)) in self.times.iter().enumerate() {
            let mut last = *from;
            for (admitted, (time, given)) in (1i64..).zip(&self.times[first..]) {
                last = last.max(if is_changing { *given } else { *time });
                if (admitted - burst - leased) * period > last - from + scenario.spread() {
                    return Err(format!("{admitted} admitted in {} ns", last - from));
                }
            }
        }
        Ok(())
    }

    /// Whoever is admitted has a token that was debited and has come due: the
    /// `n`th admission is no earlier than the `n`th token, by clocks `spread` apart.
    pub(super) fn check_due(&self, spread: i64) -> Result<(), String> {
        let mut due = self.debits.clone();
        due.sort_unstable();
        if self.times.len() > due.len() && !due.is_empty() {
            return Err(format!("{} admitted by {} tokens", self.times.len(), due.len()));
        }
        match self.times.iter().zip(&due).find(|((admitted, _), due)| admitted + spread < **due) {
            Some(((admitted, _), due)) => Err(format!("admitted {} ns before a token came due", due - admitted)),
            None => Ok(()),
        }
    }

    /// A refusal is given only where all of the quota is admitted or about to be,
    /// or `held` for others; or where one more debit would be too many in
    /// some window, and it promises no later time than that takes.
    pub(super) fn check_refusal(
        &self,
        limits: &Limits,
        at: Timestamp,
        denied: Denied,
        held: i64,
    ) -> Result<(), String> {
        match (denied, limits.quota, limits.throttle) {
            (Denied::QuotaSpent { resets }, Some(quota), _) => {
                let window = quota.window(at);
                let spent = self.admitted.get(&window.first_day).copied().unwrap_or_default() + held;
                if resets != window.resets() || spent < i64::from(quota.limit) {
                    return Err(format!("refused for the quota after {spent} of {}", quota.limit));
                }
            }
            (Denied::Throttled { wait: Some(wait) }, _, Some(gcra)) => {
                let truth = self.wait(gcra, at);
                if wait.is_zero() || i64::try_from(wait.as_nanos()).unwrap() > truth {
                    return Err(format!("refused for {wait:?}, and {truth} ns would do"));
                }
            }
            _ => return Err(format!("refused without a reason: {denied:?}")),
        }
        Ok(())
    }

    /// Nanoseconds until one more debit would leave every window within the
    /// limit; not above 0 when it would now. The windows are those that begin
    /// with a debit and hold all later ones.
    fn wait(&self, gcra: Gcra, at: Timestamp) -> i64 {
        let (period, burst) = (nanos_per_token(gcra), i64::from(gcra.burst()));
        let waits = self.debits.iter().rev().zip(1i64..).map(|(from, debits)| {
            let surplus = debits + 1 - burst;
            from + surplus * period - at.as_nanos()
        });
        waits.max().unwrap_or(0)
    }
}

//! Whether a key's request is admitted under its plan: throttle, method
//! throttle and quota together, all or nothing.

pub mod flow;
pub mod write;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::quota::QuotaSettings;
use crate::throttle::{Gcra, Nonconforming, Tat};
use crate::time::Timestamp;

/// What limits a request. `None` does not limit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The plan's throttle.
    pub throttle: Option<Gcra>,
    /// The plan's throttle of the method that is called.
    pub method: Option<MethodLimit>,
    /// The plan's quota.
    pub quota: Option<QuotaSettings>,
}

/// A method's throttle and the bucket it counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MethodLimit {
    /// Which bucket of the meter.
    pub slot: u16,
    /// Its rate and burst.
    pub throttle: Gcra,
}

/// A key's meter in a plan, as last read or written. Counts of the period in
/// question only: other periods have other counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeterState {
    /// The plan throttle's TAT; `None` when never used.
    pub tat: Option<Tat>,
    /// The method throttles' TATs, by slot.
    pub method_tats: BTreeMap<u16, Tat>,
    /// What counts against the quota of the current period; below 0 when the
    /// operator granted more than the quota.
    pub used: i64,
}

/// A refusal by a plan's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// By the throttle or the method's. `wait` is `None` when waiting is in vain.
    Throttled {
        /// After how long the same request would conform.
        wait: Option<Duration>,
    },
    /// By the quota; it starts anew at `resets`.
    QuotaSpent {
        /// The start of the next period.
        resets: Timestamp,
    },
}

/// What a state says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It conforms; this is the state after it.
    Admitted(MeterState),
    /// It does not; nothing is spent.
    Denied(Denied),
    /// A TAT lies further ahead than these settings can bring it, by any clock
    /// that is right to a second: the settings changed, or a clock ran ahead. It
    /// proves nothing and is to be replaced by this state, with TATs clamped to
    /// a full bucket's debt.
    Implausible(MeterState),
}

impl Limits {
    /// Decides on `tokens` requests at `now`. When throttle and quota would
    /// both refuse, it is for the quota: waiting for the throttle would not help.
    #[must_use]
    pub fn decide(&self, state: &MeterState, now: Timestamp, tokens: NonZeroU32) -> Verdict {
        if let Some(denied) = self.quota_denies(state.used, now, tokens) {
            return Verdict::Denied(denied);
        }
        let clamped = self.clamp(state, now);
        if clamped != *state {
            return Verdict::Implausible(clamped);
        }
        let throttled = |nonconforming| {
            Verdict::Denied(Denied::Throttled {
                wait: match nonconforming {
                    Nonconforming::Wait(wait) => Some(wait),
                    Nonconforming::Never => None,
                },
            })
        };
        let mut next = state.clone();
        let plan = self.throttle.map(|gcra| gcra.admit(state.tat, now, tokens)).transpose();
        let method = self
            .method
            .map(|method| method.throttle.admit(state.method_tats.get(&method.slot).copied(), now, tokens))
            .transpose();
        match (plan, method) {
            (Err(a), Err(b)) => return throttled(longer(a, b)),
            (Err(nonconforming), _) | (_, Err(nonconforming)) => return throttled(nonconforming),
            (Ok(tat), Ok(method_tat)) => {
                next.tat = tat.or(next.tat);
                if let (Some(method), Some(tat)) = (self.method, method_tat) {
                    next.method_tats.insert(method.slot, tat);
                }
            }
        }
        next.used = next.used.saturating_add(i64::from(tokens.get()));
        Verdict::Admitted(next)
    }

    /// Whether a throttle refuses whatever the state.
    #[must_use]
    pub fn never_conforms(&self) -> bool {
        self.throttle.is_some_and(|gcra| gcra.never_admits())
            || self.method.is_some_and(|method| method.throttle.never_admits())
    }

    /// Why a request would be refused in `state` at `now`, if it would be.
    #[must_use]
    pub fn denies(&self, state: &MeterState, now: Timestamp) -> Option<Denied> {
        match self.decide(state, now, NonZeroU32::MIN) {
            Verdict::Admitted(_) => None,
            Verdict::Denied(denied) => Some(denied),
            Verdict::Implausible(clamped) => match self.decide(&clamped, now, NonZeroU32::MIN) {
                Verdict::Denied(denied) => Some(denied),
                Verdict::Admitted(_) | Verdict::Implausible(_) => None,
            },
        }
    }

    fn quota_denies(&self, used: i64, now: Timestamp, tokens: NonZeroU32) -> Option<Denied> {
        let quota = self.quota?;
        (used.saturating_add(i64::from(tokens.get())) > i64::from(quota.limit))
            .then(|| Denied::QuotaSpent { resets: quota.window(now).resets() })
    }

    /// `state` with no TAT that these limits cannot have brought about.
    fn clamp(&self, state: &MeterState, now: Timestamp) -> MeterState {
        let mut clamped = state.clone();
        if let (Some(gcra), Some(tat)) = (self.throttle, clamped.tat.as_mut()) {
            *tat = clamped_tat(gcra, *tat, now);
        }
        if let Some(method) = self.method
            && let Some(tat) = clamped.method_tats.get_mut(&method.slot)
        {
            *tat = clamped_tat(method.throttle, *tat, now);
        }
        clamped
    }
}

fn clamped_tat(gcra: Gcra, tat: Tat, now: Timestamp) -> Tat {
    if gcra.is_plausible(tat, now) { tat } else { gcra.furthest(now) }
}

fn longer(a: Nonconforming, b: Nonconforming) -> Nonconforming {
    match (a, b) {
        (Nonconforming::Wait(a), Nonconforming::Wait(b)) => Nonconforming::Wait(a.max(b)),
        _ => Nonconforming::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::QuotaPeriod;
    use crate::throttle::{TOLERATED_SKEW, ThrottleSettings};

    const ONE: NonZeroU32 = NonZeroU32::MIN;
    const NOW: Timestamp = Timestamp::from_seconds(1_795_600_000);

    fn limits(burst_limit: u32, limit: u32) -> Limits {
        Limits {
            throttle: Some(ThrottleSettings { burst_limit, rate_limit: 1.0 }.into()),
            method: None,
            quota: Some(QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day }),
        }
    }

    fn spend(limits: &Limits, state: &MeterState) -> Result<MeterState, Denied> {
        match limits.decide(state, NOW, ONE) {
            Verdict::Admitted(next) => Ok(next),
            Verdict::Denied(denied) => Err(denied),
            Verdict::Implausible(_) => panic!("a state of these very limits"),
        }
    }

    #[test]
    fn a_throttled_request_uses_no_quota_and_says_how_long_to_wait() {
        let limits = limits(1, 10);
        let state = spend(&limits, &MeterState::default()).unwrap();
        assert_eq!(spend(&limits, &state), Err(Denied::Throttled { wait: Some(Duration::from_secs(1)) }));
        assert_eq!(state.used, 1);
    }

    #[test]
    fn a_request_that_both_would_refuse_is_refused_for_the_quota() {
        let limits = limits(1, 1);
        let state = spend(&limits, &MeterState::default()).unwrap();
        assert!(matches!(spend(&limits, &state), Err(Denied::QuotaSpent { .. })));
    }

    #[test]
    fn the_methods_throttle_refuses_besides_the_plans() {
        let mut limits = limits(10, 10);
        limits.method =
            Some(MethodLimit { slot: 3, throttle: ThrottleSettings { burst_limit: 1, rate_limit: 0.5 }.into() });
        let state = spend(&limits, &MeterState::default()).unwrap();
        assert_eq!(spend(&limits, &state), Err(Denied::Throttled { wait: Some(Duration::from_secs(2)) }));
        limits.method = None;
        assert!(spend(&limits, &state).is_ok());
    }

    #[test]
    fn a_throttle_that_refuses_everything_still_leaves_a_spent_quota_to_be_named() {
        let mut limits = limits(0, 1);
        assert!(limits.never_conforms());
        let spent = MeterState { used: 1, tat: Some(i128::MAX), ..MeterState::default() };
        assert!(matches!(limits.denies(&spent, NOW), Some(Denied::QuotaSpent { .. })));
        let unspent = MeterState { used: 0, ..spent };
        assert_eq!(limits.denies(&unspent, NOW), Some(Denied::Throttled { wait: None }));
        limits.throttle = None;
        assert_eq!(limits.denies(&unspent, NOW), None);
    }

    #[test]
    fn a_plan_without_limits_only_counts() {
        let limits = Limits { throttle: None, method: None, quota: None };
        let state = spend(&limits, &MeterState { used: 7, ..MeterState::default() }).unwrap();
        assert_eq!(state, MeterState { used: 8, ..MeterState::default() });
    }

    #[test]
    fn a_tat_that_these_settings_cannot_reach_is_replaced() {
        let limits = limits(2, 10);
        let state = MeterState { tat: Some(i128::MAX), ..MeterState::default() };
        let Verdict::Implausible(clamped) = limits.decide(&state, NOW, ONE) else {
            panic!("taken for proof");
        };
        assert_eq!(clamped.tat, Some(i128::from(NOW.plus(Duration::from_secs(2)).as_nanos())));
        assert!(matches!(limits.decide(&clamped, NOW, ONE), Verdict::Denied(Denied::Throttled { .. })));
    }

    #[test]
    fn a_debt_by_a_clock_somewhat_ahead_is_a_debt() {
        let limits = limits(2, 10);
        let ahead = NOW.plus(TOLERATED_SKEW);
        let debt = |now: Timestamp| Some(i128::from(now.plus(Duration::from_secs(2)).as_nanos()));
        let state = MeterState { tat: debt(ahead), ..MeterState::default() };
        let wait = Some(Duration::from_secs(2));
        assert_eq!(limits.decide(&state, NOW, ONE), Verdict::Denied(Denied::Throttled { wait }));
        let further = MeterState { tat: debt(ahead.plus(Duration::from_nanos(1))), ..MeterState::default() };
        let clamped = MeterState { tat: debt(NOW), ..MeterState::default() };
        assert_eq!(limits.decide(&further, NOW, ONE), Verdict::Implausible(clamped));
    }
}

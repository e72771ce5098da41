//! Whether a key's request is admitted under its plan: throttle, method
//! throttle and quota together, all or nothing.

pub mod flow;
pub mod write;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::quota::QuotaSettings;
use crate::throttle::{Bucket, Gcra, Nonconforming};
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
    /// The plan throttle's bucket; `None` when never used.
    pub bucket: Option<Bucket>,
    /// The method throttles', by slot.
    pub methods: BTreeMap<u16, Bucket>,
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
    /// It does not, but a bucket is not as these limits bring it about: the
    /// settings changed, or a clock ran ahead by more than a second. So it proves
    /// nothing, and is to be replaced by this state, in which its buckets are
    /// [converted](Gcra::converted).
    Outdated(MeterState),
}

impl Limits {
    /// Decides on `tokens` requests at `now`, by the limits [in
    /// force](Limits::in_force). When throttle and quota would both refuse, it is
    /// for the quota: waiting for the throttle would not help.
    #[must_use]
    pub fn decide(&self, state: &MeterState, now: Timestamp, tokens: NonZeroU32) -> Verdict {
        if let Some(denied) = self.quota_denies(state.used, now, tokens) {
            return Verdict::Denied(denied);
        }
        let limits = self.in_force(state);
        let converted = limits.converted(state, now);
        match limits.admit(&converted, now, tokens) {
            Ok(next) => Verdict::Admitted(next),
            Err(_) if converted != *state => Verdict::Outdated(converted),
            Err(Nonconforming::Wait(wait)) => Verdict::Denied(Denied::Throttled { wait: Some(wait) }),
            Err(Nonconforming::Never) => Verdict::Denied(Denied::Throttled { wait: None }),
        }
    }

    /// The limits by which `state` is to be judged: each throttle as it is [in
    /// force](Gcra::in_force) for its bucket.
    #[must_use]
    pub fn in_force(&self, state: &MeterState) -> Self {
        Self {
            throttle: self.throttle.map(|gcra| gcra.in_force(state.bucket)),
            method: self.method.map(|method| MethodLimit {
                throttle: method.throttle.in_force(state.methods.get(&method.slot).copied()),
                ..method
            }),
            quota: self.quota,
        }
    }

    /// Whether both limit alike, whichever version set them.
    #[must_use]
    pub fn are_same(&self, other: &Self) -> bool {
        let is_same_method =
            |a: &MethodLimit, b: &MethodLimit| a.slot == b.slot && a.throttle.is_same_bucket(&b.throttle);
        self.quota == other.quota
            && both(self.throttle.as_ref(), other.throttle.as_ref(), Gcra::is_same_bucket)
            && both(self.method.as_ref(), other.method.as_ref(), is_same_method)
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
            Verdict::Outdated(converted) => match self.decide(&converted, now, NonZeroU32::MIN) {
                Verdict::Denied(denied) => Some(denied),
                Verdict::Admitted(_) | Verdict::Outdated(_) => None,
            },
        }
    }

    fn quota_denies(&self, used: i64, now: Timestamp, tokens: NonZeroU32) -> Option<Denied> {
        let quota = self.quota?;
        (used.saturating_add(i64::from(tokens.get())) > i64::from(quota.limit))
            .then(|| Denied::QuotaSpent { resets: quota.window(now).resets() })
    }

    /// `state` with the buckets that these limits reach as they stand under them.
    fn converted(&self, state: &MeterState, now: Timestamp) -> MeterState {
        let mut converted = state.clone();
        if let (Some(gcra), Some(bucket)) = (self.throttle, converted.bucket.as_mut()) {
            *bucket = gcra.converted(*bucket, now);
        }
        if let Some(method) = self.method
            && let Some(bucket) = converted.methods.get_mut(&method.slot)
        {
            *bucket = method.throttle.converted(*bucket, now);
        }
        converted
    }

    /// The state after `tokens`, taken of what these limits reach in `state`.
    fn admit(&self, state: &MeterState, now: Timestamp, tokens: NonZeroU32) -> Result<MeterState, Nonconforming> {
        let mut next = state.clone();
        let plan = self.throttle.map(|gcra| gcra.take(state.bucket, now, tokens)).transpose();
        let method = self
            .method
            .map(|method| method.throttle.take(state.methods.get(&method.slot).copied(), now, tokens))
            .transpose();
        let (bucket, of_method) = match (plan, method) {
            (Err(a), Err(b)) => return Err(longer(a, b)),
            (plan, method) => (plan?, method?),
        };
        next.bucket = bucket.or(next.bucket);
        if let (Some(method), Some(bucket)) = (self.method, of_method) {
            next.methods.insert(method.slot, bucket);
        }
        next.used = next.used.saturating_add(i64::from(tokens.get()));
        Ok(next)
    }
}

/// Whether both are there and alike, or neither is there.
fn both<T>(a: Option<&T>, b: Option<&T>, are_alike: impl Fn(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => are_alike(a, b),
        (None, None) => true,
        _ => false,
    }
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

    fn bucket(tat: i128) -> Option<Bucket> {
        Some(Bucket { tat, gcra: None })
    }

    fn spend(limits: &Limits, state: &MeterState) -> Result<MeterState, Denied> {
        match limits.decide(state, NOW, ONE) {
            Verdict::Admitted(next) => Ok(next),
            Verdict::Denied(denied) => Err(denied),
            Verdict::Outdated(_) => panic!("a state of these very limits"),
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
        let spent = MeterState { used: 1, bucket: bucket(i128::MAX), ..MeterState::default() };
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
        let state = MeterState { bucket: bucket(i128::MAX), ..MeterState::default() };
        let Verdict::Outdated(converted) = limits.decide(&state, NOW, ONE) else {
            panic!("taken for proof");
        };
        let full = i128::from(NOW.plus(Duration::from_secs(2)).as_nanos());
        assert_eq!(converted.bucket, Some(Bucket { tat: full, gcra: limits.throttle }));
        assert!(matches!(limits.decide(&converted, NOW, ONE), Verdict::Denied(Denied::Throttled { .. })));
    }

    #[test]
    fn a_debt_by_a_clock_somewhat_ahead_is_a_debt() {
        let limits = limits(2, 10);
        let ahead = NOW.plus(TOLERATED_SKEW);
        let debt = |now: Timestamp| bucket(i128::from(now.plus(Duration::from_secs(2)).as_nanos()));
        let state = MeterState { bucket: debt(ahead), ..MeterState::default() };
        let wait = Some(Duration::from_secs(2));
        assert_eq!(limits.decide(&state, NOW, ONE), Verdict::Denied(Denied::Throttled { wait }));
        let further = MeterState { bucket: debt(ahead.plus(Duration::from_nanos(1))), ..MeterState::default() };
        let bucket = debt(NOW).map(|bucket| Bucket { gcra: limits.throttle, ..bucket });
        let converted = MeterState { bucket, ..MeterState::default() };
        assert_eq!(limits.decide(&further, NOW, ONE), Verdict::Outdated(converted));
    }
}

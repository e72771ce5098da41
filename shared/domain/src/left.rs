//! What limits leave of themselves at one moment: what a caller can be told,
//! and what explains a refusal. Nothing is decided or spent here.

use std::time::Duration;

use crate::admission::{Limits, MeterState, MethodLimit};
use crate::quota::{QuotaSettings, QuotaWindow};
use crate::throttle::{Bucket, Gcra};
use crate::time::Timestamp;

/// A meter as it was read at a moment, and the limits it was read for. What is left
/// is reckoned only where somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The limits.
    pub limits: Limits,
    /// The meter.
    pub state: MeterState,
    /// The moment.
    pub at: Timestamp,
}

impl Reading {
    /// What is left.
    #[must_use]
    pub fn left(&self) -> Left {
        self.limits.left(&self.state, self.at)
    }

    /// What is left of the quota, if there is one.
    #[must_use]
    pub fn quota(&self) -> Option<QuotaLeft> {
        self.limits.quota.map(|quota| QuotaLeft::of(quota, self.state.used, self.at))
    }
}

/// What is left of each limit that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Of the plan's throttle.
    pub throttle: Option<TokensLeft>,
    /// Of the plan's throttle of the method that is called.
    pub method: Option<TokensLeft>,
    /// Of the plan's quota.
    pub quota: Option<QuotaLeft>,
}

/// What is left of a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokensLeft {
    /// The bucket's capacity, in requests.
    pub burst: u32,
    /// How long an empty bucket takes to be full; `None` when it never refills.
    pub refill: Option<Duration>,
    /// Requests that would be admitted at once.
    pub tokens: u32,
    /// After how long it admits one more than `tokens`; `None` when it is full
    /// or never refills.
    pub next_in: Option<Duration>,
    /// After how long it is full again, zero when it is; `None` when it never
    /// refills.
    pub full_in: Option<Duration>,
}

/// What is left of a quota in its current period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLeft {
    /// Requests per period.
    pub limit: u32,
    /// Requests left in this period; above `limit` when an operator granted more.
    pub remaining: u64,
    /// This period.
    pub window: QuotaWindow,
}

/// Shares of a quota, in percent, that are worth telling when they are used up.
pub const TELLING_SHARES: [u8; 2] = [80, 100];

impl QuotaLeft {
    /// The shares that were not used up before `tokens` were spent and are now,
    /// `self` being what they leave. Each admission is one write, which counts
    /// from one number to the next: so every share is passed by exactly one.
    pub fn passed_by(&self, tokens: u32) -> impl Iterator<Item = u8> {
        let limit = i128::from(self.limit);
        let after = limit - i128::from(self.remaining);
        let before = after - i128::from(tokens);
        TELLING_SHARES.into_iter().filter(move |share| {
            let used_up = (limit * i128::from(*share) + 99) / 100;
            before < used_up && used_up <= after
        })
    }
}

impl Limits {
    /// What `state` leaves of these limits at `now`.
    #[must_use]
    pub fn left(&self, state: &MeterState, now: Timestamp) -> Left {
        let limits = self.in_force(state);
        let of_method = |method: MethodLimit| (method.throttle, state.methods.get(&method.slot).copied());
        Left {
            throttle: limits.throttle.map(|gcra| TokensLeft::of(gcra, state.bucket, now)),
            method: limits.method.map(of_method).map(|(gcra, bucket)| TokensLeft::of(gcra, bucket, now)),
            quota: self.quota.map(|quota| QuotaLeft::of(quota, state.used, now)),
        }
    }
}

impl TokensLeft {
    fn of(gcra: Gcra, bucket: Option<Bucket>, now: Timestamp) -> Self {
        let burst = gcra.burst();
        let refill = gcra.nanos_to_refill().filter(|_| !gcra.never_admits());
        let tokens = gcra.available(bucket, now);
        let tat = bucket.map(|bucket| gcra.converted(bucket, now).tat.min(gcra.furthest(now)));
        let owed = tat.map_or(0, |tat| tat.saturating_sub(i128::from(now.as_nanos())).max(0));
        let next_in = refill.filter(|_| tokens < burst).map(|refill| {
            let period = refill / i128::from(burst);
            owed - period.saturating_mul(i128::from(burst - tokens - 1))
        });
        Self {
            burst,
            refill: refill.map(duration),
            tokens,
            next_in: next_in.map(duration),
            full_in: refill.map(|_| duration(owed)),
        }
    }
}

impl QuotaLeft {
    fn of(quota: QuotaSettings, used: i64, now: Timestamp) -> Self {
        let remaining = i64::from(quota.limit).saturating_sub(used);
        Self { limit: quota.limit, remaining: u64::try_from(remaining).unwrap_or(0), window: quota.window(now) }
    }

    /// When the next period begins and the count starts anew.
    #[must_use]
    pub fn resets(&self) -> Timestamp {
        self.window.resets()
    }
}

fn duration(nanos: i128) -> Duration {
    const NANOS_PER_SECOND: i128 = 1_000_000_000;
    let seconds = u64::try_from(nanos.max(0) / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos.max(0) % NANOS_PER_SECOND).unwrap_or(0);
    Duration::new(seconds, rest)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::admission::MethodLimit;
    use crate::quota::QuotaPeriod;
    use crate::throttle::{Nonconforming, Tat, ThrottleSettings};

    const ONE: NonZeroU32 = NonZeroU32::MIN;
    /// 2026-11-25T10:00:00Z.
    const NOW: Timestamp = Timestamp::from_seconds(1_795_600_800);

    fn gcra(rate_limit: f64, burst_limit: u32) -> Gcra {
        ThrottleSettings { burst_limit, rate_limit }.into()
    }

    fn in_seconds(seconds: u64) -> Tat {
        i128::from(NOW.plus(Duration::from_secs(seconds)).as_nanos())
    }

    #[test]
    fn each_limit_says_what_it_leaves_and_when_it_is_whole_again() {
        let limits = Limits {
            throttle: Some(gcra(2.0, 10)),
            method: Some(MethodLimit { slot: 3, throttle: gcra(1.0, 4) }),
            quota: Some(QuotaSettings { limit: 100, offset: 0, period: QuotaPeriod::Day }),
        };
        let bucket = |seconds| Bucket { tat: in_seconds(seconds), gcra: None };
        let state = MeterState { bucket: Some(bucket(3)), methods: [(3, bucket(4))].into(), used: 58 };
        let left = limits.left(&state, NOW);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let half = Some(Duration::from_millis(500));
        assert_eq!(
            left.throttle,
            Some(TokensLeft { burst: 10, refill: seconds(5), tokens: 4, next_in: half, full_in: seconds(3) })
        );
        assert_eq!(
            left.method,
            Some(TokensLeft { burst: 4, refill: seconds(4), tokens: 0, next_in: seconds(1), full_in: seconds(4) })
        );
        let quota = left.quota.unwrap();
        assert_eq!((quota.limit, quota.remaining), (100, 42));
        assert_eq!(quota.resets().to_string(), "2026-11-26T00:00:00Z");
    }

    proptest! {
        #[test]
        fn each_share_is_passed_by_exactly_one_admission(limit in 1..300_u32, tokens in 1..7_u32) {
            let quota = QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day };
            let mut passed = Vec::new();
            let mut used = 0_i64;
            while used < i64::from(limit) {
                let taken = tokens.min(u32::try_from(i64::from(limit) - used).unwrap());
                used += i64::from(taken);
                let before = passed.len();
                passed.extend(QuotaLeft::of(quota, used, NOW).passed_by(taken));
                let is_at_80 = (used - i64::from(taken)) * 100 < i64::from(limit) * 80 && used * 100 >= i64::from(limit) * 80;
                let expected = usize::from(is_at_80) + usize::from(used == i64::from(limit));
                prop_assert_eq!(passed.len() - before, expected);
            }
            prop_assert_eq!(passed, TELLING_SHARES);
        }
    }

    #[test]
    fn a_bucket_never_used_is_full() {
        let left = TokensLeft::of(gcra(2.0, 10), None, NOW);
        assert_eq!((left.tokens, left.next_in, left.full_in), (10, None, Some(Duration::ZERO)));
    }

    #[test]
    fn a_bucket_that_never_refills_has_nothing_and_promises_nothing() {
        for gcra in [gcra(0.0, 5), gcra(5.0, 0)] {
            let left = TokensLeft::of(gcra, None, NOW);
            assert_eq!((left.tokens, left.refill, left.next_in, left.full_in), (0, None, None, None));
        }
    }

    #[test]
    fn a_debt_of_other_settings_counts_for_no_more_than_an_empty_bucket() {
        let left = TokensLeft::of(gcra(1.0, 2), Some(Bucket { tat: Tat::MAX, gcra: None }), NOW);
        assert_eq!((left.tokens, left.full_in), (0, Some(Duration::from_secs(2))));
    }

    #[test]
    fn a_quota_may_leave_more_than_its_limit_and_never_less_than_nothing() {
        let quota = QuotaSettings { limit: 10, offset: 0, period: QuotaPeriod::Month };
        assert_eq!(QuotaLeft::of(quota, -5, NOW).remaining, 15);
        assert_eq!(QuotaLeft::of(quota, 11, NOW).remaining, 0);
    }

    #[test]
    fn the_slowest_rate_and_the_largest_burst_have_a_duration() {
        let left = TokensLeft::of(gcra(1e-6, u32::MAX), None, NOW);
        assert_eq!(left.refill, Some(Duration::from_secs(u64::from(u32::MAX) * 1_000_000)));
    }

    proptest! {
        #[test]
        fn one_more_is_admitted_exactly_when_it_says(
            rate in 0.01f64..10_000.0,
            burst in 1u32..50,
            spent in 1u32..60,
            later in 0i64..2_000_000_000,
        ) {
            let gcra = gcra(rate, burst);
            let mut tat = None;
            for _ in 0..spent {
                tat = gcra.admit(tat, NOW, ONE).ok().or(tat);
            }
            let now = NOW.plus(Duration::from_nanos(u64::try_from(later).unwrap()));
            let left = TokensLeft::of(gcra, tat.map(|tat| Bucket { tat, gcra: Some(gcra) }), now);
            if let Some(next_in) = left.next_in {
                let more = NonZeroU32::new(left.tokens + 1).unwrap();
                prop_assert!(gcra.admit(tat, now.plus(next_in), more).is_ok());
                prop_assert_eq!(gcra.admit(tat, now, more), Err(Nonconforming::Wait(next_in)));
            } else {
                prop_assert_eq!(left.tokens, burst);
            }
        }
    }
}

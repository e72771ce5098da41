use proptest::prelude::*;

use super::*;

const ONE: NonZeroU32 = NonZeroU32::MIN;

fn gcra(rate_limit: f64, burst_limit: u32) -> Gcra {
    ThrottleSettings { burst_limit, rate_limit }.into()
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// Tokens admitted one by one at `now`, until the first refusal.
fn admitted_at_once(bucket: Gcra, mut tat: Option<Tat>, now: Timestamp) -> u32 {
    let mut admitted = 0;
    while let Ok(next) = bucket.admit(tat, now, ONE) {
        tat = Some(next);
        admitted += 1;
    }
    admitted
}

#[test]
fn a_rate_or_burst_of_zero_refuses_forever() {
    assert_eq!(gcra(0.0, 5).admit(None, at(0), ONE), Err(Nonconforming::Never));
    assert_eq!(gcra(5.0, 0).admit(None, at(0), ONE), Err(Nonconforming::Never));
}

#[test]
fn more_tokens_than_the_burst_are_never_admitted() {
    let three = NonZeroU32::new(3).unwrap();
    assert_eq!(gcra(5.0, 2).admit(None, at(0), three), Err(Nonconforming::Never));
}

#[test]
fn a_bucket_goes_by_the_latest_settings_that_anybody_knows() {
    let [first, second] = [gcra(1.0, 5).of_version(1), gcra(2.0, 5).of_version(2)];
    let brought_about_by = |gcra| Some(Bucket { tat: 0, gcra });
    assert_eq!(first.in_force(brought_about_by(Some(second))), second);
    assert_eq!(second.in_force(brought_about_by(Some(first))), second);
    assert_eq!(first.in_force(brought_about_by(None)), first);
    assert_eq!(first.in_force(None), first);
    // Where only other things changed, the bucket is left as it is.
    let third = first.of_version(3);
    assert_eq!(third.in_force(brought_about_by(Some(first))), first);
    assert_eq!(first.ahead().in_force(brought_about_by(Some(second))), second.ahead());
}

#[test]
fn the_time_a_token_takes_is_rounded_up() {
    assert_eq!(gcra(3.0, 1).admit(None, at(0), ONE), Ok(333_333_334));
}

#[test]
fn the_slowest_rate_and_the_largest_burst_do_not_overflow() {
    let bucket = gcra(1e-6, u32::MAX);
    let all = NonZeroU32::new(u32::MAX).unwrap();
    let tat = bucket.admit(None, at(i64::MAX), all).unwrap();
    assert!(tat > i128::from(i64::MAX));
    assert!(matches!(bucket.admit(Some(tat), at(0), ONE), Err(Nonconforming::Wait(_))));
}

#[test]
fn a_rate_beyond_a_token_a_nanosecond_is_a_token_a_nanosecond() {
    assert_eq!(gcra(1e12, 1).admit(None, at(7), ONE), Ok(8));
}

/// A token bucket in exact rational arithmetic, counted in nanoseconds x tokens.
struct ReferenceBucket {
    period: i128,
    capacity: i128,
    level: i128,
    last: i128,
}

impl ReferenceBucket {
    fn admit(&mut self, now: i128, tokens: u32) -> bool {
        self.level = (self.level + (now - self.last)).min(self.capacity * self.period);
        self.last = now;
        let cost = i128::from(tokens) * self.period;
        let conforms = self.level >= cost;
        if conforms {
            self.level -= cost;
        }
        conforms
    }
}

proptest! {
    #[test]
    fn from_idle_a_burst_admits_exactly_itself(rate in 0.001f64..50_000.0, burst in 1u32..2_000, now in 0i64..i64::MAX / 4) {
        let bucket = gcra(rate, burst);
        // A token that returns within the same instant would be one more.
        prop_assert_eq!(admitted_at_once(bucket, None, at(now)), burst);
    }

    #[test]
    fn a_refusal_holds_until_exactly_the_promised_instant(
        rate in 0.01f64..10_000.0,
        burst in 1u32..50,
        early in 0u64..1_000_000_000,
    ) {
        let bucket = gcra(rate, burst);
        let now = at(1_000_000_000_000);
        let mut tat = None;
        let wait = loop {
            match bucket.admit(tat, now, ONE) {
                Ok(next) => tat = Some(next),
                Err(Nonconforming::Wait(wait)) => break wait,
                Err(Nonconforming::Never) => unreachable!("rate and burst are above 0"),
            }
        };
        prop_assert!(bucket.admit(tat, now.plus(wait), ONE).is_ok());
        let sooner = Duration::from_nanos(1 + early % u64::try_from(wait.as_nanos()).unwrap());
        prop_assert!(bucket.admit(tat, now.plus(wait.saturating_sub(sooner)), ONE).is_err());
    }

    #[test]
    fn it_decides_as_a_token_bucket_does(
        rate in 1u32..1_000,
        burst in 1u32..20,
        requests in prop::collection::vec((0i64..200_000_000, 1u32..4), 1..200),
    ) {
        let bucket = gcra(f64::from(rate), burst);
        let period = i128::from(1_000_000_000u32.div_ceil(rate));
        let mut reference = ReferenceBucket {
            period,
            capacity: i128::from(burst),
            level: i128::from(burst) * period,
            last: 0,
        };
        let (mut tat, mut now) = (None, 0);
        for (gap, tokens) in requests {
            now += gap;
            let decided = bucket.admit(tat, at(now), NonZeroU32::new(tokens).unwrap());
            prop_assert_eq!(decided.is_ok(), reference.admit(i128::from(now), tokens));
            tat = decided.ok().or(tat);
        }
    }

    #[test]
    fn no_window_admits_more_than_the_burst_and_what_the_exact_rate_returns(
        tokens in 1u32..5_000,
        seconds in 1u32..60,
        burst in 1u32..20,
        requests in prop::collection::vec((0i64..2_000_000_000, 1u32..4), 1..100),
    ) {
        let bucket = gcra(f64::from(tokens) / f64::from(seconds), burst);
        let (mut tat, mut now) = (None, 0i64);
        let mut admissions: Vec<(i64, u32)> = Vec::new();
        for (gap, asked) in requests {
            // Gaps about as long as a token takes, and who is refused comes back as
            // soon as it may: so whatever is too much shows.
            now += gap * i64::from(seconds) / i64::from(tokens);
            let asked_for = NonZeroU32::new(asked).unwrap();
            let mut decided = bucket.admit(tat, at(now), asked_for);
            if let Err(Nonconforming::Wait(wait)) = decided {
                now += i64::try_from(wait.as_nanos()).unwrap();
                decided = bucket.admit(tat, at(now), asked_for);
            }
            let Ok(next) = decided else { continue };
            tat = Some(next);
            admissions.push((now, asked));
            let mut admitted = 0;
            for (from, asked) in admissions.iter().rev() {
                admitted += i128::from(*asked);
                let surplus = (admitted - i128::from(burst)) * i128::from(seconds) * 1_000_000_000;
                prop_assert!(surplus <= i128::from(now - from) * i128::from(tokens));
            }
        }
    }

    #[test]
    fn what_is_available_is_what_is_admitted_at_once(
        rate in 0.01f64..10_000.0,
        burst in 1u32..50,
        asks in 0u32..60,
        later in 0i64..5_000_000_000,
    ) {
        let bucket = gcra(rate, burst);
        let mut tat = None;
        for _ in 0..asks {
            tat = bucket.admit(tat, at(0), ONE).ok().or(tat);
        }
        let seen = tat.map(|tat| Bucket { tat, gcra: Some(bucket) });
        prop_assert_eq!(bucket.available(seen, at(later)), admitted_at_once(bucket, tat, at(later)));
    }

    #[test]
    fn a_bucket_owes_as_many_tokens_by_other_settings_as_it_did(
        before in (0.01f64..10_000.0, 1u32..50),
        after in (0.01f64..10_000.0, 1u32..50),
        asks in 1u32..60,
        later in 0i64..5_000_000_000,
    ) {
        let [before, after] = [before, after].map(|(rate, burst)| gcra(rate, burst));
        let now = at(later);
        let mut bucket = None;
        for _ in 0..asks {
            bucket = before.take(bucket, at(0), ONE).ok().or(bucket);
        }
        let converted = after.converted(bucket.unwrap(), now);
        prop_assert_eq!(after.converted(converted, now), converted, "converted twice");
        let owed = before.burst() - before.available(bucket, now);
        let owes = after.burst() - after.available(Some(converted), now);
        prop_assert_eq!(owes, if before.is_same_bucket(&after) { owed } else { owed.min(after.burst()) });
        prop_assert!(converted.tat <= after.furthest(now).max(i128::from(later)));
    }

    #[test]
    fn what_a_bucket_owes_beyond_all_it_can_stays_so_by_other_settings(
        before in (0.01f64..10_000.0, 1u32..50),
        after in (0.01f64..10_000.0, 1u32..50),
        beyond in 1i128..=1_000_000_000,
    ) {
        let [before, after] = [before, after].map(|(rate, burst)| gcra(rate, burst));
        prop_assume!(!before.is_same_bucket(&after));
        let owing = |beyond| Bucket { tat: before.furthest(at(0)) + beyond, gcra: Some(before) };
        let all = after.converted(owing(0), at(0)).tat;
        prop_assert_eq!(after.converted(owing(beyond), at(0)).tat, all + beyond);
        prop_assert_eq!(after.converted(owing(1_000_000_001), at(0)).tat, after.furthest(at(0)));
    }

    #[test]
    fn a_tat_never_lies_beyond_the_furthest(rate in 0.01f64..10_000.0, burst in 1u32..50, asks in 1usize..200) {
        let bucket = gcra(rate, burst);
        let now = at(5_000);
        let mut tat = None;
        for _ in 0..asks {
            tat = bucket.admit(tat, now, ONE).ok().or(tat);
        }
        prop_assert!(tat.unwrap() <= bucket.furthest(now));
    }
}

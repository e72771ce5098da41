use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::admission::MethodLimit;
use crate::quota::{QuotaPeriod, QuotaSettings};
use crate::throttle::ThrottleSettings;

const ONE: NonZeroU32 = NonZeroU32::MIN;
const NOW: Timestamp = Timestamp::from_seconds(1_795_600_000);
const SLOT: u16 = 2;

fn gcra() -> impl Strategy<Value = Gcra> {
    (0.01f64..2_000.0, 1u32..20)
        .prop_map(|(rate_limit, burst_limit)| ThrottleSettings { burst_limit, rate_limit }.into())
}

fn limits() -> impl Strategy<Value = Limits> {
    let quota = (1u32..9).prop_map(|limit| QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day });
    (prop::option::of(gcra()), prop::option::of(gcra()), prop::option::of(quota)).prop_map(
        |(throttle, method, quota)| Limits {
            throttle,
            method: method.map(|throttle| MethodLimit { slot: SLOT, throttle }),
            quota,
        },
    )
}

/// From long over to far beyond what most settings can reach.
fn tat() -> impl Strategy<Value = Option<Tat>> {
    let near = -2_000_000_000i128..20_000_000_000;
    let far = prop_oneof![0..i128::from(u64::MAX), Just(i128::MAX - i128::from(NOW.as_nanos()))];
    prop::option::of(prop_oneof![near, far].prop_map(|ahead| i128::from(NOW.as_nanos()) + ahead))
}

/// Of settings of whatever version, or of ones that are not told.
fn bucket() -> impl Strategy<Value = Option<Bucket>> {
    let by = prop::option::of((gcra(), 0u64..3).prop_map(|(gcra, version)| gcra.of_version(version)));
    (tat(), by).prop_map(|(tat, gcra)| tat.map(|tat| Bucket { tat, gcra }))
}

fn state() -> impl Strategy<Value = MeterState> {
    (bucket(), bucket(), -2i64..10).prop_map(|(bucket, of_method, used)| MeterState {
        bucket,
        methods: of_method.into_iter().map(|bucket| (SLOT, bucket)).collect(),
        used,
    })
}

/// A request alone at the table: what it comes to, the table then, and how many
/// writes it took.
fn spend(limits: &Limits, seen: MeterState, table: &mut Held, now: Timestamp) -> (Result<(), Denied>, u32) {
    let mut state = seen;
    for attempt in 0..ATTEMPTS {
        let limits = limits.in_force(&state);
        let form = match form(&limits, &state, now, ONE, attempt) {
            Ok(form) => form,
            Err(denied) => return (Err(denied), attempt),
        };
        if let Some(after) = (Spending { limits: &limits, now, tokens: ONE, settled: 0 }).apply(&form, table) {
            let is_repair = form.is_repair();
            *table = after;
            if !is_repair {
                return (Ok(()), attempt + 1);
            }
        }
        state = table.state.clone();
    }
    panic!("no form holds");
}

fn held(state: &MeterState) -> Held {
    Held { state: state.clone(), ..Held::default() }
}

#[test]
fn a_guess_in_the_wrong_form_changes_nothing() {
    let limits = Limits {
        throttle: Some(ThrottleSettings { burst_limit: 5, rate_limit: 1.0 }.into()),
        method: None,
        quota: None,
    };
    let spending = Spending { limits: &limits, now: NOW, tokens: ONE, settled: 0 };
    let debt = i128::from(NOW.plus(Duration::from_secs(1)).as_nanos());
    for (tat, is_busy) in [(Some(debt), true), (Some(i128::from(NOW.as_nanos())), false), (None, false)] {
        let bucket = tat.map(|tat| Bucket { tat, gcra: limits.throttle });
        let table = held(&MeterState { bucket, ..MeterState::default() });
        let guess = |plan| Form::Guess(Busy { plan, method: false });
        assert_eq!(spending.apply(&guess(!is_busy), &table), None);
        assert!(spending.apply(&guess(is_busy), &table).is_some());
    }
}

#[test]
fn of_what_is_left_each_try_from_the_third_on_asks_for_half_as_much() {
    let asked: Vec<u32> = (0..8).map(|attempt| share(40, attempt).get()).collect();
    assert_eq!(asked, [u32::MAX, u32::MAX, 20, 10, 5, 2, 1, 1]);
    assert_eq!((share(0, 2), share(u32::MAX, ATTEMPTS)), (ONE, ONE));
}

#[test]
fn what_is_settled_moves_the_tat_and_is_counted_once() {
    let limits = Limits {
        throttle: Some(ThrottleSettings { burst_limit: 9, rate_limit: 1.0 }.into()),
        method: None,
        quota: Some(QuotaSettings { limit: 10, offset: 0, period: QuotaPeriod::Day }),
    };
    let table = Held { day: 8, ..held(&MeterState { used: 9, ..MeterState::default() }) };
    let spend = |settled| {
        let tokens = NonZeroU32::new(3).unwrap();
        let idle = Form::Guess(Busy { plan: false, method: false });
        Spending { limits: &limits, now: NOW, tokens, settled }.apply(&idle, &table)
    };
    assert_eq!(spend(1), None);
    let tat = i128::from(NOW.plus(Duration::from_secs(3)).as_nanos());
    let bucket = Some(Bucket { tat, gcra: limits.throttle });
    let state = MeterState { bucket, methods: BTreeMap::new(), used: 10 };
    assert_eq!(spend(2), Some(Held { state: state.clone(), day: 9, remaining: Some(0) }));
    assert_eq!(spend(3), Some(Held { state: MeterState { used: 9, ..state }, day: 8, remaining: Some(1) }));
}

proptest! {
    #[test]
    fn whatever_was_seen_a_request_comes_to_what_the_table_holds(limits in limits(), mut seen in state(), state in state()) {
        // A table loses no bucket, and nobody has seen what it never had.
        seen.bucket = seen.bucket.filter(|_| state.bucket.is_some());
        seen.methods.retain(|slot, _| state.methods.contains_key(slot));
        let truth = match limits.decide(&state, NOW, ONE) {
            Verdict::Outdated(converted) => limits.decide(&converted, NOW, ONE),
            verdict => verdict,
        };
        let mut table = held(&state);
        let (outcome, writes) = spend(&limits, seen, &mut table, NOW);
        match truth {
            Verdict::Admitted(next) => {
                prop_assert_eq!(outcome, Ok(()));
                prop_assert_eq!((table.state.bucket, &table.state.methods), (next.bucket, &next.methods));
                prop_assert_eq!(table.state.used, if limits.quota.is_some() { next.used } else { state.used });
                prop_assert_eq!(table.day, 1);
                prop_assert_eq!(table.remaining, limits.quota.map(|quota| i64::from(quota.limit) - next.used));
            }
            Verdict::Denied(denied) => {
                prop_assert_eq!(outcome, Err(denied));
                prop_assert_eq!((table.state.used, table.day), (state.used, 0));
            }
            Verdict::Outdated(_) => prop_assert!(false, "converted and still outdated"),
        }
        prop_assert!(writes <= 2, "{} writes", writes);
    }

    #[test]
    fn a_refusal_by_throttles_holds_until_exactly_the_promised_instant(
        mut limits in limits(),
        state in state(),
        sooner in 1u64..10_000_000_000,
    ) {
        limits.quota = None;
        let mut table = held(&state);
        let (Err(Denied::Throttled { wait: Some(wait) }), _) = spend(&limits, state, &mut table, NOW) else {
            return Ok(());
        };
        let refused = table.state.clone();
        let decide = |wait| spend(&limits, refused.clone(), &mut held(&refused), NOW.plus(wait)).0;
        prop_assert_eq!(decide(wait), Ok(()));
        let sooner = Duration::from_nanos(1 + sooner % u64::try_from(wait.as_nanos()).unwrap());
        prop_assert_eq!(decide(wait - sooner), Err(Denied::Throttled { wait: Some(sooner) }));
    }

    #[test]
    fn a_changed_rate_locks_nobody_out_for_longer_than_its_own_bucket_takes_to_fill(
        before in gcra(),
        after in gcra(),
        spent in 0u32..25,
    ) {
        let limits = |throttle| Limits { throttle: Some(throttle), method: None, quota: None };
        let mut table = Held::default();
        for _ in 0..spent {
            let seen = table.state.clone();
            let _refused_once_empty = spend(&limits(before), seen, &mut table, NOW);
        }
        let seen = table.state.clone();
        if let (Err(denied), _) = spend(&limits(after), seen, &mut table, NOW) {
            let Denied::Throttled { wait: Some(wait) } = denied else { panic!("{denied:?}") };
            let refill = u64::try_from(after.nanos_to_refill().unwrap()).unwrap();
            prop_assert!(wait <= Duration::from_nanos(refill));
            let seen = table.state.clone();
            prop_assert_eq!(spend(&limits(after), seen, &mut table, NOW.plus(wait)).0, Ok(()));
        }
    }
}

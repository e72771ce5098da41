use proptest::prelude::*;

use super::*;
use crate::quota::{QuotaPeriod, QuotaSettings};
use crate::throttle::ThrottleSettings;
use crate::time::Timestamp;

fn at(millis: u64) -> Moment {
    let since = Duration::from_millis(millis);
    Moment { wall: Timestamp::from_seconds(1_795_600_000).plus(since), monotonic: since }
}

/// Calls that fail at once, at these times.
fn fail_at(table: &mut Availability, times: &[u64]) -> Option<Turn> {
    times.iter().fold(None, |_, millis| table.failed(at(*millis), at(*millis)))
}

#[test]
fn three_failures_in_a_row_within_two_seconds_are_an_outage() {
    let mut table = Availability::default();
    assert_eq!(fail_at(&mut table, &[0, 1_000]), None);
    assert!(!table.is_out());
    assert_eq!(fail_at(&mut table, &[2_000]), Some(Turn::Began));
    assert!(table.is_out());
}

#[test]
fn failures_further_apart_or_with_a_success_between_are_none() {
    let mut table = Availability::default();
    assert_eq!(fail_at(&mut table, &[0, 1_000, 2_001]), None);
    assert_eq!(table.succeeded(at(2_100)), None);
    assert_eq!(fail_at(&mut table, &[2_200, 2_300]), None);
    assert_eq!(table.succeeded(at(2_400)), None);
    assert_eq!(fail_at(&mut table, &[2_500, 2_600]), None);
    assert_eq!(fail_at(&mut table, &[2_700]), Some(Turn::Began));
}

#[test]
fn what_a_call_waited_for_its_answer_is_no_time_between_failures() {
    let mut table = Availability::default();
    assert_eq!(table.failed(at(0), at(5_000)), None);
    assert_eq!(table.failed(at(5_100), at(10_100)), None);
    assert_eq!(table.failed(at(10_200), at(15_200)), Some(Turn::Began));
}

#[test]
fn a_failure_that_began_before_the_last_success_says_nothing() {
    let mut table = Availability::default();
    table.succeeded(at(5_000));
    for _ in 0..64 {
        assert_eq!(table.failed(at(4_000), at(5_100)), None);
    }
    assert_eq!(fail_at(&mut table, &[5_200, 5_300]), None);
}

#[test]
fn a_table_that_is_out_is_probed_once_a_second_until_it_answers() {
    let mut table = Availability::default();
    assert!(!table.wants_probe(at(0)));
    fail_at(&mut table, &[0, 0, 0]);
    assert!(!table.wants_probe(at(999)));
    assert!(table.wants_probe(at(1_000)));
    assert!(!table.wants_probe(at(1_500)));
    assert_eq!(table.failed(at(1_000), at(1_600)), None);
    assert!(!table.wants_probe(at(2_599)));
    assert!(table.wants_probe(at(2_600)));
    assert_eq!(table.succeeded(at(2_610)), Some(Turn::Ended { lasted: Duration::from_millis(2_610) }));
    assert!(!table.is_out() && !table.wants_probe(at(9_000)));
}

#[test]
fn quotas_fail_closed_and_throttles_open_unless_told_otherwise() {
    let none = Limits { throttle: None, method: None, quota: None };
    let throttle = Limits { throttle: Some(ThrottleSettings { burst_limit: 1, rate_limit: 1.0 }.into()), ..none };
    let quota = Limits { quota: Some(QuotaSettings { limit: 1, offset: 0, period: QuotaPeriod::Day }), ..throttle };
    let decided = |mode: OnFailure| [none, throttle, quota].map(|limits| mode.decides_locally(&limits));
    assert_eq!(decided(OnFailure::default()), [true, true, false]);
    assert_eq!(decided("open".parse().unwrap()), [true, true, true]);
    assert_eq!(decided("closed".parse().unwrap()), [false, false, false]);
    assert_eq!("Open".parse::<OnFailure>(), Err(UnknownOnFailure));
}

/// A call that begins so many milliseconds after the last ended, lasts so long,
/// and fails or does not.
type Call = (u64, u64, bool);

/// Whether a table is out after calls one after the other, told by looking at
/// all of them: since the last success some three in a row fit in.
fn is_out_by_looking(calls: &[Call]) -> bool {
    let since = calls.iter().rposition(|(_, _, fails)| !fails).map_or(0, |last| last + 1);
    calls[since..].windows(3).any(|three| three[1].0 + three[2].0 <= 2_000)
}

proptest! {
    #[test]
    fn an_outage_is_what_looking_at_all_calls_shows(
        calls in proptest::collection::vec((0u64..1_500, 0u64..6_000, proptest::bool::weighted(0.8)), 0..20)
    ) {
        let (mut table, mut time) = (Availability::default(), 0);
        for (number, (gap, lasts, fails)) in calls.iter().copied().enumerate() {
            let began = time + gap;
            time = began + lasts;
            let turn = if fails { table.failed(at(began), at(time)) } else { table.succeeded(at(time)) };
            let was_out = is_out_by_looking(&calls[..number]);
            prop_assert_eq!(table.is_out(), is_out_by_looking(&calls[..=number]));
            prop_assert_eq!(turn.is_some(), table.is_out() != was_out);
        }
    }

    #[test]
    fn probes_are_a_second_apart(times in proptest::collection::vec(0u64..400, 0..100)) {
        let mut table = Availability::default();
        fail_at(&mut table, &[0, 0, 0]);
        let (mut now, mut probed) = (0, 0);
        for pause in times {
            now += pause;
            if table.wants_probe(at(now)) {
                prop_assert!(now - probed >= 1_000);
                probed = now;
            } else {
                prop_assert!(now - probed < 1_000);
            }
        }
    }
}

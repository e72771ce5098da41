//! What is explored, each for all its interleavings.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::civil::date;

use super::process::Fault;
use super::scenario::{Budget, Scenario};
use super::search::{Explored, Violation, explore};
use super::world::{Step, World};
use crate::admission::Limits;
use crate::lease::LIFE;
use crate::quota::{QuotaPeriod, QuotaSettings};
use crate::throttle::ThrottleSettings;
use crate::time::Timestamp;

const UNLIMITED: Limits = Limits { throttle: None, method: None, quota: None };
const SECOND: Duration = Duration::from_secs(1);
const NOTHING: Budget = Budget { requests: 0, ticks: 0, losses: 0, crashes: 0, changes: 0, grants: 0, jumps: 0 };

fn quota_per(period: QuotaPeriod, limit: u32) -> Limits {
    Limits { quota: Some(QuotaSettings { limit, offset: 0, period }), ..UNLIMITED }
}

fn quota(limit: u32) -> Limits {
    quota_per(QuotaPeriod::Day, limit)
}

fn throttle(rate_limit: f64, burst_limit: u32) -> Limits {
    Limits { throttle: Some(ThrottleSettings { burst_limit, rate_limit }.into()), ..UNLIMITED }
}

fn of_version(limits: &Limits, version: u64) -> Limits {
    Limits { throttle: limits.throttle.map(|gcra| gcra.of_version(version)), ..*limits }
}

/// One token a second, and so many a day.
fn both(burst_limit: u32, limit: u32) -> Limits {
    Limits { quota: quota(limit).quota, ..throttle(1.0, burst_limit) }
}

/// Two processes that hold nothing of an unused meter, half a second before the
/// midnight after a Monday.
fn strict(plans: &[Limits], most: Budget) -> Scenario {
    Scenario {
        plans: plans.iter().zip(1..).map(|(plan, version)| of_version(plan, version)).collect(),
        cap: NonZeroU32::MIN,
        skews: vec![0, 0],
        start: Timestamp::from_nanos(Timestamp::at_start_of(date(2026, 11, 24)).as_nanos() - 500_000_000),
        spent: 0,
        held: 0,
        ticks: vec![SECOND],
        jump: 0,
        remaining: 1,
        is_impatient: false,
        fault: None,
        most,
    }
}

/// Two processes that hold leases of `held` tokens from when there was more left
/// than now: `spent` tokens are debited, theirs among them.
fn leased(held: u32, spent: u32, plans: &[Limits], most: Budget) -> Scenario {
    let cap = NonZeroU32::MIN.saturating_add(held);
    Scenario { cap, spent, held, ticks: vec![SECOND, LIFE], ..strict(plans, most) }
}

/// Leases of a quota of which one token is left besides, by day and by week; of
/// a throttle; of both; and of a plan that only counts.
fn leases(held: u32, most: Budget) -> Vec<Scenario> {
    let spent = 2 * held + 1;
    vec![
        leased(held, spent, &[quota(spent + 1)], most),
        leased(held, spent, &[quota_per(QuotaPeriod::Week, spent + 1)], most),
        leased(held, spent, &[throttle(1.0, 8)], most),
        leased(held, spent, &[both(8, spent + 1)], most),
        leased(held, spent, &[UNLIMITED], most),
    ]
}

/// At noon: leases end, and the day does not.
fn at_noon(scenario: Scenario) -> Scenario {
    Scenario { start: Timestamp::from_seconds(1_795_435_200), ..scenario }
}

/// 200 ms apart, and the day turns for one before the other.
fn apart(mut scenario: Scenario) -> Scenario {
    scenario.skews = vec![-100_000_000, 100_000_000];
    scenario.ticks[0] = Duration::from_millis(450);
    scenario
}

fn run(mut scenario: Scenario) -> Result<Explored, Violation<Step>> {
    let more = std::env::var("KEYPLAN_MODEL_DEPTH").map_or(0, |depth| depth.parse().unwrap());
    scenario.most.requests += more;
    explore(World::new(scenario))
}

/// Goes through all of each scenario, and says how much that was.
#[track_caller]
fn holds(scenarios: impl IntoIterator<Item = Scenario>) {
    let mut explored = Explored::default();
    for scenario in scenarios {
        match run(scenario.clone()) {
            Ok(Explored { states, steps }) => {
                explored = Explored { states: explored.states + states, steps: explored.steps + steps };
            }
            Err(Violation { what, path }) => panic!("{what}\nin {scenario:#?}\nafter {path:#?}"),
        }
    }
    let Explored { states, steps } = explored;
    println!("{states} states, {steps} steps");
}

#[test]
fn strict_requests_that_interleave_are_admitted_exactly_and_refused_with_reason() {
    let most = Budget { requests: 4, ticks: 1, ..NOTHING };
    let three = |plan| Scenario { skews: vec![0; 3], ..strict(&[plan], most) };
    holds([quota(3), throttle(1.0, 2), both(2, 3)].map(three));
    // Two can disagree on a guess, and only one can compare and set.
    holds([false, true].map(|is_impatient| Scenario { is_impatient, ..three(throttle(1.0, 3)) }));
}

#[test]
fn strict_writes_that_are_lost_made_again_or_orphaned_admit_no_more() {
    let most = Budget { requests: 3, ticks: 1, losses: 1, crashes: 1, ..NOTHING };
    holds([quota(2), throttle(1.0, 2), both(2, 2)].map(|plan| strict(&[plan], most)));
    let twice = Budget { requests: 2, losses: 3, ..most };
    holds([quota(1), throttle(1.0, 1)].map(|plan| strict(&[plan], twice)));
}

#[test]
fn strict_processes_whose_clocks_are_apart_admit_no_more_than_that_explains() {
    let most = Budget { requests: 3, ticks: 2, losses: 1, ..NOTHING };
    holds([quota(2), throttle(1.0, 2)].map(|plan| apart(strict(&[plan], most))));
    // The one behind must not cut down to size what the one ahead owes. Those that
    // take their place remember no refusal.
    holds([apart(strict(&[throttle(5.0, 1)], Budget { requests: 5, crashes: 3, ..NOTHING }))]);
}

#[test]
fn strict_requests_keep_to_a_plan_that_changes_and_to_what_an_operator_grants() {
    let most = Budget { requests: 3, ticks: 1, changes: 1, grants: 1, ..NOTHING };
    let changes = [
        [quota(2), quota(4)],
        [quota(4), quota(2)],
        [throttle(1.0, 2), throttle(1.0, 4)],
        [throttle(1.0, 2), throttle(0.01, 2)],
        [throttle(0.01, 2), throttle(1.0, 2)],
        [throttle(1.0, 3), throttle(1.0, 1)],
        [throttle(1.0, 1), throttle(1.0, 3)],
        [both(2, 2), quota(2)],
        [UNLIMITED, both(2, 2)],
    ];
    holds(changes.map(|plans| strict(&plans, most)));
}

/// Two processes and a bucket that is empty by a plan which then changes to
/// another: a process that does not know yet goes by the one before.
fn spent(before: Limits, after: Limits) -> Scenario {
    let most = Budget { requests: 5, ticks: 1, changes: 1, ..NOTHING };
    let spent = before.throttle.unwrap().burst();
    Scenario { spent, ..strict(&[before, after], most) }
}

#[test]
fn whoever_goes_by_a_plan_from_before_a_change_undoes_nothing_of_it() {
    let changes = [
        spent(throttle(1.0, 3), throttle(1.0, 1)),
        spent(throttle(1.0, 1), throttle(1.0, 3)),
        spent(throttle(1.0, 3), throttle(4.0, 3)),
        spent(throttle(4.0, 3), throttle(1.0, 3)),
        spent(throttle(0.5, 4), throttle(5.0, 2)),
    ];
    holds(changes.clone());
    holds(changes.map(apart));
}

#[test]
fn leases_that_interleave_use_all_of_a_quota_and_no_more() {
    let most = Budget { requests: 4, ticks: 1, ..NOTHING };
    holds([1, 3].into_iter().flat_map(|held| leases(held, most)));
    holds(leases(2, most).into_iter().map(at_noon));
    holds(leases(2, Budget { requests: 3, ticks: 2, ..most }));
    // Three tokens each, and four to be asked for.
    holds([leased(3, 40, &[quota(300)], most), leased(3, 8, &[throttle(1.0, 16)], most)]);
}

/// Two processes and an empty bucket of which a token returns in a tenth of a
/// second: whoever is refused more than admitted reserves.
fn overloaded(plans: &[Limits], most: Budget) -> Scenario {
    let ticks = vec![Duration::from_millis(100), Duration::from_millis(250)];
    Scenario { ticks, spent: 2, held: 0, ..leased(3, 2, plans, most) }
}

#[test]
fn what_is_reserved_is_admitted_when_it_comes_due_and_refused_until_then() {
    let most = Budget { requests: 6, ticks: 2, ..NOTHING };
    let quota = Limits { throttle: throttle(10.0, 2).throttle, ..quota(300) };
    holds([throttle(10.0, 2), quota].map(|plan| overloaded(&[plan], most)));
}

#[test]
fn what_is_reserved_by_processes_that_fail_or_whose_plan_changes_admits_no_more() {
    let most = Budget { requests: 5, ticks: 1, losses: 1, crashes: 1, ..NOTHING };
    holds([overloaded(&[throttle(10.0, 2)], most)]);
    let changes = Budget { requests: 5, ticks: 1, changes: 1, ..NOTHING };
    holds([overloaded(&[throttle(10.0, 2), throttle(20.0, 2)], changes)]);
    holds([apart(overloaded(&[throttle(10.0, 2)], Budget { requests: 5, ticks: 2, ..NOTHING }))]);
}

#[test]
fn leases_whose_processes_fail_admit_no_more() {
    let most = Budget { requests: 3, ticks: 1, losses: 1, crashes: 1, ..NOTHING };
    holds(leases(2, Budget { requests: 2, ..most }));
    holds([leased(2, 5, &[quota(6)], most), leased(2, 5, &[both(8, 6)], most)]);
    let twice = Budget { requests: 2, losses: 3, ..most };
    holds([leased(3, 7, &[quota(8)], twice), leased(3, 40, &[quota(300)], twice)]);
}

#[test]
fn leases_by_clocks_that_are_apart_admit_no_more_than_that_explains() {
    let most = Budget { requests: 3, ticks: 2, ..NOTHING };
    holds(leases(2, most).into_iter().map(apart));
}

#[test]
fn a_clock_that_is_set_over_midnight_and_back_admits_no_more() {
    let most = Budget { requests: 4, ticks: 1, jumps: 2, ..NOTHING };
    for jump in [-1_000_000_000, 1_000_000_000] {
        holds([Scenario { jump, ..strict(&[quota(2)], most) }]);
        let scenarios = [leased(2, 5, &[quota(6)], most), leased(3, 7, &[quota_per(QuotaPeriod::Week, 8)], most)];
        holds(scenarios.map(|scenario| Scenario { jump, ..scenario }));
    }
}

#[test]
fn leases_keep_to_a_plan_that_changes_and_to_what_an_operator_grants() {
    let most = Budget { requests: 3, ticks: 1, changes: 1, grants: 1, ..NOTHING };
    let changes = [
        (7, [quota(8), quota(10)]),
        (7, [quota(8), quota(3)]),
        (40, [quota(300), quota(42)]),
        (7, [quota(8), UNLIMITED]),
        (7, [throttle(1.0, 8), throttle(1.0, 16)]),
    ];
    holds(changes.map(|(spent, plans)| leased(2, spent, &plans, most)));
}

/// What the search says of processes that err.
fn found(fault: Fault, scenario: Scenario) -> String {
    match run(Scenario { fault: Some(fault), ..scenario }) {
        Ok(explored) => panic!("nothing is found in {explored:?}"),
        Err(Violation { what, .. }) => what,
    }
}

#[test]
fn the_search_finds_an_over_admission_when_a_lease_survives_its_period() {
    let most = Budget { requests: 5, ticks: 1, ..NOTHING };
    let what = found(Fault::LeaseOutlivesItsPeriod, leased(2, 4, &[quota(4)], most));
    assert_eq!(what, "5 admitted of 4 and 0 granted");
}

#[test]
fn the_search_finds_an_over_admission_when_a_lost_answer_is_taken_for_a_grant() {
    let most = Budget { requests: 3, losses: 1, ..NOTHING };
    let what = found(Fault::LostAnswerIsAGrant, strict(&[quota(2)], most));
    assert_eq!(what, "3 admitted of 2 and 0 granted");
    let what = found(Fault::LostAnswerIsAGrant, strict(&[throttle(1.0, 2)], most));
    assert_eq!(what, "2 admitted by 1 tokens");
}

#[test]
fn the_search_finds_an_over_admission_when_a_rest_is_settled_twice() {
    let most = Budget { requests: 3, ticks: 1, ..NOTHING };
    let what = found(Fault::RestIsSettledTwice, at_noon(leased(1, 3, &[quota(3)], most)));
    assert_eq!(what, "4 admitted of 3 and 0 granted");
}

#[test]
fn the_search_finds_an_early_admission_when_what_is_reserved_is_taken_at_once() {
    let most = Budget { requests: 4, ticks: 1, ..NOTHING };
    let what = found(Fault::ReservedIsTakenAtOnce, overloaded(&[throttle(10.0, 2)], most));
    assert_eq!(what, "admitted 100000000 ns before a token came due");
}

#[test]
fn the_search_finds_an_over_admission_when_nobody_can_tell_which_plan_is_later() {
    let mut scenario = spent(throttle(1.0, 3), throttle(1.0, 1));
    scenario.plans = scenario.plans.iter().map(|plan| of_version(plan, 0)).collect();
    let Err(Violation { what, .. }) = run(scenario) else { panic!("nothing is found") };
    assert!(what.contains(" admitted in "), "{what}");
}

#[test]
fn the_search_finds_a_refusal_that_nothing_proves() {
    let what = found(Fault::RefusesWithoutProof, strict(&[throttle(1.0, 3)], Budget { requests: 2, ..NOTHING }));
    assert!(what.starts_with("refused without a reason"), "{what}");
}

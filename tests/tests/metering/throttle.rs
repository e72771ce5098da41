//! A throttle admits its burst and its rate and no more, in every window of
//! time, and a change of it locks nobody out.

use std::time::Duration;

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::fleet::{self, Attempt, Crowd};
use keyplan_tests::{Fleet, UsagePlan};
use serde_json::{Value, json};

use crate::run::faults;

const PROCESSES: usize = 4;

fn throttled(fleet: &Fleet, burst: u32, rate: f64) -> UsagePlan<'_> {
    UsagePlan::create(&fleet.admin, "plan", &[(&fleet.api, "prod")], settings(burst, rate))
}

fn leased(fleet: &Fleet, cap: u32, burst: u32, rate: f64) -> UsagePlan<'_> {
    let mut settings = settings(burst, rate);
    settings["tags"] = json!({"keyplan:leaseCap": cap.to_string()});
    UsagePlan::create(&fleet.admin, "leased", &[(&fleet.api, "prod")], settings)
}

fn settings(burst: u32, rate: f64) -> Value {
    json!({"throttle": {"burstLimit": burst, "rateLimit": rate}})
}

/// Checks that in no window more was admitted than `burst + rate x w`. When
/// exactly a decision fell is not known; those of a window are taken to be those
/// that were sent and answered within it.
pub(crate) fn check_windows(attempts: &[Attempt], burst: u32, rate: f64, slack: Duration) {
    let mut admitted: Vec<_> = attempts.iter().filter(|attempt| attempt.is_admitted()).collect();
    admitted.sort_by_key(|attempt| attempt.received);
    for first in &admitted {
        let inside = admitted.iter().filter(|attempt| attempt.sent >= first.sent);
        for (count, last) in (1_u32..).zip(inside) {
            let window = last.received.since(first.sent) + slack;
            let most = f64::from(burst) + rate * window.as_secs_f64();
            assert!(f64::from(count) <= most, "{count} in {window:?}, at most {most:.2}");
        }
    }
}

fn crowd(key: &str, connections: usize, calls: usize) -> Crowd<'_> {
    Crowd { processes: 0..PROCESSES, connections, calls, retries: 0, key }
}

#[test]
fn no_window_of_time_admits_more_than_burst_and_rate() {
    const BURST: u32 = 20;
    const RATE: f64 = 25.0;
    let fleet = Fleet::start(PROCESSES);
    let key = throttled(&fleet, BURST, RATE).key("caller");
    let attempts = fleet.crowd_for(Duration::from_secs(4), &crowd(&key.value, 8, 10));
    check_windows(&attempts, BURST, RATE, Duration::ZERO);
    assert!(fleet::admitted(&attempts) > u64::from(BURST), "the rate shows, not the burst alone");
}

/// A process may hold tokens of a lease for two seconds before it admits by
/// them: so as many more may come together, a quarter of the burst at a time.
#[test]
fn what_is_leased_comes_on_top_of_a_window_once() {
    const BURST: u32 = 20;
    const RATE: f64 = 25.0;
    const PROCESSES: u32 = 4;
    let fleet = Fleet::start(PROCESSES as usize);
    let key = leased(&fleet, 10, BURST, RATE).key("caller");
    let attempts = fleet.crowd_for(Duration::from_secs(4), &crowd(&key.value, 8, 10));
    let held = f64::from(PROCESSES * (BURST / 4 - 1));
    check_windows(&attempts, BURST, RATE, Duration::from_secs_f64(held / RATE));
    assert!(fleet::admitted(&attempts) > u64::from(BURST), "the rate shows, not the burst alone");
}

/// Each answer shows a token that has returned since, and that somebody else has
/// by the time it is asked for.
#[test]
fn where_a_write_takes_longer_than_a_token_to_return_requests_are_decided_upon_all_the_same() {
    const BURST: u32 = 20;
    const RATE: f64 = 50.0;
    let fleet = Fleet::start(PROCESSES);
    for (plan, most) in [(throttled(&fleet, BURST, RATE), 1.5), (leased(&fleet, 10, BURST, RATE), 0.5)] {
        let key = plan.key("caller");
        fleet.proxy.inject(0, vec![Rule::of_meter_writes(Fault::Delay(Duration::from_millis(60)))]);
        fleet.proxy.forget();
        let attempts = fleet.crowd_for(Duration::from_secs(3), &crowd(&key.value, 4, 10));
        let writes = fleet.proxy.meter_writes().asked;
        fleet.proxy.behave();
        let (admitted, decided) = (fleet::admitted(&attempts), attempts.len());
        let told = format!("{admitted} admitted of {decided}, {writes} writes");
        assert!(attempts.iter().all(|attempt| matches!(attempt.status, Some(200 | 429))), "{told}");
        assert!(writes as f64 <= most * decided as f64, "{told}");
        assert!(admitted > 120, "{told}");
    }
}

#[test]
fn far_beyond_the_rate_a_leased_key_gets_all_of_it_and_its_refusals_cost_next_to_no_write() {
    const BURST: u32 = 20;
    const RATE: f64 = 100.0;
    const PROCESSES: u32 = 4;
    const CAP: u32 = 10;
    let fleet = Fleet::start(PROCESSES as usize);
    let key = leased(&fleet, CAP, BURST, RATE).key("caller");
    fleet.proxy.forget();
    let attempts = fleet.crowd_for(Duration::from_secs(4), &crowd(&key.value, 8, 10));
    let held = f64::from(PROCESSES * (CAP - 1));
    check_windows(&attempts, BURST, RATE, Duration::from_secs_f64(held / RATE));
    let admitted = fleet::admitted(&attempts);
    let refused = attempts.iter().filter(|attempt| attempt.status == Some(429)).count() as u64;
    let writes = fleet.proxy.meter_writes().asked;
    let told = format!("{admitted} admitted, {refused} refused, {writes} writes");
    assert!(refused > 4 * admitted && writes * 20 <= refused, "{told}");
    assert!(admitted > u64::from(BURST) + 300, "{told}");
}

/// An answer that is lost has spent its token, and the request is refused or
/// tried again: nothing is admitted twice.
#[test]
fn no_window_admits_more_where_answers_get_lost_and_writes_fail() {
    const BURST: u32 = 20;
    const RATE: f64 = 25.0;
    let fleet = Fleet::start(PROCESSES);
    for (number, plan) in [throttled(&fleet, BURST, RATE), leased(&fleet, 10, BURST, RATE)].into_iter().enumerate() {
        let key = plan.key("caller");
        fleet.proxy.inject(number as u64, faults());
        let attempts = fleet.crowd_for(Duration::from_secs(3), &crowd(&key.value, 8, 10));
        fleet.proxy.behave();
        let held = if number == 0 { 0 } else { 4 * (BURST / 4 - 1) };
        check_windows(&attempts, BURST, RATE, Duration::from_secs_f64(f64::from(held) / RATE));
        assert!(fleet::admitted(&attempts) > u64::from(BURST));
    }
}

#[test]
fn a_burst_from_idle_is_admitted_exactly_by_however_many_processes() {
    // A token takes over eleven days to return.
    const RATE: f64 = 1e-6;
    let fleet = Fleet::start(PROCESSES);
    for burst in [1, 7, 100] {
        let key = throttled(&fleet, burst, RATE).key("caller");
        let attempts = fleet.crowd(&crowd(&key.value, 32, 1), || ());
        assert_eq!(fleet::admitted(&attempts), u64::from(burst));
        assert!(attempts.iter().all(|attempt| matches!(attempt.status, Some(200 | 429))));
    }
}

/// A key that is throttled by a debt under other settings owes no more than a
/// full bucket of the new ones, from its first request under them.
#[test]
fn a_changed_rate_locks_nobody_out_for_longer_than_its_own_bucket_takes() {
    let fleet = Fleet::start(2);
    change_rates(&fleet, &throttled(&fleet, 5, 0.001));
    change_rates(&fleet, &leased(&fleet, 10, 20, 0.001));
}

fn set_throttle(fleet: &Fleet, plan: &UsagePlan<'_>, burst: u32, rate: f64) {
    let operations = [("burstLimit", burst.to_string()), ("rateLimit", rate.to_string())]
        .map(|(name, value)| json!({"op": "replace", "path": format!("/throttle/{name}"), "value": value}));
    let patch = json!({"patchOperations": operations});
    fleet.admin.made("PATCH", &format!("/usageplans/{}", plan.id), &patch);
}

/// Three processes have a plan in their caches when it changes, and the fourth
/// reads it afterwards: what it makes of the bucket by the new settings, the
/// others must not undo by the old ones.
#[test]
fn while_a_change_spreads_no_window_admits_more_than_either_setting_does() {
    let fleet = Fleet::start(PROCESSES);
    let far_ahead_and_near = [(40, 10.0), (5, 50.0)];
    let few_and_many = [(5, 20.0), (40, 20.0)];
    for [before, after] in [far_ahead_and_near, few_and_many] {
        for [before, after] in [[before, after], [after, before]] {
            let plan = throttled(&fleet, before.0, before.1);
            let key = plan.key("caller");
            let crowd = |processes| Crowd { processes, ..crowd(&key.value, 4, 10) };
            let attempts = std::thread::scope(|threads| {
                let early = threads.spawn(|| fleet.crowd_for(Duration::from_secs(3), &crowd(0..3)));
                std::thread::sleep(Duration::from_secs(1));
                set_throttle(&fleet, &plan, after.0, after.1);
                let late = fleet.crowd_for(Duration::from_secs(2), &crowd(3..4));
                [early.join().unwrap(), late].concat()
            });
            check_windows(&attempts, before.0.max(after.0), before.1.max(after.1), Duration::ZERO);
            assert!(attempts.iter().any(|attempt| attempt.process == 3 && attempt.is_admitted()));
        }
    }
}

fn change_rates(fleet: &Fleet, plan: &UsagePlan<'_>) {
    // Every burst x T is a whole number of seconds, as the clocks' moves are.
    let settings = [(10, 0.01), (10, 1.0), (100, 50.0), (1, 0.001), (4, 2.0), (3, 0.1), (50, 10.0)];
    let key = plan.key("caller");
    let call = |process: usize| fleet.call(process, &key.value).send().status;
    while call(0) == 200 {}
    for (burst, rate) in settings {
        set_throttle(fleet, plan, burst, rate);
        // Beyond the life of the other processes' caches.
        fleet.advance(6);
        for process in [0, 1] {
            while call(process) == 200 {}
        }
        let refill = (f64::from(burst) / rate).ceil();
        #[expect(clippy::cast_possible_truncation, reason = "a few thousand")]
        fleet.advance(refill as i64);
        assert_eq!(call(1), 200, "burst {burst}, rate {rate}");
        while call(0) == 200 {}
    }
}

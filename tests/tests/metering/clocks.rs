//! Processes whose clocks differ.

use std::time::Duration;

use keyplan_tests::fleet::{self, Crowd};
use keyplan_tests::{Fleet, UsagePlan};
use serde_json::json;

use crate::throttle::check_windows;

/// Whose clock is ahead sees more tokens returned; the others see a debt that
/// reaches further than their own bucket's. Together they get what the rate
/// brings in the time between their clocks, and get it once.
#[test]
fn clocks_that_differ_admit_what_returns_in_the_difference_once() {
    const BURST: u32 = 10;
    const RATE: f64 = 10.0;
    const PROCESSES: usize = 4;
    const APART: i64 = 1;
    let fleet = Fleet::start(PROCESSES);
    for process in [1, 3] {
        fleet.advance_one(process, APART);
    }
    let throttle = json!({"throttle": {"burstLimit": BURST, "rateLimit": RATE}});
    let key = UsagePlan::create(&fleet.admin, "plan", &[(&fleet.api, "prod")], throttle).key("caller");
    let crowd = Crowd { processes: 0..PROCESSES, connections: 8, calls: 10, retries: 0, key: &key.value };
    let attempts = fleet.crowd_for(Duration::from_secs(3), &crowd);
    check_windows(&attempts, BURST, RATE, Duration::from_secs(APART.unsigned_abs()));
    assert!(fleet::admitted(&attempts) > u64::from(BURST));
}

/// A process whose day has begun counts in the new one, the others in the old.
#[test]
fn a_day_that_ends_here_before_it_ends_there_has_its_quota_and_no_more() {
    check_midnight(1);
}

#[test]
fn so_it_has_where_processes_lease_of_it() {
    check_midnight(10);
}

fn check_midnight(lease_cap: u32) {
    const PROCESSES: usize = 4;
    const APART: i64 = 1;
    const LIMIT: u64 = 200;
    const DAY: i64 = 86_400;
    let fleet = Fleet::start(PROCESSES);
    let cap = lease_cap.to_string();
    let quota = json!({"quota": {"limit": LIMIT, "period": "DAY"}, "tags": {"keyplan:leaseCap": cap}});
    let plan = UsagePlan::create(&fleet.admin, "plan", &[(&fleet.api, "prod")], quota);
    let key = plan.key("caller");
    for process in [1, 3] {
        fleet.advance_one(process, APART);
    }
    let first_day = fleet.today();
    let left = DAY - fleet.now().as_seconds() % DAY;
    fleet.advance(left - APART - 3);
    let midnight = fleet.now().as_seconds() + APART + 3;
    let crowd = Crowd { processes: 0..PROCESSES, connections: 8, calls: 5, retries: 0, key: &key.value };
    let mut attempts = Vec::new();
    while fleet.now().as_seconds() <= midnight {
        attempts.extend(fleet.crowd(&crowd, || ()));
    }
    attempts.extend(fleet.crowd(&Crowd { calls: 10, ..crowd }, || ()));

    let used_on = |day: &str| plan.used(day).get(&key.id).copied().unwrap_or_default().unsigned_abs();
    let (first, second) = (used_on(&first_day), used_on(&fleet.today()));
    let admitted = fleet::admitted(&attempts);
    // What is leased when its day ends is of no use any more.
    let most_left = u64::from(lease_cap - 1) * PROCESSES as u64;
    assert!((admitted..=admitted + most_left).contains(&(first + second)), "{admitted} of {first} and {second}");
    assert!(first <= LIMIT, "{first}");
    assert_eq!(second, LIMIT);
}

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
    let crowd = Crowd { processes: 0..PROCESSES, connections: 8, calls: 40, retries: 0, key: &key.value };
    let attempts = fleet.crowd(&crowd, || ());
    check_windows(&attempts, BURST, RATE, Duration::from_secs(APART.unsigned_abs()));
    assert!(fleet::admitted(&attempts) > u64::from(BURST));
}

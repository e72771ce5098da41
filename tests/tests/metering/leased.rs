//! A quota is never exceeded by processes that lease its tokens either.

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::fleet::{self, Crowd};
use keyplan_tests::{Fleet, UsagePlan};
use serde_json::json;

const PROCESSES: usize = 4;
const LIMIT: u64 = 2_000;

#[test]
fn a_leased_quota_is_never_exceeded() {
    let fleet = Fleet::start(PROCESSES);
    for number in 0..crate::runs() {
        check(&fleet, number);
    }
}

fn check(fleet: &Fleet, number: u64) {
    let (kills, faults) = (number % 3 == 1, number % 3 == 2);
    let settings = json!({"quota": {"limit": LIMIT, "period": "DAY"}, "tags": {"keyplan:leaseCap": "10"}});
    let stages = [(fleet.api.as_str(), "prod")];
    let plan = UsagePlan::create(&fleet.admin, &format!("leased {number}"), &stages, settings);
    let key = plan.key("caller");
    fleet.proxy.forget();
    let rules = [Fault::AnswerLost, Fault::FailedAfterwards, Fault::NotForwarded, Fault::InternalServerError]
        .map(|fault| Rule::of_meter_writes(fault).chance(0.03));
    fleet.proxy.inject(number, if faults { rules.to_vec() } else { Vec::new() });
    let crowd = Crowd { processes: 0..PROCESSES, connections: 64, calls: 10, retries: 2, key: &key.value };
    let attempts = fleet.crowd(&crowd, || {
        fleet.proxy.await_meter_writes(50);
        if kills {
            fleet.replace(usize::try_from(number).unwrap_or_default() % PROCESSES);
        }
    });
    fleet.proxy.behave();
    let rest = fleet.crowd(&Crowd { calls: 2, ..crowd }, || ());
    let admitted = fleet::admitted(attempts.iter().chain(&rest));
    let used = plan.used(&fleet.today()).get(&key.id).copied().unwrap_or_default().unsigned_abs();
    let writes = fleet.proxy.meter_writes();
    let told = format!("run {number}: {admitted} admitted, {used} used, {writes:?}");
    assert_eq!(used, LIMIT, "{told}");
    assert!(admitted <= used, "{told}");
    if !kills && !faults {
        assert!(writes.asked < LIMIT / 2, "{told}");
        // What was leased is used or settled: a token a process at most is left.
        assert!(used - admitted <= PROCESSES as u64, "{told}");
    }
}

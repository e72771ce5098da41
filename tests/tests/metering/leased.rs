//! A quota is never exceeded by processes that lease its tokens either.

use keyplan_store::clock::{Clock, SystemClock};
use keyplan_tests::fleet::{self, Attempt, Crowd};
use keyplan_tests::{Fleet, UsagePlan};
use serde_json::json;

use crate::run::{Run, faults};

const PROCESSES: usize = 4;
const LIMIT: u64 = 2_000;
const DAY: i64 = 86_400;

#[test]
fn a_leased_quota_is_never_exceeded() {
    let fleet = Fleet::start(PROCESSES);
    for number in 0..crate::runs() {
        check(&fleet, Run::of(number));
    }
}

fn check(fleet: &Fleet, run: Run) {
    let settings = json!({"quota": {"limit": LIMIT, "period": "DAY"}, "tags": {"keyplan:leaseCap": "10"}});
    let stages = [(fleet.api.as_str(), "prod")];
    let plan = UsagePlan::create(&fleet.admin, &format!("leased {}", run.seed), &stages, settings);
    let key = plan.key("caller");
    fleet.proxy.forget();
    fleet.proxy.inject(run.seed, if run.faults { faults() } else { Vec::new() });
    let calls = if run.turns { 20 } else { 10 };
    let crowd = Crowd { processes: 0..PROCESSES, connections: 64, calls, retries: 2, key: &key.value };
    let first_day = fleet.today();
    let mut turn = None;
    let attempts = fleet.crowd(&crowd, || {
        fleet.proxy.await_meter_writes(50);
        if run.kills {
            fleet.replace(run.victim(PROCESSES));
        }
        if run.turns {
            let start = SystemClock.now();
            fleet.advance(DAY);
            turn = Some(start..SystemClock.now());
        }
    });
    fleet.proxy.behave();
    let rest = fleet.crowd(&Crowd { calls: 2, ..crowd }, || ());
    let all: Vec<Attempt> = attempts.into_iter().chain(rest).collect();
    let admitted = fleet::admitted(&all);
    let used_on = |day: &str| plan.used(day).get(&key.id).copied().unwrap_or_default().unsigned_abs();
    let (first, last) = (used_on(&first_day), used_on(&fleet.today()));
    let used = if run.turns { first + last } else { last };
    let writes = fleet.proxy.meter_writes();
    let told = format!("{run:?}: {admitted} admitted, {first} used and {last} on the last day, {writes:?}");
    assert_eq!(last, LIMIT, "{told}");
    assert!(first <= LIMIT && admitted <= used, "{told}");
    if let Some(turn) = turn {
        // What is leased on one day admits nobody on the next.
        let before = all.iter().filter(|attempt| attempt.received < turn.start);
        let after = all.iter().filter(|attempt| attempt.sent > turn.end);
        assert!(fleet::admitted(before) <= first && fleet::admitted(after) <= LIMIT, "{told}");
    }
    if !run.kills && !run.faults && !run.turns {
        assert!(writes.asked < LIMIT / 2, "{told}");
        // What was leased is used or settled: a token a process at most is left.
        assert!(used - admitted <= PROCESSES as u64, "{told}");
    }
}

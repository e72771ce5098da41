//! A quota is never exceeded, whatever becomes of processes and answers.

use keyplan_store::clock::{Clock, SystemClock};
use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::fleet::{self, Attempt, Crowd};
use keyplan_tests::{Fleet, UsagePlan};
use serde_json::json;

use crate::run::Run;

const PROCESSES: usize = 4;
const CONNECTIONS: usize = 64;
const CALLS: usize = 3;
const LIMIT: u64 = 400;
const DAY: i64 = 86_400;

fn rules(run: Run) -> Vec<Rule> {
    if !run.faults {
        return Vec::new();
    }
    vec![
        Rule::of_meter_writes(Fault::AnswerLost).chance(0.04),
        Rule::of_meter_writes(Fault::FailedAfterwards).chance(0.03),
        Rule::of_meter_writes(Fault::NotForwarded).chance(0.03),
        Rule::of_meter_writes(Fault::InternalServerError).chance(0.03),
        Rule::of_meter_writes(Fault::Throttled).chance(0.03),
    ]
}

#[test]
fn a_quota_is_never_exceeded_and_nothing_of_it_is_lost() {
    let fleet = Fleet::start(PROCESSES);
    for number in 0..crate::runs() {
        check(&fleet, Run::of(number));
    }
}

fn check(fleet: &Fleet, run: Run) {
    let stages = [(fleet.api.as_str(), "prod")];
    let quota = json!({"quota": {"limit": LIMIT, "period": "DAY"}});
    let plan = UsagePlan::create(&fleet.admin, &format!("run {}", run.seed), &stages, quota);
    let key = plan.key("caller");
    fleet.proxy.forget();
    fleet.proxy.inject(run.seed, rules(run));
    let crowd = Crowd {
        processes: 0..PROCESSES,
        connections: CONNECTIONS,
        calls: CALLS,
        retries: if run.faults || run.kills { 2 } else { 0 },
        key: &key.value,
    };
    let first_day = fleet.today();
    let mut turn = None;
    let attempts = fleet.crowd(&crowd, || {
        // In the middle of it: the quota is not spent, and calls are on their way.
        fleet.proxy.await_meter_writes(LIMIT / 4);
        if run.kills {
            fleet.replace(run.victim(PROCESSES));
        }
        fleet.proxy.await_meter_writes(LIMIT / 2);
        if run.turns {
            let start = SystemClock.now();
            fleet.advance(DAY);
            turn = Some(start..SystemClock.now());
        }
    });
    fleet.proxy.behave();
    // The demand that exhausts what the run has left of the day.
    let rest = fleet.crowd(&Crowd { calls: 2, ..crowd }, || ());

    let used_on = |day: &str| plan.used(day).get(&key.id).copied().unwrap_or_default().unsigned_abs();
    let last_day = fleet.today();
    let used = used_on(&first_day) + if run.turns { used_on(&last_day) } else { 0 };
    let all: Vec<Attempt> = attempts.into_iter().chain(rest).collect();
    let admitted = fleet::admitted(&all);
    let unanswered = all.iter().filter(|attempt| attempt.status.is_none()).count() as u64;
    let unseen = fleet.proxy.meter_writes().done_unseen;
    let told =
        format!("{run:?}: {admitted} admitted, {used} used, {unseen} unseen, {unanswered} unanswered of {}", all.len());

    // Nothing is stranded: there was more demand on the last day than quota.
    assert_eq!(used_on(&last_day), LIMIT, "{told}");
    assert!(used_on(&first_day) <= LIMIT, "{told}");
    if let Some(turn) = turn {
        let before = all.iter().filter(|attempt| attempt.received < turn.start);
        let after = all.iter().filter(|attempt| attempt.sent > turn.end);
        assert!(fleet::admitted(before) <= LIMIT && fleet::admitted(after) <= LIMIT, "{told}");
    }
    assert!(admitted <= used && used <= all.len() as u64, "{told}");
    // What was used without an admission is what somebody was not told of.
    if run.kills {
        assert!(used - admitted <= unseen + unanswered, "{told}");
    } else {
        assert_eq!((used - admitted, unanswered), (unseen, 0), "{told}");
    }
    assert_eq!(unseen > 0, run.faults, "{told}");
    let expected: &[u16] = if run.faults { &[200, 429, 500] } else { &[200, 429] };
    let unexpected = all.iter().filter_map(|attempt| attempt.status).find(|status| !expected.contains(status));
    assert_eq!(unexpected, None, "{told}");
}

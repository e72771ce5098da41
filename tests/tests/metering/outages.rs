//! What becomes of calls while DynamoDB is out, and of what was admitted then.

use std::time::Duration;

use keyplan_store::clock::{Clock, SystemClock};
use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::{ApiKey, Fleet, UsagePlan};
use serde_json::{Value, json};

const BURST: usize = 5;
const QUOTA: usize = 8;

/// A key in a plan of its own, and what came of its calls.
struct Caller<'f> {
    fleet: &'f Fleet,
    plan: UsagePlan<'f>,
    key: ApiKey,
    admitted: i64,
}

impl<'f> Caller<'f> {
    /// One that was admitted once.
    fn of(fleet: &'f Fleet, name: &str, limits: Value) -> Self {
        let plan = UsagePlan::create(&fleet.admin, name, &[(&fleet.api, "prod")], limits);
        let key = plan.key(name);
        let mut caller = Self { fleet, plan, key, admitted: 0 };
        assert_eq!(caller.calls(1), [200], "{name}");
        caller
    }

    fn calls(&mut self, count: usize) -> Vec<u16> {
        let statuses: Vec<u16> = (0..count).map(|_| self.fleet.call(0, &self.key.value).send().status).collect();
        self.admitted += statuses.iter().map(|status| i64::from(*status == 200)).sum::<i64>();
        statuses
    }

    fn used(&self) -> i64 {
        self.plan.used(&self.fleet.today()).get(&self.key.id).copied().unwrap_or_default()
    }

    /// Waits until all that was admitted is counted.
    fn await_counts(&self) {
        for _ in 0..6_000 {
            if self.used() >= self.admitted {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(self.used(), self.admitted, "{}", self.plan.id);
    }
}

/// Three calls at once, that show the process that something is wrong.
fn find_out(fleet: &Fleet, key: &ApiKey, fault: Fault) {
    fleet.proxy.inject(0, vec![Rule::new(fault)]);
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| fleet.call(0, &key.value).send());
        }
    });
}

fn outage(mode: Option<&'static str>, fault: Fault, of_quota: usize, of_throttle: usize, of_none: usize) {
    const CALLS: usize = 20;
    let flags: Vec<_> = mode.map_or_else(Vec::new, |mode| vec!["--metering-on-failure", mode]);
    let fleet = Fleet::with(1, &flags);
    let quota = Caller::of(&fleet, "quota", json!({"quota": {"limit": QUOTA, "period": "DAY"}}));
    let throttle = Caller::of(&fleet, "throttle", json!({"throttle": {"burstLimit": BURST, "rateLimit": 0.001}}));
    let none = Caller::of(&fleet, "none", json!({}));
    // A quota of its own, that nobody is admitted by any more.
    let finder = Caller::of(&fleet, "finder", json!({"quota": {"limit": 1_000, "period": "DAY"}}));
    let told = format!("{mode:?}, {fault:?}");

    find_out(&fleet, &finder.key, fault);
    fleet.proxy.forget();
    let started = SystemClock.now();
    let mut callers = [(quota, of_quota), (throttle, of_throttle), (none, of_none)];
    for (caller, expected) in &mut callers {
        let statuses = caller.calls(CALLS);
        let admitted = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(admitted, *expected, "{told}: {} {statuses:?}", caller.plan.id);
        let refused = statuses.iter().filter(|status| **status != 200);
        let expected = if mode == Some("closed") || *expected == 0 { 500 } else { 429 };
        assert!(refused.into_iter().all(|status| *status == expected), "{told}: {statuses:?}");
    }
    // A probe a second finds out whether it is over, and nobody waits for it.
    let seconds = SystemClock.now().since(started).as_secs() + 1;
    let asked = fleet.proxy.asked();
    assert_eq!(fleet.proxy.meter_writes().asked, 0, "{told}: {asked:?}");
    assert!(asked.get("UpdateItem usage NOTHING").is_none_or(|probes| *probes <= seconds), "{told}: {asked:?}");
    assert_eq!(fleet.call(0, "unknown-key-0123456789").send().status, 500, "{told}");
    assert_eq!(told_of(&fleet, "began", "usage"), 1, "{told}");

    fleet.proxy.behave();
    // Callers have the table probed, and what was admitted is counted with the
    // first of them that is admitted by the table.
    while told_of(&fleet, "ended", "usage") == 0 || fleet.call(0, &finder.key.value).send().status != 200 {
        let _ = fleet.call(0, &finder.key.value).send();
        std::thread::sleep(Duration::from_millis(10));
    }
    for (caller, _) in &mut callers {
        caller.await_counts();
        let more = caller.calls(1);
        assert!([200, 429].contains(&more[0]), "{told}: {more:?}");
        caller.await_counts();
    }
    assert_eq!((told_of(&fleet, "began", "usage"), told_of(&fleet, "ended", "usage")), (1, 1), "{told}");
    assert_eq!(told_of(&fleet, "began", "config"), told_of(&fleet, "ended", "config"), "{told}");
}

/// How often the log tells that an outage of a table began or ended.
fn told_of(fleet: &Fleet, what: &str, table: &str) -> usize {
    let logged = fleet.logged(0);
    let is_told = |line: &&str| line.contains(&format!("outage=\"{what}\" table=\"{table}\""));
    logged.lines().filter(is_told).count()
}

#[test]
fn unless_told_otherwise_a_quota_fails_closed_and_a_throttle_holds() {
    outage(None, Fault::InternalServerError, 0, BURST - 1, 20);
}

#[test]
fn open_admits_by_what_the_process_knows() {
    outage(Some("open"), Fault::NotForwarded, QUOTA - 1, BURST - 1, 20);
}

#[test]
fn closed_admits_nobody() {
    outage(Some("closed"), Fault::InternalServerError, 0, 0, 0);
}

#[test]
fn a_dynamodb_that_hangs_holds_up_nobody_for_long() {
    outage(Some("open"), Fault::Hanging, QUOTA - 1, BURST - 1, 20);
}

#[test]
fn a_throttled_item_is_no_outage() {
    let fleet = Fleet::with(1, &["--metering-on-failure", "open"]);
    let mut caller = Caller::of(&fleet, "throttled", json!({}));
    fleet.proxy.inject(0, vec![Rule::of_meter_writes(Fault::Throttled)]);
    assert_eq!(caller.calls(6), [429; 6]);
    fleet.proxy.behave();
    assert_eq!(caller.calls(1), [200]);
    assert_eq!(caller.used(), 2);
    assert_eq!(told_of(&fleet, "began", "usage"), 0);
}

//! Functions end and others take their places: what was counted and made stays.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicI64, Ordering};

use keyplan_tests::{ApiKey, Call, UsagePlan};
use serde_json::{Value, json};

use crate::front_door::FrontDoor;
use crate::keyplan::{GATEWAY, Keyplan};
use crate::serving::{SPENT, Served, THROTTLED, failures, today};

/// SIGTERM is what Lambda ends a function by.
fn take_the_place_of(keyplan: &Keyplan, function: &str) {
    let (status, log) = keyplan.end(function);
    assert!(status.success() || status.signal() == Some(15), "{function} ended with {status}");
    assert!(!log.contains("panicked"), "{function}:\n{log}");
    assert_eq!(failures(&log), Vec::<&str>::new(), "{function}");
    keyplan.start(function);
}

fn status_and_body(served: &Served<'_>, call: &Call) -> (u64, String) {
    let answer = served.keyplan.call(FrontDoor::FunctionUrl, call);
    (answer["statusCode"].as_u64().unwrap_or_default(), answer["body"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn limits_go_on_where_the_process_before_ended() {
    let day = today();
    let keyplan = Keyplan::deploy(&[]);
    let served = Served::by(&keyplan);
    let (bursting, spending) = (served.throttled.key("bursting"), served.limited.key("spending"));
    let token = served.token(&spending);
    let bursts = || served.get(&served.by_header, "/pets").header("x-api-key", &bursting.value);
    let spends = || served.get(&served.by_authorizer, "/pets").header("authorization", &token);
    let refused = |(status, _, body): (u64, &str, &str)| (status, body.to_owned());
    for _ in 0..2 {
        assert_eq!(status_and_body(&served, &bursts()), (200, bursting.id.clone()));
        assert_eq!(status_and_body(&served, &spends()), (200, format!("alice {}", spending.id)));
        keyplan.function_names().for_each(|function| take_the_place_of(&keyplan, function));
    }
    for (call, (status, kind, body)) in [(bursts(), THROTTLED), (spends(), SPENT)] {
        assert_eq!(status_and_body(&served, &call), refused((status.into(), kind, body)));
    }
    let used = |plan: &UsagePlan<'_, Keyplan>| plan.used_between(&day, &today());
    assert_eq!(used(&served.throttled), BTreeMap::from([(bursting.id.clone(), 2)]));
    assert_eq!(used(&served.limited), BTreeMap::from([(spending.id.clone(), 2)]));
}

#[test]
fn no_call_that_got_in_is_lost_with_its_process() {
    const CALLS: i64 = 12;
    const LIMIT: i64 = 40;
    let day = today();
    let keyplan = Keyplan::deploy(&[]);
    let served = Served::by(&keyplan);
    let quota = json!({"quota": {"limit": LIMIT, "period": "MONTH"}});
    let plan = UsagePlan::create(&keyplan, "crowded", &[(&served.by_header, "prod")], quota);
    let key: ApiKey = plan.key("crowd");
    let admitted = AtomicI64::new(0);
    let call = || {
        let call = served.get(&served.by_header, "/pets").header("x-api-key", &key.value);
        let answer: Value = keyplan.call(FrontDoor::HttpApi, &call);
        admitted.fetch_add(i64::from(answer["statusCode"] == 200), Ordering::Relaxed);
    };
    for round in 1..=5 {
        std::thread::scope(|threads| (0..CALLS).for_each(|_| drop(threads.spawn(call))));
        take_the_place_of(&keyplan, GATEWAY);
        let expected = (round * CALLS).min(LIMIT);
        assert_eq!(admitted.load(Ordering::Relaxed), expected, "round {round}");
        assert_eq!(plan.used_between(&day, &today()).get(&key.id), Some(&expected));
    }
}

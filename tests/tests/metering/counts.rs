//! What a request costs in operations of DynamoDB, exactly.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::fleet::Crowd;
use keyplan_tests::{ApiKey, Call, Fleet, UsagePlan};
use serde_json::{Value, json};

/// Configuration is kept for 5 s; a run that took longer than this may have
/// read it twice, and is repeated.
const CACHE_LIFE: Duration = Duration::from_secs(4);

fn plan(fleet: &Fleet) -> UsagePlan<'_> {
    let limits = json!({
        "throttle": {"burstLimit": 1000, "rateLimit": 1000},
        "quota": {"limit": 1_000_000, "period": "MONTH"},
    });
    UsagePlan::create(&fleet.admin, "plan", &[(&fleet.api, "prod")], limits)
}

/// What `asked` costs after `warm`, both within the life of a cache.
fn cost(fleet: &Fleet, warm: impl Fn(), asked: impl Fn()) -> BTreeMap<String, u64> {
    loop {
        let start: Timestamp = SystemClock.now();
        warm();
        fleet.proxy.forget();
        asked();
        let cost = fleet.proxy.asked();
        if SystemClock.now().since(start) < CACHE_LIFE {
            return cost;
        }
    }
}

fn operations(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect()
}

#[test]
fn a_request_of_a_key_in_cache_costs_one_write_and_no_read() {
    let fleet = Fleet::start(1);
    let key = plan(&fleet).key("caller");
    let call = || assert_eq!(fleet.call(0, &key.value).send().status, 200);
    assert_eq!(cost(&fleet, call, call), operations(&[("UpdateItem usage METER", 1)]));
}

#[test]
fn the_first_request_of_a_process_reads_each_item_once() {
    let fleet = Fleet::start(1);
    let key = plan(&fleet).key("caller");
    fleet.proxy.forget();
    assert_eq!(fleet.call(0, &key.value).send().status, 200);
    let expected = operations(&[
        ("GetItem config ACCOUNT", 1),
        ("GetItem config API/STAGE", 1),
        ("GetItem config PLAN", 1),
        ("GetItem config VALUE", 1),
        ("Query config DEPLOYMENT/*", 1),
        ("UpdateItem usage METER", 1),
    ]);
    assert_eq!(fleet.proxy.asked(), expected);
}

#[test]
fn an_unknown_value_is_looked_up_once_however_many_ask_at_once() {
    let fleet = Fleet::start(1);
    // Long enough for all of them to have asked before the answer comes.
    let slow = Rule::new(Fault::Delay(Duration::from_millis(500))).kind("GetItem").item("VALUE");
    fleet.proxy.inject(0, vec![slow]);
    let _ = plan(&fleet);
    let warm = || assert_eq!(fleet.call(0, "no-key").send().status, 403);
    for (number, value) in ["nobodys-value-of-enough-characters", "another-value-of-nobodys-at-all"].iter().enumerate()
    {
        let asked = || {
            let crowd = Crowd { processes: 0..1, connections: 64, calls: 2, retries: 0, key: value };
            let attempts = fleet.crowd(&crowd, || ());
            assert!(attempts.iter().all(|attempt| attempt.status == Some(403)), "{number}");
        };
        assert_eq!(cost(&fleet, warm, asked), operations(&[("GetItem config VALUE", 1)]));
    }
}

#[test]
fn another_key_of_what_is_in_cache_costs_one_read_and_its_write() {
    let fleet = Fleet::start(1);
    let plan = plan(&fleet);
    let known = plan.key("known");
    // A run that is repeated, since it took too long, calls the next.
    let others: Vec<ApiKey> = (0..20).map(|number| plan.key(&format!("other {number}"))).collect();
    let others = RefCell::new(others);
    let call = |key: &ApiKey| assert_eq!(fleet.call(0, &key.value).send().status, 200);
    let expected = operations(&[("GetItem config VALUE", 1), ("UpdateItem usage METER", 1)]);
    let another = || call(&others.borrow_mut().pop().unwrap());
    assert_eq!(cost(&fleet, || call(&known), another), expected);
}

#[test]
fn a_key_of_several_plans_costs_one_read_of_each() {
    let fleet = Fleet::start(1);
    let key = plan(&fleet).key("caller");
    for name in ["second", "third"] {
        UsagePlan::create(&fleet.admin, name, &[], json!({})).add(&key);
    }
    fleet.proxy.forget();
    assert_eq!(fleet.call(0, &key.value).send().status, 200);
    let expected = operations(&[
        ("GetItem config ACCOUNT", 1),
        ("GetItem config API/STAGE", 1),
        ("GetItem config PLAN", 3),
        ("GetItem config VALUE", 1),
        ("Query config DEPLOYMENT/*", 1),
        ("UpdateItem usage METER", 1),
    ]);
    assert_eq!(fleet.proxy.asked(), expected);
}

#[test]
fn an_unknown_value_costs_one_read_and_then_none() {
    let fleet = Fleet::start(1);
    let _ = plan(&fleet);
    let refused = |value: &str| assert_eq!(fleet.call(0, value).send().status, 403);
    let nothing = || refused("no-key");
    let unknown = "nobodys-value-of-enough-characters";
    assert_eq!(cost(&fleet, nothing, || refused(unknown)), operations(&[("GetItem config VALUE", 1)]));
    assert_eq!(cost(&fleet, || refused(unknown), || refused(unknown)), BTreeMap::new());
}

#[test]
fn a_key_is_found_by_its_id_by_one_operation() {
    let fleet = Fleet::start(1);
    let plan = plan(&fleet);
    let keys: Vec<ApiKey> = (0..20).map(|number| plan.key(&format!("key {number}"))).collect();
    for key in [&keys[0], &keys[19]] {
        for query in ["", "?includeValue=true"] {
            fleet.proxy.forget();
            let answer = fleet.control(0, "GET", &format!("/apikeys/{}{query}", key.id), &Value::Null);
            assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(key.id)), "{query}");
            assert_eq!(fleet.proxy.asked(), operations(&[("GetItem config KEY", 1)]), "{query}");
        }
    }
}

#[test]
fn a_request_that_no_key_could_open_costs_nothing() {
    let fleet = Fleet::start(1);
    let key = plan(&fleet).key("caller");
    let url = |path: &str| {
        let at_root = fleet.call(0, &key.value);
        assert_eq!(at_root.send().status, 200);
        fleet.url(0, path)
    };
    let (root, elsewhere) = (url("/"), url("/elsewhere"));
    let warm = || assert_eq!(fleet.call(0, &key.value).send().status, 200);
    let refused = [
        ("no key", Call::get(&*root)),
        ("an empty key", Call::get(&*root).header("x-api-key", "")),
        ("no route", Call::get(&*elsewhere)),
        ("no route, with a key", Call::get(&*elsewhere).header("x-api-key", &key.value)),
        ("no such method", Call::new("DELETE", &*root).header("x-api-key", &key.value)),
    ];
    for (what, call) in refused {
        let asked = || assert_eq!(call.clone().send().status, 403, "{what}");
        assert_eq!(cost(&fleet, warm, asked), BTreeMap::new(), "{what}");
    }
}

#[test]
fn a_refusal_that_is_known_costs_nothing() {
    let fleet = Fleet::start(1);
    for (name, limits) in [
        ("throttle", json!({"throttle": {"burstLimit": 1, "rateLimit": 0.001}})),
        ("quota", json!({"quota": {"limit": 1, "period": "MONTH"}})),
    ] {
        let key = UsagePlan::create(&fleet.admin, name, &[(&fleet.api, "prod")], limits).key(name);
        assert_eq!(fleet.call(0, &key.value).send().status, 200, "{name}");
        let refused = || assert_eq!(fleet.call(0, &key.value).send().status, 429, "{name}");
        let many = || (0..20).for_each(|_| refused());
        assert_eq!(cost(&fleet, refused, many), BTreeMap::new(), "{name}");
    }
}

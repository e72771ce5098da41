//! A key that is deleted, and another made of its value, while it is put into a
//! plan.

use std::time::Duration;

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::{ApiKey, Fleet, UsagePlan};
use serde_json::{Value, json};

/// The key's value was found, and what is kept under it is read late: of
/// another key by then, which nobody has put into the plan.
#[test]
fn a_plan_gets_no_key_that_has_the_value_of_the_one_it_was_to_get() {
    let fleet = Fleet::start(1);
    let plan = UsagePlan::create(&fleet.admin, "plan", &[(&fleet.api, "prod")], json!({}));
    let key = ApiKey::create(&fleet.admin, "first", true);
    fleet.proxy.forget();
    let late = Rule::new(Fault::Delay(Duration::from_secs(1))).kind("GetItem").item("VALUE").at(&[1]);
    fleet.proxy.inject(0, vec![late]);
    let (added, second) = std::thread::scope(|threads| {
        let added = threads.spawn(|| {
            let add = json!({"keyId": key.id, "keyType": "API_KEY"});
            fleet.control(0, "POST", &format!("/usageplans/{}/keys", plan.id), &add)
        });
        while !fleet.proxy.asked().contains_key("GetItem config VALUE") {
            std::thread::sleep(Duration::from_millis(1));
        }
        fleet.admin.made("DELETE", &format!("/apikeys/{}", key.id), &Value::Null);
        let second = json!({"name": "second", "value": key.value, "enabled": true});
        let second = fleet.admin.made("POST", "/apikeys", &second);
        (added.join().unwrap(), second)
    });
    assert_eq!(added.status, 404, "{added}");
    assert_eq!(added.json()["message"], "Invalid API Key identifier specified");
    let of = |path: String| fleet.admin.made("GET", &path, &Value::Null)["item"].clone();
    assert_eq!(of(format!("/usageplans/{}/keys", plan.id)), json!([]));
    let second = second["id"].as_str().unwrap_or_default();
    assert_eq!(of(format!("/usageplans?keyId={second}")), json!([]));
    assert_eq!(fleet.call(0, &key.value).send().status, 403, "it opens nothing");
}

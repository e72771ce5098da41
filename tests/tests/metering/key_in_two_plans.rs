//! A key that would be in two plans of a stage by two edits at once.

use std::time::Duration;

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::{Fleet, UsagePlan};
use serde_json::{Value, json};

/// One edit adds a stage to a plan, the other a key that is in another plan of
/// this stage; each has looked before the other has written.
#[test]
fn a_plan_does_not_get_a_stage_and_a_key_at_once_that_another_plan_has_both_of() {
    let fleet = Fleet::start(2);
    let key = UsagePlan::create(&fleet.admin, "first", &[(&fleet.api, "prod")], json!({})).key("caller");
    let plan = UsagePlan::create(&fleet.admin, "second", &[], json!({}));
    fleet.proxy.forget();
    let late = Rule::new(Fault::Delay(Duration::from_secs(1))).kind("TransactWriteItems").at(&[1]);
    fleet.proxy.inject(0, vec![late]);
    let (with_stage, with_key) = std::thread::scope(|threads| {
        let with_stage = threads.spawn(|| {
            let stage = format!("{}:prod", fleet.api);
            let add = json!({"patchOperations": [{"op": "add", "path": "/apiStages", "value": stage}]});
            fleet.control(0, "PATCH", &format!("/usageplans/{}", plan.id), &add)
        });
        // It has decided, and waits to be let through.
        while !fleet.proxy.asked().contains_key("TransactWriteItems") {
            std::thread::sleep(Duration::from_millis(1));
        }
        let add = json!({"keyId": key.id, "keyType": "API_KEY"});
        let with_key = fleet.control(1, "POST", &format!("/usageplans/{}/keys", plan.id), &add);
        (with_stage.join().unwrap(), with_key)
    });
    assert_eq!((with_key.status, with_stage.status), (201, 409), "{with_key}\n{with_stage}");
    let second = fleet.admin.made("GET", &format!("/usageplans/{}", plan.id), &Value::Null);
    assert_eq!(second["apiStages"].as_array().map_or(0, Vec::len), 0, "{second}");
}

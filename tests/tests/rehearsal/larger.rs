//! What the control plane does in more than one transaction, and what others and
//! failures make it do besides.

use std::fmt::Write as _;

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::rest_api::{ControlPlane as _, RestApi};
use keyplan_tests::{ApiKey, UsagePlan};
use serde_json::{Value, json};

use crate::keyplan::Keyplan;
use crate::operations::{carry_out, imported};

/// More than a plan's own transaction takes.
const STAGES: usize = 35;
/// More items than a transaction has, with a method each.
const RESOURCES: usize = 52;

const ADMIN: [&str; 3] = ["AdminApisFunction", "AdminKeysFunction", "AdminPlansFunction"];

/// An API that loses a hundred items at once, and then itself.
pub(crate) fn edits(keyplan: &Keyplan) {
    let mut api = RestApi::create(keyplan, json!({}));
    api.mock("GET", "/", json!({}), "");
    let parent = api.resource("/parent");
    for number in 0..RESOURCES {
        let method = api.method_path("GET", &format!("/parent/{number}"));
        keyplan.made("PUT", &method, &json!({"authorizationType": "NONE"}));
    }
    keyplan.made("DELETE", &format!("/restapis/{}/resources/{parent}", api.id), &Value::Null);
    api.deploy("prod", &json!({}));
    keyplan.made("DELETE", &format!("/restapis/{}", api.id), &Value::Null);
}

/// Plans of many stages, and plans that cannot have a stage since their keys are
/// in another plan of it.
pub(crate) fn plans(keyplan: &Keyplan) {
    let mut api = RestApi::create(keyplan, json!({}));
    api.mock("GET", "/", json!({}), "");
    let names: Vec<String> = (0..STAGES).map(|number| format!("s{number}")).collect();
    for name in &names {
        api.deploy(name, &json!({}));
    }
    let stages: Vec<_> = names.iter().map(|name| (&*api.id, &**name)).collect();
    let plan = UsagePlan::create(keyplan, "wide", &stages, json!({}));
    let key = plan.key("of two plans");
    let other = UsagePlan::create(keyplan, "other", &[], json!({}));
    other.add(&key);
    let patch = |plan: &UsagePlan<'_, Keyplan>, op: &str| {
        let value = |name: &String| json!({"op": op, "path": "/apiStages", "value": format!("{}:{name}", api.id)});
        let body = json!({"patchOperations": names.iter().map(value).collect::<Vec<_>>()}).to_string();
        keyplan.control("PATCH", &format!("/usageplans/{}", plan.id), "application/json", body.as_bytes())
    };
    let refused = patch(&other, "add");
    assert_eq!(refused.status, 409, "{}", refused.body);
    for (op, plan) in [("remove", &plan), ("add", &other), ("remove", &other)] {
        let patched = patch(plan, op);
        assert_eq!(patched.status, 200, "{op}: {}", patched.body);
    }
    // With its key in it, and then the API with all its stages.
    for gone in [format!("/usageplans/{}", plan.id), format!("/usageplans/{}", other.id)] {
        keyplan.made("DELETE", &gone, &Value::Null);
    }
    let last = UsagePlan::create(keyplan, "last", &stages, json!({}));
    keyplan.made("DELETE", &format!("/restapis/{}", api.id), &Value::Null);
    keyplan.made("DELETE", &format!("/usageplans/{}", last.id), &Value::Null);
}

/// Keys that go with all that leads to them.
pub(crate) fn keys(keyplan: &Keyplan) {
    let plan = UsagePlan::create(keyplan, "of keys that go", &[], json!({}));
    let key = plan.key("goes");
    for number in 0..3 {
        let subject = json!({"issuer": "https://login.example.com/", "subject": number.to_string()});
        keyplan.made("POST", &format!("/apikeys/{}/subjects", key.id), &subject);
        keyplan.made("POST", &format!("/apikeys/{}/tokens", key.id), &json!({"principalId": "p"}));
    }
    keyplan.made("DELETE", &format!("/apikeys/{}", key.id), &Value::Null);
    keyplan.made("DELETE", &format!("/usageplans/{}", plan.id), &Value::Null);
}

/// An import that fails in its second transaction, and keeps nothing then.
pub(crate) fn import_that_is_undone(keyplan: &Keyplan) {
    let plan = UsagePlan::create(keyplan, "of imports", &[], json!({}));
    let known = ApiKey::create(keyplan, "known", true);
    let token = json!({"principalId": "p"});
    let mut file = "Name,key,enabled,usageplanIds\n".to_owned();
    writeln!(file, "known,{},false,{}", known.value, plan.id).unwrap_or_default();
    for number in 0..60 {
        writeln!(file, "n{number},imported-key-value-1{number:03},true,{}", plan.id).unwrap_or_default();
    }
    keyplan.made("POST", &format!("/apikeys/{}/tokens", known.id), &token);
    let proxy = keyplan.dynamodb_of("AdminKeysFunction");
    let fails = Rule::new(Fault::InternalServerError).kind("TransactWriteItems").at(&[2, 3, 4]);
    proxy.inject(0, vec![fails]);
    let path = "/apikeys?mode=import&format=csv&failonwarnings=true";
    let failed = keyplan.control("POST", path, "text/csv", file.as_bytes());
    proxy.behave();
    assert_eq!(failed.status, 503, "{}", failed.body);
    imported(keyplan, path, &file);
}

/// All operations once more, while others are at the same items.
pub(crate) fn races(keyplan: &Keyplan) {
    let inject = |seed: u64, rules: &dyn Fn() -> Vec<Rule>| {
        ADMIN.iter().for_each(|name| keyplan.dynamodb_of(name).inject(seed, rules()));
    };
    inject(1, &|| vec![Rule::new(Fault::TransactionConflict).kind("TransactWriteItems").chance(0.3)]);
    carry_out(keyplan);
    inject(0, &Vec::new);
}

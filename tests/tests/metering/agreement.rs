//! Several clients make, edit, deploy and delete whatever the control plane has,
//! through several processes, on a DynamoDB whose transactions conflict and whose
//! answers get lost. However it ends, the table agrees with itself.

mod client;
mod table;

use std::collections::BTreeMap;
use std::sync::Mutex;

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::{Dice, Fleet};
use serde_json::{Value, json};

use self::client::{Client, Known, lock};

const PROCESSES: usize = 3;
const CLIENTS: u64 = 6;
const EDITS: usize = 30;
/// How many there are of each in the beginning.
const COUNT: usize = 3;

#[test]
fn whatever_is_made_edited_and_deleted_at_once_the_table_agrees_with_itself() {
    for round in 0..crate::runs().div_ceil(5) {
        check(&Fleet::start(PROCESSES), round);
    }
}

fn check(fleet: &Fleet, round: u64) {
    let known = Known {
        values: (0..6).map(|number| format!("a-value-of-twenty-or-more-{number}")).collect(),
        ..Known::default()
    };
    begin(fleet, &known);
    fleet.proxy.inject(
        round,
        vec![
            Rule::new(Fault::TransactionConflict).kind("TransactWriteItems").chance(0.1),
            Rule::new(Fault::AnswerLost).kind("TransactWriteItems").chance(0.05),
            Rule::new(Fault::FailedAfterwards).kind("TransactWriteItems").chance(0.03),
            Rule::new(Fault::NotForwarded).kind("TransactWriteItems").chance(0.03),
            Rule::new(Fault::AnswerLost).kind("BatchWriteItem").chance(0.05),
            Rule::new(Fault::NotForwarded).kind("BatchWriteItem").chance(0.1),
            Rule::new(Fault::Throttled).chance(0.02),
            Rule::new(Fault::InternalServerError).chance(0.02),
            Rule::new(Fault::Stale).chance(0.3),
        ],
    );
    let ended = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for number in 0..CLIENTS {
            let (known, ended) = (&known, &ended);
            threads.spawn(move || {
                let mut client = new_client(fleet, known, round * CLIENTS + number);
                for _ in 0..EDITS {
                    client.edit();
                }
                lock(ended).push((client.unfinished, client.statuses));
            });
        }
    });
    fleet.proxy.behave();

    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    for (unfinished, of_client) in lock(&ended).drain(..) {
        for path in unfinished {
            finish(fleet, &path);
        }
        for (status, count) in of_client {
            *statuses.entry(status).or_default() += count;
        }
    }
    let sent: u32 = statuses.values().sum();
    let succeeded: u32 = statuses.range(200..300).map(|(_, count)| count).sum();
    // Else hardly anything would have been tried.
    assert!(succeeded > sent / 4, "{statuses:?}");
    // What edits that never came to count have left goes with the edits after them.
    for api in listed(fleet, "/restapis") {
        for description in ["one", "other"] {
            let operation = json!({"op": "replace", "path": "/description", "value": description});
            fleet.admin.made("PATCH", &format!("/restapis/{api}"), &json!({"patchOperations": [operation]}));
        }
    }
    let items = fleet.dynamodb.items("keyplan-config");
    table::check(&items);
    for (pk, _) in items.keys().filter(|(_, sk)| sk == "META") {
        // What it froze is read for the summary.
        let at = pk.split('#').collect::<Vec<_>>();
        fleet.admin.made("GET", &format!("/restapis/{}/deployments/{}?embed=apisummary", at[1], at[2]), &Value::Null);
    }
    delete_all(fleet);
}

fn new_client<'a>(fleet: &'a Fleet, known: &'a Known, seed: u64) -> Client<'a> {
    let process = usize::try_from(seed).unwrap_or_default() % PROCESSES;
    let (unfinished, statuses) = Default::default();
    Client { fleet, process, dice: Dice::seeded(seed), known, unfinished, statuses }
}

/// Makes what there is to edit, each API with a stage.
fn begin(fleet: &Fleet, known: &Known) {
    let made = |path: &str, body: Value| {
        let made = fleet.admin.made("POST", path, &body);
        made["id"].as_str().unwrap_or_default().to_owned()
    };
    for number in 0..COUNT {
        new_client(fleet, known, 0).create_api();
        let api = lock(&known.apis)[number].clone();
        made(&format!("/restapis/{api}/deployments"), json!({"stageName": "prod"}));
        let stages = json!([{"apiId": api, "stage": "prod"}]);
        lock(&known.plans).push(made("/usageplans", json!({"name": "plan", "apiStages": stages})));
        lock(&known.keys).push(made("/apikeys", json!({"name": "key", "value": known.values[number]})));
    }
}

/// Asks for a deletion again: it is done then, was done, or may not be done.
fn finish(fleet: &Fleet, path: &str) {
    let answer = fleet.admin.control("DELETE", path, &Value::Null);
    assert!([202, 204, 400, 404, 409].contains(&answer.status), "DELETE {path}: {answer}");
}

/// Nothing is left by what is deleted when nothing fails.
fn delete_all(fleet: &Fleet) {
    for (list, of) in [("/restapis", listed(fleet, "/restapis")), ("/usageplans", listed(fleet, "/usageplans"))] {
        for id in of {
            fleet.admin.made("DELETE", &format!("{list}/{id}"), &Value::Null);
        }
    }
    for key in listed(fleet, "/apikeys") {
        fleet.admin.made("DELETE", &format!("/apikeys/{key}"), &Value::Null);
    }
    let left: Vec<_> = fleet.dynamodb.items("keyplan-config").into_keys().collect();
    assert!(left.iter().all(|(pk, _)| pk == "CLOCK"), "{left:?}");
}

fn listed(fleet: &Fleet, list: &str) -> Vec<String> {
    let listed = fleet.admin.made("GET", &format!("{list}?limit=500"), &Value::Null);
    assert_eq!(listed["position"], Value::Null, "{list} is one page");
    let items = listed["item"].as_array().into_iter().flatten();
    items.map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
}

//! Several clients edit the same plans and keys through several processes, on a
//! DynamoDB whose transactions conflict, that throttles, reads what is out of
//! date, and whose answers get lost. One wins; the others are retried, or told so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::{Call, Dice, Fleet, RestApi};
use serde_json::{Value, json};

const PROCESSES: usize = 3;
const CLIENTS: u64 = 9;
const EDITS: u32 = 25;
const STAGES: [&str; 3] = ["prod", "test", "beta"];
/// The name of every key that a file of keys was about.
const IMPORTED: &str = "imported";

/// What all clients edit.
struct Shared {
    api: String,
    plans: Vec<String>,
    keys: Vec<String>,
    /// Of the keys, and some that are keys' once they are imported.
    values: Vec<String>,
}

/// A client, with what only it edits.
struct Client<'a> {
    fleet: &'a Fleet,
    process: usize,
    dice: Dice,
    own: String,
    /// The descriptions that its key may have: the last that was acknowledged,
    /// and those after it of which nobody knows.
    descriptions: Vec<Value>,
    made: Vec<String>,
    /// How many edits got which status.
    statuses: BTreeMap<u16, u32>,
}

impl Client<'_> {
    /// Two keys, each into a plan or into two.
    fn import(&mut self, shared: &Shared) {
        let mut file = "name,key,enabled,usagePlanIds\n".to_owned();
        for _ in 0..2 {
            let value = self.dice.one_of(&shared.values).clone();
            let enabled = *self.dice.one_of(&["true", "false"]);
            let (plan, other) = (self.dice.one_of(&shared.plans).clone(), self.dice.one_of(&shared.plans).clone());
            file.push_str(&format!("{IMPORTED},{value},{enabled},\"{plan},{other}\"\n"));
        }
        let answer = self.fleet.import_api_keys(self.process, &file, self.dice.below(2) == 0);
        *self.statuses.entry(answer.status).or_default() += 1;
        assert!(answer.status < 500 || answer.status == 503, "{file}: {answer}");
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.fleet.control(self.process, method, path, body);
        *self.statuses.entry(answer.status).or_default() += 1;
        assert!(answer.status < 500 || answer.status == 503, "{method} {path} {body}: {answer}");
        (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
    }

    fn edit(&mut self, shared: &Shared, number: u32) {
        let plan = self.dice.one_of(&shared.plans).clone();
        let key = self.dice.one_of(&shared.keys).clone();
        let stage = format!("{}:{}", shared.api, self.dice.one_of(&STAGES));
        let patch =
            |op: &str, path: &str, value: &str| json!({"patchOperations": [{"op": op, "path": path, "value": value}]});
        match self.dice.below(16) {
            0..=2 => {
                let body = json!({"keyId": key, "keyType": "API_KEY"});
                self.send("POST", &format!("/usageplans/{plan}/keys"), &body);
            }
            3 => {
                self.send("DELETE", &format!("/usageplans/{plan}/keys/{key}"), &Value::Null);
            }
            4 | 5 => {
                self.send("PATCH", &format!("/usageplans/{plan}"), &patch("add", "/apiStages", &stage));
            }
            6 => {
                self.send("PATCH", &format!("/usageplans/{plan}"), &patch("remove", "/apiStages", &stage));
            }
            7 => {
                let enabled = *self.dice.one_of(&["true", "false"]);
                self.send("PATCH", &format!("/apikeys/{key}"), &patch("replace", "/enabled", enabled));
            }
            8 => {
                let description = format!("edit {number}");
                let path = format!("/apikeys/{}", self.own);
                let (status, _) = self.send("PATCH", &path, &patch("replace", "/description", &description));
                if status == 200 {
                    self.descriptions.clear();
                }
                // Of a 409 it is known that it changed nothing.
                if status == 200 || status == 503 {
                    self.descriptions.push(description.into());
                }
            }
            9 => {
                self.send("GET", &format!("/usageplans/{plan}/keys"), &Value::Null);
            }
            10 => {
                self.send("GET", "/apikeys?includeValues=true&limit=500", &Value::Null);
            }
            11 | 12 => self.import(shared),
            13 => {
                if let Some(key) = self.made.pop() {
                    self.send("DELETE", &format!("/apikeys/{key}"), &Value::Null);
                }
            }
            _ => {
                let (status, key) = self.send("POST", "/apikeys", &json!({"name": "made", "enabled": true}));
                if status == 201 {
                    self.made.push(key["id"].as_str().unwrap_or_default().to_owned());
                }
            }
        }
    }
}

#[test]
fn edits_that_meet_each_other_and_failures_leave_all_in_agreement() {
    let fleet = Fleet::start(PROCESSES);
    for round in 0..crate::runs().div_ceil(5) {
        check(&fleet, round);
    }
}

fn check(fleet: &Fleet, round: u64) {
    let create = |value: String| {
        let made = fleet.admin.made("POST", "/apikeys", &json!({"name": "made", "value": value, "enabled": true}));
        made["id"].as_str().unwrap_or_default().to_owned()
    };
    let values: Vec<String> = (0..8).map(|number| format!("value-{number}-of-round-{round:04}")).collect();
    let mut api = RestApi::create(&fleet.admin, json!({}));
    api.mock("GET", "/", json!({"apiKeyRequired": true}), "");
    for stage in STAGES {
        api.deploy(stage, &json!({}));
    }
    let shared = Shared {
        api: api.id.clone(),
        plans: (0..3)
            .map(|number| {
                let made = fleet.admin.made("POST", "/usageplans", &json!({"name": format!("plan {number}")}));
                made["id"].as_str().unwrap_or_default().to_owned()
            })
            .collect(),
        keys: values.iter().take(4).cloned().map(create).collect(),
        values,
    };
    let own: Vec<String> =
        (0..CLIENTS).map(|number| create(format!("own-value-{number}-of-round-{round:04}"))).collect();
    fleet.proxy.inject(
        round,
        vec![
            Rule::new(Fault::TransactionConflict).kind("TransactWriteItems").chance(0.15),
            Rule::new(Fault::AnswerLost).kind("TransactWriteItems").chance(0.05),
            Rule::new(Fault::FailedAfterwards).kind("TransactWriteItems").chance(0.03),
            Rule::new(Fault::NotForwarded).kind("TransactWriteItems").chance(0.03),
            Rule::new(Fault::Throttled).chance(0.03),
            Rule::new(Fault::InternalServerError).chance(0.01),
            Rule::new(Fault::Stale).chance(0.5),
        ],
    );
    let done = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for (number, own) in (0..CLIENTS).zip(own) {
            let (shared, done) = (&shared, &done);
            let mut client = Client {
                fleet,
                process: usize::try_from(number).unwrap_or_default() % PROCESSES,
                dice: Dice::seeded(round * CLIENTS + number),
                own,
                descriptions: vec![Value::Null],
                made: Vec::new(),
                statuses: BTreeMap::new(),
            };
            threads.spawn(move || {
                for number in 0..EDITS {
                    client.edit(shared, number);
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).push((
                    client.own,
                    client.descriptions,
                    client.made,
                    client.statuses,
                ));
            });
        }
    });
    fleet.proxy.behave();

    let read = |path: &str| fleet.admin.made("GET", path, &Value::Null);
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    for (own, descriptions, made, of_client) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let description = &read(&format!("/apikeys/{}", own))["description"];
        assert!(descriptions.contains(description), "{description} is none of {descriptions:?}");
        for key in made {
            assert_eq!(read(&format!("/apikeys/{key}"))["name"], "made");
        }
        for (status, count) in of_client {
            *statuses.entry(status).or_default() += count;
        }
    }
    let sent: u32 = statuses.values().sum();
    let succeeded: u32 = statuses.range(200..300).map(|(_, count)| count).sum();
    // Else hardly anything would have been tried.
    assert!(succeeded > sent / 5, "{statuses:?}");
    let listed = read(&format!("/apikeys?limit=500&includeValues=true&name={IMPORTED}"));
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    for key in listed["item"].as_array().into_iter().flatten() {
        let text = |member: &str| key[member].as_str().unwrap_or_default().to_owned();
        if shared.values.contains(&text("value")) {
            assert_eq!(keys.insert(text("value"), text("id")), None, "two keys have one value");
        }
    }
    assert!(!keys.is_empty(), "nothing was imported");
    let keys: BTreeSet<String> = keys.into_values().chain(shared.keys.iter().cloned()).collect();
    check_agreement(fleet, &shared, &keys);
}

/// Each key's plans are those that list it, and no two of them have a stage.
fn check_agreement(fleet: &Fleet, shared: &Shared, keys: &BTreeSet<String>) {
    let read = |path: &str| fleet.admin.made("GET", path, &Value::Null);
    let ids = |list: &Value| -> BTreeSet<String> {
        let items = list["item"].as_array().into_iter().flatten();
        items.map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let listed: BTreeMap<&String, BTreeSet<String>> =
        shared.plans.iter().map(|plan| (plan, ids(&read(&format!("/usageplans/{plan}/keys"))))).collect();
    for key in keys {
        let plans = read(&format!("/usageplans?keyId={key}"));
        let by_lists = listed.iter().filter(|(_, keys)| keys.contains(key)).map(|(plan, _)| (*plan).clone());
        assert_eq!(ids(&plans), by_lists.collect(), "plans of {key}");
        let mut stages = BTreeSet::new();
        for plan in plans["item"].as_array().into_iter().flatten() {
            for stage in plan["apiStages"].as_array().into_iter().flatten() {
                assert!(stages.insert(stage["stage"].to_string()), "{key} is in two plans of {stage}");
            }
        }
        // The gateway reads another item than the control plane does.
        let shown = &read(&format!("/apikeys/{key}?includeValue=true"));
        let value = shown["value"].as_str().unwrap_or_default();
        for stage in STAGES {
            let opens = shown["enabled"] == true && stages.contains(&json!(stage).to_string());
            let answer = Call::get(fleet.admin.url(&shared.api, stage, "/")).header("x-api-key", value);
            assert_eq!(answer.send().status, if opens { 200 } else { 403 }, "{key} at {stage}");
        }
    }
}

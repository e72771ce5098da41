//! What is in the configuration's table, held against itself: whatever refers to
//! something else finds it, and is found by it.

use std::collections::{BTreeMap, BTreeSet};

use keyplan_domain::key::KeyHash;
use keyplan_domain::subject::Subject;
use keyplan_tests::dynamodb::Items;
use serde_json::Value;

/// Fails by the first item that does not agree with the others.
pub(crate) fn check(items: &Items) {
    let table = Table { items };
    let mut paths: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for ((pk, sk), item) in items {
        assert!(table.agrees(pk, sk, &item["data"], item), "{pk} {sk} does not agree with the rest: {item}");
        if let (["API", _], ["RES", _]) = (&*parts(pk), &*parts(sk)) {
            let other = paths.insert((pk, text(&item["data"]["path"])), sk);
            assert_eq!(other, None, "{pk}: {} and {sk} have one path", other.unwrap_or_default());
        }
    }
}

struct Table<'a> {
    items: &'a Items,
}

impl Table<'_> {
    fn agrees(&self, pk: &str, sk: &str, data: &Value, item: &Value) -> bool {
        let of_pk = parts(pk);
        let has_root = of_pk.first().is_some_and(|kind| self.has(pk, kind));
        match (&*of_pk, &*parts(sk)) {
            (["ACCOUNT"], ["ACCOUNT"]) | (["CLOCK"], ["CLOCK"]) => true,
            (["API", _], ["API"]) => self.has(pk, &format!("RES#{}", text(&data["rootResourceId"]))),
            (["API", _], ["MODEL" | "VALIDATOR" | "AUTHORIZER" | "RESPONSE", _]) => has_root,
            (["API", _], ["RES", _]) => has_root && self.is_below_its_parent(pk, data),
            (["API", _], ["RES", resource, _]) => {
                has_root && self.has(pk, &format!("RES#{resource}")) && self.refers_to_what_is_there(pk, data)
            }
            (["API", api], ["STAGE", _]) => {
                has_root && self.has(&format!("DEPLOYMENT#{api}#{}", text(&data["deploymentId"])), "META")
            }
            (["API", api], ["STAGEPLAN", stage, plan]) => {
                has_root && self.stages_of(plan).contains(&(*api, stage, self.uid(api, stage)))
            }
            (["DEPLOYMENT", api, _], ["META"]) => {
                let chunks = format!("CHUNK#{}#", text(&item["attempt"]));
                let of_attempt = self.partition(pk).filter(|(sk, _)| sk.starts_with(&chunks)).count();
                self.has(&format!("API#{api}"), "API") && text(&item["chunks"]).parse() == Ok(of_attempt)
            }
            (["DEPLOYMENT", ..], ["CHUNK", attempt, _]) => {
                self.get(pk, "META").is_some_and(|meta| meta["attempt"] == *attempt)
            }
            (["PLAN", plan], ["PLAN"]) => self.stages_of(plan).into_iter().all(|(api, stage, uid)| {
                self.has(&format!("API#{api}"), &format!("STAGEPLAN#{stage}#{plan}")) && self.uid(api, stage) == uid
            }),
            (["PLAN", plan], ["KEY", key]) => has_root && self.plans_of(key).contains(plan),
            (["KEY", key], ["KEY"]) => self.by_value_of(key).is_some_and(|by_value| {
                by_value["data"]["keyId"] == *key && by_value["data"]["enabled"] == data["enabled"]
            }),
            (["KEY", _], ["TOKEN", id]) => {
                let by_hash = self.get(&format!("TOKEN#{}", text(&data["hash"])), "TOKEN");
                has_root && by_hash.is_some_and(|by_hash| by_hash["data"]["id"] == *id)
            }
            (["TOKEN", _], ["TOKEN"]) => {
                self.has(&format!("KEY#{}", text(&data["keyId"])), &format!("TOKEN#{}", text(&data["id"])))
            }
            (["KEY", key], ["SUBJECT", id]) => {
                let by_hash = self.get(&format!("SUBJECT#{}", subject_hash(data)), "SUBJECT");
                has_root
                    && data["keyId"] == *key
                    && data["id"] == *id
                    && by_hash.is_some_and(|by_hash| by_hash["data"] == *data)
            }
            (["SUBJECT", hash], ["SUBJECT"]) => {
                let key = format!("KEY#{}", text(&data["keyId"]));
                subject_hash(data) == *hash
                    && self.has(&key, &format!("SUBJECT#{}", text(&data["id"])))
                    && self.get(&key, "KEY").is_some_and(|key| key["value"] == item["value"])
            }
            (["VALUE", hash], ["VALUE"]) => {
                let key = text(&data["keyId"]);
                let value = self.get(&format!("KEY#{key}"), "KEY").map(|key| text(&key["value"]));
                value.is_some_and(|value| KeyHash::of(value).to_string() == *hash)
                    && self.plans_of(key).iter().all(|plan| self.has(&format!("PLAN#{plan}"), &format!("KEY#{key}")))
                    && self.is_in_one_plan_of_a_stage(key)
            }
            // What was written ahead, and what a deletion has left, among them.
            _ => false,
        }
    }

    fn is_below_its_parent(&self, pk: &str, resource: &Value) -> bool {
        let Some(parent) = resource.get("parentId") else { return resource["path"] == "/" };
        self.get(pk, &format!("RES#{}", text(parent))).is_some_and(|parent| {
            let above = text(&parent["data"]["path"]).trim_end_matches('/');
            resource["path"] == format!("{above}/{}", text(&resource["pathPart"]))
        })
    }

    fn refers_to_what_is_there(&self, pk: &str, method: &Value) -> bool {
        let finds = |kind: &str, id: &Value| id.as_str().is_none_or(|id| self.has(pk, &format!("{kind}#{id}")));
        let models = method["requestModels"].as_object().into_iter().flatten();
        finds("AUTHORIZER", &method["authorizerId"])
            && finds("VALIDATOR", &method["requestValidatorId"])
            && models.into_iter().all(|(_, model)| finds("MODEL", model))
    }

    /// API, stage and the stage's `uid` of each stage that a plan lists.
    fn stages_of(&self, plan: &str) -> Vec<(&str, &str, &str)> {
        let plan = self.get(&format!("PLAN#{plan}"), "PLAN");
        let listed = plan.and_then(|plan| plan["data"]["apiStages"].as_array()).into_iter().flatten();
        listed.map(|entry| (text(&entry["apiId"]), text(&entry["stage"]), text(&entry["stageUid"]))).collect()
    }

    fn uid(&self, api: &str, stage: &str) -> &str {
        self.get(&format!("API#{api}"), &format!("STAGE#{stage}")).map_or("", |stage| text(&stage["data"]["uid"]))
    }

    fn by_value_of(&self, key: &str) -> Option<&Value> {
        let value = text(&self.get(&format!("KEY#{key}"), "KEY")?["value"]);
        self.get(&format!("VALUE#{}", KeyHash::of(value)), "VALUE")
    }

    fn plans_of(&self, key: &str) -> Vec<&str> {
        let plans = self.by_value_of(key).and_then(|by_value| by_value["data"]["planIds"].as_array());
        plans.into_iter().flatten().map(text).collect()
    }

    fn is_in_one_plan_of_a_stage(&self, key: &str) -> bool {
        let mut seen = BTreeSet::new();
        let stages = self.plans_of(key).into_iter().flat_map(|plan| self.stages_of(plan));
        stages.into_iter().all(|stage| seen.insert(stage))
    }

    fn partition(&self, pk: &str) -> impl Iterator<Item = (&str, &Value)> {
        let from = (pk.to_owned(), String::new());
        let items = self.items.range(from..).map(|((pk, sk), item)| (&**pk, &**sk, item));
        items.take_while(move |(found, ..)| *found == pk).map(|(_, sk, item)| (sk, item))
    }

    fn get(&self, pk: &str, sk: &str) -> Option<&Value> {
        self.items.get(&(pk.to_owned(), sk.to_owned()))
    }

    fn has(&self, pk: &str, sk: &str) -> bool {
        self.get(pk, sk).is_some()
    }
}

fn subject_hash(record: &Value) -> String {
    let subject = Subject::new(text(&record["issuer"]), text(&record["subject"]));
    subject.map(|subject| subject.hash().to_string()).unwrap_or_default()
}

fn parts(key: &str) -> Vec<&str> {
    key.split('#').collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

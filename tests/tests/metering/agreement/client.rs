//! A client that edits whatever the control plane has, as chance has it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use keyplan_tests::{Dice, Fleet, lambda};
use serde_json::{Value, json};

const STAGES: [&str; 3] = ["prod", "test", "beta"];
const PARTS: [&str; 3] = ["a", "b", "{c}"];

/// What all clients edit: ids, of which some lead to nothing any more.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) apis: Mutex<Vec<String>>,
    pub(crate) plans: Mutex<Vec<String>>,
    pub(crate) keys: Mutex<Vec<String>>,
    /// Some are keys' already, the others may become so.
    pub(crate) values: Vec<String>,
}

impl Known {
    fn in_list(&self, list: &str) -> Option<&Mutex<Vec<String>>> {
        match list {
            "/restapis" => Some(&self.apis),
            "/usageplans" => Some(&self.plans),
            "/apikeys" => Some(&self.keys),
            _ => None,
        }
    }
}

pub(crate) struct Client<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) process: usize,
    pub(crate) dice: Dice,
    pub(crate) known: &'a Known,
    /// What may be gone by half: a deletion that is told to have failed.
    pub(crate) unfinished: Vec<String>,
    /// How many edits got which status.
    pub(crate) statuses: BTreeMap<u16, u32>,
}

impl Client<'_> {
    /// Does something.
    pub(crate) fn edit(&mut self) {
        match self.dice.below(6) {
            0 => self.edit_key(),
            1 | 2 => self.edit_plan(),
            3 => self.edit_api(),
            4 => self.edit_resource(),
            _ => self.edit_stage(),
        }
    }

    fn edit_key(&mut self) {
        let key = self.any(&self.known.keys);
        match self.dice.below(9) {
            0 | 1 => {
                let value = self.dice.one_of(&self.known.values).clone();
                let made = self.send("POST", "/apikeys", &json!({"name": "made", "value": value, "enabled": true}));
                remember(&self.known.keys, &made);
            }
            2 => self.delete(&format!("/apikeys/{key}")),
            3 => {
                let enabled = *self.dice.one_of(&["true", "false"]);
                self.patch(&format!("/apikeys/{key}"), "replace", "/enabled", enabled);
            }
            4 => drop(self.send("POST", &format!("/apikeys/{key}/tokens"), &json!({"principalId": "p"}))),
            5 => {
                let tokens = format!("/apikeys/{key}/tokens");
                self.delete_one_of(&tokens, "id");
            }
            6 => {
                // Few, so that keys contend for them.
                let subject = *self.dice.one_of(&["a", "b", "c"]);
                let body = json!({"issuer": "i", "subject": subject});
                self.send("POST", &format!("/apikeys/{key}/subjects"), &body);
            }
            7 => {
                let subjects = format!("/apikeys/{key}/subjects");
                self.delete_one_of(&subjects, "id");
            }
            _ => self.import(),
        }
    }

    /// A key into a plan or into two.
    fn import(&mut self) {
        let value = self.dice.one_of(&self.known.values).clone();
        let (plan, other) = (self.any(&self.known.plans), self.any(&self.known.plans));
        let file = format!("name,key,usagePlanIds\nimported,{value},\"{plan},{other}\"\n");
        let answer = self.fleet.import_api_keys(self.process, &file, self.dice.below(2) == 0);
        self.count(answer.status);
        if answer.status == 201 {
            let ids = answer.json()["ids"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
            lock(&self.known.keys).extend(ids);
        }
    }

    fn edit_plan(&mut self) {
        let (plan, key) = (self.any(&self.known.plans), self.any(&self.known.keys));
        let (api, stage) = (self.any(&self.known.apis), *self.dice.one_of(&STAGES));
        let at = format!("/usageplans/{plan}");
        match self.dice.below(12) {
            0..=3 => drop(self.send("POST", &format!("{at}/keys"), &json!({"keyId": key, "keyType": "API_KEY"}))),
            4 => self.delete(&format!("{at}/keys/{key}")),
            5..=7 => self.patch(&at, "add", "/apiStages", &format!("{api}:{stage}")),
            8 => self.patch(&at, "remove", "/apiStages", &format!("{api}:{stage}")),
            9 | 10 => {
                let stages = json!([{"apiId": api, "stage": stage}]);
                let made = self.send("POST", "/usageplans", &json!({"name": "plan", "apiStages": stages}));
                remember(&self.known.plans, &made);
            }
            _ => {
                let stages = self.send("GET", &at, &Value::Null).1["apiStages"].clone();
                for entry in stages.as_array().into_iter().flatten() {
                    let stage = format!("{}:{}", text(&entry["apiId"]), text(&entry["stage"]));
                    self.patch(&at, "remove", "/apiStages", &stage);
                }
                self.delete(&at);
            }
        }
    }

    fn edit_api(&mut self) {
        let at = format!("/restapis/{}", self.any(&self.known.apis));
        match self.dice.below(8) {
            0 => self.create_api(),
            1 => self.delete(&at),
            2 | 3 => {
                let authorizer = json!({
                    "name": "a", "type": "TOKEN", "authorizerUri": lambda::uri("allow"),
                    "identitySource": "method.request.header.Authorization",
                });
                self.send("POST", &format!("{at}/authorizers"), &authorizer);
            }
            4 => self.delete_one_of(&format!("{at}/authorizers"), "id"),
            5 => drop(self.send("POST", &format!("{at}/requestvalidators"), &json!({"name": "v"}))),
            6 => self.delete_one_of(&format!("{at}/requestvalidators"), "id"),
            _ => {
                let model = json!({"name": "Pet", "contentType": "application/json", "schema": "{}"});
                if self.send("POST", &format!("{at}/models"), &model).0 != 201 {
                    self.delete(&format!("{at}/models/Pet"));
                }
            }
        }
    }

    /// An API that can be deployed, unless something fails.
    pub(crate) fn create_api(&mut self) {
        let made = self.send("POST", "/restapis", &json!({"name": "made"}));
        if let Some(root) = made.1["rootResourceId"].as_str() {
            let at = format!("/restapis/{}/resources/{root}", text(&made.1["id"]));
            self.put_method(&at, "GET", &json!({"authorizationType": "NONE"}));
        }
        remember(&self.known.apis, &made);
    }

    fn edit_resource(&mut self) {
        let api = format!("/restapis/{}", self.any(&self.known.apis));
        let resources = format!("{api}/resources");
        let Some(resource) = self.one_listed(&resources, "id") else { return };
        let at = format!("{resources}/{resource}");
        let verb = *self.dice.one_of(&["GET", "POST"]);
        match self.dice.below(8) {
            0..=2 => {
                let part = *self.dice.one_of(&PARTS);
                self.send("POST", &at, &json!({"pathPart": part}));
            }
            3 => self.delete(&at),
            4 => {
                let Some(parent) = self.one_listed(&resources, "id") else { return };
                self.patch(&at, "replace", "/parentId", &parent);
            }
            5 => self.delete(&format!("{at}/methods/{verb}")),
            _ => {
                let mut method = json!({"authorizationType": "NONE"});
                if let Some(id) = self.one_listed(&format!("{api}/authorizers"), "id") {
                    method = json!({"authorizationType": "CUSTOM", "authorizerId": id});
                }
                if let Some(id) = self.one_listed(&format!("{api}/requestvalidators"), "id") {
                    method["requestValidatorId"] = id.into();
                }
                if let Some(name) = self.one_listed(&format!("{api}/models"), "name") {
                    method["requestModels"] = json!({"application/json": name});
                }
                self.put_method(&at, verb, &method);
            }
        }
    }

    fn put_method(&mut self, resource: &str, verb: &str, method: &Value) {
        let at = format!("{resource}/methods/{verb}");
        self.send("PUT", &at, method);
        self.send("PUT", &format!("{at}/integration"), &json!({"type": "MOCK"}));
    }

    fn edit_stage(&mut self) {
        let api = format!("/restapis/{}", self.any(&self.known.apis));
        let name = *self.dice.one_of(&STAGES);
        let deployments = format!("{api}/deployments");
        match self.dice.below(9) {
            0..=2 => drop(self.send("POST", &deployments, &json!({"stageName": name}))),
            3 => drop(self.send("POST", &deployments, &json!({}))),
            4 => {
                let Some(deployment) = self.one_listed(&deployments, "id") else { return };
                let stage = json!({"stageName": name, "deploymentId": deployment});
                self.send("POST", &format!("{api}/stages"), &stage);
            }
            5 => {
                let Some(deployment) = self.one_listed(&deployments, "id") else { return };
                self.patch(&format!("{api}/stages/{name}"), "replace", "/deploymentId", &deployment);
            }
            6 => self.delete(&format!("{api}/stages/{name}")),
            _ => self.delete_one_of(&deployments, "id"),
        }
    }

    fn patch(&mut self, path: &str, op: &str, of: &str, value: &str) {
        self.send("PATCH", path, &json!({"patchOperations": [{"op": op, "path": of, "value": value}]}));
    }

    /// Deletes what is at a path; of most that is gone no more is asked then.
    fn delete(&mut self, path: &str) {
        let (status, _) = self.send("DELETE", path, &Value::Null);
        if let (202, Some((list, id))) = (status, path.rsplit_once('/'))
            && let Some(known) = self.known.in_list(list)
            && self.dice.below(4) > 0
        {
            let mut known = lock(known);
            let left = known.iter().filter(|known| *known != id).count();
            if left > 1 {
                known.retain(|known| known != id);
            }
        }
        if status == 409 || status == 503 {
            self.unfinished.push(path.to_owned());
        }
    }

    fn delete_one_of(&mut self, list: &str, member: &str) {
        if let Some(one) = self.one_listed(list, member) {
            self.delete(&format!("{list}/{one}"));
        }
    }

    /// What one item of a list is called; none where there is none, or no telling.
    fn one_listed(&mut self, list: &str, member: &str) -> Option<String> {
        let (_, listed) = self.send("GET", &format!("{list}?limit=500"), &Value::Null);
        let items = listed["item"].as_array().filter(|items| !items.is_empty())?;
        Some(text(&self.dice.one_of(items)[member]))
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.fleet.control(self.process, method, path, body);
        assert!(answer.status < 500 || answer.status == 503, "{method} {path} {body}: {answer}");
        if method != "GET" {
            self.count(answer.status);
        }
        (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
    }

    fn count(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    fn any(&mut self, of: &Mutex<Vec<String>>) -> String {
        let of = lock(of);
        self.dice.one_of(&of).clone()
    }
}

fn remember(of: &Mutex<Vec<String>>, (status, made): &(u16, Value)) {
    if *status == 201 {
        lock(of).push(text(&made["id"]));
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Usage plans and API keys made through the control plane's HTTP API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Stack;
use crate::rest_api::ControlPlane;

/// An API key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// Its value, which callers present.
    pub value: String,
}

impl ApiKey {
    /// A key of the next best value.
    ///
    /// # Panics
    /// When it is not made.
    #[must_use]
    pub fn create(stack: &impl ControlPlane, name: &str, enabled: bool) -> Self {
        let made = stack.made("POST", "/apikeys", &json!({"name": name, "enabled": enabled}));
        let text = |member: &str| made[member].as_str().expect("a new key is shown with its value").to_owned();
        Self { id: text("id"), value: text("value") }
    }
}

/// A usage plan of a stack.
#[derive(Debug)]
pub struct UsagePlan<'s, C = Stack> {
    /// Its id.
    pub id: String,
    stack: &'s C,
}

impl<'s, C: ControlPlane> UsagePlan<'s, C> {
    /// A plan over one stage, with these settings besides.
    ///
    /// # Panics
    /// When it is not made.
    #[must_use]
    pub fn create(stack: &'s C, name: &str, stages: &[(&str, &str)], mut settings: Value) -> Self {
        let stages: Vec<_> = stages.iter().map(|(api, stage)| json!({"apiId": api, "stage": stage})).collect();
        settings["name"] = name.into();
        settings["apiStages"] = stages.into();
        let made = stack.made("POST", "/usageplans", &settings);
        Self { id: made["id"].as_str().expect("a plan has an id").to_owned(), stack }
    }

    /// Puts a key into it.
    pub fn add(&self, key: &ApiKey) {
        let member = json!({"keyId": key.id, "keyType": "API_KEY"});
        self.stack.made("POST", &format!("/usageplans/{}/keys", self.id), &member);
    }

    /// A new key in it.
    #[must_use]
    pub fn key(&self, name: &str) -> ApiKey {
        let key = ApiKey::create(self.stack, name, true);
        self.add(&key);
        key
    }

    /// What `get-usage` tells that each key has used on a day, by key id; who
    /// has used nothing is left out.
    #[must_use]
    pub fn used(&self, day: &str) -> BTreeMap<String, i64> {
        self.used_between(day, day)
    }

    /// The same of several days together.
    #[must_use]
    pub fn used_between(&self, first: &str, last: &str) -> BTreeMap<String, i64> {
        let path = format!("/usageplans/{}/usage?startDate={first}&endDate={last}", self.id);
        let usage = self.stack.made("GET", &path, &Value::Null);
        let values = usage["values"].as_object().into_iter().flatten();
        let sum = |days: &Value| days.as_array().into_iter().flatten().filter_map(|day| day[0].as_i64()).sum::<i64>();
        values.map(|(key, days)| (key.clone(), sum(days))).filter(|used| used.1 > 0).collect()
    }
}

//! Usage plans, and which of their limits a request faces.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::admission::{Limits, MethodLimit};
use crate::id::RestApiId;
pub use crate::id::UsagePlanId;
use crate::quota::QuotaSettings;
use crate::throttle::{Gcra, ThrottleSettings};
use crate::time::Timestamp;

/// A usage plan: the stages it opens, and the limits of each of its keys there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsagePlan {
    /// The plan's id.
    pub id: UsagePlanId,
    /// Names need not be unique.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The AWS Marketplace product, an opaque label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_code: Option<String>,
    /// Per key, over all stages of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleSettings>,
    /// Per key, over all stages of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaSettings>,
    /// The stages whose methods the plan's keys open, first attached first.
    #[serde(default)]
    pub api_stages: Vec<ApiStage>,
    /// Resource tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When the plan was made.
    pub created_date: Timestamp,
    /// The next method throttle's slot; never one that was used before, so that
    /// no throttle inherits another's bucket.
    #[serde(default)]
    pub next_slot: u16,
    /// Which version of it this is: later ones are higher. 0 where none is kept.
    #[serde(skip)]
    pub version: u64,
}

/// A stage in a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiStage {
    /// The REST API.
    pub api_id: RestApiId,
    /// The stage's name.
    pub stage: String,
    /// Which stage of that name: one deleted and made again is another.
    pub stage_uid: String,
    /// Method throttles by `{resource path}/{VERB}`; the root's is `//GET`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle: BTreeMap<String, MethodThrottle>,
}

/// A throttle of one method for each key of a plan, besides the plan's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodThrottle {
    /// Rate and burst.
    #[serde(flatten)]
    pub settings: ThrottleSettings,
    /// Which of the meter's method buckets is this throttle's.
    pub slot: u16,
}

/// The tag of a plan that says how many tokens of a key's meter one write may take.
pub const LEASE_CAP_TAG: &str = "keyplan:leaseCap";

/// [`LEASE_CAP_TAG`] says no cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tag {LEASE_CAP_TAG} must be a whole number of at least 1")]
pub struct InvalidLeaseCap;

/// The cap that a plan's `tags` say in [`LEASE_CAP_TAG`], if they do.
///
/// # Errors
/// When the tag is no whole number of at least 1.
pub fn lease_cap(tags: &BTreeMap<String, String>) -> Result<Option<NonZeroU32>, InvalidLeaseCap> {
    tags.get(LEASE_CAP_TAG).map(|cap| cap.parse().map_err(|_| InvalidLeaseCap)).transpose()
}

impl UsagePlan {
    /// The most tokens of a key's meter that one write may take, if the plan
    /// says so in [`LEASE_CAP_TAG`].
    ///
    /// # Errors
    /// When the tag is no whole number of at least 1.
    pub fn lease_cap(&self) -> Result<Option<NonZeroU32>, InvalidLeaseCap> {
        lease_cap(&self.tags)
    }

    /// The plan's entry for a stage; one whose `uid` differs is another stage.
    #[must_use]
    pub fn api_stage(&self, api_id: &RestApiId, stage: &str, uid: &str) -> Option<&ApiStage> {
        self.api_stages.iter().find(|entry| entry.api_id == *api_id && entry.stage == stage && entry.stage_uid == uid)
    }

    /// The limits that a request to a method of `stage` faces. `verb` is the
    /// request's; a throttle set for `ANY` holds where none is set for it.
    #[must_use]
    pub fn limits(&self, stage: &ApiStage, resource_path: &str, verb: &str) -> Limits {
        let of = |verb: &str| stage.throttle.get(&format!("{resource_path}/{verb}"));
        // Most plans have none, and need not spell any.
        let method = if stage.throttle.is_empty() { None } else { of(verb).or_else(|| of("ANY")) };
        let gcra = |settings: ThrottleSettings| Gcra::from(settings).of_version(self.version);
        Limits {
            throttle: self.throttle.map(gcra),
            method: method.map(|throttle| MethodLimit { slot: throttle.slot, throttle: gcra(throttle.settings) }),
            quota: self.quota,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> UsagePlan {
        let settings = ThrottleSettings { burst_limit: 1, rate_limit: 1.0 };
        UsagePlan {
            id: UsagePlanId::new("abc123"),
            name: "basic".into(),
            description: None,
            product_code: None,
            throttle: None,
            quota: None,
            api_stages: vec![ApiStage {
                api_id: RestApiId::new("api"),
                stage: "prod".into(),
                stage_uid: "1".into(),
                throttle: BTreeMap::from([
                    ("//GET".to_owned(), MethodThrottle { settings, slot: 0 }),
                    ("/pets/ANY".to_owned(), MethodThrottle { settings, slot: 1 }),
                ]),
            }],
            tags: BTreeMap::new(),
            created_date: Timestamp::default(),
            next_slot: 2,
            version: 0,
        }
    }

    #[test]
    fn a_stage_made_again_under_the_same_name_is_not_in_the_plan() {
        let plan = plan();
        let api = RestApiId::new("api");
        assert!(plan.api_stage(&api, "prod", "1").is_some());
        assert!(plan.api_stage(&api, "prod", "2").is_none());
    }

    #[test]
    fn a_method_throttle_is_found_by_path_and_verb() {
        let plan = plan();
        let slot = |path, verb| plan.limits(&plan.api_stages[0], path, verb).method.map(|method| method.slot);
        assert_eq!(slot("/", "GET"), Some(0));
        assert_eq!(slot("/", "POST"), None);
        assert_eq!(slot("/pets", "DELETE"), Some(1));
    }
}

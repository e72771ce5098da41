//! Usage plans, their keys, and what the keys used.

use std::collections::BTreeMap;

use keyplan_domain::key::{ApiKey, KeyValue};
use keyplan_domain::plan::{ApiStage, UsagePlan};
use keyplan_domain::quota::QuotaSettings;
use keyplan_domain::throttle::ThrottleSettings;
use serde::{Deserialize, Serialize};

use crate::omission::{Shown, Tags, text};

/// The body of CreateUsagePlan.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateUsagePlanInput {
    /// Required.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The stages that the plan's keys open.
    pub api_stages: Option<Vec<ApiStageInput>>,
    /// Per key.
    pub throttle: Option<ThrottleInput>,
    /// Per key.
    pub quota: Option<QuotaInput>,
    /// Resource tags.
    pub tags: Option<Tags>,
}

/// A stage to put into a plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiStageInput {
    /// The API.
    pub api_id: Option<String>,
    /// Its stage.
    pub stage: Option<String>,
    /// Method throttles by `{path}/{VERB}`.
    pub throttle: Option<BTreeMap<String, ThrottleInput>>,
}

/// Rate and burst as they come; either may be absent.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrottleInput {
    /// Requests.
    pub burst_limit: Option<i64>,
    /// Requests per second.
    pub rate_limit: Option<f64>,
}

/// A quota as it comes; any part may be absent.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct QuotaInput {
    /// Requests in a period.
    pub limit: Option<i64>,
    /// Days.
    pub offset: Option<i64>,
    /// `DAY`, `WEEK` or `MONTH`.
    pub period: Option<String>,
}

/// The body of CreateUsagePlanKey.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateUsagePlanKeyInput {
    /// Required.
    pub key_id: Option<String>,
    /// Required: `API_KEY`.
    pub key_type: Option<String>,
}

/// `UsagePlan`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsagePlanAnswer<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    api_stages: Vec<ApiStageAnswer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle: Option<ThrottleSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a Tags>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiStageAnswer<'a> {
    api_id: &'a str,
    stage: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    throttle: BTreeMap<&'a str, ThrottleSettings>,
}

impl<'a> UsagePlanAnswer<'a> {
    /// The answer that shows `plan`.
    #[must_use]
    pub fn new(plan: &'a UsagePlan, shown: Shown) -> Self {
        Self {
            id: plan.id.as_str(),
            name: Some(plan.name.as_str()).filter(|name| !name.is_empty()),
            description: text(plan.description.as_ref()),
            api_stages: plan.api_stages.iter().map(ApiStageAnswer::new).collect(),
            throttle: plan.throttle,
            quota: plan.quota,
            product_code: text(plan.product_code.as_ref()),
            tags: shown.tags(&plan.tags),
        }
    }
}

impl<'a> ApiStageAnswer<'a> {
    fn new(stage: &'a ApiStage) -> Self {
        Self {
            api_id: stage.api_id.as_str(),
            stage: &stage.stage,
            throttle: stage.throttle.iter().map(|(method, throttle)| (method.as_str(), throttle.settings)).collect(),
        }
    }
}

/// `UsagePlanKey`: a key as a plan shows it, always with its value.
#[derive(Clone, Debug, Serialize)]
pub struct UsagePlanKeyAnswer<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    key_type: &'static str,
    value: &'a KeyValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// The only type of plan key there is.
pub const API_KEY: &str = "API_KEY";

impl<'a> UsagePlanKeyAnswer<'a> {
    /// The answer that shows `key` as one of a plan's.
    #[must_use]
    pub fn new(key: &'a ApiKey, value: &'a KeyValue) -> Self {
        Self { id: key.id.as_str(), key_type: API_KEY, value, name: text(key.name.as_ref()) }
    }
}

/// What remains, in the answers of a plan that has no quota.
pub const WITHOUT_QUOTA: i64 = -1;

/// `Usage`: for each key, one pair a day from `start_date` to `end_date`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageAnswer {
    /// The plan.
    pub usage_plan_id: String,
    /// `yyyy-MM-dd`.
    pub start_date: String,
    /// `yyyy-MM-dd`, inclusive.
    pub end_date: String,
    /// `[used that day, remaining at its end]` by key **id**.
    pub values: BTreeMap<String, Vec<[i64; 2]>>,
    /// Where the next page of keys begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

#[cfg(test)]
mod tests {
    use keyplan_domain::id::{ApiKeyId, RestApiId, UsagePlanId};
    use keyplan_domain::plan::MethodThrottle;
    use keyplan_domain::quota::QuotaPeriod;
    use keyplan_domain::time::Timestamp;
    use serde_json::json;

    use super::*;

    fn plan() -> UsagePlan {
        UsagePlan {
            id: UsagePlanId::new("abc123"),
            name: "n".into(),
            description: None,
            product_code: None,
            throttle: None,
            quota: None,
            api_stages: Vec::new(),
            tags: Tags::new(),
            created_date: Timestamp::from_seconds(1),
            next_slot: 0,
            version: 0,
        }
    }

    #[test]
    fn a_minimal_plan_is_shown_as_recorded() {
        assert_eq!(
            serde_json::to_value(UsagePlanAnswer::new(&plan(), Shown::CreatedOrListed)).unwrap(),
            json!({"apiStages": [], "id": "abc123", "name": "n"})
        );
        assert_eq!(
            serde_json::to_value(UsagePlanAnswer::new(&plan(), Shown::Alone)).unwrap(),
            json!({"apiStages": [], "id": "abc123", "name": "n", "tags": {}})
        );
    }

    #[test]
    fn a_full_plan_shows_nothing_of_ours() {
        let settings = ThrottleSettings { burst_limit: 1, rate_limit: 2.0 };
        let plan = UsagePlan {
            throttle: Some(settings),
            quota: Some(QuotaSettings { limit: 10, offset: 0, period: QuotaPeriod::Day }),
            api_stages: vec![ApiStage {
                api_id: RestApiId::new("x"),
                stage: "dev".into(),
                stage_uid: "uid".into(),
                throttle: BTreeMap::from([("//GET".to_owned(), MethodThrottle { settings, slot: 3 })]),
            }],
            tags: Tags::from([("tag_key".to_owned(), "tag_value".to_owned())]),
            ..plan()
        };
        insta::assert_json_snapshot!(UsagePlanAnswer::new(&plan, Shown::CreatedOrListed), @r#"
        {
          "id": "abc123",
          "name": "n",
          "apiStages": [
            {
              "apiId": "x",
              "stage": "dev",
              "throttle": {
                "//GET": {
                  "burstLimit": 1,
                  "rateLimit": 2.0
                }
              }
            }
          ],
          "throttle": {
            "burstLimit": 1,
            "rateLimit": 2.0
          },
          "quota": {
            "limit": 10,
            "offset": 0,
            "period": "DAY"
          },
          "tags": {
            "tag_key": "tag_value"
          }
        }
        "#);
    }

    #[test]
    fn a_plan_key_always_shows_its_value() {
        let key = ApiKey {
            id: ApiKeyId::new("abcdefghij"),
            name: Some("k".into()),
            description: None,
            customer_id: None,
            enabled: true,
            created_date: Timestamp::from_seconds(1),
            last_updated_date: Timestamp::from_seconds(1),
            tags: Tags::new(),
        };
        assert_eq!(
            serde_json::to_value(UsagePlanKeyAnswer::new(&key, &KeyValue::known("v".into()))).unwrap(),
            json!({"id": "abcdefghij", "name": "k", "type": "API_KEY", "value": "v"})
        );
    }
}

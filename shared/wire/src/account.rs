//! The account, and the tags of its resources.

use keyplan_domain::throttle::ThrottleSettings;
use serde::{Deserialize, Serialize};

use crate::omission::Tags;

/// `Account`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAnswer {
    throttle_settings: ThrottleSettings,
    features: [&'static str; 1],
    api_key_version: &'static str,
}

impl Default for AccountAnswer {
    /// A new account's, with API Gateway's regional limits.
    fn default() -> Self {
        Self {
            throttle_settings: ThrottleSettings { burst_limit: 5_000, rate_limit: 10_000.0 },
            features: ["UsagePlans"],
            api_key_version: "4",
        }
    }
}

/// `Tags`: the answer of GetTags.
#[derive(Clone, Debug, Serialize)]
pub struct TagsAnswer<'a> {
    /// `{}` when there are none.
    pub tags: &'a Tags,
}

/// The body of TagResource.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TagResourceInput {
    /// Required.
    pub tags: Option<Tags>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_is_shown_as_documented() {
        assert_eq!(
            serde_json::to_value(AccountAnswer::default()).unwrap(),
            json!({
                "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
                "features": ["UsagePlans"],
                "apiKeyVersion": "4",
            })
        );
    }
}

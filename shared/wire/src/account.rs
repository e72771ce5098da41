//! The account, and the tags of its resources.

use keyplan_domain::api::Account;
use keyplan_domain::throttle::ThrottleSettings;
use serde::{Deserialize, Serialize};

use crate::omission::Tags;

/// The feature that every account has.
pub const USAGE_PLANS: &str = "UsagePlans";

/// `Account`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cloudwatch_role_arn: Option<&'a str>,
    throttle_settings: ThrottleSettings,
    features: [&'static str; 1],
    api_key_version: &'static str,
}

impl<'a> AccountAnswer<'a> {
    /// Usage plans cannot be switched off, and keys are those of version 4.
    #[must_use]
    pub fn new(account: &'a Account) -> Self {
        Self {
            cloudwatch_role_arn: account.cloudwatch_role_arn.as_deref(),
            throttle_settings: account.throttle_settings(),
            features: [USAGE_PLANS],
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
            serde_json::to_value(AccountAnswer::new(&Account::default())).unwrap(),
            json!({
                "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
                "features": ["UsagePlans"],
                "apiKeyVersion": "4",
            })
        );
    }
}

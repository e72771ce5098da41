use serde::{Deserialize, Serialize};

use crate::throttle::ThrottleSettings;

/// What is set for the whole account, in one region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The role that API Gateway would write logs with: kept and shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudwatch_role_arn: Option<String>,
    /// The throttle that all requests of all APIs share; `None` where nobody has
    /// set one, and then there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleSettings>,
    /// Which version of it this is: later ones are higher. 0 where none is kept.
    #[serde(skip)]
    pub version: u64,
}

impl Account {
    /// What API Gateway gives an account in most regions (quota "Throttle quota
    /// per account, per Region across HTTP APIs, REST APIs, ...": 10,000
    /// requests a second, and 5,000 at once).
    pub const DEFAULT_THROTTLE: ThrottleSettings = ThrottleSettings { burst_limit: 5_000, rate_limit: 10_000.0 };

    /// What the account shows as its throttle: the one that is set, or
    /// [`Account::DEFAULT_THROTTLE`], which limits nothing.
    #[must_use]
    pub fn throttle_settings(&self) -> ThrottleSettings {
        self.throttle.unwrap_or(Self::DEFAULT_THROTTLE)
    }
}

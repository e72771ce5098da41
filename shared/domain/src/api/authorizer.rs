use serde::{Deserialize, Serialize};

/// How long an authorizer's answer is kept when its author said nothing.
pub const DEFAULT_AUTHORIZER_TTL_SECONDS: u32 = 300;

/// An authorizer of a REST API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorizer {
    /// Six characters.
    pub id: String,
    /// Unique within the API.
    pub name: String,
    /// What it is asked with.
    #[serde(rename = "type")]
    pub authorizer_type: AuthorizerType,
    /// `custom` for Lambda authorizers; shown, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,
    /// The user pools of a Cognito authorizer.
    #[serde(rename = "providerARNs", default, skip_serializing_if = "Vec::is_empty")]
    pub provider_arns: Vec<String>,
    /// The function, as an ARN of API Gateway's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    /// The role API Gateway would invoke it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_credentials: Option<String>,
    /// Where the caller's identity is: `method.request.header.Authorization`;
    /// for REQUEST a comma-separated list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_source: Option<String>,
    /// A regular expression that a TOKEN authorizer's token must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_validation_expression: Option<String>,
    /// Seconds an answer is kept, 0 to 3,600; `None` is the default, 300,
    /// which answers do not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_result_ttl_in_seconds: Option<u32>,
}

impl Authorizer {
    /// Seconds an answer of this authorizer is kept; 0 is not at all.
    #[must_use]
    pub fn ttl_seconds(&self) -> u32 {
        self.authorizer_result_ttl_in_seconds.unwrap_or(DEFAULT_AUTHORIZER_TTL_SECONDS)
    }
}

/// What a Lambda authorizer is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizerType {
    /// One token.
    Token,
    /// The request's parameters.
    Request,
    /// A token of Cognito's, which no function is asked about.
    CognitoUserPools,
}

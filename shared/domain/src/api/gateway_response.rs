use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An answer of the gateway's own, as customised for an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayResponse {
    /// What it is the answer to.
    pub response_type: GatewayResponseType,
    /// Three digits; `None` keeps the type's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// `gatewayresponse.header.x` by the expression it is filled from.
    #[serde(default)]
    pub response_parameters: BTreeMap<String, String>,
    /// Templates by content type.
    #[serde(default)]
    pub response_templates: BTreeMap<String, String>,
}

macro_rules! gateway_response_types {
    ($($variant:ident $name:literal $status:expr, $doc:literal;)*) => {
        /// The occasions on which the gateway answers by itself
        /// (developer guide, "Gateway response types").
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum GatewayResponseType {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl GatewayResponseType {
            /// All of them, in alphabetical order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The status when none is set; the two defaults have none.
            #[must_use]
            pub fn default_status(self) -> Option<u16> {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

gateway_response_types! {
    AccessDenied "ACCESS_DENIED" Some(403), "A policy denies, or none allows.";
    ApiConfigurationError "API_CONFIGURATION_ERROR" Some(500), "The method cannot be served as configured.";
    AuthorizerConfigurationError "AUTHORIZER_CONFIGURATION_ERROR" Some(500), "The authorizer could not be asked or failed.";
    AuthorizerFailure "AUTHORIZER_FAILURE" Some(500), "The authorizer failed to authenticate the caller.";
    BadRequestBody "BAD_REQUEST_BODY" Some(400), "The body does not fit its model.";
    BadRequestParameters "BAD_REQUEST_PARAMETERS" Some(400), "A required parameter is missing.";
    Default4xx "DEFAULT_4XX" None, "Stands in for every 4xx type that is not set.";
    Default5xx "DEFAULT_5XX" None, "Stands in for every 5xx type that is not set.";
    ExpiredToken "EXPIRED_TOKEN" Some(403), "AWS credentials that have expired.";
    IntegrationFailure "INTEGRATION_FAILURE" Some(504), "The integration failed.";
    IntegrationTimeout "INTEGRATION_TIMEOUT" Some(504), "The integration took too long.";
    InvalidApiKey "INVALID_API_KEY" Some(403), "The API key is missing or opens nothing here.";
    InvalidSignature "INVALID_SIGNATURE" Some(403), "An AWS signature that does not hold.";
    MissingAuthenticationToken "MISSING_AUTHENTICATION_TOKEN" Some(403), "No such route, or no AWS signature.";
    QuotaExceeded "QUOTA_EXCEEDED" Some(429), "The plan's quota is used up.";
    RequestTooLarge "REQUEST_TOO_LARGE" Some(413), "The request is too large.";
    ResourceNotFound "RESOURCE_NOT_FOUND" Some(404), "Not what an unknown route gets.";
    Throttled "THROTTLED" Some(429), "A throttle refuses.";
    Unauthorized "UNAUTHORIZED" Some(401), "The caller is not who it should be.";
    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" Some(415), "No template is for the body's type.";
    WafFiltered "WAF_FILTERED" Some(403), "A web application firewall refuses.";
}

impl GatewayResponseType {
    /// The type of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

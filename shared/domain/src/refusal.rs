//! Every way in which the gateway refuses a request.

use std::time::Duration;

use crate::admission::Denied;
use crate::time::Timestamp;

/// Why a request got no answer from its integration. What the caller sees is
/// API Gateway's wording and is chosen where answers are written; logs keep
/// the variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such API, or no such stage of it.
    StageUnknown,
    /// The API's default endpoint is switched off.
    EndpointDisabled,
    /// No resource and method match.
    RouteUnknown,
    /// The authorizer's identity source is missing, empty or does not match
    /// its validation expression: the authorizer was not asked.
    IdentityMissing,
    /// The authorizer answered with the error `Unauthorized`.
    Unauthorized,
    /// A statement of the authorizer's policy denies.
    ExplicitDeny,
    /// No statement of the authorizer's policy allows.
    ImplicitDeny,
    /// The authorizer could not be asked, failed, timed out or answered
    /// something that is no policy.
    AuthorizerFailed {
        /// What went wrong, for the log: nothing of the caller's in it.
        reason: &'static str,
    },
    /// The method requires a key and the API's key source gave none.
    KeyMissing,
    /// No key has this value.
    KeyUnknown {
        /// The value has the shape of a key's id, which callers mistake for it.
        looks_like_id: bool,
    },
    /// The key is disabled.
    KeyDisabled,
    /// None of the key's plans holds this stage.
    NoPlanForStage,
    /// The plan's throttle, or its method throttle; `wait` is `None` when
    /// waiting is in vain.
    Throttled {
        /// After how long the same request would conform.
        wait: Option<Duration>,
    },
    /// The stage's throttle of the method, over all callers; `wait` is `None`
    /// when waiting is in vain.
    StageThrottled {
        /// After how long the same request would conform.
        wait: Option<Duration>,
    },
    /// The account's throttle, over all callers of all APIs; `wait` is `None`
    /// when waiting is in vain.
    AccountThrottled {
        /// After how long the same request would conform.
        wait: Option<Duration>,
    },
    /// The plan's quota is used up until `resets`.
    QuotaSpent {
        /// The start of the next period.
        resets: Timestamp,
    },
    /// DynamoDB takes no more writes for the key's meter.
    MeterThrottled,
    /// Larger than a request may be.
    RequestTooLarge,
    /// The method ARN that an authorizer would be asked about is too long.
    UriTooLong,
    /// The integration has no template for the body's media type and passes
    /// none through.
    UnsupportedMediaType,
    /// The request is not one that can be read.
    BadRequest {
        /// What is wrong with it, for the log.
        reason: &'static str,
    },
    /// Parameters that the method requires are missing or blank.
    ParametersMissing {
        /// Their names, in order.
        names: Vec<String>,
    },
    /// The body is not what the method's model describes.
    BodyInvalid {
        /// What is wrong with it, for the caller: it repeats what the body holds.
        errors: String,
    },
    /// What the method is configured for is not supported.
    Unsupported {
        /// What is missing, for the log.
        what: &'static str,
    },
    /// The integration could not be asked: what it names does not exist or may
    /// not be invoked.
    IntegrationNotInvoked {
        /// What is wrong with it, for the log.
        reason: &'static str,
    },
    /// The integration failed or answered what it may not.
    IntegrationFailed {
        /// What went wrong, for the log.
        reason: &'static str,
    },
    /// The connection to the integration cannot be made, or broke.
    IntegrationUnreachable {
        /// What went wrong, for the log.
        reason: &'static str,
    },
    /// The integration took longer than its time-out.
    IntegrationTimedOut,
    /// A failure of our own.
    Internal {
        /// What failed, for the log.
        reason: &'static str,
    },
}

impl Refusal {
    /// The variant's name, as logs give it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::StageUnknown => "StageUnknown",
            Self::EndpointDisabled => "EndpointDisabled",
            Self::RouteUnknown => "RouteUnknown",
            Self::IdentityMissing => "IdentityMissing",
            Self::Unauthorized => "Unauthorized",
            Self::ExplicitDeny => "ExplicitDeny",
            Self::ImplicitDeny => "ImplicitDeny",
            Self::AuthorizerFailed { .. } => "AuthorizerFailed",
            Self::KeyMissing => "KeyMissing",
            Self::KeyUnknown { .. } => "KeyUnknown",
            Self::KeyDisabled => "KeyDisabled",
            Self::NoPlanForStage => "NoPlanForStage",
            Self::Throttled { .. } => "Throttled",
            Self::StageThrottled { .. } => "StageThrottled",
            Self::AccountThrottled { .. } => "AccountThrottled",
            Self::QuotaSpent { .. } => "QuotaSpent",
            Self::MeterThrottled => "MeterThrottled",
            Self::RequestTooLarge => "RequestTooLarge",
            Self::UriTooLong => "UriTooLong",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::BadRequest { .. } => "BadRequest",
            Self::ParametersMissing { .. } => "ParametersMissing",
            Self::BodyInvalid { .. } => "BodyInvalid",
            Self::Unsupported { .. } => "Unsupported",
            Self::IntegrationNotInvoked { .. } => "IntegrationNotInvoked",
            Self::IntegrationFailed { .. } => "IntegrationFailed",
            Self::IntegrationUnreachable { .. } => "IntegrationUnreachable",
            Self::IntegrationTimedOut => "IntegrationTimedOut",
            Self::Internal { .. } => "Internal",
        }
    }

    /// What an operator has to know besides the variant. Nothing of the
    /// caller's is in it.
    #[must_use]
    pub fn detail(&self) -> Option<&'static str> {
        match self {
            Self::KeyUnknown { looks_like_id: true } => {
                Some("what was presented has the shape of a key's id: its value is expected")
            }
            Self::AuthorizerFailed { reason }
            | Self::BadRequest { reason }
            | Self::IntegrationNotInvoked { reason }
            | Self::IntegrationFailed { reason }
            | Self::IntegrationUnreachable { reason }
            | Self::Internal { reason } => Some(reason),
            Self::Unsupported { what } => Some(what),
            _ => None,
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Throttled { wait } => Self::Throttled { wait },
            Denied::QuotaSpent { resets } => Self::QuotaSpent { resets },
        }
    }
}

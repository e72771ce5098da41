use http::StatusCode;
use keyplan_domain::api::GatewayResponseType;
use keyplan_domain::refusal::Refusal;

/// What API Gateway answers a refusal with where nothing is customised.
/// (Developer guide, "Gateway response types for API Gateway"; bodies and
/// error types as seen in real answers.)
pub(super) struct BuiltIn {
    pub(super) status: StatusCode,
    /// As which gateway response it can be customised; `None` where it cannot.
    pub(super) kind: Option<GatewayResponseType>,
    /// `$context.error.message`
    pub(super) message: Option<&'static str>,
    pub(super) body: &'static str,
    /// `x-amzn-ErrorType`
    pub(super) error_type: &'static str,
}

/// `member` of the body is `message` but for denied access, where it is
/// `Message`.
macro_rules! built_in {
    ($status:ident, $kind:expr, $member:literal: $message:literal, $error_type:literal) => {
        BuiltIn {
            status: StatusCode::$status,
            kind: $kind,
            message: Some($message),
            body: concat!("{\"", $member, "\":\"", $message, "\"}"),
            error_type: $error_type,
        }
    };
}

impl BuiltIn {
    pub(super) fn of(refusal: &Refusal) -> Self {
        use GatewayResponseType as Type;
        match refusal {
            Refusal::StageUnknown | Refusal::EndpointDisabled => {
                built_in!(FORBIDDEN, None, "message": "Forbidden", "ForbiddenException")
            }
            Refusal::RouteUnknown => built_in!(
                FORBIDDEN,
                Some(Type::MissingAuthenticationToken),
                "message": "Missing Authentication Token",
                "MissingAuthenticationTokenException"
            ),
            Refusal::IdentityMissing | Refusal::Unauthorized => {
                built_in!(UNAUTHORIZED, Some(Type::Unauthorized), "message": "Unauthorized", "UnauthorizedException")
            }
            Refusal::ExplicitDeny => built_in!(
                FORBIDDEN,
                Some(Type::AccessDenied),
                "Message": "User is not authorized to access this resource with an explicit deny in an identity-based policy",
                "AccessDeniedException"
            ),
            Refusal::ImplicitDeny => built_in!(
                FORBIDDEN,
                Some(Type::AccessDenied),
                "Message": "User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action",
                "AccessDeniedException"
            ),
            Refusal::AuthorizerFailed { .. } => Self {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                kind: Some(Type::AuthorizerConfigurationError),
                message: None,
                body: "{\"message\":null}",
                error_type: "AuthorizerConfigurationException",
            },
            Refusal::KeyMissing | Refusal::KeyUnknown { .. } | Refusal::KeyDisabled | Refusal::NoPlanForStage => {
                built_in!(FORBIDDEN, Some(Type::InvalidApiKey), "message": "Forbidden", "ForbiddenException")
            }
            Refusal::Throttled { .. }
            | Refusal::StageThrottled { .. }
            | Refusal::AccountThrottled { .. }
            | Refusal::MeterThrottled => built_in!(
                TOO_MANY_REQUESTS,
                Some(Type::Throttled),
                "message": "Too Many Requests",
                "TooManyRequestsException"
            ),
            Refusal::QuotaSpent { .. } => built_in!(
                TOO_MANY_REQUESTS,
                Some(Type::QuotaExceeded),
                "message": "Limit Exceeded",
                "LimitExceededException"
            ),
            // The one type that the guide says cannot be customised.
            Refusal::RequestTooLarge => built_in!(
                PAYLOAD_TOO_LARGE,
                None,
                "message": "Request Too Long",
                "RequestEntityTooLargeException"
            ),
            Refusal::UriTooLong => {
                built_in!(URI_TOO_LONG, None, "message": "Request URI too long", "RequestUriTooLongException")
            }
            Refusal::UnsupportedMediaType => built_in!(
                UNSUPPORTED_MEDIA_TYPE,
                Some(Type::UnsupportedMediaType),
                "message": "Unsupported Media Type",
                "UnsupportedMediaTypeException"
            ),
            Refusal::BadRequest { .. } => built_in!(
                BAD_REQUEST,
                Some(Type::BadRequestParameters),
                "message": "Bad Request",
                "BadRequestException"
            ),
            Refusal::Unsupported { .. } | Refusal::IntegrationNotInvoked { .. } => built_in!(
                INTERNAL_SERVER_ERROR,
                Some(Type::ApiConfigurationError),
                "message": "Internal server error",
                "InternalServerErrorException"
            ),
            Refusal::IntegrationFailed { .. } => built_in!(
                BAD_GATEWAY,
                Some(Type::IntegrationFailure),
                "message": "Internal server error",
                "InternalServerErrorException"
            ),
            Refusal::IntegrationUnreachable { .. } => built_in!(
                GATEWAY_TIMEOUT,
                Some(Type::IntegrationFailure),
                "message": "Network error communicating with endpoint",
                "InternalServerErrorException"
            ),
            Refusal::IntegrationTimedOut => built_in!(
                GATEWAY_TIMEOUT,
                Some(Type::IntegrationTimeout),
                "message": "Endpoint request timed out",
                "InternalServerErrorException"
            ),
            Refusal::Internal { .. } => built_in!(
                INTERNAL_SERVER_ERROR,
                Some(Type::Default5xx),
                "message": "Internal server error",
                "InternalServerErrorException"
            ),
        }
    }
}

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use keyplan_domain::api::GatewayResponseType;
use keyplan_domain::refusal::Refusal;
use serde_json::json;

/// What API Gateway answers a refusal with where nothing is customised.
/// (Developer guide, "Gateway response types for API Gateway"; bodies and
/// error types as seen in real answers.)
pub(super) struct BuiltIn<'r> {
    pub(super) status: StatusCode,
    /// As which gateway response it can be customised; `None` where it cannot.
    pub(super) kind: Option<GatewayResponseType>,
    /// `$context.error.message`
    pub(super) message: Option<Cow<'static, str>>,
    /// `$context.error.validationErrorString`
    pub(super) validation_errors: Option<&'r str>,
    pub(super) body: Bytes,
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
            message: Some(Cow::Borrowed($message)),
            validation_errors: None,
            body: Bytes::from_static(concat!("{\"", $member, "\":\"", $message, "\"}").as_bytes()),
            error_type: $error_type,
        }
    };
}

impl<'r> BuiltIn<'r> {
    pub(super) fn of(refusal: &'r Refusal) -> Self {
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
                validation_errors: None,
                body: Bytes::from_static(b"{\"message\":null}"),
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
            Refusal::ParametersMissing { names } => {
                let message = format!("Missing required request parameters: [{}]", names.join(", "));
                Self {
                    status: StatusCode::BAD_REQUEST,
                    kind: Some(Type::BadRequestParameters),
                    body: json!({"message": message}).to_string().into(),
                    message: Some(Cow::Owned(message)),
                    validation_errors: None,
                    error_type: "BadRequestException",
                }
            }
            Refusal::BodyInvalid { errors } => Self {
                validation_errors: Some(errors),
                ..built_in!(
                    BAD_REQUEST,
                    Some(Type::BadRequestBody),
                    "message": "Invalid request body",
                    "BadRequestException"
                )
            },
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

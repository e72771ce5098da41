use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// How the caller waits for the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvokeType {
    RequestResponse,
    Event,
    DryRun,
}

impl InvokeType {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "RequestResponse" => Some(Self::RequestResponse),
            "Event" => Some(Self::Event),
            "DryRun" => Some(Self::DryRun),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RequestResponse => "RequestResponse",
            Self::Event => "Event",
            Self::DryRun => "DryRun",
        }
    }
}

/// Why a function was not invoked, as Lambda words it (Lambda API reference,
/// "Invoke", "Errors").
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownOperation,
    FunctionName,
    FunctionNotFound {
        arn: String,
    },
    TwoQualifiers,
    InvocationType {
        value: String,
    },
    LogType {
        value: String,
    },
    EventCutShort,
    MalformedEvent {
        line: usize,
        column: usize,
    },
    TooLarge {
        bytes: usize,
        limit: usize,
        invoke_type: InvokeType,
    },
    /// The endpoint that other functions are invoked at did not answer.
    Unreachable,
}

impl Refusal {
    fn status_and_kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownOperation => (StatusCode::NOT_FOUND, "UnknownOperationException"),
            Self::FunctionNotFound { .. } => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::TwoQualifiers => (StatusCode::BAD_REQUEST, "InvalidParameterValueException"),
            Self::FunctionName | Self::InvocationType { .. } | Self::LogType { .. } => {
                (StatusCode::BAD_REQUEST, "ValidationException")
            }
            Self::EventCutShort | Self::MalformedEvent { .. } => {
                (StatusCode::BAD_REQUEST, "InvalidRequestContentException")
            }
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "ServiceException"),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::UnknownOperation => "The local stack has no operation of Lambda but Invoke.".to_owned(),
            Self::FunctionName => "1 validation error detected: Value at 'functionName' failed to satisfy constraint: \
                                   Member must be a function's name, its ARN or the part of it from the account on"
                .to_owned(),
            Self::FunctionNotFound { arn } => format!("Function not found: {arn}"),
            Self::TwoQualifiers => {
                "The derived qualifier from the function name does not match the specified qualifier.".to_owned()
            }
            Self::InvocationType { value } => not_in(value, "invocationType", "Event, RequestResponse, DryRun"),
            Self::LogType { value } => not_in(value, "logType", "None, Tail"),
            Self::EventCutShort => "Could not read the request body to its end".to_owned(),
            Self::MalformedEvent { line, column } => {
                format!("Could not parse request body into json: malformed at line {line}, column {column}")
            }
            Self::TooLarge { bytes, limit, invoke_type } => format!(
                "{bytes} byte payload is too large for the {} invocation type (limit {limit} bytes)",
                invoke_type.name()
            ),
            Self::Unreachable => "The address of --lambda-endpoint did not answer.".to_owned(),
        }
    }

    /// Lambda spells it in two ways.
    fn name_of_message(&self) -> &'static str {
        match self {
            Self::FunctionNotFound { .. } | Self::Unreachable => "Message",
            _ => "message",
        }
    }
}

fn not_in(value: &str, member: &str, allowed: &str) -> String {
    format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: \
         Member must satisfy enum value set: [{allowed}]"
    )
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind) = self.status_and_kind();
        let side = if status.is_server_error() { "Service" } else { "User" };
        let body = json!({ "Type": side, self.name_of_message(): self.message() });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(kind)),
        ];
        (status, headers, body.to_string()).into_response()
    }
}

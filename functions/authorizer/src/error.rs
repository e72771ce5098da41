use keyplan_domain::policy::InvalidPolicy;
use keyplan_domain::token::{TokenError, TokenId};
use keyplan_store::StoreError;
use lambda_runtime::Diagnostic;

use crate::event::EventError;

/// Why there is no answer. The message is what the caller of Lambda gets as
/// `errorMessage`: API Gateway turns exactly `Unauthorized` into a 401 and
/// whatever else into a 500.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizerError {
    /// No valid token was presented; the reason is for logs.
    #[error("Unauthorized")]
    Unauthorized(Rejection),
    /// The event is not one that API Gateway asks authorizers with.
    #[error("expected an authorizer event of API Gateway: {0}")]
    Event(#[from] EventError),
    /// The token could not be looked up.
    #[error("the token could not be looked up")]
    Store(#[from] StoreError),
    /// What the token may reach makes no policy.
    #[error("the scopes of the token make no policy")]
    Policy(#[from] InvalidPolicy),
    /// The answer could not be written.
    #[error("the answer could not be written")]
    Answer(#[source] serde_json::Error),
}

/// Why what was presented is no valid token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing was presented.
    #[error("no token was presented")]
    Missing,
    /// It cannot be a token, which was found out without any I/O.
    #[error(transparent)]
    Malformed(#[from] TokenError),
    /// It was never issued, or is revoked.
    #[error("the token was never issued or is revoked")]
    Unknown,
    /// Its time is over.
    #[error("the token {token_id} has expired")]
    Expired {
        /// Which token it is; no part of it.
        token_id: TokenId,
    },
}

impl AuthorizerError {
    /// The error's kind, as callers of Lambda get it in `errorType`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "Unauthorized",
            Self::Event(_) => "MalformedEvent",
            Self::Store(_) => "StoreFailure",
            Self::Policy(_) | Self::Answer(_) => "InternalFailure",
        }
    }
}

impl From<Rejection> for AuthorizerError {
    fn from(rejection: Rejection) -> Self {
        Self::Unauthorized(rejection)
    }
}

impl From<AuthorizerError> for Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        Self { error_type: error.kind().to_owned(), error_message: error.to_string() }
    }
}

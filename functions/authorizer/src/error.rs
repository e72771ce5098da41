use keyplan_domain::policy::InvalidPolicy;
use keyplan_domain::token::{TokenError, TokenId};
use keyplan_store::{FirstSightError, StoreError};
use lambda_runtime::Diagnostic;

use crate::event::EventError;
use crate::jwt::{JwtError, JwtRejection, KeysError};

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
    /// The keys of the token's issuer are not known.
    #[error("the keys of the token's issuer could not be fetched")]
    Keys(#[from] KeysError),
    /// The token's subject was to be given a key.
    #[error("the token's subject could not be given a key")]
    FirstSight(#[from] FirstSightError),
    /// So many subjects were given a key that this one must wait.
    #[error("too many subjects of the token's issuer were seen for the first time")]
    TooManyNewKeys,
    /// What the token may reach makes no policy.
    #[error("the scopes of the token make no policy")]
    Policy(#[from] InvalidPolicy),
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
    /// It is no valid JWT of any issuer that is trusted.
    #[error(transparent)]
    Jwt(#[from] JwtRejection),
    /// It is valid, and nobody has given its subject a key.
    #[error("the token's subject has no key")]
    NoKey,
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
            Self::Keys(_) => "IssuerFailure",
            Self::FirstSight(_) => "FirstSightFailure",
            Self::TooManyNewKeys => "TooManyNewKeys",
            Self::Policy(_) => "InternalFailure",
        }
    }
}

impl From<Rejection> for AuthorizerError {
    fn from(rejection: Rejection) -> Self {
        Self::Unauthorized(rejection)
    }
}

impl From<JwtError> for AuthorizerError {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::Rejected(rejection) => Self::Unauthorized(rejection.into()),
            JwtError::Keys(error) => Self::Keys(error),
        }
    }
}

impl From<AuthorizerError> for Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        Self { error_type: error.kind().to_owned(), error_message: error.to_string() }
    }
}

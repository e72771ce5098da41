//! Who sent a request: AWS Signature Version 4, verified by signing again and
//! comparing in constant time.
//!
//! Stock clients sign for `apigateway` in some region; whichever headers they
//! sign, `host` and `x-amz-date` must be among them. The path and the query
//! are those that were sent, before any decoding, and the body is hashed here,
//! whatever a header says of it. Time is the machine's own: a signature is
//! good for five minutes, and within them for as often as it is sent, which is
//! AWS's own exposure too.

mod authorization;
mod date;
mod gate;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::HeaderMap;
use keyplan_domain::time::Timestamp;
use keyplan_wire::error::ApiError;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::credentials::Credentials;
use authorization::Authorization;
use date::SigningDate;
pub use gate::{CandidatePath, Gate, MAX_BODY_BYTES, admit};

/// How far a signature's time may be from ours, either way.
pub const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

/// The service that stock clients of API Gateway's control plane sign for.
pub const SERVICE: &str = "apigateway";

const DATE: &str = "x-amz-date";
const SESSION_TOKEN: &str = "x-amz-security-token";

/// Verifies the signatures of requests to one service in one region; cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Verifier {
    credentials: Credentials,
    region: String,
    service: &'static str,
    /// What the requests of unknown ids are compared with, so that they take
    /// as long as others.
    dummy: SecretString,
}

/// What a good signature tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who signed.
    pub caller: AccessKeyId,
    /// Which of the request's paths was signed, by its place among them.
    pub path: usize,
}

/// The id of the credentials that a verified request was signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// The id, which is no secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The verb.
    pub method: &'a str,
    /// The path, percent-encoded; more than one where a front has decoded it,
    /// so that how it was sent can only be guessed.
    pub paths: &'a [String],
    /// What follows the question mark, percent-encoded; may be empty.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// Why a request is taken for nobody's. The texts are AWS's where it has one;
/// none repeats what the caller sent but its dates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature at all.
    #[error("Missing Authentication Token")]
    Missing,
    /// Something that is needed to verify it is missing.
    #[error("{0}")]
    Incomplete(String),
    /// In the query, for which there is no use here.
    #[error("Keyplan does not take presigned requests: send the signature in the Authorization header.")]
    Presigned,
    /// With a session token, which nothing here can have issued.
    #[error("Keyplan does not take temporary credentials: sign without a session token.")]
    TemporaryCredentials,
    /// For another service, region or day, or without a header that must be
    /// signed.
    #[error("{0}")]
    Scope(String),
    /// Too old.
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - 5 min.)")]
    Expired {
        /// When it was signed.
        signed: String,
        /// When it should have been at the earliest.
        earliest: String,
        /// When it arrived.
        now: String,
    },
    /// From the future.
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + 5 min.)")]
    NotYetCurrent {
        /// When it was signed.
        signed: String,
        /// When it should have been at the latest.
        latest: String,
        /// When it arrived.
        now: String,
    },
    /// By an id that nobody has.
    #[error("The security token included in the request is invalid.")]
    UnknownId,
    /// With another secret, or over another request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

impl From<SignatureError> for ApiError {
    fn from(error: SignatureError) -> Self {
        let kind = match error {
            SignatureError::Missing => "MissingAuthenticationTokenException",
            SignatureError::Incomplete(_) | SignatureError::Presigned => "IncompleteSignatureException",
            SignatureError::TemporaryCredentials | SignatureError::UnknownId => "UnrecognizedClientException",
            SignatureError::Scope(_)
            | SignatureError::Expired { .. }
            | SignatureError::NotYetCurrent { .. }
            | SignatureError::Mismatch => "InvalidSignatureException",
        };
        ApiError::forbidden(kind, error.to_string())
    }
}

impl Verifier {
    /// Verifies requests to `service`, such as `apigateway`, in `region`.
    #[must_use]
    pub fn new(credentials: Credentials, region: impl Into<String>, service: &'static str) -> Self {
        Self { credentials, region: region.into(), service, dummy: SecretString::from("no-one-has-this-secret") }
    }

    /// Who signed `request`, which arrived at `now`, and for which path.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, request: &SignedRequest<'_>, now: Timestamp) -> Result<Verified, SignatureError> {
        let authorization = Authorization::of(request.headers, request.query)?;
        if request.headers.contains_key(SESSION_TOKEN) {
            return Err(SignatureError::TemporaryCredentials);
        }
        let date = SigningDate::of(request.headers)?;
        authorization.check_scope(&date, &self.region, self.service)?;
        date.check_skew(now)?;

        let headers = authorization.signed_headers(request.headers)?;
        let known = self.credentials.secret(authorization.id);
        let secret = known.unwrap_or(&self.dummy);
        let mut signed = None;
        for (place, path) in request.paths.iter().enumerate() {
            let signature = self.sign(request, path, &headers, &date, secret);
            if signature.is_some_and(|signature| authorization.carries(&signature)) {
                signed = Some(place);
            }
        }
        match (known, signed) {
            (None, _) => Err(SignatureError::UnknownId),
            (Some(_), None) => Err(SignatureError::Mismatch),
            (Some(_), Some(path)) => Ok(Verified { caller: AccessKeyId(authorization.id.to_owned()), path }),
        }
    }

    /// The signature that `request` has if it was sent to `path` by the owner
    /// of `secret`; none when that is no path.
    fn sign(
        &self,
        request: &SignedRequest<'_>,
        path: &str,
        headers: &[(&str, &str)],
        date: &SigningDate<'_>,
        secret: &SecretString,
    ) -> Option<String> {
        if !path.starts_with('/') || path.contains(['?', '#']) {
            return None;
        }
        let uri = if request.query.is_empty() { path.to_owned() } else { format!("{path}?{}", request.query) };
        let body = SignableBody::Bytes(request.body);
        let signable = SignableRequest::new(request.method, uri, headers.iter().copied(), body).ok()?;

        let mut settings = SigningSettings::default();
        // Which headers are signed is the client's choice, already made.
        settings.excluded_headers = None;
        let identity =
            aws_credential_types::Credentials::new("", secret.expose_secret(), None, None, "keyplan-admin").into();
        let seconds = u64::try_from(date.time().as_seconds()).ok()?;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(settings)
            .build()
            .ok()?;
        Some(sign(signable, &params.into()).ok()?.into_parts().1)
    }
}

impl Authorization<'_> {
    fn carries(&self, signature: &str) -> bool {
        self.signature.as_bytes().ct_eq(signature.as_bytes()).into()
    }
}

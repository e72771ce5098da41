//! JSON Web Tokens of configured issuers (RFC 7519, with the practices of RFC
//! 8725): who a token is of, once all that its issuer's rules ask for holds.
//!
//! What costs nothing is looked at first, so that nobody who made up a token
//! has keys fetched or signatures checked for it: form, algorithm, issuer,
//! times, audience, claims. What has been verified is not verified again until
//! the token ends, or the keys that it was verified with are no longer believed
//! without looking again.

mod algorithm;
mod claims;
mod compact;
mod fetch;
mod jwk;
mod keys;
mod rules;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::subject::{Subject, SubjectHash};
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::Scope;
use keyplan_telemetry::Metrics;
use keyplan_wire::ContextValue;
use quick_cache::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use algorithm::Algorithm;
pub use fetch::FetchError;
pub use jwk::InvalidJwkSet;
pub use keys::KeysError;
pub use rules::{ClaimName, CreateKeys, InvalidIssuer, Issuer};

use compact::Compact;
use fetch::Fetcher;
use keys::IssuerKeys;

/// Verified tokens remembered.
const CACHE_CAPACITY: usize = 10_000;

/// What the authorizer itself says in `context`, and no claim may.
pub(crate) const OWN_CONTEXT: [&str; 5] = ["apiKeyId", "tokenId", "scopes", "issuer", "subject"];

/// Who a token is of, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) subject: Subject,
    /// Its own.
    pub(crate) hash: SubjectHash,
    pub(crate) principal_id: String,
    /// What it may reach; the whole stage, if its issuer does not say.
    pub(crate) scopes: Option<Vec<Scope>>,
    /// Where a key goes that is made for it; `None` where none is made.
    pub(crate) plan: Option<UsagePlanId>,
    /// What the backend is told.
    pub(crate) context: BTreeMap<String, ContextValue>,
    /// From when on it is refused, leeway included.
    expires: Timestamp,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JwtError {
    /// The token is not valid.
    #[error(transparent)]
    Rejected(#[from] JwtRejection),
    /// That could not be told.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// Why a token is not valid. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRejection {
    /// Longer than any request's headers.
    #[error("the token has more than {} bytes", compact::MAX_BYTES)]
    TooLong,
    /// Not three parts of base64url, the first two of them JSON objects.
    #[error("the token is no JWT")]
    Form,
    /// `none`, an HMAC, an unknown one, or one that its issuer does not use.
    #[error("the token is not signed with an algorithm that is allowed")]
    Algorithm,
    /// An extension that must be understood and is not.
    #[error("the token has a critical extension")]
    Critical,
    /// A `typ` that is not asked for.
    #[error("the token is of another type")]
    Type,
    /// Nobody who is believed, or nobody at all.
    #[error("the token is of an unknown issuer")]
    Issuer,
    /// A time that is missing or none.
    #[error("the token has no exp, or a malformed exp, nbf or iat")]
    Date,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// Meant for others.
    #[error("the token is for another audience")]
    Audience,
    /// A claim that is required is missing or says something else.
    #[error("the token lacks a required claim")]
    Claims,
    /// Nobody whom a key could be mapped to.
    #[error("the token names no subject")]
    Subject,
    /// A `kid` that its issuer does not have.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// Not what its issuer has signed.
    #[error("the token's signature is wrong")]
    Signature,
}

/// Verifies tokens of some issuers.
#[derive(Debug)]
pub(crate) struct JwtVerifier {
    issuers: Vec<(Issuer, IssuerKeys)>,
    fetcher: Fetcher,
    /// By their SHA-256.
    verified: Cache<[u8; 32], Verified>,
}

#[derive(Clone, Debug)]
struct Verified {
    identity: Arc<Identity>,
    until: Timestamp,
}

impl JwtVerifier {
    /// A verifier; nothing is fetched before the first token.
    ///
    /// # Errors
    /// When an issuer makes no sense.
    pub(crate) fn new(issuers: Vec<Issuer>) -> Result<Self, InvalidIssuer> {
        let mut known: Vec<(Issuer, IssuerKeys)> = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            issuer.check()?;
            if known.iter().any(|(other, _)| other.issuer == issuer.issuer) {
                return Err(InvalidIssuer::Twice(issuer.issuer));
            }
            let keys = IssuerKeys::of(&issuer)?;
            known.push((issuer, keys));
        }
        Ok(Self { issuers: known, fetcher: Fetcher::default(), verified: Cache::new(CACHE_CAPACITY) })
    }

    /// The same verifier, which counts in `metrics` how often it fetches keys.
    pub(crate) fn counting_in(mut self, metrics: &Metrics) -> Self {
        self.issuers.iter_mut().for_each(|(_, keys)| keys.metrics = metrics.clone());
        self
    }

    /// Whom the token is of.
    ///
    /// # Errors
    /// [`JwtError::Rejected`] where it is not valid, [`JwtError::Keys`] where
    /// its issuer's keys cannot be had.
    pub(crate) async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, JwtError> {
        // Not even a digest is made of it.
        if token.len() > compact::MAX_BYTES {
            return Err(JwtRejection::TooLong.into());
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        match self.verified.get(&hash) {
            Some(known) if now < known.until => Ok(known.identity),
            _ => {
                let verified = Box::pin(self.verify_anew(token, now)).await?;
                let identity = verified.identity.clone();
                self.verified.insert(hash, verified);
                Ok(identity)
            }
        }
    }

    /// Forgets which tokens are verified.
    pub(crate) fn drop_cache(&self) {
        self.verified.clear();
    }

    async fn verify_anew(&self, token: &str, now: Timestamp) -> Result<Verified, JwtError> {
        let token = Compact::parse(token)?;
        let issuer = token.claims.get("iss").and_then(Value::as_str);
        let issuer = self.issuers.iter().find(|(rules, _)| Some(rules.issuer.as_str()) == issuer);
        let (rules, keys) = issuer.ok_or(JwtRejection::Issuer)?;
        let identity = claims::identify(rules, &token.header, &token.claims, now)?;
        let believed = keys.for_token(&token.header, now, &self.fetcher).await?;
        let header = &token.header;
        let mut candidates = believed.keys.candidates(header.kid.as_deref(), header.algorithm);
        if !candidates.any(|key| header.algorithm.verifies(key, token.signed.as_bytes(), &token.signature)) {
            return Err(JwtRejection::Signature.into());
        }
        let until = identity.expires.min(believed.until);
        Ok(Verified { identity: Arc::new(identity), until })
    }
}

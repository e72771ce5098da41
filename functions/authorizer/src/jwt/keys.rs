//! The keys of one issuer, as they are known to this process: fetched when they
//! are first needed, again when they have aged or a token names an unknown
//! `kid`, though no more often than configured, and kept where that fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;
use keyplan_domain::time::Timestamp;
use keyplan_telemetry::{Counter, Metrics};
use serde::Deserialize;

use super::compact::Header;
use super::fetch::{self, FetchError, Fetcher};
use super::jwk::{InvalidJwkSet, JwkSet};
use super::rules::{InvalidIssuer, Issuer};
use super::{JwtError, JwtRejection};

/// How often the pause between failing attempts doubles.
const MAX_DOUBLINGS: u32 = 5;

/// The keys that may have signed a token, and how long they are believed.
#[derive(Debug)]
pub(super) struct Believed {
    pub(super) keys: Arc<JwkSet>,
    /// Not beyond this moment without looking again.
    pub(super) until: Timestamp,
}

/// Why the keys of an issuer are not known.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A document could not be fetched.
    #[error("{document} could not be fetched: {cause}")]
    Fetch {
        /// Which one.
        document: &'static str,
        /// Why.
        #[source]
        cause: FetchError,
    },
    /// What was fetched is no JWK Set.
    #[error(transparent)]
    Jwks(#[from] InvalidJwkSet),
    /// What was fetched is no configuration of this issuer.
    #[error("the discovery document is none of this issuer")]
    Discovery,
    /// The last attempt failed, and it is too early for another.
    #[error("the last attempt to fetch the keys failed")]
    Failed,
}

#[derive(Debug)]
pub(super) struct IssuerKeys {
    source: Source,
    max_age: Duration,
    cooldown: Duration,
    known: Mutex<Known>,
    /// Held by whoever fetches.
    fetching: tokio::sync::Mutex<()>,
    pub(super) metrics: Metrics,
}

#[derive(Debug)]
enum Source {
    /// They are given, for good.
    Given(Arc<JwkSet>),
    /// They are at this address.
    At(Uri),
    /// Where they are is told by the issuer's own configuration.
    Discovered {
        issuer: String,
        /// Where that is.
        configuration: Uri,
        /// What it told, until that leads to nothing.
        found: Mutex<Option<Uri>>,
    },
}

#[derive(Clone, Debug, Default)]
struct Known {
    keys: Option<Arc<JwkSet>>,
    /// When they came; `None` before anyone has asked for what came from a file.
    since: Option<Timestamp>,
    attempted: Option<Timestamp>,
    /// Attempts since, none of which brought any.
    failures: u32,
}

impl IssuerKeys {
    pub(super) fn of(rules: &Issuer) -> Result<Self, InvalidIssuer> {
        let invalid = |name| move |error: InvalidJwkSet| InvalidIssuer::Keys { name, cause: error.to_string() };
        let address = |text: &str, name| fetch::address(text).ok_or(InvalidIssuer::Address(name));
        let source = match (&rules.jwks, &rules.jwks_uri) {
            (Some(keys), _) => Source::Given(Arc::new(JwkSet::from_value(keys.clone()).map_err(invalid("jwks"))?)),
            (None, Some(uri)) => Source::At(address(uri, "jwksUri")?),
            (None, None) => {
                // OpenID Connect Discovery 1.0, 4: a slash at the end goes first.
                let issuer = rules.issuer.strip_suffix('/').unwrap_or(&rules.issuer);
                let configuration = format!("{issuer}/.well-known/openid-configuration");
                let configuration = address(&configuration, "issuer, where jwksUri is not set,")?;
                Source::Discovered { issuer: rules.issuer.clone(), configuration, found: Mutex::default() }
            }
        };
        let from_file = rules.jwks_file.as_ref().map(|path| {
            let read = std::fs::read(path);
            let read = read.map_err(|error| InvalidIssuer::Keys { name: "jwksFile", cause: error.to_string() })?;
            JwkSet::parse(&read).map(Arc::new).map_err(invalid("jwksFile"))
        });
        Ok(Self {
            source,
            max_age: Duration::from_secs(rules.jwks_max_age_seconds.into()),
            cooldown: Duration::from_secs(rules.jwks_cooldown_seconds.into()),
            known: Mutex::new(Known { keys: from_file.transpose()?, ..Known::default() }),
            fetching: tokio::sync::Mutex::default(),
            metrics: Metrics::default(),
        })
    }

    /// The keys among which that of a token must be, if it is valid.
    ///
    /// # Errors
    /// [`JwtRejection::UnknownKey`] where the issuer does not have it, and
    /// [`KeysError`] where that cannot be told.
    pub(super) async fn for_token(
        &self,
        header: &Header,
        now: Timestamp,
        fetcher: &Fetcher,
    ) -> Result<Believed, JwtError> {
        let has_key = |keys: &JwkSet| keys.candidates(header.kid.as_deref(), header.algorithm).next().is_some();
        if let Source::Given(keys) = &self.source {
            let until = Timestamp::from_nanos(i64::MAX);
            return if has_key(keys) { Ok(Believed { keys: keys.clone(), until }) } else { Err(unknown()) };
        }
        let known = self.known(now);
        let usable = known.keys.clone().filter(|keys| has_key(keys));
        if let Some(keys) = &usable
            && let Some(until) = known.since.map(|since| since.plus(self.max_age)).filter(|until| now < *until)
        {
            return Ok(Believed { keys: keys.clone(), until });
        }
        // Aged, not known, or without that key.
        let guard = match (&usable, self.fetching.try_lock()) {
            (_, Ok(guard)) => guard,
            // Somebody fetches them already: what is there will do meanwhile.
            (Some(keys), Err(_)) => return Ok(Believed { keys: keys.clone(), until: now }),
            (None, Err(_)) => self.fetching.lock().await,
        };
        let failure = self.renew(now, usable.is_some(), fetcher).await.err();
        drop(guard);
        let known = self.known(now);
        match known.keys.filter(|keys| has_key(keys)) {
            Some(keys) => {
                let until = known.since.map_or(now, |since| since.plus(self.max_age));
                Ok(Believed { keys, until })
            }
            None => Err(failure.map_or_else(unknown, JwtError::Keys)),
        }
    }

    /// Fetches the keys, unless somebody did so just now.
    async fn renew(&self, now: Timestamp, can_wait: bool, fetcher: &Fetcher) -> Result<(), KeysError> {
        {
            let mut known = self.lock();
            if known.attempted.is_some_and(|last| now.since(last) < self.pause(known.failures, can_wait)) {
                return if known.failures > 0 { Err(KeysError::Failed) } else { Ok(()) };
            }
            known.attempted = Some(now);
            // Should nobody live to see the end of this one, it was a failure.
            known.failures = known.failures.saturating_add(1);
        }
        self.metrics.count(Counter::JwksFetches);
        let fetched = self.fetch(fetcher).await;
        let mut known = self.lock();
        match fetched {
            Ok(keys) => {
                known.failures = 0;
                known.keys = Some(Arc::new(keys));
                known.since = Some(now);
                Ok(())
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, kept = known.keys.is_some(), "the keys of an issuer are not renewed");
                Err(error)
            }
        }
    }

    /// How long to leave an issuer alone. Whoever has keys that will do waits
    /// longer with each failure: every attempt keeps a caller waiting.
    fn pause(&self, failures: u32, can_wait: bool) -> Duration {
        if can_wait {
            let longer = self.cooldown.saturating_mul(1 << failures.saturating_sub(1).min(MAX_DOUBLINGS));
            longer.min(self.max_age.max(self.cooldown))
        } else {
            self.cooldown
        }
    }

    async fn fetch(&self, fetcher: &Fetcher) -> Result<JwkSet, KeysError> {
        let address = match &self.source {
            Source::Given(_) => return Err(KeysError::Failed),
            Source::At(address) => address.clone(),
            Source::Discovered { issuer, configuration, found } => {
                let told = found.lock().unwrap_or_else(PoisonError::into_inner).take();
                match told {
                    Some(address) => address,
                    None => discover(issuer, configuration, fetcher).await?,
                }
            }
        };
        let document = fetcher.get(&address).await;
        let document = document.map_err(|cause| KeysError::Fetch { document: "the JWK Set", cause })?;
        let keys = JwkSet::parse(&document)?;
        if let Source::Discovered { found, .. } = &self.source {
            *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        }
        Ok(keys)
    }

    /// What is known. What came from a file counts from the first look at it.
    fn known(&self, now: Timestamp) -> Known {
        let mut known = self.lock();
        if known.keys.is_some() && known.since.is_none() {
            known.since = Some(now);
        }
        known.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> JwtError {
    JwtError::Rejected(JwtRejection::UnknownKey)
}

/// OpenID Connect Discovery 1.0, 3 and 4.3.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

async fn discover(issuer: &str, configuration: &Uri, fetcher: &Fetcher) -> Result<Uri, KeysError> {
    let document = fetcher.get(configuration).await;
    let document = document.map_err(|cause| KeysError::Fetch { document: "the discovery document", cause })?;
    let told: Configuration = serde_json::from_slice(&document).map_err(|_| KeysError::Discovery)?;
    if told.issuer != issuer {
        return Err(KeysError::Discovery);
    }
    fetch::address(&told.jwks_uri).ok_or(KeysError::Discovery)
}

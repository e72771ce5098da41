//! `--demo`: an API for each key source, plans, keys, a token and a subject, under
//! fixed ids and values. What is there already stays as it is, so that a demo in a
//! file outlives the program; only what was used of the quotas is given back.

mod apis;
mod plans;

use std::fmt;

use keyplan_domain::arn::PARTITION;
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::time::Timestamp;
use keyplan_store::{Store, StoreError};

use crate::flags::Flags;

const HEADER_API: &str = "demoheader";
const TOKEN_API: &str = "demotokens";
const STAGE: &str = "prod";
const PATH_PART: &str = "hello";

/// The demo is made; these are commands that show it.
pub(crate) struct Demo;

/// Where the demo's functions pretend to be.
pub(crate) struct Place {
    region: String,
    account_id: String,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("{what} exists, but not as the demo's")]
    Taken { what: String },
    #[error("{what} cannot be made: {reason}")]
    Refused { what: String, reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DemoError {
    fn refused(what: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Refused { what: what.into(), reason: reason.to_string() }
    }
}

impl Place {
    pub(crate) fn of(flags: &Flags) -> Self {
        Self { region: flags.region.clone(), account_id: flags.account_id.clone() }
    }

    /// By which an API names a function.
    fn invocation_uri(&self, function: &str) -> String {
        let Self { region, account_id } = self;
        format!(
            "arn:{PARTITION}:apigateway:{region}:lambda:path/2015-03-31/functions/\
             arn:{PARTITION}:lambda:{region}:{account_id}:function:{function}/invocations"
        )
    }
}

/// Makes what is not there.
pub(crate) async fn make(store: &Store, place: &Place, now: Timestamp) -> Result<Demo, DemoError> {
    apis::make(store, &apis::header_sourced(now), now).await?;
    apis::make(store, &apis::authorizer_sourced(place, now), now).await?;
    for plan in plans::all(now) {
        let UsagePlan { id, quota, .. } = plans::make(store, &plan).await?;
        for key in plans::keys_of(&id) {
            plans::make_key(store, key, &id, now).await?;
            if let Some(quota) = quota {
                store.set_remaining(&id, &key.id(), quota, quota.limit, now).await?;
            }
        }
    }
    plans::make_token(store, now).await?;
    plans::make_subject(store, now).await?;
    Ok(Demo)
}

impl Demo {
    /// Commands for a shell, each with the status it prints: no key, a key, a
    /// token instead, and a key whose plan allows two calls.
    pub(crate) fn commands(&self, gateway: &str) -> Vec<String> {
        let key = |key: plans::Key| format!("-H 'x-api-key: {}' ", key.value);
        let token = format!("-H 'authorization: Bearer {}' ", plans::TOKEN);
        [
            (HEADER_API, String::new(), 403),
            (HEADER_API, key(plans::KEY), 200),
            (TOKEN_API, token, 200),
            (HEADER_API, key(plans::TRIAL_KEY), 200),
            (HEADER_API, key(plans::TRIAL_KEY), 200),
            (HEADER_API, key(plans::TRIAL_KEY), 429),
        ]
        .into_iter()
        .map(|(api, header, status)| {
            let url = format!("{gateway}/{api}/{STAGE}/{PATH_PART}");
            format!(r"curl -s -o /dev/null -w '%{{http_code}}\n' {header}{url} # {status}")
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;

//! Whether a request's limits admit it: those of its key's plan, and its
//! stage's throttle of the method and the account's, which keyless methods have
//! as well.
//!
//! A token of the account and one of the stage are taken first, in memory for
//! the most part, and the key's write comes last: if the plan refuses, the
//! tokens go back, and if the account or the stage does, nothing is written. So
//! no refusal spends anything, but that a token which goes back is lost if
//! nobody takes it before its lease is over: hence the account's first, which
//! most others can use. If the plan refuses as well, the answer is the plan's.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::admission::Limits;
use keyplan_domain::api::Account;
use keyplan_domain::key::KeyByValue;
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::throttle::Gcra;
use keyplan_store::clock::Clock;
use keyplan_store::{Debit, Exhausted, Metering, Scope, Store, StoreError, Token};
use keyplan_telemetry::{Counter, Metrics};

use crate::configuration::Configuration;
use crate::deployed::DeployedMethod;
use crate::exchange::Exchange;
use crate::key;
use crate::settings::Settings;

pub(crate) struct Admission {
    metering: Metering,
    /// Where a plan has none of its own.
    lease_cap: NonZeroU32,
    metrics: Metrics,
}

/// A key, and what limits it here.
struct Limited {
    key: Arc<KeyByValue>,
    plan: Arc<UsagePlan>,
    limits: Limits,
}

/// A throttle that callers share, and how it refuses after how long a wait.
struct SharedThrottle<'a> {
    scope: Scope<'a>,
    throttle: Gcra,
    refusal: fn(Option<Duration>) -> Refusal,
}

impl Admission {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, settings: &Settings) -> Self {
        let metrics = store.metrics().clone();
        let metering = Metering::new(store, clock, settings.cache_ttl, settings.on_failure);
        Self { metering, lease_cap: settings.lease_cap, metrics }
    }

    /// Forgets what was seen of keys' meters.
    pub(crate) fn forget(&self) {
        self.metering.forget();
    }

    /// Spends a token of every limit that the request faces, or of none.
    ///
    /// # Errors
    /// When the method requires a key and has none that opens it, a limit
    /// refuses, or the tables fail.
    pub(crate) async fn admit<'a>(
        &self,
        configuration: &Configuration,
        method: &'a DeployedMethod,
        exchange: &mut Exchange<'a>,
    ) -> Result<(), Refusal> {
        let now = exchange.received;
        let limited =
            async { if method.key_required { limited(configuration, exchange).await.map(Some) } else { Ok(None) } };
        let (limited, account) = match configuration.known_account(now) {
            Some(account) => (limited.await?, account),
            // One request in a cache's life reads both at once.
            None => {
                let (limited, account) = Box::pin(async { tokio::join!(limited, configuration.account(now)) }).await;
                (limited?, account?)
            }
        };
        let (of_account, of_stage) = (accounts_throttle(&account), stages_throttle(method, exchange));
        if let Some(limited) = limited.as_ref().filter(|_| of_account.is_some() || of_stage.is_some()) {
            self.refuse_known(limited, exchange).await?;
        }
        let of_account = self.take(of_account, limited.as_ref(), exchange).await?;
        let of_stage = self.take(of_stage, limited.as_ref(), exchange).await?;
        if let Some(limited) = &limited {
            self.spend(limited, exchange).await?;
        }
        for token in [of_account, of_stage].into_iter().flatten() {
            token.spend();
        }
        self.metrics.count(Counter::AdmittedRequests);
        Ok(())
    }

    /// Refuses what the plan is known to refuse: a key that is beyond its limits
    /// shall not use up tokens of others by leasing them.
    async fn refuse_known(&self, limited: &Limited, exchange: &mut Exchange<'_>) -> Result<(), Refusal> {
        let Limited { key, plan, limits } = limited;
        let known = self.metering.still_refused(&plan.id, &key.key_id, limits).await.map_err(|error| failed(&error))?;
        match known {
            Some(refused) => {
                exchange.meter = Some(refused.reading);
                Err(refused.denied.into())
            }
            None => Ok(()),
        }
    }

    /// Takes a token that callers share. One that is dropped goes back.
    async fn take(
        &self,
        shared: Option<SharedThrottle<'_>>,
        limited: Option<&Limited>,
        exchange: &mut Exchange<'_>,
    ) -> Result<Option<Token>, Refusal> {
        let Some(SharedThrottle { scope, throttle, refusal }) = shared else { return Ok(None) };
        let Exhausted { wait } = match self.metering.take(&scope, throttle).await.map_err(|error| failed(&error))? {
            Ok(token) => return Ok(Some(token)),
            Err(exhausted) => exhausted,
        };
        let of_plan = match limited {
            Some(limited) => self.refused_as_well(limited, exchange).await?,
            None => None,
        };
        Err(of_plan.unwrap_or(refusal(wait)))
    }

    async fn spend(&self, limited: &Limited, exchange: &mut Exchange<'_>) -> Result<(), Refusal> {
        let Limited { key, plan, limits } = limited;
        let cap = plan.lease_cap().ok().flatten().unwrap_or(self.lease_cap);
        let spent = self.metering.spend(&plan.id, &key.key_id, limits, cap).await.map_err(|error| failed(&error))?;
        let (debit, reading, decided) = match spent {
            Ok(admitted) => (admitted.debit, admitted.reading, Ok(())),
            Err(refused) => (refused.debit, refused.reading, Err(refused.denied.into())),
        };
        if let Some(debit) = &debit {
            self.tell_of_quota(debit, limited, exchange);
        }
        exchange.meter = Some(reading);
        decided
    }

    /// The plan's refusal of a request that the stage refuses, if there is one.
    async fn refused_as_well(
        &self,
        limited: &Limited,
        exchange: &mut Exchange<'_>,
    ) -> Result<Option<Refusal>, Refusal> {
        let Limited { key, plan, limits } = limited;
        let standing = self.metering.standing(&plan.id, &key.key_id, limits).await.map_err(|error| failed(&error))?;
        exchange.meter = Some(standing.reading);
        Ok(standing.denied.map(Into::into))
    }

    /// One line of the log for each share of its quota that a key has just used
    /// up, which is counted as well.
    fn tell_of_quota(&self, debit: &Debit, limited: &Limited, exchange: &Exchange<'_>) {
        let Some(quota) = &debit.quota else { return };
        for percent in quota.passed_by(debit.tokens) {
            self.metrics.count(if percent < 100 { Counter::QuotasAt80Percent } else { Counter::QuotasSpent });
            tracing::info!(
                quota_percent = percent,
                key_id = limited.key.key_id.as_str(),
                plan_id = limited.plan.id.as_str(),
                limit = quota.limit,
                x_amzn_request_id = exchange.ids.request,
                "a share of a quota is used up"
            );
        }
    }
}

/// The stage's throttle of the method, where it has one.
fn stages_throttle<'a>(method: &'a DeployedMethod, exchange: &Exchange<'a>) -> Option<SharedThrottle<'a>> {
    let stage = &exchange.stage.stage;
    let throttled = stage.throttle(exchange.resource_path()?, &method.verb, exchange.verb())?;
    let scope = Scope::Method {
        api: &exchange.stage.deployment.id,
        stage: &stage.stage_name,
        stage_uid: &stage.uid,
        resource: &method.resource_id,
        verb: throttled.verb,
    };
    let refusal = |wait| Refusal::StageThrottled { wait };
    let throttle = Gcra::from(throttled.settings).of_version(stage.version);
    Some(SharedThrottle { scope, throttle, refusal })
}

/// The account's throttle, where somebody has set one.
fn accounts_throttle(account: &Account) -> Option<SharedThrottle<'static>> {
    let refusal = |wait| Refusal::AccountThrottled { wait };
    let throttle = Gcra::from(account.throttle?).of_version(account.version);
    Some(SharedThrottle { scope: Scope::Account, throttle, refusal })
}

/// Finds the key that a request presents, and the plan that lets it in.
async fn limited(configuration: &Configuration, exchange: &mut Exchange<'_>) -> Result<Limited, Refusal> {
    let now = exchange.received;
    let key = key::identify(configuration, exchange.presented_key(), now).await?;
    exchange.key = Some(key.clone());
    let plan = key::plan_of_stage(configuration, &key, exchange.stage, now).await?;
    exchange.plan = Some(plan.clone());
    let entry = key::entry_of(&plan, exchange.stage).ok_or(Refusal::NoPlanForStage)?;
    let limits = plan.limits(entry, exchange.resource_path().unwrap_or_default(), exchange.verb());
    Ok(Limited { key, plan, limits })
}

fn failed(error: &StoreError) -> Refusal {
    if matches!(error, StoreError::Throttled { .. }) {
        return Refusal::MeterThrottled;
    }
    // That the table is out was told when it began.
    if !matches!(error, StoreError::Outage) {
        tracing::error!(%error, "the meter cannot be written");
    }
    Refusal::Internal { reason: "the meter cannot be written" }
}

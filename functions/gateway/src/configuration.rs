//! What the data plane reads of the configuration, and how long it keeps it.
//!
//! Stages, keys and plans are kept for a time; whether one does not exist is
//! kept as well. A compiled deployment is kept for the life of the process,
//! since a snapshot never changes. Authorising a key costs one read of the key
//! by its value and one of each plan and stage that is not kept; the account is
//! read at the same time.
//!
//! While the table fails, what was last read of a stage, key, plan or the account
//! stands in for it, for [`OUTLIVES`] at most; what is not known then is a
//! failure. Once the table is known to be out, no request waits for it.

use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::api::Account;
use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::key::{KeyByValue, KeyHash};
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::route::InvalidRoutes;
use keyplan_domain::time::Timestamp;
use keyplan_store::cache::{Lookups, TtlCache};
use keyplan_store::clock::Clock;
use keyplan_store::{Store, StoreError, TableWatch, WARM_UP};
use keyplan_telemetry::Counter;
use quick_cache::sync::Cache;

use crate::deployed::{DeployedApi, DeployedStage};
use crate::settings::Settings;

/// Stages kept at once; those that do not exist count too.
const STAGES: usize = 1_000;
/// Compiled deployments kept at once.
const DEPLOYMENTS: usize = 1_000;
/// Keys kept at once; values that are no key's count too.
const KEYS: usize = 100_000;
/// Plans kept at once.
const PLANS: usize = 10_000;

/// For how long what was read stands in for what cannot be read again. A key that
/// was disabled or deleted meanwhile goes on opening its stages as long, in
/// processes that had it cached. Most outages are shorter; whoever must shut a
/// key out sooner starts the processes anew.
const OUTLIVES: Duration = Duration::from_secs(60 * 60);
/// How long a read may take where something stands in for what it brings.
const PATIENCE_FOR_NEWS: Duration = Duration::from_secs(1);
/// How long a read may take otherwise, all tries together.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Configuration {
    store: Store,
    table: TableWatch,
    stages: TtlCache<StageName, Option<Arc<DeployedStage>>>,
    deployments: Cache<DeploymentName, Arc<DeployedApi>>,
    keys: TtlCache<KeyHash, Option<Arc<KeyByValue>>>,
    plans: TtlCache<UsagePlanId, Option<Arc<UsagePlan>>>,
    /// Always of something, so that it can stand in.
    account: TtlCache<(), Option<Arc<Account>>>,
}

/// An API and the name of a stage of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct StageName {
    pub(crate) api: RestApiId,
    pub(crate) stage: String,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct DeploymentName {
    api: RestApiId,
    deployment: String,
}

/// The configuration cannot be read; no request may pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stage's deployment has no snapshot")]
    NoSnapshot,
    #[error("the deployment's methods cannot be told apart")]
    Routes(#[from] InvalidRoutes),
}

impl From<ConfigurationError> for Refusal {
    fn from(error: ConfigurationError) -> Self {
        let detail = std::error::Error::source(&error).map(ToString::to_string);
        // That the table is out was told when it began.
        if !matches!(error, ConfigurationError::Store(StoreError::Outage)) {
            tracing::error!(%error, detail, "the configuration cannot be read");
        }
        Self::Internal { reason: "the configuration cannot be read" }
    }
}

impl ConfigurationError {
    /// Whether it says nothing of what was to be read.
    fn is_of_table(&self) -> bool {
        use StoreError::{Conflict, Outage, Throttled, Unavailable};
        matches!(self, Self::Store(Outage | Unavailable { .. } | Throttled { .. } | Conflict))
    }
}

impl Configuration {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, settings: &Settings) -> Self {
        let ttl = settings.cache_ttl;
        let lookups = Lookups {
            metrics: store.metrics().clone(),
            hits: Counter::ConfigurationCacheHits,
            misses: Counter::ConfigurationCacheMisses,
        };
        Self {
            table: TableWatch::of_config(store.clone(), clock),
            store,
            stages: TtlCache::new(STAGES, ttl).counting(lookups.clone()),
            deployments: Cache::new(DEPLOYMENTS),
            keys: TtlCache::new(KEYS, ttl).counting(lookups.clone()),
            plans: TtlCache::new(PLANS, ttl).counting(lookups),
            account: TtlCache::new(1, ttl),
        }
    }

    /// Reads what no request need bring: the account's settings and, if requests
    /// have a default target, its stage with what it serves. One after the other,
    /// as the first request does with what is left to read: one connection does
    /// for all, and a second would cost it a TLS handshake. A failure is for the
    /// first request to find out.
    pub(crate) async fn warm_up(&self, default_target: Option<&StageName>, now: Timestamp) {
        let reads = async {
            self.account(now).await?;
            if let Some(name) = default_target {
                self.stage(name, now).await?;
            }
            Ok::<_, ConfigurationError>(())
        };
        match tokio::time::timeout(WARM_UP, reads).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the configuration cannot be read yet"),
            Err(_) => tracing::warn!("DynamoDB does not answer yet"),
        }
    }

    /// A stage with what it serves.
    pub(crate) async fn stage(
        &self,
        name: &StageName,
        now: Timestamp,
    ) -> Result<Option<Arc<DeployedStage>>, ConfigurationError> {
        let read = |is_news| self.read_stage(name, is_news);
        self.stages.get_or_outdated(name, now, OUTLIVES, ConfigurationError::is_of_table, read).await
    }

    async fn read_stage(
        &self,
        name: &StageName,
        is_news: bool,
    ) -> Result<Option<Arc<DeployedStage>>, ConfigurationError> {
        let read = self.store.stage_to_cache(&name.api, &name.stage);
        let Some(stage) = self.ask(is_news, read).await? else {
            return Ok(None);
        };
        let key = DeploymentName { api: name.api.clone(), deployment: stage.deployment_id.clone() };
        let deployment = self.deployments.get_or_insert_async(&key, self.read_deployment(&key, is_news)).await?;
        Ok(Some(Arc::new(DeployedStage { stage, deployment })))
    }

    async fn read_deployment(
        &self,
        name: &DeploymentName,
        is_news: bool,
    ) -> Result<Arc<DeployedApi>, ConfigurationError> {
        let read = self.store.snapshot(&name.api, &name.deployment);
        let snapshot = self.ask(is_news, read).await?.ok_or(ConfigurationError::NoSnapshot)?;
        Ok(Arc::new(DeployedApi::compile(&name.deployment, snapshot)?))
    }

    /// The key that has a value.
    pub(crate) async fn key(&self, value: &str, now: Timestamp) -> Result<Option<Arc<KeyByValue>>, ConfigurationError> {
        let hash = &KeyHash::of(value);
        let read = |is_news| async move {
            let read = self.store.key_by_value(hash);
            Ok(self.ask(is_news, read).await?.map(Arc::new))
        };
        self.keys.get_or_outdated(hash, now, OUTLIVES, ConfigurationError::is_of_table, read).await
    }

    /// A plan.
    pub(crate) async fn plan(
        &self,
        id: &UsagePlanId,
        now: Timestamp,
    ) -> Result<Option<Arc<UsagePlan>>, ConfigurationError> {
        let read = |is_news| async move {
            let plan = self.ask(is_news, self.store.usage_plan_to_cache(id)).await?;
            if let Some(Err(error)) = plan.as_ref().map(UsagePlan::lease_cap) {
                tracing::warn!(%error, plan_id = id.as_str(), "a plan's tag is ignored");
            }
            Ok(plan.map(Arc::new))
        };
        self.plans.get_or_outdated(id, now, OUTLIVES, ConfigurationError::is_of_table, read).await
    }

    /// The account's settings, if they need not be read.
    pub(crate) fn known_account(&self, now: Timestamp) -> Option<Arc<Account>> {
        self.account.get(&(), now).flatten()
    }

    /// The account's settings.
    pub(crate) async fn account(&self, now: Timestamp) -> Result<Arc<Account>, ConfigurationError> {
        let read = |is_news| async move {
            let read = self.store.account_to_cache();
            Ok(Some(Arc::new(self.ask(is_news, read).await?)))
        };
        let account = self.account.get_or_outdated(&(), now, OUTLIVES, ConfigurationError::is_of_table, read).await?;
        Ok(account.unwrap_or_default())
    }

    /// Reads, unless the table is out. `is_news`: something stands in for it.
    async fn ask<T>(&self, is_news: bool, read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let patience = if is_news { PATIENCE_FOR_NEWS } else { PATIENCE };
        let read = async {
            tokio::time::timeout(patience, read).await.unwrap_or_else(|_| {
                let detail = format!("no answer within {} s", patience.as_secs());
                Err(StoreError::Unavailable { operation: "read configuration", detail })
            })
        };
        self.table.ask(read).await
    }

    /// Forgets stages, keys, plans and the account, so that the next request reads them.
    pub(crate) fn clear(&self) {
        self.stages.clear();
        self.keys.clear();
        self.plans.clear();
        self.account.clear();
    }
}

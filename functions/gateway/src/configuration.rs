//! What the data plane reads of the configuration, and how long it keeps it.
//!
//! Stages, keys and plans are kept for a time; whether one does not exist is
//! kept as well. A compiled deployment is kept for the life of the process,
//! since a snapshot never changes. Authorising a key costs one read of the key
//! by its value and one of each plan and stage that is not kept.

use std::sync::Arc;

use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::key::{KeyByValue, KeyHash};
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::route::InvalidRoutes;
use keyplan_domain::time::Timestamp;
use keyplan_store::cache::TtlCache;
use keyplan_store::{Store, StoreError};
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

pub(crate) struct Configuration {
    store: Store,
    stages: TtlCache<StageName, Option<Arc<DeployedStage>>>,
    deployments: Cache<DeploymentName, Arc<DeployedApi>>,
    keys: TtlCache<KeyHash, Option<Arc<KeyByValue>>>,
    plans: TtlCache<UsagePlanId, Option<Arc<UsagePlan>>>,
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
        tracing::error!(%error, detail, "the configuration cannot be read");
        Self::Internal { reason: "the configuration cannot be read" }
    }
}

impl Configuration {
    pub(crate) fn new(store: Store, settings: &Settings) -> Self {
        let ttl = settings.cache_ttl;
        Self {
            store,
            stages: TtlCache::new(STAGES, ttl),
            deployments: Cache::new(DEPLOYMENTS),
            keys: TtlCache::new(KEYS, ttl),
            plans: TtlCache::new(PLANS, ttl),
        }
    }

    /// A stage with what it serves.
    pub(crate) async fn stage(
        &self,
        name: &StageName,
        now: Timestamp,
    ) -> Result<Option<Arc<DeployedStage>>, ConfigurationError> {
        self.stages.get_or_load(name, now, || self.read_stage(name)).await
    }

    async fn read_stage(&self, name: &StageName) -> Result<Option<Arc<DeployedStage>>, ConfigurationError> {
        let Some(stage) = self.store.stage_to_cache(&name.api, &name.stage).await? else {
            return Ok(None);
        };
        let key = DeploymentName { api: name.api.clone(), deployment: stage.deployment_id.clone() };
        let deployment = self.deployments.get_or_insert_async(&key, self.read_deployment(&key)).await?;
        Ok(Some(Arc::new(DeployedStage { stage, deployment })))
    }

    async fn read_deployment(&self, name: &DeploymentName) -> Result<Arc<DeployedApi>, ConfigurationError> {
        let snapshot = self.store.snapshot(&name.api, &name.deployment).await?.ok_or(ConfigurationError::NoSnapshot)?;
        Ok(Arc::new(DeployedApi::compile(&name.deployment, snapshot)?))
    }

    /// The key that has a value.
    pub(crate) async fn key(&self, value: &str, now: Timestamp) -> Result<Option<Arc<KeyByValue>>, ConfigurationError> {
        let hash = KeyHash::of(value);
        let read = || async { Ok(self.store.key_by_value(&hash).await?.map(Arc::new)) };
        self.keys.get_or_load(&hash, now, read).await
    }

    /// A plan.
    pub(crate) async fn plan(
        &self,
        id: &UsagePlanId,
        now: Timestamp,
    ) -> Result<Option<Arc<UsagePlan>>, ConfigurationError> {
        let read = || async { Ok(self.store.usage_plan_to_cache(id).await?.map(Arc::new)) };
        self.plans.get_or_load(id, now, read).await
    }

    /// Forgets stages, keys and plans, so that the next request reads them.
    pub(crate) fn clear(&self) {
        self.stages.clear();
        self.keys.clear();
        self.plans.clear();
    }
}

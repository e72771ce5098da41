//! Usage plans and the stages in them.
//!
//! A key is never in two plans of one stage. Whoever adds a key to a plan does
//! so on condition that no plan of the key gets a stage meanwhile
//! (`stagesVersion`); whoever adds a stage to a plan, that no plan of the stage
//! gets a key meanwhile (`keysVersion`) and no other plan gets the stage (the
//! API's version).

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use keyplan_domain::id::RestApiId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::plan::{ApiStage, UsagePlan, UsagePlanId};

use crate::item::{Item, attribute};
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::{Expect, MAX_ITEMS, Transaction};
use crate::{Page, PageRequest, Store, StoreError};

/// A key that would be in two plans of one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInTwoPlans {
    /// The key.
    pub key_id: ApiKeyId,
    /// The plan that is to be changed.
    pub plan_id: UsagePlanId,
    /// The plan that has the key and the stage already.
    pub other_plan_id: UsagePlanId,
    /// The stage's API.
    pub api_id: RestApiId,
    /// The stage.
    pub stage: String,
}

impl fmt::Display for KeyInTwoPlans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key_id, plan_id, other_plan_id, api_id, stage } = self;
        write!(
            f,
            "API Key {key_id} cannot be in Usage Plan {plan_id}: it is in Usage Plan {other_plan_id}, \
             which has the API Stage {api_id}:{stage} too"
        )
    }
}

/// Why a plan was not written; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError<E> {
    /// There is no such plan.
    #[error("no such plan")]
    NotFound,
    /// A stage to be added does not exist.
    #[error("API Stage not found: {api_id}:{stage}")]
    StageNotFound {
        /// The stage's API.
        api_id: RestApiId,
        /// The stage.
        stage: String,
    },
    /// A key would be in two plans of a stage.
    #[error("{0}")]
    KeyInTwoPlans(Box<KeyInTwoPlans>),
    /// The edit itself refused.
    #[error("the edit was refused")]
    Rejected(E),
    /// The tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A plan as kept, with its counters.
#[derive(Debug)]
pub(crate) struct StoredPlan {
    pub(crate) plan: UsagePlan,
    pub(crate) version: u64,
    pub(crate) stages_version: u64,
    pub(crate) keys_version: u64,
}

impl StoredPlan {
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            plan: plan(item)?,
            version: item.version()?,
            stages_version: item.counter(attribute::STAGES_VERSION)?,
            keys_version: item.counter(attribute::KEYS_VERSION)?,
        })
    }

    fn item(&self) -> Result<Item, StoreError> {
        let place = list::place(self.plan.created_date, self.plan.id.as_str());
        Ok(Item::new(&keys::plan(&self.plan.id), &self.plan)?
            .listed(list::PLANS, place)
            .with_number(attribute::STAGES_VERSION, self.stages_version)
            .with_number(attribute::KEYS_VERSION, self.keys_version))
    }
}

/// The plan that an item keeps.
fn plan(item: &Item) -> Result<UsagePlan, StoreError> {
    Ok(UsagePlan { version: item.version()?, ..item.data()? })
}

impl Store {
    /// Makes a plan. Its stages' `stage_uid`s are found here.
    ///
    /// # Errors
    /// [`PlanError`]; nothing is kept then.
    pub async fn create_usage_plan(&self, plan: &UsagePlan) -> Result<UsagePlan, PlanError<std::convert::Infallible>> {
        until_decided!({
            let mut stored = StoredPlan { plan: plan.clone(), version: 0, stages_version: 0, keys_version: 0 };
            let mut transaction = self.transaction();
            let added = self.attach_stages(&mut transaction, &mut stored, &[]).await?;
            transaction.put(stored.item()?, Expect::Absent);
            let Some(()) = self.guard_stages(&mut transaction, &stored, &added).await? else {
                return Ok(Attempt::Again);
            };
            Ok(Attempt::of(transaction.commit().await, stored.plan)?)
        })
    }

    /// A plan by its id, read consistently.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn usage_plan(&self, id: &UsagePlanId) -> Result<Option<UsagePlan>, StoreError> {
        self.config_item(&keys::plan(id)).await?.as_ref().map(plan).transpose()
    }

    /// A plan by its id, for a cache: one read at half the price.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn usage_plan_to_cache(&self, id: &UsagePlanId) -> Result<Option<UsagePlan>, StoreError> {
        self.cacheable_item(&keys::plan(id)).await?.as_ref().map(plan).transpose()
    }

    /// A page of plans, newest first.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn usage_plans(&self, request: &PageRequest) -> Result<Page<UsagePlan>, StoreError> {
        self.page(list::PLANS, request, |id| keys::plan(&UsagePlanId::new(id)), Item::data).await
    }

    /// The plans that a key is in, first attached first; none for an unknown key.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn usage_plans_of_key(&self, id: &ApiKeyId) -> Result<Vec<UsagePlan>, StoreError> {
        let mut plans = Vec::new();
        for plan in self.plans_of_key(id).await?.unwrap_or_default() {
            plans.extend(self.usage_plan(&plan).await?);
        }
        Ok(plans)
    }

    /// Edits a plan. Stages that `edit` adds may have any `stage_uid`: the right
    /// one is found here. It may be called more than once, when others write too.
    ///
    /// # Errors
    /// [`PlanError`]; nothing has changed then.
    pub async fn update_usage_plan<E>(
        &self,
        id: &UsagePlanId,
        mut edit: impl FnMut(&mut UsagePlan) -> Result<(), E>,
    ) -> Result<UsagePlan, PlanError<E>> {
        until_decided!({
            let mut stored = self.stored_plan(id).await?.ok_or(PlanError::NotFound)?;
            let before = stored.plan.api_stages.clone();
            edit(&mut stored.plan).map_err(PlanError::Rejected)?;
            let mut transaction = self.transaction();
            let added = self.attach_stages(&mut transaction, &mut stored, &before).await?;
            self.detach_stages(&mut transaction, &stored.plan, &before).await?;
            if !same_stages(&before, &stored.plan.api_stages) {
                stored.stages_version += 1;
            }
            transaction.put(stored.item()?, Expect::Version(stored.version));
            let Some(()) = self.guard_stages(&mut transaction, &stored, &added).await? else {
                return Ok(Attempt::Again);
            };
            Ok(Attempt::of(transaction.commit().await, stored.plan)?)
        })
    }

    /// Deletes a plan: first the plan itself, so that it opens nothing, then its
    /// keys' entries. `refuse` may object to the plan as it is.
    ///
    /// # Errors
    /// [`PlanError`]; nothing has changed then, unless the table failed.
    pub async fn delete_usage_plan<E>(
        &self,
        id: &UsagePlanId,
        mut refuse: impl FnMut(&UsagePlan) -> Result<(), E>,
    ) -> Result<(), PlanError<E>> {
        until_decided!({
            let stored = self.stored_plan(id).await?.ok_or(PlanError::NotFound)?;
            refuse(&stored.plan).map_err(PlanError::Rejected)?;
            let mut transaction = self.transaction();
            let empty = UsagePlan { api_stages: Vec::new(), ..stored.plan.clone() };
            self.detach_stages(&mut transaction, &empty, &stored.plan.api_stages).await?;
            transaction.delete(&keys::plan(id), stored.version);
            Ok::<_, PlanError<E>>(Attempt::of(transaction.commit().await, ())?)
        })?;
        self.remove_keys_of_plan(id).await?;
        Ok(())
    }

    pub(crate) async fn stored_plan(&self, id: &UsagePlanId) -> Result<Option<StoredPlan>, StoreError> {
        self.config_item(&keys::plan(id)).await?.map(|item| StoredPlan::read(&item)).transpose()
    }

    /// Takes a stage that no longer is out of a plan, as part of a transaction
    /// that deletes the stage.
    pub(crate) fn put_plan_without_stage(
        &self,
        transaction: &mut Transaction<'_>,
        mut stored: StoredPlan,
        is_gone: impl Fn(&ApiStage) -> bool,
    ) -> Result<(), StoreError> {
        stored.plan.api_stages.retain(|entry| !is_gone(entry));
        stored.stages_version += 1;
        let version = stored.version;
        transaction.put(stored.item()?, Expect::Version(version));
        Ok(())
    }

    /// Finds the uids of the stages that are new, and writes that they are in
    /// the plan, on condition that each stage stays what it is.
    async fn attach_stages<E>(
        &self,
        transaction: &mut Transaction<'_>,
        stored: &mut StoredPlan,
        before: &[ApiStage],
    ) -> Result<Vec<AddedStage>, PlanError<E>> {
        let mut added = Vec::new();
        let plan_id = stored.plan.id.clone();
        for entry in &mut stored.plan.api_stages {
            if let Some(known) = before.iter().find(|known| is_same(known, entry)) {
                entry.stage_uid.clone_from(&known.stage_uid);
                continue;
            }
            let not_found = || PlanError::StageNotFound { api_id: entry.api_id.clone(), stage: entry.stage.clone() };
            let api = self.config_item(&keys::api(&entry.api_id)).await?.ok_or_else(not_found)?;
            let stage = self.stage(&entry.api_id, &entry.stage).await?.ok_or_else(not_found)?;
            entry.stage_uid = stage.uid;
            let stage_plan = Item::new(&keys::stage_plan(&entry.api_id, &entry.stage, &plan_id), &plan_id)?
                .with(attribute::VERSION, AttributeValue::N("1".into()));
            transaction.put_guarded(stage_plan);
            added.push(AddedStage {
                api_id: entry.api_id.clone(),
                stage: entry.stage.clone(),
                stage_uid: entry.stage_uid.clone(),
                api_version: api.version()?,
            });
        }
        Ok(added)
    }

    /// Writes that the stages which are in `before` only are not in the plan.
    async fn detach_stages(
        &self,
        transaction: &mut Transaction<'_>,
        plan: &UsagePlan,
        before: &[ApiStage],
    ) -> Result<(), StoreError> {
        for gone in before.iter().filter(|entry| !plan.api_stages.iter().any(|kept| is_same(kept, entry))) {
            transaction.delete_guarded(&keys::stage_plan(&gone.api_id, &gone.stage, &plan.id));
        }
        Ok(())
    }

    /// Makes a transaction that adds stages to a plan depend on everything that
    /// the rule about keys depends on. `None`: it would be too large a
    /// transaction, or what was read does not fit together any more.
    async fn guard_stages<E>(
        &self,
        transaction: &mut Transaction<'_>,
        stored: &StoredPlan,
        added: &[AddedStage],
    ) -> Result<Option<()>, PlanError<E>> {
        let mut apis: HashMap<&RestApiId, u64> = HashMap::new();
        let mut others: HashMap<UsagePlanId, u64> = HashMap::new();
        // Of a plan without keys none can be in another plan. One that gets a key
        // meanwhile is no longer at the version that it is put on condition of.
        let has_keys = stored.version > 0 && !added.is_empty() && self.has_keys(&stored.plan.id).await?;
        for new in added {
            if apis.insert(&new.api_id, new.api_version).is_some_and(|version| version != new.api_version) {
                return Ok(None);
            }
            if !has_keys {
                continue;
            }
            let prefix = keys::stage_plans(&new.stage);
            for item in self.partition(&keys::api_partition(&new.api_id), &prefix).await? {
                let other: UsagePlanId = item.data()?;
                if other == stored.plan.id {
                    continue;
                }
                let Some(other) = self.stored_plan(&other).await? else { continue };
                if other.plan.api_stage(&new.api_id, &new.stage, &new.stage_uid).is_none() {
                    continue;
                }
                if let Some(key_id) = self.common_key(&stored.plan.id, &other.plan.id).await? {
                    return Err(PlanError::KeyInTwoPlans(Box::new(KeyInTwoPlans {
                        key_id,
                        plan_id: stored.plan.id.clone(),
                        other_plan_id: other.plan.id,
                        api_id: new.api_id.clone(),
                        stage: new.stage.clone(),
                    })));
                }
                others.insert(other.plan.id, other.keys_version);
            }
        }
        for (api, version) in apis {
            transaction.raise(&keys::api(api), attribute::VERSION, attribute::VERSION, version);
        }
        for (plan, keys_version) in others {
            transaction.check(&keys::plan(&plan), attribute::KEYS_VERSION, keys_version);
        }
        if transaction.len() > MAX_ITEMS {
            return Err(StoreError::Conflict.into());
        }
        Ok(Some(()))
    }
}

/// A stage that a plan gets, as it was read.
#[derive(Debug)]
struct AddedStage {
    api_id: RestApiId,
    stage: String,
    stage_uid: String,
    api_version: u64,
}

fn is_same(a: &ApiStage, b: &ApiStage) -> bool {
    a.api_id == b.api_id && a.stage == b.stage
}

fn same_stages(a: &[ApiStage], b: &[ApiStage]) -> bool {
    a.len() == b.len() && a.iter().all(|entry| b.iter().any(|other| is_same(entry, other)))
}

//! Usage plans and the stages in them.
//!
//! A key is never in two plans of one stage. Whoever adds a key to a plan does so
//! on condition that no plan of the key gets a stage meanwhile (`stagesVersion`),
//! and raises the version of every plan of the key; one that is made in its only
//! plan can share no stage yet, and raises nothing. Whoever adds a stage to a plan
//! does so on condition of the plan's version, so that no key of it comes into any
//! other plan meanwhile, and of the API's, so that no other plan gets the stage.
//! Neither takes more items the more plans a stage has.
//!
//! That a stage is in a plan is written below its API too, where a stage's plans
//! are found. The plan decides: such an entry without the plan's own says nothing,
//! so that entries can be written before, or removed after, the one transaction
//! that changes a plan, where they are more than it has room for.
//!
//! A plan is deleted as `tombstone` says.

mod stages;

use std::fmt;

use keyplan_domain::id::RestApiId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::plan::{UsagePlan, UsagePlanId};

use crate::item::{Item, attribute};
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::Expect;
use crate::{Page, PageRequest, Store, StoreError};
use stages::{LINKS_AT_ONCE, gone_stages, link};

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
}

impl StoredPlan {
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            plan: plan(item)?,
            version: item.version()?,
            stages_version: item.counter(attribute::STAGES_VERSION)?,
        })
    }

    fn item(&self) -> Result<Item, StoreError> {
        let place = list::place(self.plan.created_date, self.plan.id.as_str());
        Ok(Item::new(&keys::plan(&self.plan.id), &self.plan)?
            .listed(list::PLANS, place)
            .with_number(attribute::STAGES_VERSION, self.stages_version))
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
            let mut stored = StoredPlan { plan: plan.clone(), version: 0, stages_version: 0 };
            let added = self.added_stages(&mut stored, &[]).await?;
            let mut transaction = self.transaction();
            transaction.put(stored.item()?, Expect::Absent);
            transaction.check_not_buried(keys::plan_partition(&plan.id));
            let Attempt::Done(()) = self.attach_stages(&mut transaction, &stored.plan.id, added).await? else {
                return Ok(Attempt::Again);
            };
            let made = Attempt::of(transaction.commit().await, stored.plan)?;
            if let Attempt::Again = made {
                // Of a plan of this id whose deletion was cut off.
                self.remove_remains_of_plan(&plan.id).await?;
            }
            Ok(made)
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
            let added = self.added_stages(&mut stored, &before).await?;
            self.check_keys(&stored, &added).await?;
            let gone = gone_stages(&stored.plan, &before);
            if !(added.is_empty() && gone.is_empty()) {
                stored.stages_version += 1;
            }
            let mut transaction = self.transaction();
            transaction.put(stored.item()?, Expect::Version(stored.version));
            let (gone, gone_later) = gone.split_at(gone.len().min(LINKS_AT_ONCE));
            for gone in gone {
                transaction.delete_guarded(&link(gone, id));
            }
            let Attempt::Done(()) = self.attach_stages(&mut transaction, id, added).await? else {
                return Ok(Attempt::Again);
            };
            let written = Attempt::of(transaction.commit().await, ())?;
            if let Attempt::Done(()) = written {
                self.remove_links(&stored, gone_later).await;
            }
            Ok(written.with(stored.plan))
        })
    }

    /// Deletes a plan: first the plan itself, so that it opens nothing, then its
    /// keys' entries. `refuse` may object to the plan as it is.
    ///
    /// # Errors
    /// [`PlanError`]; nothing has changed then, unless the table failed: to delete
    /// it again goes on.
    pub async fn delete_usage_plan<E>(
        &self,
        id: &UsagePlanId,
        mut refuse: impl FnMut(&UsagePlan) -> Result<(), E>,
    ) -> Result<(), PlanError<E>> {
        let buried = until_decided!({
            let Some(stored) = self.stored_plan(id).await? else {
                return Ok(Attempt::Done(false));
            };
            refuse(&stored.plan).map_err(PlanError::Rejected)?;
            let mut transaction = self.transaction();
            transaction.bury(&keys::plan(id), stored.version);
            for stage in stored.plan.api_stages.iter().take(LINKS_AT_ONCE) {
                transaction.delete_guarded(&link(stage, id));
            }
            Ok::<_, PlanError<E>>(Attempt::of(transaction.commit().await, true)?)
        })?;
        // Somebody else may have removed the rest meanwhile.
        if self.remove_remains_of_plan(id).await? || buried { Ok(()) } else { Err(PlanError::NotFound) }
    }

    /// Removes what is left of a plan that is gone itself. False when nothing is.
    async fn remove_remains_of_plan(&self, id: &UsagePlanId) -> Result<bool, StoreError> {
        let partition = keys::plan_partition(id);
        if !self.is_buried(&partition).await? {
            return Ok(false);
        }
        self.remove_keys_of_plan(id).await?;
        self.clear_partition(&partition).await?;
        Ok(true)
    }

    pub(crate) async fn stored_plan(&self, id: &UsagePlanId) -> Result<Option<StoredPlan>, StoreError> {
        self.config_item(&keys::plan(id)).await?.map(|item| StoredPlan::read(&item)).transpose()
    }
}

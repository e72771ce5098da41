//! Usage plans and the stages in them.
//!
//! A key is never in two plans of one stage. Whoever adds a key to a plan does so
//! on condition that no plan of the key gets a stage meanwhile (`stagesVersion`),
//! and raises the version of every plan of the key. Whoever adds a stage to a plan
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

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use keyplan_domain::id::RestApiId;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::plan::{ApiStage, UsagePlan, UsagePlanId};

use crate::item::{Item, attribute, number};
use crate::keys::{self, Key, list};
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

    /// The stages that a plan has and `before` has not, with their uids, which
    /// are set in the plan.
    async fn added_stages<E>(
        &self,
        stored: &mut StoredPlan,
        before: &[ApiStage],
    ) -> Result<Vec<AddedStage>, PlanError<E>> {
        let mut added = Vec::new();
        let mut apis: HashMap<RestApiId, u64> = HashMap::new();
        for entry in &mut stored.plan.api_stages {
            if let Some(known) = before.iter().find(|known| is_same(known, entry)) {
                entry.stage_uid.clone_from(&known.stage_uid);
                continue;
            }
            let not_found = || PlanError::StageNotFound { api_id: entry.api_id.clone(), stage: entry.stage.clone() };
            // Once for all stages of an API: it is what all of them are guarded by.
            let api_version = match apis.get(&entry.api_id) {
                Some(version) => *version,
                None => self.config_item(&keys::api(&entry.api_id)).await?.ok_or_else(not_found)?.version()?,
            };
            apis.insert(entry.api_id.clone(), api_version);
            let stage = self.stage(&entry.api_id, &entry.stage).await?.ok_or_else(not_found)?;
            entry.stage_uid = stage.uid;
            added.push(AddedStage { stage: entry.clone(), api_version });
        }
        Ok(added)
    }

    /// Refuses stages of which another plan has a key of this one.
    async fn check_keys<E>(&self, stored: &StoredPlan, added: &[AddedStage]) -> Result<(), PlanError<E>> {
        // A key that comes into this plan, or from it into another, changes the
        // version that the plan is put on condition of.
        if added.is_empty() || !self.has_keys(&stored.plan.id).await? {
            return Ok(());
        }
        for AddedStage { stage, .. } in added {
            let links = self.partition(&keys::api_partition(&stage.api_id), &keys::stage_plans(&stage.stage)).await?;
            let others = links.iter().map(|link| Ok(keys::plan(&link.data()?))).collect::<Result<Vec<_>, StoreError>>();
            for other in self.batch_get(&others?).await? {
                let other = plan(&other)?;
                let has_stage = other.api_stage(&stage.api_id, &stage.stage, &stage.stage_uid).is_some();
                if !has_stage || other.id == stored.plan.id {
                    continue;
                }
                if let Some(key_id) = self.common_key(&stored.plan.id, &other.id).await? {
                    return Err(PlanError::KeyInTwoPlans(Box::new(KeyInTwoPlans {
                        key_id,
                        plan_id: stored.plan.id.clone(),
                        other_plan_id: other.id,
                        api_id: stage.api_id.clone(),
                        stage: stage.stage.clone(),
                    })));
                }
            }
        }
        Ok(())
    }

    /// Writes that stages are in a plan, on condition that their APIs stay what
    /// they are. `Again`: one has not.
    async fn attach_stages(
        &self,
        transaction: &mut Transaction<'_>,
        plan: &UsagePlanId,
        added: Vec<AddedStage>,
    ) -> Result<Attempt<()>, StoreError> {
        let mut by_api: BTreeMap<RestApiId, (u64, Vec<Item>)> = BTreeMap::new();
        let ahead = added.len() > LINKS_AT_ONCE;
        for added in added {
            let link = Item::new(&link(&added.stage, plan), plan)?.with_number(attribute::VERSION, 1);
            by_api.entry(added.stage.api_id).or_insert((added.api_version, Vec::new())).1.push(link);
        }
        for (api, (mut version, mut links)) in by_api {
            while ahead && !links.is_empty() {
                let mut before = self.transaction();
                before.raise(&keys::api(&api), attribute::VERSION, version);
                for link in links.split_off(links.len().saturating_sub(MAX_ITEMS - 1)) {
                    before.put_guarded(link);
                }
                if let Attempt::Again = Attempt::of(before.commit().await, ())? {
                    return Ok(Attempt::Again);
                }
                version += 1;
            }
            transaction.raise(&keys::api(&api), attribute::VERSION, version);
            for link in links {
                transaction.put_guarded(link);
            }
        }
        if transaction.len() > MAX_ITEMS {
            // Stages of nearly a hundred APIs at once.
            return Err(StoreError::TooLarge);
        }
        Ok(Attempt::Done(()))
    }

    /// Removes that stages are in a plan, as long as the plan's stages are what
    /// they became; an entry that stays says nothing.
    async fn remove_links(&self, written: &StoredPlan, gone: &[ApiStage]) {
        let plan = &written.plan.id;
        for gone in gone.chunks(MAX_ITEMS - 1) {
            let mut transaction = self.transaction();
            transaction.check(&keys::plan(plan), attribute::STAGES_VERSION, number(written.stages_version));
            for stage in gone {
                transaction.delete_guarded(&link(stage, plan));
            }
            if let Err(error) = transaction.commit().await {
                tracing::warn!(?error, "entries of stages that left a plan are left");
            }
        }
    }
}

/// Entries below APIs that a plan's own transaction writes, and as many that it
/// deletes: with an item for each API there is room for both.
const LINKS_AT_ONCE: usize = 30;

/// A stage that a plan gets, with the version that its API was read at.
#[derive(Debug)]
struct AddedStage {
    stage: ApiStage,
    api_version: u64,
}

/// The key of the entry below an API that a stage is in `plan`.
fn link(stage: &ApiStage, plan: &UsagePlanId) -> Key {
    keys::stage_plan(&stage.api_id, &stage.stage, plan)
}

fn is_same(a: &ApiStage, b: &ApiStage) -> bool {
    a.api_id == b.api_id && a.stage == b.stage
}

/// The stages of `before` that a plan no longer has.
fn gone_stages(plan: &UsagePlan, before: &[ApiStage]) -> Vec<ApiStage> {
    before.iter().filter(|entry| !plan.api_stages.iter().any(|kept| is_same(kept, entry))).cloned().collect()
}

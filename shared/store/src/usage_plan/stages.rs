//! The stages that a plan gets and loses, and the entries below APIs that say so.

use std::collections::{BTreeMap, HashMap};

use keyplan_domain::id::RestApiId;
use keyplan_domain::plan::{ApiStage, UsagePlan, UsagePlanId};

use super::{KeyInTwoPlans, PlanError, StoredPlan, plan};
use crate::item::{Item, attribute, number};
use crate::keys::{self, Key};
use crate::race::Attempt;
use crate::transaction::{Expect, MAX_ITEMS, Transaction};
use crate::{Store, StoreError};

impl Store {
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
    pub(super) async fn added_stages<E>(
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
    pub(super) async fn check_keys<E>(&self, stored: &StoredPlan, added: &[AddedStage]) -> Result<(), PlanError<E>> {
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
    pub(super) async fn attach_stages(
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
    pub(super) async fn remove_links(&self, written: &StoredPlan, gone: &[ApiStage]) {
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
pub(super) const LINKS_AT_ONCE: usize = 30;

/// A stage that a plan gets, with the version that its API was read at.
#[derive(Debug)]
pub(super) struct AddedStage {
    stage: ApiStage,
    api_version: u64,
}

/// The key of the entry below an API that a stage is in `plan`.
pub(super) fn link(stage: &ApiStage, plan: &UsagePlanId) -> Key {
    keys::stage_plan(&stage.api_id, &stage.stage, plan)
}

fn is_same(a: &ApiStage, b: &ApiStage) -> bool {
    a.api_id == b.api_id && a.stage == b.stage
}

/// The stages of `before` that a plan no longer has.
pub(super) fn gone_stages(plan: &UsagePlan, before: &[ApiStage]) -> Vec<ApiStage> {
    before.iter().filter(|entry| !plan.api_stages.iter().any(|kept| is_same(kept, entry))).cloned().collect()
}

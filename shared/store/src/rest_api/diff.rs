//! Writing what an edit changed.

use std::collections::BTreeMap;

use keyplan_domain::api::RestApiDefinition;
use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::plan::ApiStage;
use serde::Serialize;

use super::{StoredApi, api_item};
use crate::item::{Item, attribute};
use crate::keys::{self, Key};
use crate::race::Attempt;
use crate::transaction::{Expect, MAX_ITEMS, Transaction};
use crate::{Store, StoreError};

/// The items in which two states of an API differ, the API's own left out.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    puts: Vec<Item>,
    deletes: Vec<Key>,
}

impl Changes {
    fn between(before: &RestApiDefinition, after: &RestApiDefinition) -> Result<Self, StoreError> {
        let api = &before.api.id;
        let mut changes = Self::default();
        changes.compare(&before.resources, &after.resources, |id| keys::resource(api, id))?;
        let none = BTreeMap::new();
        for resource in before.methods.keys().chain(after.methods.keys().filter(|id| !before.methods.contains_key(*id)))
        {
            let methods = |of: &'_ RestApiDefinition| of.methods.get(resource).cloned();
            let (old, new) = (methods(before), methods(after));
            changes.compare(old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none), |verb| {
                keys::method(api, resource, verb)
            })?;
        }
        changes.compare(&before.authorizers, &after.authorizers, |id| keys::authorizer(api, id))?;
        changes.compare(&before.models, &after.models, |name| keys::model(api, name))?;
        changes
            .compare(&before.request_validators, &after.request_validators, |id| keys::request_validator(api, id))?;
        changes.compare(&before.gateway_responses, &after.gateway_responses, |kind| {
            keys::gateway_response(api, kind.as_str())
        })?;
        changes.compare(&before.stages, &after.stages, |name| keys::stage(api, name))?;
        Ok(changes)
    }

    fn compare<K: Ord, T: Serialize + PartialEq>(
        &mut self,
        before: &BTreeMap<K, T>,
        after: &BTreeMap<K, T>,
        key: impl Fn(&K) -> Key,
    ) -> Result<(), StoreError> {
        for (id, value) in after {
            if before.get(id) != Some(value) {
                self.puts.push(Item::new(&key(id), value)?);
            }
        }
        self.deletes.extend(before.keys().filter(|id| !after.contains_key(*id)).map(key));
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
}

impl Store {
    /// Brings the table from `stored` to `after`, and puts `with` along, on
    /// condition of the API's version: one transaction, unless it is more than
    /// one can hold. Then what is new goes first and what is gone last, each
    /// transaction a state that an API can be in.
    pub(crate) async fn write_changes(
        &self,
        stored: &StoredApi,
        after: &RestApiDefinition,
        with: Vec<Item>,
    ) -> Result<Attempt<()>, StoreError> {
        let changes = Changes::between(&stored.definition, after)?;
        if changes.is_empty() && with.is_empty() && stored.definition.api == after.api {
            return Ok(Attempt::Done(()));
        }
        let mut version = stored.version;
        let mut transaction = self.start(after, &mut version)?;
        for item in with {
            transaction.put(item, Expect::Absent);
        }
        for (plan, stages) in stored.plans_of_gone_stages(after) {
            self.leave_plan(&mut transaction, &stored.definition.api.id, &plan, &stages).await?;
        }
        for item in changes.puts {
            if transaction.len() == MAX_ITEMS {
                let full = std::mem::replace(&mut transaction, self.start(after, &mut version)?);
                if let Attempt::Again = Attempt::of(full.commit().await, ())? {
                    return Ok(Attempt::Again);
                }
            }
            transaction.put_guarded(item.with_number(attribute::VERSION, version));
        }
        for key in changes.deletes {
            if transaction.len() == MAX_ITEMS {
                let full = std::mem::replace(&mut transaction, self.start(after, &mut version)?);
                if let Attempt::Again = Attempt::of(full.commit().await, ())? {
                    return Ok(Attempt::Again);
                }
            }
            transaction.delete_guarded(&key);
        }
        Attempt::of(transaction.commit().await, ())
    }

    /// A transaction that writes the API itself, on condition of `version`,
    /// which becomes the next.
    fn start(&self, after: &RestApiDefinition, version: &mut u64) -> Result<Transaction<'_>, StoreError> {
        let mut transaction = self.transaction();
        transaction.put(api_item(&after.api)?, Expect::Version(*version));
        *version += 1;
        Ok(transaction)
    }

    /// Takes stages that go out of a plan.
    async fn leave_plan(
        &self,
        transaction: &mut Transaction<'_>,
        api: &RestApiId,
        plan: &UsagePlanId,
        stages: &[String],
    ) -> Result<(), StoreError> {
        for stage in stages {
            transaction.delete_guarded(&keys::stage_plan(api, stage, plan));
        }
        if let Some(plan) = self.stored_plan(plan).await? {
            let is_gone = |entry: &ApiStage| entry.api_id == *api && stages.contains(&entry.stage);
            self.put_plan_without_stage(transaction, plan, is_gone)?;
        }
        Ok(())
    }
}

impl StoredApi {
    /// The plans that stages are in which `after` does not have, or has made anew.
    fn plans_of_gone_stages(&self, after: &RestApiDefinition) -> BTreeMap<UsagePlanId, Vec<String>> {
        let is_gone = |name: &String| {
            let uid = |of: &RestApiDefinition| of.stages.get(name).map(|stage| stage.uid.clone());
            uid(&self.definition) != uid(after)
        };
        let mut plans: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (stage, plan) in self.stage_plans.iter().filter(|(stage, _)| is_gone(stage)) {
            plans.entry(plan.clone()).or_default().push(stage.clone());
        }
        plans
    }
}

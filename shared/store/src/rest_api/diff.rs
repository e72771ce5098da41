//! Writing what an edit changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::api::RestApiDefinition;
use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::plan::ApiStage;
use serde::Serialize;

use super::contents::Contents;
use super::{Ahead, StoredApi, api_item};
use crate::item::{Item, attribute};
use crate::keys::{self, Key};
use crate::race::Attempt;
use crate::transaction::{Expect, MAX_ITEMS, Transaction};
use crate::{Store, StoreError};

/// The items in which two states of an API differ, the API's own left out.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(super) puts: Vec<Item>,
    pub(super) deletes: Vec<Key>,
}

impl Changes {
    /// Items that were not there.
    pub(super) fn new(puts: Vec<Item>) -> Self {
        Self { puts, deletes: Vec::new() }
    }

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

    fn len(&self) -> usize {
        self.puts.len() + self.deletes.len()
    }

    /// Those of stages, and the others.
    fn without_stages(self) -> (Self, Option<Self>) {
        let is_of_stage = |sk: &str| sk.starts_with(keys::STAGE);
        let is_put_of_stage = |item: &Item| item.text(attribute::SK).is_ok_and(is_of_stage);
        let (puts, other_puts) = self.puts.into_iter().partition(is_put_of_stage);
        let (deletes, other_deletes) = self.deletes.into_iter().partition(|key| is_of_stage(&key.sk));
        (Self { puts, deletes }, Some(Self { puts: other_puts, deletes: other_deletes }))
    }

    /// As items at `version` to put, and empty ones for those to delete.
    fn items(self, version: u64) -> Vec<Item> {
        let puts = self.puts.into_iter().map(|item| item.with_number(attribute::VERSION, version));
        puts.chain(self.deletes.iter().map(Item::empty)).collect()
    }
}

/// What a deployment publishes along with an edit.
#[derive(Debug)]
pub(crate) struct Published<'a> {
    /// The deployment's own item.
    pub(crate) deployment: Item,
    /// Its chunks.
    pub(crate) chunks: &'a Ahead,
}

/// Stages that one transaction takes out of plans, two items each at the most.
const LINKS_AT_ONCE: usize = 45;

impl Store {
    /// Brings the table from `stored` to `after`, and publishes `with` along, on
    /// condition of the API's version, in one transaction. Where that has no room,
    /// stages that go leave their plans first, a page at a time, each a state that
    /// an API can be in; and what is more than that goes as `large_edit` says.
    pub(crate) async fn write_changes(
        &self,
        stored: &StoredApi,
        after: RestApiDefinition,
        with: Option<Published<'_>>,
    ) -> Result<Attempt<()>, StoreError> {
        self.discard_left_over(stored).await;
        let before = stored.definition();
        let changes = Changes::between(before, &after)?;
        if changes.len() == 0 && with.is_none() && before.api == after.api {
            return Ok(Attempt::Done(()));
        }
        let id = &before.api.id;
        let mut leaving = self.plans_of_gone_stages(before, &after).await?;
        let mut version = stored.version;
        // The API's item, and a deployment's, with the record of its chunks.
        let room = MAX_ITEMS - 3;
        if changes.len() + 2 * leaving.len() > room {
            for page in leaving.chunks(LINKS_AT_ONCE) {
                let mut transaction = self.transaction();
                transaction.raise(&keys::api(id), attribute::VERSION, version);
                self.leave_plans(&mut transaction, id, page).await?;
                if let Attempt::Again = Attempt::of(transaction.commit().await, ())? {
                    return Ok(Attempt::Again);
                }
                version += 1;
            }
            if with.is_some() {
                // Its chunks were written ahead of another version.
                return Ok(Attempt::Again);
            }
            leaving.clear();
        }
        let mut transaction = self.transaction();
        let parts = stored.contents.parts.after(&changes, version + 1)?;
        let seal = parts.seal();
        let bytes = stored.contents.bytes + changes.puts.iter().map(Item::size).sum::<usize>();
        let mut api = api_item(&after.api)?.with_number(attribute::SEAL, seal);
        let (at_once, later) = if changes.len() <= room { (changes, None) } else { changes.without_stages() };
        let at_once = at_once.items(version + 1);
        if at_once.len() > room {
            return Err(StoreError::TooLarge);
        }
        let mut drafted = None;
        if let Some(later) = later {
            let Attempt::Done((edit, ahead)) = self.draft(id, version, later.items(version + 1)).await? else {
                return Ok(Attempt::Again);
            };
            ahead.publish(&mut transaction);
            api = api.with_text(attribute::EDIT, &edit);
            drafted = Some((edit, ahead));
        }
        transaction.put(api, Expect::Version(version));
        if let Some(with) = with {
            transaction.put(with.deployment, Expect::Absent);
            with.chunks.publish(&mut transaction);
        }
        for item in at_once {
            transaction.put_or_delete(item)?;
        }
        self.leave_plans(&mut transaction, id, &leaving).await?;
        let written = Attempt::of(transaction.commit().await, ())?;
        match (&written, drafted) {
            (Attempt::Again, None) => {}
            (Attempt::Done(()), None) => {
                let contents = Contents { definition: Arc::new(after), parts, seal: Some(seal), bytes };
                self.inner.latest.keep(&Arc::new(contents));
            }
            (Attempt::Again, Some((_, ahead))) => self.discard_if_possible(&ahead).await,
            (Attempt::Done(()), Some((edit, _))) => {
                // It is made, whatever becomes of this.
                if let Err(error) = self.carry_out(id, &edit).await {
                    tracing::warn!(%error, "an edit is left to be carried out by who reads the API next");
                }
            }
        }
        Ok(written)
    }

    /// Takes stages that go out of their plans.
    async fn leave_plans(
        &self,
        transaction: &mut Transaction<'_>,
        api: &RestApiId,
        leaving: &[(UsagePlanId, String)],
    ) -> Result<(), StoreError> {
        for of_plan in leaving.chunk_by(|(one, _), (other, _)| one == other) {
            for (plan, stage) in of_plan {
                transaction.delete_guarded(&keys::stage_plan(api, stage, plan));
            }
            let Some((plan, _)) = of_plan.first() else { continue };
            if let Some(plan) = self.stored_plan(plan).await? {
                let is_gone =
                    |entry: &ApiStage| entry.api_id == *api && of_plan.iter().any(|(_, stage)| *stage == entry.stage);
                self.put_plan_without_stage(transaction, plan, is_gone)?;
            }
        }
        Ok(())
    }

    /// The plans that stages are in which `after` does not have, or has made anew;
    /// those of one plan together.
    async fn plans_of_gone_stages(
        &self,
        before: &RestApiDefinition,
        after: &RestApiDefinition,
    ) -> Result<Vec<(UsagePlanId, String)>, StoreError> {
        let uid = |of: &RestApiDefinition, name: &str| of.stages.get(name).map(|stage| stage.uid.clone());
        let is_gone = |name: &str| uid(before, name) != uid(after, name);
        let mut plans = Vec::new();
        if before.stages.keys().any(|name| is_gone(name)) {
            // A plan that gets a stage after this raises the API's version.
            for link in self.partition(&keys::api_partition(&before.api.id), keys::STAGE_PLAN).await? {
                let sk = link.text(attribute::SK)?;
                let stage = sk.strip_prefix(keys::STAGE_PLAN).and_then(|rest| rest.split_once('#'));
                if let Some((stage, _)) = stage.filter(|(stage, _)| is_gone(stage)) {
                    plans.push((link.data()?, stage.to_owned()));
                }
            }
            plans.sort();
        }
        Ok(plans)
    }
}

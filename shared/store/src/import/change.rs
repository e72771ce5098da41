//! What is to be done for a row, decided upon what is there of its key and its
//! plans.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKey, ApiKeyId, ImportedKey, KeyByValue, MAX_PLANS_PER_KEY};
use keyplan_domain::time::Timestamp;

use super::ImportRefusal;
use crate::api_key::{StoredKey, StoredValue};
use crate::keys;
use crate::plan_key::shared_stage;
use crate::race::Attempt;
use crate::transaction::Expect;
use crate::usage_plan::StoredPlan;
use crate::{Store, StoreError, entropy};

/// What was found of the keys of some rows, by the partition of their values,
/// and of plans.
pub(super) struct Known {
    pub(super) keys: HashMap<String, (StoredKey, StoredValue)>,
    pub(super) plans: HashMap<UsagePlanId, StoredPlan>,
}

impl Known {
    fn key(&self, row: &ImportedKey) -> Option<&(StoredKey, StoredValue)> {
        self.keys.get(&keys::value(&row.value.hash()).pk)
    }

    /// The plans that the key of a row is in already.
    fn plans_of(&self, row: &ImportedKey) -> &[UsagePlanId] {
        self.key(row).map(|(_, value)| value.by_value.plan_ids.as_slice()).unwrap_or_default()
    }

    /// What is to be done for a row.
    pub(super) fn plan(&self, row: &ImportedKey) -> Result<Change<'_>, ImportRefusal> {
        let known = self.key(row);
        let id = known.map_or_else(entropy::api_key_id, |(key, _)| key.key.id.clone());
        let mut plan_ids = self.plans_of(row).to_vec();
        let mut added = Vec::new();
        if !row.usage_plan_ids.is_empty() {
            // One that is being deleted does not count.
            plan_ids.retain(|id| self.plans.contains_key(id));
        }
        for plan_id in &row.usage_plan_ids {
            if plan_ids.contains(plan_id) {
                continue;
            }
            let plan = self.plans.get(plan_id).ok_or_else(|| ImportRefusal::PlanNotFound(plan_id.clone()))?;
            if plan_ids.len() >= MAX_PLANS_PER_KEY {
                return Err(ImportRefusal::TooManyPlans);
            }
            let others = plan_ids.iter().filter_map(|other| self.plans.get(other));
            if let Some(shared) = others.filter_map(|other| shared_stage(&id, plan, other)).next() {
                return Err(ImportRefusal::KeyInTwoPlans(Box::new(shared)));
            }
            plan_ids.push(plan_id.clone());
            added.push(plan_id.clone());
        }
        Ok(Change { id, known, plan_ids, added })
    }
}

/// What is done for a row.
pub(super) struct Change<'a> {
    pub(super) id: ApiKeyId,
    pub(super) known: Option<&'a (StoredKey, StoredValue)>,
    pub(super) plan_ids: Vec<UsagePlanId>,
    pub(super) added: Vec<UsagePlanId>,
}

/// What must be where a key is written.
pub(super) struct Places {
    pub(super) key: Expect,
    pub(super) value: Expect,
}

impl Change<'_> {
    pub(super) fn after(&self, row: &ImportedKey, now: Timestamp) -> ApiKey {
        let before = self.known.map(|(key, _)| &key.key);
        ApiKey {
            id: self.id.clone(),
            name: row.name.clone(),
            description: row.description.clone(),
            customer_id: before.and_then(|before| before.customer_id.clone()),
            enabled: row.enabled,
            created_date: before.map_or(now, |before| before.created_date),
            last_updated_date: now,
            tags: before.map(|before| before.tags.clone()).unwrap_or_default(),
        }
    }

    pub(super) fn places(&self) -> Places {
        match self.known {
            None => Places { key: Expect::Absent, value: Expect::Absent },
            Some((key, value)) => Places { key: Expect::Version(key.version), value: Expect::Version(value.version) },
        }
    }

    /// Whether the item by which the key is found changes. It agrees with the key
    /// as of the version on which the key is written, which was read after it: so
    /// it is the key that tells whether it is enabled.
    pub(super) fn changes_value(&self, row: &ImportedKey) -> bool {
        !self.added.is_empty() || self.known.is_none_or(|(key, _)| key.key.enabled != row.enabled)
    }

    pub(super) fn by_value(&self, after: &ApiKey) -> KeyByValue {
        KeyByValue { key_id: self.id.clone(), enabled: after.enabled, plan_ids: self.plan_ids.clone() }
    }
}

/// What the stages of the plans of a transaction must still be: each plan of a key
/// that is put into one is raised, once, so that whoever gives it a stage reads its
/// keys again.
#[derive(Default)]
pub(super) struct PlanGuards {
    pub(super) raised: BTreeMap<UsagePlanId, u64>,
}

impl PlanGuards {
    pub(super) fn guard(&mut self, change: &Change<'_>, plans: &HashMap<UsagePlanId, StoredPlan>) {
        if change.added.is_empty() {
            return;
        }
        for id in &change.plan_ids {
            let Some(plan) = plans.get(id) else { continue };
            self.raised.insert(id.clone(), plan.stages_version);
        }
    }
}

impl Store {
    /// What is there of rows and of the plans that they are about.
    pub(super) async fn known(&self, rows: &[ImportedKey]) -> Result<Attempt<Known>, StoreError> {
        let at_value: Vec<_> = rows.iter().map(|row| keys::value(&row.value.hash())).collect();
        let mut values = HashMap::new();
        for item in self.batch_get(&at_value).await? {
            values.insert(item.key()?.pk, StoredValue::read(&item)?);
        }
        let at_key: Vec<_> = values.values().map(|value| keys::api_key(&value.by_value.key_id)).collect();
        let mut stored = HashMap::new();
        for item in self.batch_get(&at_key).await? {
            let key = StoredKey::read(&item)?;
            stored.insert(key.key.id.clone(), key);
        }
        let mut keys = HashMap::new();
        for (pk, value) in values {
            // A key and its value come and go together: it has gone in between.
            let Some(key) = stored.remove(&value.by_value.key_id) else {
                return Ok(Attempt::Again);
            };
            keys.insert(pk, (key, value));
        }
        let mut known = Known { keys, plans: HashMap::new() };
        let mut plan_ids = BTreeSet::new();
        for row in rows {
            if !row.usage_plan_ids.is_empty() {
                plan_ids.extend(known.plans_of(row).iter().chain(&row.usage_plan_ids).cloned());
            }
        }
        let at_plan: Vec<_> = plan_ids.iter().map(keys::plan).collect();
        for item in self.batch_get(&at_plan).await? {
            let plan = StoredPlan::read(&item)?;
            known.plans.insert(plan.plan.id.clone(), plan);
        }
        Ok(Attempt::Done(known))
    }
}

//! Which keys are in which plans.

use std::collections::HashMap;

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKey, ApiKeyId, KeyValue, MAX_PLANS_PER_KEY};
use keyplan_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::api_key::{keys_with_values, value_item};
use crate::item::{Item, attribute};
use crate::keys::{self, list};
use crate::page::{encode_position, place_of};
use crate::race::{Attempt, until_decided};
use crate::transaction::{Expect, Lost};
use crate::usage_plan::StoredPlan;
use crate::{KeyInTwoPlans, Page, PageRequest, Store, StoreError};

/// What is kept of a key in a plan: nothing secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanKey {
    key_id: ApiKeyId,
    created_date: Timestamp,
}

/// Why a key was not added to a plan; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum PlanKeyError {
    /// There is no such plan.
    #[error("no such plan")]
    PlanNotFound,
    /// There is no such key.
    #[error("no such key")]
    KeyNotFound,
    /// The plan has the key already.
    #[error("the key is in the plan")]
    AlreadyInPlan,
    /// The key is in [`MAX_PLANS_PER_KEY`] plans.
    #[error("the key is in as many plans as it can be")]
    TooManyPlans,
    /// The key is in another plan of one of the plan's stages.
    #[error("{0}")]
    KeyInTwoPlans(Box<KeyInTwoPlans>),
    /// The tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Adds a key to a plan.
    ///
    /// # Errors
    /// [`PlanKeyError`]; nothing has changed then.
    pub async fn add_plan_key(
        &self,
        plan: &UsagePlanId,
        key: &ApiKeyId,
        now: Timestamp,
    ) -> Result<(ApiKey, KeyValue), PlanKeyError> {
        until_decided!({
            let stored_plan = self.stored_plan(plan).await?.ok_or(PlanKeyError::PlanNotFound)?;
            let stored_key = self.stored_key(key).await?.ok_or(PlanKeyError::KeyNotFound)?;
            let Some(mut at_value) = self.stored_value(&stored_key).await? else {
                return Ok(Attempt::Again);
            };
            let plan_ids = &mut at_value.by_value.plan_ids;
            if plan_ids.contains(plan) {
                return Err(PlanKeyError::AlreadyInPlan);
            }
            // One that is being deleted does not count.
            let mut others = Vec::new();
            for other in plan_ids.iter() {
                others.extend(self.stored_plan(other).await?);
            }
            plan_ids.retain(|id| others.iter().any(|other| other.plan.id == *id));
            if plan_ids.len() >= MAX_PLANS_PER_KEY {
                return Err(PlanKeyError::TooManyPlans);
            }
            if let Some(shared) = others.iter().find_map(|other| shared_stage(key, &stored_plan, other)) {
                return Err(PlanKeyError::KeyInTwoPlans(Box::new(shared)));
            }
            plan_ids.push(plan.clone());
            let mut transaction = self.transaction();
            transaction.put(plan_key_item(plan, key, now)?, Expect::Absent);
            transaction.put(value_item(&stored_key.value, &at_value.by_value)?, Expect::Version(at_value.version));
            // Raised, so that whoever gives one of them a stage reads its keys again.
            for each in others.iter().chain([&stored_plan]) {
                transaction.raise(&keys::plan(&each.plan.id), attribute::STAGES_VERSION, each.stages_version);
            }
            Ok(Attempt::of(transaction.commit().await, (stored_key.key, stored_key.value))?)
        })
    }

    /// A page of a plan's keys whose names begin with `name_prefix`, the last
    /// added first: one Query and one BatchGetItem.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn plan_keys(
        &self,
        plan: &UsagePlanId,
        request: &PageRequest,
        name_prefix: Option<&str>,
    ) -> Result<Page<(ApiKey, KeyValue)>, StoreError> {
        let key_of = |id: &str| keys::plan_key(plan, &ApiKeyId::new(id));
        let read_at_once = if name_prefix.is_some() { NAME_FILTER_READ } else { request.limit };
        let mut read = PageRequest { limit: read_at_once, position: request.position.clone() };
        let mut kept: Vec<(ApiKey, KeyValue)> = Vec::new();
        for _ in 0..NAME_FILTER_PAGES {
            let decode = |item: &Item| Ok((place_of(item)?, item.data::<PlanKey>()?.key_id));
            let page = self.page(&list::plan_keys(plan), &read, key_of, decode).await?;
            let ids: Vec<ApiKeyId> = page.items.iter().map(|(_, id)| id.clone()).collect();
            // A plan that is being deleted has keys still, which are in it no more.
            let Some(mut keys) = self.keys_in_plan(plan, &ids).await? else {
                return Ok(Page { items: Vec::new(), position: None });
            };
            for (place, id) in &page.items {
                let is_wanted = |(key, _): &(ApiKey, KeyValue)| {
                    name_prefix.is_none_or(|prefix| key.name.as_deref().unwrap_or_default().starts_with(prefix))
                };
                let Some(key) = keys.remove(id).filter(is_wanted) else { continue };
                if kept.len() == request.limit {
                    return Ok(Page { items: kept, position: read.position });
                }
                kept.push(key);
                read.position = Some(encode_position(place));
            }
            read.position = page.position;
            if read.position.is_none() || name_prefix.is_none() {
                break;
            }
        }
        Ok(Page { items: kept, position: read.position })
    }

    /// A key, if the plan has it.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn plan_key(&self, plan: &UsagePlanId, key: &ApiKeyId) -> Result<Option<(ApiKey, KeyValue)>, StoreError> {
        if self.config_item(&keys::plan_key(plan, key)).await?.is_none() {
            return Ok(None);
        }
        Ok(self.keys_in_plan(plan, std::slice::from_ref(key)).await?.and_then(|mut keys| keys.remove(key)))
    }

    /// Keys with their values; `None` when the plan is not there. One request.
    async fn keys_in_plan(
        &self,
        plan: &UsagePlanId,
        ids: &[ApiKeyId],
    ) -> Result<Option<HashMap<ApiKeyId, (ApiKey, KeyValue)>>, StoreError> {
        if ids.is_empty() {
            return Ok(Some(HashMap::new()));
        }
        let plan = keys::plan(plan);
        let wanted: Vec<_> = ids.iter().map(keys::api_key).chain([plan.clone()]).collect();
        let mut items = self.batch_get(&wanted).await?;
        let Some(at) = items.iter().position(|item| item.key().is_ok_and(|key| key == plan)) else {
            return Ok(None);
        };
        items.swap_remove(at);
        keys_with_values(&items).map(Some)
    }

    /// Takes a key out of a plan. What it used is kept, so that adding it again
    /// is no reset. False when the plan does not have it.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn remove_plan_key(&self, plan: &UsagePlanId, key: &ApiKeyId) -> Result<bool, StoreError> {
        until_decided!({
            let at = keys::plan_key(plan, key);
            if self.config_item(&at).await?.is_none() {
                return Ok(Attempt::Done(false));
            }
            let mut transaction = self.transaction();
            let entry_delete = transaction.delete_existing(&at);
            if let Some(stored_key) = self.stored_key(key).await?
                && let Some(mut at_value) = self.stored_value(&stored_key).await?
            {
                at_value.by_value.plan_ids.retain(|id| id != plan);
                let item = value_item(&stored_key.value, &at_value.by_value)?;
                transaction.put(item, Expect::Version(at_value.version));
            }
            match transaction.commit().await {
                Err(Lost::Condition(write)) if write == entry_delete => Ok(Attempt::Done(false)),
                committed => Attempt::of(committed, true),
            }
        })
    }

    /// Takes all keys out of a plan that is gone.
    pub(crate) async fn remove_keys_of_plan(&self, plan: &UsagePlanId) -> Result<(), StoreError> {
        let pk = keys::plan_partition(plan);
        let mut start = None;
        loop {
            let page = self.partition_page(&pk, keys::PLAN_KEY, start).await?;
            let entries = page.items.iter().map(Item::data::<PlanKey>).collect::<Result<Vec<_>, _>>()?;
            for entries in entries.chunks(LEAVING_AT_ONCE) {
                let mut leaving = JoinSet::new();
                for entry in entries {
                    let (store, plan, key) = (self.clone(), plan.clone(), entry.key_id.clone());
                    leaving.spawn(async move { store.remove_plan_key(&plan, &key).await });
                }
                while let Some(left) = leaving.join_next().await {
                    left.map_err(|error| StoreError::Unavailable {
                        operation: "remove keys of a plan",
                        detail: error.to_string(),
                    })??;
                }
            }
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// Whether a plan has any key.
    pub(crate) async fn has_keys(&self, plan: &UsagePlanId) -> Result<bool, StoreError> {
        Ok(KeyWalk::new(self, plan).next().await?.is_some())
    }

    /// A key that is in both plans: walks the keys of both in one order, so
    /// that no more is read of the larger than of the smaller and a page.
    pub(crate) async fn common_key(&self, a: &UsagePlanId, b: &UsagePlanId) -> Result<Option<ApiKeyId>, StoreError> {
        let mut a = KeyWalk::new(self, a);
        let mut b = KeyWalk::new(self, b);
        let (mut of_a, mut of_b) = (a.next().await?, b.next().await?);
        while let (Some(key_a), Some(key_b)) = (&of_a, &of_b) {
            match key_a.cmp(key_b) {
                std::cmp::Ordering::Equal => return Ok(of_a),
                std::cmp::Ordering::Less => of_a = a.next().await?,
                std::cmp::Ordering::Greater => of_b = b.next().await?,
            }
        }
        Ok(None)
    }
}

/// Index pages that a page filtered by name reads at the most.
const NAME_FILTER_PAGES: usize = 10;
/// Keys that one of them looks at: as many as one BatchGetItem takes with their
/// plan.
const NAME_FILTER_READ: usize = 99;
/// Keys that leave a plan at the same time when it is deleted.
const LEAVING_AT_ONCE: usize = 16;

/// That a key is in a plan from now on.
pub(crate) fn plan_key_item(plan: &UsagePlanId, key: &ApiKeyId, now: Timestamp) -> Result<Item, StoreError> {
    let entry = PlanKey { key_id: key.clone(), created_date: now };
    Ok(Item::new(&keys::plan_key(plan, key), &entry)?.listed(list::plan_keys(plan), list::place(now, key.as_str())))
}

/// The first stage of a plan that another plan has too, where `key` cannot be in both.
pub(crate) fn shared_stage(key: &ApiKeyId, plan: &StoredPlan, other: &StoredPlan) -> Option<KeyInTwoPlans> {
    let shared = plan
        .plan
        .api_stages
        .iter()
        .find(|entry| other.plan.api_stage(&entry.api_id, &entry.stage, &entry.stage_uid).is_some())?;
    Some(KeyInTwoPlans {
        key_id: key.clone(),
        plan_id: plan.plan.id.clone(),
        other_plan_id: other.plan.id.clone(),
        api_id: shared.api_id.clone(),
        stage: shared.stage.clone(),
    })
}

/// The ids of a plan's keys, in order.
struct KeyWalk<'a> {
    store: &'a Store,
    pk: String,
    page: std::vec::IntoIter<Item>,
    start: Option<std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>>,
    is_last_page: bool,
}

impl<'a> KeyWalk<'a> {
    fn new(store: &'a Store, plan: &UsagePlanId) -> Self {
        Self { store, pk: keys::plan_partition(plan), page: Vec::new().into_iter(), start: None, is_last_page: false }
    }

    async fn next(&mut self) -> Result<Option<ApiKeyId>, StoreError> {
        loop {
            if let Some(item) = self.page.next() {
                return Ok(Some(item.data::<PlanKey>()?.key_id));
            }
            if self.is_last_page {
                return Ok(None);
            }
            let page = self.store.partition_page(&self.pk, keys::PLAN_KEY, self.start.take()).await?;
            self.page = page.items.into_iter();
            self.is_last_page = page.next.is_none();
            self.start = page.next;
        }
    }
}

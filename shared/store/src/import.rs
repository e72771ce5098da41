//! Many API keys at once: those whose value is new are made, the others are
//! overwritten, and all are put into plans.
//!
//! Rows go in the order given, in transactions of as many as DynamoDB takes. A
//! transaction of new keys costs a read of their values and two writes a key,
//! one more for each plan that a key is put into, and one for each plan of these
//! keys however many of them it has. It rests on the same conditions as
//! [`Store::add_plan_key`], so that no key is ever in two plans of one stage.
//!
//! **When the table fails midway**, everything up to some row is kept, whole,
//! and nothing of those after it; of the transaction whose answer is lost, all
//! or nothing. A key is never there without its plans. Importing the same again
//! completes it: what is there already is overwritten with the same. Where one
//! refusal refuses all ([`OnRefusal::KeepNothing`]), what was written is undone
//! then, as it is when a row turns out to be refused after others were written.
//! A process that ends midway, as a function does whose time is over, undoes
//! nothing: what it leaves is as above, and is completed as above.

mod change;
mod undo;

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKey, ApiKeyId, ImportedKey};
use keyplan_domain::time::Timestamp;

use self::change::PlanGuards;
use crate::api_key::{key_item, value_item};
use crate::item::attribute;
use crate::keys;
use crate::plan_key::plan_key_item;
use crate::race::{Attempt, until_decided};
use crate::transaction::{Expect, MAX_ITEMS};
use crate::{KeyInTwoPlans, Store, StoreError};

/// Bytes of text in one transaction, of the 4 MB that DynamoDB takes, which
/// what an overwritten key has besides counts towards too.
const MAX_TEXT: usize = 1 << 20;

/// What a refused row means to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefusal {
    /// They are kept.
    KeepOthers,
    /// None is.
    KeepNothing,
}

/// Why a row was not imported; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum ImportRefusal {
    /// There is no such plan.
    #[error("no such plan")]
    PlanNotFound(UsagePlanId),
    /// The key would be in more than [`MAX_PLANS_PER_KEY`](keyplan_domain::key::MAX_PLANS_PER_KEY) plans.
    #[error("the key is in as many plans as it can be")]
    TooManyPlans,
    /// The key would be in two plans of one stage. It is named by the id that
    /// it has, or would have had.
    #[error("{0}")]
    KeyInTwoPlans(Box<KeyInTwoPlans>),
    /// The texts of the key are more than an item has room for.
    #[error("it is larger than DynamoDB keeps")]
    TooLarge,
}

/// What became of an import.
#[derive(Debug, Default)]
pub struct Import {
    /// The keys that were made or overwritten, in the order of their rows.
    pub ids: Vec<ApiKeyId>,
    /// The rows that were refused, by their places from 0.
    pub refused: Vec<(usize, ImportRefusal)>,
}

/// A key as a transaction leaves it, and as it found it.
#[derive(Debug)]
struct Written {
    before: Option<ApiKey>,
    after: ApiKey,
    added: Vec<UsagePlanId>,
}

impl Store {
    /// Imports keys, no two of one value, in the order given and as many in one
    /// transaction as it takes. A key that is overwritten keeps its id, its tags
    /// and its customer, and stays in the plans it is in.
    ///
    /// # Errors
    /// When the table fails, or others keep changing the same keys and plans.
    /// With [`OnRefusal::KeepNothing`] nothing is kept then, unless undoing
    /// fails too, which the log tells.
    pub async fn import_api_keys(
        &self,
        keys: &[ImportedKey],
        on_refusal: OnRefusal,
        now: Timestamp,
    ) -> Result<Import, StoreError> {
        let mut batches = batches(keys);
        let keeps_nothing = on_refusal == OnRefusal::KeepNothing;
        if keeps_nothing && batches.len() > 1 {
            // What can be known before anything is written.
            let mut import = Import::default();
            for batch in &batches {
                let rows = &keys[batch.clone()];
                let known = until_decided!({ self.known(rows).await })?;
                let refused = rows.iter().enumerate().filter_map(|(row, key)| Some((row, known.plan(key).err()?)));
                import.refused.extend(refused.map(|(row, refusal)| (batch.start + row, refusal)));
            }
            if !import.refused.is_empty() {
                return Ok(import);
            }
        }
        let mut import = Import::default();
        let mut written = Vec::new();
        while let Some(batch) = batches.pop_front() {
            let mut attempted = Vec::new();
            let done = self.import_batch(&keys[batch.clone()], on_refusal, now, &mut attempted).await;
            match done {
                Ok(refused) => {
                    import.ids.extend(attempted.iter().map(|written| written.after.id.clone()));
                    import.refused.extend(refused.into_iter().map(|(row, refusal)| (batch.start + row, refusal)));
                }
                Err(StoreError::TooLarge) if batch.len() > 1 => {
                    let middle = batch.start + batch.len() / 2;
                    batches.push_front(middle..batch.end);
                    batches.push_front(batch.start..middle);
                    continue;
                }
                Err(StoreError::TooLarge) => {
                    attempted.clear();
                    import.refused.push((batch.start, ImportRefusal::TooLarge));
                }
                Err(error) if keeps_nothing => {
                    // Its answer may have got lost, and it may have happened.
                    written.extend(attempted);
                    self.undo_import(written).await?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
            if keeps_nothing {
                written.extend(attempted);
                if !import.refused.is_empty() {
                    self.undo_import(written).await?;
                    import.ids.clear();
                    return Ok(import);
                }
            }
        }
        Ok(import)
    }

    /// Writes some rows in one transaction, but those that are refused; or none,
    /// if one is and that is what was asked for. `attempted` is what was written,
    /// and, should it fail, what may have been.
    async fn import_batch(
        &self,
        rows: &[ImportedKey],
        on_refusal: OnRefusal,
        now: Timestamp,
        attempted: &mut Vec<Written>,
    ) -> Result<Vec<(usize, ImportRefusal)>, StoreError> {
        until_decided!({
            attempted.clear();
            let known = match self.known(rows).await? {
                Attempt::Done(known) => known,
                Attempt::Again => return Ok(Attempt::Again),
            };
            let mut refused = Vec::new();
            let mut transaction = self.transaction();
            let mut plans = PlanGuards::default();
            let mut changes = Vec::new();
            for (row, imported) in rows.iter().enumerate() {
                let change = match known.plan(imported) {
                    Ok(change) => change,
                    Err(refusal) => {
                        refused.push((row, refusal));
                        continue;
                    }
                };
                let (after, place) = (change.after(imported, now), change.places());
                transaction.put(key_item(&after, &imported.value)?, place.key);
                if change.changes_value(imported) {
                    let by_value = change.by_value(&after);
                    transaction.put(value_item(&imported.value, &by_value)?, place.value);
                }
                for plan in &change.added {
                    transaction.put(plan_key_item(plan, &after.id, now)?, Expect::Absent);
                }
                plans.guard(&change, &known.plans);
                changes.push(Written {
                    before: change.known.map(|(key, _)| key.key.clone()),
                    after,
                    added: change.added,
                });
            }
            if transaction.len() == 0 || (on_refusal == OnRefusal::KeepNothing && !refused.is_empty()) {
                return Ok(Attempt::Done(refused));
            }
            for (plan, stages_version) in &plans.raised {
                transaction.raise(&keys::plan(plan), attribute::STAGES_VERSION, *stages_version);
            }
            if transaction.len() > MAX_ITEMS {
                return Err(StoreError::TooLarge);
            }
            *attempted = changes;
            Attempt::of(transaction.commit().await, refused)
        })
    }
}

/// Rows that fit into a transaction each, unless what they overwrite makes them
/// too many.
fn batches(keys: &[ImportedKey]) -> VecDeque<Range<usize>> {
    let mut batches = VecDeque::new();
    let (mut start, mut writes, mut text) = (0, 0, 0);
    let mut plans = BTreeSet::new();
    for (row, key) in keys.iter().enumerate() {
        let new_plans = key.usage_plan_ids.iter().filter(|plan| !plans.contains(*plan)).count();
        let texts = [&key.name, &key.description].into_iter().flatten().map(String::len).sum::<usize>();
        let own_writes = 2 + key.usage_plan_ids.len();
        if row > start && (writes + own_writes + new_plans > MAX_ITEMS || text + texts > MAX_TEXT) {
            batches.push_back(start..row);
            (start, writes, text) = (row, 0, 0);
            plans.clear();
        }
        writes += own_writes + key.usage_plan_ids.iter().filter(|plan| plans.insert(*plan)).count();
        text += texts;
    }
    if start < keys.len() {
        batches.push_back(start..keys.len());
    }
    batches
}

#[cfg(test)]
mod tests;

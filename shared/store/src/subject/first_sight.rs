//! A key for a subject that is seen for the first time, in a plan.

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKey, KeyValue};
use keyplan_domain::subject::{Subject, SubjectRecord};

use super::{MappedSubject, by_hash, mapped, under_key};
use crate::api_key::put_new_key;
use crate::keys;
use crate::plan_key::plan_key_item;
use crate::race::{Attempt, until_decided};
use crate::transaction::{Expect, Lost};
use crate::{Store, StoreError};

/// What came of the first sight of a subject.
#[derive(Clone, Debug)]
pub enum FirstSight {
    /// It has the new key.
    Made(MappedSubject),
    /// It has another, which somebody else gave it; the new key is not kept.
    Already(MappedSubject),
}

/// Why a subject was not given a new key; nothing is kept.
#[derive(Debug, thiserror::Error)]
pub enum FirstSightError {
    /// There is no such plan.
    #[error("no such plan")]
    PlanNotFound,
    /// Some key has this value already: make another value.
    #[error("a key of this value exists")]
    ValueExists,
    /// A key has this id already: make another id.
    #[error("a key of this id exists")]
    IdExists,
    /// The tables failed. Whether the subject has got the key is not known then; the
    /// next sight tells.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a key, puts it into a plan and gives it to a subject: all of it in one
    /// transaction, or nothing, and once however many come at once. The subject and
    /// the key's place in the plan are dated as the key is.
    ///
    /// One TransactWriteItems, which needs in the config table
    /// - `PutItem` of `SUBJECT#{hash}`, of `KEY#{id}` (the key and the subject's
    ///   entry), of `VALUE#{hash}` and of `PLAN#{plan}` (the key's entry),
    /// - `ConditionCheckItem` of `PLAN#{plan}`,
    ///
    /// and, only when others are faster, `GetItem` of `SUBJECT#{hash}`. Nothing that
    /// is there is changed.
    ///
    /// # Errors
    /// [`FirstSightError`].
    pub async fn create_key_for_subject(
        &self,
        key: &ApiKey,
        value: &KeyValue,
        subject: &Subject,
        plan: &UsagePlanId,
    ) -> Result<FirstSight, FirstSightError> {
        let record = SubjectRecord::new(subject.clone(), key.id.clone(), key.created_date);
        until_decided!({
            let mut transaction = self.transaction();
            // First, since of several conditions that do not hold the first is told.
            let subject_write = transaction.put(by_hash(&record, value)?, Expect::Absent);
            // Its version stays what it is: nobody who knows the plan, or edits it,
            // minds a key that is in no other (see `usage_plan`).
            let plan_check = transaction.check_present(&keys::plan(plan));
            let value_write = put_new_key(&mut transaction, key, value, vec![plan.clone()])?;
            transaction.put(plan_key_item(plan, &key.id, key.created_date)?, Expect::Absent);
            transaction.put(under_key(&record)?, Expect::Absent);
            match transaction.commit().await {
                Ok(()) => {
                    let made = MappedSubject { record: record.clone(), key_value: value.clone() };
                    Ok(Attempt::Done(FirstSight::Made(made)))
                }
                Err(Lost::Condition(write)) if write == plan_check => Err(FirstSightError::PlanNotFound),
                Err(Lost::Condition(write)) if write == value_write => Err(FirstSightError::ValueExists),
                Err(Lost::Condition(write)) if write != subject_write => Err(FirstSightError::IdExists),
                Err(Lost::Condition(_) | Lost::Conflict) => Ok(self.seen_meanwhile(&record).await?),
                Err(Lost::Store(error)) => Err(error.into()),
            }
        })
    }

    /// Who has given a subject a key meanwhile. `Again`: nobody, or it has been taken
    /// from it since.
    async fn seen_meanwhile(&self, record: &SubjectRecord) -> Result<Attempt<FirstSight>, StoreError> {
        let Some(item) = self.config_item(&keys::subject(&record.hash())).await? else {
            return Ok(Attempt::Again);
        };
        let found = mapped(&item)?;
        // An earlier attempt of this one may have been under way still.
        let is_own = found.record.key_id == record.key_id;
        Ok(Attempt::Done(if is_own { FirstSight::Made(found) } else { FirstSight::Already(found) }))
    }
}

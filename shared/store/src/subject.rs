//! Subjects of issuers: found by their hash, listed and removed under the key that
//! stands for them.
//!
//! A subject has two items: the one that it is found by, which makes its key the
//! only one, and an entry under the key. Both are written in one transaction and
//! removed in one, so that each is there as long as the other. A subject raises the
//! version of its key when it comes, and a key is deleted on condition of the
//! version at which its subjects were removed: no subject ever leads to a key that
//! is gone, which would keep it from having another.

mod first_sight;

use keyplan_domain::key::{ApiKeyId, KeyValue};
use keyplan_domain::subject::{SubjectHash, SubjectId, SubjectRecord};

use crate::item::{Item, attribute};
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::{Expect, Lost, MAX_ITEMS, Transaction};
use crate::{Page, PageRequest, Store, StoreError};
pub use first_sight::{FirstSight, FirstSightError};

/// A subject that has a key.
#[derive(Clone, Debug)]
pub struct MappedSubject {
    /// What is kept of it.
    pub record: SubjectRecord,
    /// The value of its key, which may be disabled.
    pub key_value: KeyValue,
}

/// Why a subject was not given a key; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum CreateSubjectError {
    /// There is no such key.
    #[error("no such key")]
    KeyNotFound,
    /// The subject has a key already, this one or another.
    #[error("the subject has a key")]
    AlreadyMapped,
    /// The tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// A subject by its hash, and the value of its key, for a cache: one read, a
    /// GetItem of `SUBJECT#{hash}`, at half the price.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn subject(&self, hash: &SubjectHash) -> Result<Option<MappedSubject>, StoreError> {
        self.cacheable_item(&keys::subject(hash)).await?.as_ref().map(mapped).transpose()
    }

    /// Gives a subject the key that its record names, the only one it has. The
    /// key's value is kept with it, so that authorising is one read.
    ///
    /// # Errors
    /// [`CreateSubjectError`]; nothing has changed then.
    pub async fn create_subject(&self, record: &SubjectRecord) -> Result<(), CreateSubjectError> {
        until_decided!({
            let stored = self.stored_key(&record.key_id).await?.ok_or(CreateSubjectError::KeyNotFound)?;
            let mut transaction = self.transaction();
            let key_write = transaction.raise(&keys::api_key(&record.key_id), attribute::VERSION, stored.version);
            let subject_write = transaction.put(by_hash(record, &stored.value)?, Expect::Absent);
            transaction.put(under_key(record)?, Expect::Absent);
            match transaction.commit().await {
                Ok(()) => Ok(Attempt::Done(())),
                Err(Lost::Condition(write)) if write == subject_write => Err(CreateSubjectError::AlreadyMapped),
                // Another subject of the key has the same id.
                Err(Lost::Condition(write)) if write != key_write => Err(StoreError::Conflict.into()),
                Err(Lost::Condition(_) | Lost::Conflict) => Ok(Attempt::Again),
                Err(Lost::Store(error)) => Err(error.into()),
            }
        })
    }

    /// A page of the subjects that a key stands for, newest first: one Query.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn subjects(&self, key: &ApiKeyId, request: &PageRequest) -> Result<Page<SubjectRecord>, StoreError> {
        let key_of = |id: &str| keys::key_subject(key, &SubjectId::new(id));
        self.page(&list::subjects(key), request, key_of, Item::data).await
    }

    /// Takes a subject from a key, and leaves it without any. False when the key
    /// has no such subject.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn delete_subject(&self, key: &ApiKeyId, id: &SubjectId) -> Result<bool, StoreError> {
        until_decided!({
            let Some(entry) = self.config_item(&keys::key_subject(key, id)).await? else {
                return Ok(Attempt::Done(false));
            };
            let mut transaction = self.transaction();
            delete(&mut transaction, &entry.data()?);
            Attempt::of(transaction.commit().await, true)
        })
    }

    /// Takes all its subjects from a key.
    pub(crate) async fn delete_subjects_of(&self, key: &ApiKeyId) -> Result<(), StoreError> {
        let pk = keys::key_partition(key);
        loop {
            let is_last = until_decided!({
                // The first that are left: those before are gone.
                let page = self.partition_page(&pk, keys::KEY_SUBJECT, None).await?;
                for entries in page.items.chunks(MAX_ITEMS / ITEMS_OF_SUBJECT) {
                    let mut transaction = self.transaction();
                    for entry in entries {
                        delete(&mut transaction, &entry.data()?);
                    }
                    if let Attempt::Again = Attempt::of(transaction.commit().await, ())? {
                        return Ok(Attempt::Again);
                    }
                }
                Ok::<_, StoreError>(Attempt::Done(page.next.is_none()))
            })?;
            if is_last {
                return Ok(());
            }
        }
    }
}

/// Items of a subject.
const ITEMS_OF_SUBJECT: usize = 2;

/// Removes a subject from its key, if it is there. What it is found by is guarded by
/// the entry, which is there as long.
fn delete(transaction: &mut Transaction<'_>, record: &SubjectRecord) {
    transaction.delete_existing(&keys::key_subject(&record.key_id, &record.id));
    transaction.delete_guarded(&keys::subject(&record.hash()));
}

fn mapped(item: &Item) -> Result<MappedSubject, StoreError> {
    Ok(MappedSubject { record: item.data()?, key_value: KeyValue::known(item.text(attribute::VALUE)?.to_owned()) })
}

/// The item that a subject is found by.
fn by_hash(record: &SubjectRecord, value: &KeyValue) -> Result<Item, StoreError> {
    Ok(Item::new(&keys::subject(&record.hash()), record)?.with_text(attribute::VALUE, value.expose()))
}

/// The entry of a subject under its key.
fn under_key(record: &SubjectRecord) -> Result<Item, StoreError> {
    let place = list::place(record.created_date, record.id.as_str());
    let item = Item::new(&keys::key_subject(&record.key_id, &record.id), record)?;
    Ok(item.listed(list::subjects(&record.key_id), place))
}

//! API keys, and the look-up by value that the data plane makes.

use std::collections::HashMap;

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKey, ApiKeyId, KeyByValue, KeyHash, KeyValue};

use crate::item::{Item, attribute};
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::{Expect, Lost, Transaction};
use crate::{Page, PageRequest, Store, StoreError, UpdateError};

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// Some key has this value already.
    #[error("a key of this value exists")]
    ValueExists,
    /// A key has this id already: make another id.
    #[error("a key of this id exists")]
    IdExists,
    /// The tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key with all that is needed to write it again.
#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) key: ApiKey,
    pub(crate) value: KeyValue,
    pub(crate) version: u64,
}

/// The item by which a key is found by its value.
#[derive(Debug)]
pub(crate) struct StoredValue {
    pub(crate) by_value: KeyByValue,
    pub(crate) version: u64,
}

impl Store {
    /// Makes a key. Two keys never have one value: its hash is an item's key.
    ///
    /// # Errors
    /// [`CreateKeyError`]; nothing is kept then.
    pub async fn create_api_key(&self, key: &ApiKey, value: &KeyValue) -> Result<(), CreateKeyError> {
        until_decided!({
            let mut transaction = self.transaction();
            let value_write = put_new_key(&mut transaction, key, value, Vec::new())?;
            match transaction.commit().await {
                Ok(()) => Ok(Attempt::Done(())),
                Err(Lost::Condition(write)) if write == value_write => Err(CreateKeyError::ValueExists),
                Err(Lost::Condition(_)) => Err(CreateKeyError::IdExists),
                Err(Lost::Conflict) => Ok(Attempt::Again),
                Err(Lost::Store(error)) => Err(error.into()),
            }
        })
    }

    /// A key by its id, without its value.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.config_item(&keys::api_key(id)).await?.map(|item| item.data()).transpose()
    }

    /// A key by its id, with its value.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn api_key_with_value(&self, id: &ApiKeyId) -> Result<Option<(ApiKey, KeyValue)>, StoreError> {
        Ok(self.stored_key(id).await?.map(|stored| (stored.key, stored.value)))
    }

    /// A page of keys whose names begin with `name_prefix` and that belong to
    /// `customer_id`, where these are given; newest first.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn api_keys(
        &self,
        request: &PageRequest,
        name_prefix: Option<&str>,
        customer_id: Option<&str>,
    ) -> Result<Page<ApiKey>, StoreError> {
        let key_of = |id: &str| keys::api_key(&ApiKeyId::new(id));
        if name_prefix.is_none() && customer_id.is_none() {
            return self.page(list::KEYS, request, key_of, Item::data).await;
        }
        let keep = |key: &ApiKey| {
            name_prefix.is_none_or(|prefix| key.name.as_deref().unwrap_or_default().starts_with(prefix))
                && customer_id.is_none_or(|customer| key.customer_id.as_deref() == Some(customer))
        };
        self.filtered_page(list::KEYS, request, key_of, Item::data, keep).await
    }

    /// The values of keys; one that is gone is left out.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn key_values(&self, ids: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, KeyValue>, StoreError> {
        let wanted: Vec<_> = ids.iter().map(keys::api_key).collect();
        let keys = keys_with_values(&self.batch_get(&wanted).await?)?;
        Ok(keys.into_iter().map(|(id, (_, value))| (id, value)).collect())
    }

    /// Edits a key. `edit` may be called more than once, when others write too.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing has changed then.
    pub async fn update_api_key<E>(
        &self,
        id: &ApiKeyId,
        mut edit: impl FnMut(&mut ApiKey) -> Result<(), E>,
    ) -> Result<ApiKey, UpdateError<E>> {
        until_decided!({
            let stored = self.stored_key(id).await?.ok_or(UpdateError::NotFound)?;
            let mut key = stored.key.clone();
            edit(&mut key).map_err(UpdateError::Rejected)?;
            let mut transaction = self.transaction();
            transaction.put(key_item(&key, &stored.value)?, Expect::Version(stored.version));
            if key.enabled != stored.key.enabled {
                let Some(mut at_value) = self.stored_value(&stored).await? else {
                    return Ok(Attempt::Again);
                };
                at_value.by_value.enabled = key.enabled;
                transaction.put(value_item(&stored.value, &at_value.by_value)?, Expect::Version(at_value.version));
            }
            Ok(Attempt::of(transaction.commit().await, key)?)
        })
    }

    /// Deletes a key, its tokens and subjects, and its place in every plan. What it used is
    /// kept. False when there is no such key.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn delete_api_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        self.delete_api_key_if(id, |_| true).await
    }

    /// As [`Store::delete_api_key`], if the key `may` go when it does. Its tokens
    /// and subjects go first.
    pub(crate) async fn delete_api_key_if(
        &self,
        id: &ApiKeyId,
        may: impl Fn(&ApiKey) -> bool,
    ) -> Result<bool, StoreError> {
        // The tokens first: while the key is there, they can be found by it.
        self.delete_tokens_of(id).await?;
        let deleted = until_decided!({
            let Some(stored) = self.stored_key(id).await? else {
                return Ok(Attempt::Done(Some(false)));
            };
            if !may(&stored.key) {
                return Ok(Attempt::Done(None));
            }
            // On condition of this version none can come any more: a subject is to
            // have a key that is there, or none.
            self.delete_subjects_of(id).await?;
            let mut transaction = self.transaction();
            transaction.delete(&keys::api_key(id), stored.version);
            if let Some(at_value) = self.stored_value(&stored).await? {
                transaction.delete(&keys::value(&stored.value.hash()), at_value.version);
                for plan in &at_value.by_value.plan_ids {
                    transaction.delete_guarded(&keys::plan_key(plan, id));
                }
            }
            Attempt::of(transaction.commit().await, Some(true))
        })?;
        let Some(deleted) = deleted else {
            return Ok(false);
        };
        // The tokens issued since; none can be from now on.
        self.delete_tokens_of(id).await?;
        Ok(deleted)
    }

    /// What the data plane needs of the key of this value: one read.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn key_by_value(&self, hash: &KeyHash) -> Result<Option<KeyByValue>, StoreError> {
        self.cacheable_item(&keys::value(hash)).await?.map(|item| item.data()).transpose()
    }

    /// The plans a key is in, first attached first; `None`: no such key.
    pub(crate) async fn plans_of_key(&self, id: &ApiKeyId) -> Result<Option<Vec<UsagePlanId>>, StoreError> {
        let Some(stored) = self.stored_key(id).await? else {
            return Ok(None);
        };
        let at_value = self.stored_value(&stored).await?;
        Ok(Some(at_value.map(|at_value| at_value.by_value.plan_ids).unwrap_or_default()))
    }

    pub(crate) async fn stored_key(&self, id: &ApiKeyId) -> Result<Option<StoredKey>, StoreError> {
        self.config_item(&keys::api_key(id)).await?.map(|item| StoredKey::read(&item)).transpose()
    }

    /// What a key is found by. None once the key is gone, though another of its
    /// value may be there by now.
    pub(crate) async fn stored_value(&self, key: &StoredKey) -> Result<Option<StoredValue>, StoreError> {
        let item = self.config_item(&keys::value(&key.value.hash())).await?;
        let found = item.map(|item| StoredValue::read(&item)).transpose()?;
        Ok(found.filter(|found| found.by_value.key_id == key.key.id))
    }
}

impl StoredValue {
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        Ok(Self { by_value: item.data()?, version: item.version()? })
    }
}

/// Keys and their values, of their items.
pub(crate) fn keys_with_values(items: &[Item]) -> Result<HashMap<ApiKeyId, (ApiKey, KeyValue)>, StoreError> {
    let key_with_value = |item| {
        let StoredKey { key, value, .. } = StoredKey::read(item)?;
        Ok((key.id.clone(), (key, value)))
    };
    items.iter().map(key_with_value).collect()
}

impl StoredKey {
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let value = KeyValue::known(item.text(attribute::VALUE)?.to_owned());
        Ok(Self { key: item.data()?, value, version: item.version()? })
    }
}

/// Puts a key that is new into a transaction, with what it is found by, in plans
/// whose own part is the caller's. Gives the write that fails where some key has the
/// value; the next fails where one has the id.
pub(crate) fn put_new_key(
    transaction: &mut Transaction<'_>,
    key: &ApiKey,
    value: &KeyValue,
    plan_ids: Vec<UsagePlanId>,
) -> Result<usize, StoreError> {
    let by_value = KeyByValue { key_id: key.id.clone(), enabled: key.enabled, plan_ids };
    let value_write = transaction.put(value_item(value, &by_value)?, Expect::Absent);
    transaction.put(key_item(key, value)?, Expect::Absent);
    Ok(value_write)
}

pub(crate) fn key_item(key: &ApiKey, value: &KeyValue) -> Result<Item, StoreError> {
    let place = list::place(key.created_date, key.id.as_str());
    Ok(Item::new(&keys::api_key(&key.id), key)?.with_text(attribute::VALUE, value.expose()).listed(list::KEYS, place))
}

pub(crate) fn value_item(value: &KeyValue, by_value: &KeyByValue) -> Result<Item, StoreError> {
    Item::new(&keys::value(&value.hash()), by_value)
}

//! Opaque tokens: found by their hash, listed and revoked under their key.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use keyplan_domain::key::{ApiKeyId, KeyValue};
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::{TokenHash, TokenRecord};
use serde::{Deserialize, Serialize};

use crate::item::{Item, attribute, number};
use crate::keys::{self, list};
use crate::race::{Attempt, until_decided};
use crate::transaction::{Expect, Lost};
use crate::{Page, PageRequest, Store, StoreError, UpdateError};

/// What is kept under the key: the token's description and where it is itself.
#[derive(Debug, Serialize, Deserialize)]
struct UnderKey {
    record: TokenRecord,
    hash: String,
}

/// How often a token's last use is written down, at the most.
const NOTED_EVERY: Duration = Duration::from_secs(3_600);

/// A token that was issued, expired or not.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// What is kept of it.
    pub record: TokenRecord,
    /// The value of its key.
    pub key_value: KeyValue,
    /// When it was last used, to within an hour; `None` if never.
    pub last_used: Option<Timestamp>,
}

impl IssuedToken {
    /// Whether a use at `now` should be written down.
    #[must_use]
    pub fn is_use_noteworthy(&self, now: Timestamp) -> bool {
        self.last_used.is_none_or(|last| now.since(last) >= NOTED_EVERY)
    }
}

/// What takes a token's place.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Of the new token.
    pub hash: TokenHash,
    /// The new token's.
    pub record: TokenRecord,
    /// From when on the one before it is refused.
    pub expires: Timestamp,
}

impl Store {
    /// Keeps a token of a key. Its value is kept with it, so that authorising
    /// is one read.
    ///
    /// # Errors
    /// [`UpdateError::NotFound`] when there is no such key.
    pub async fn create_token(
        &self,
        hash: &TokenHash,
        record: &TokenRecord,
    ) -> Result<(), UpdateError<std::convert::Infallible>> {
        until_decided!({
            let Some(item) = self.config_item(&keys::api_key(&record.key_id)).await? else {
                return Err(UpdateError::NotFound);
            };
            let mut transaction = self.transaction();
            let key_check =
                transaction.check(&keys::api_key(&record.key_id), attribute::VERSION, number(item.version()?));
            transaction.put(by_hash(hash.as_str(), record, item.text(attribute::VALUE)?)?, Expect::Absent);
            transaction.put(under_key(hash.as_str(), record)?, Expect::Absent);
            match transaction.commit().await {
                Ok(()) => Ok(Attempt::Done(())),
                Err(Lost::Condition(write)) if write != key_check => Err(StoreError::Conflict.into()),
                Err(Lost::Condition(_) | Lost::Conflict) => Ok(Attempt::Again),
                Err(Lost::Store(error)) => Err(error.into()),
            }
        })
    }

    /// Issues a token in place of `token_id`, which is refused from some time on:
    /// both or neither. `rotate` is told what is kept of that one, and may be called
    /// more than once, when others write too. Gives what is kept of the new one.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing has changed then.
    pub async fn rotate_token<E>(
        &self,
        key: &ApiKeyId,
        token_id: &str,
        mut rotate: impl FnMut(&TokenRecord) -> Result<Rotation, E>,
    ) -> Result<TokenRecord, UpdateError<E>> {
        until_decided!({
            let at = keys::key_token(key, token_id);
            let (Some(of_key), Some(entry)) =
                (self.config_item(&keys::api_key(key)).await?, self.config_item(&at).await?)
            else {
                return Err(UpdateError::NotFound);
            };
            let old: UnderKey = entry.data()?;
            let Some(token) = self.config_item(&keys::token_of_hash(&old.hash)).await? else {
                // It is being revoked.
                return Err(UpdateError::NotFound);
            };
            let rotation = rotate(&old.record).map_err(UpdateError::Rejected)?;
            let value = of_key.text(attribute::VALUE)?;
            let ending = TokenRecord { expires: Some(rotation.expires), ..old.record };
            let mut transaction = self.transaction();
            transaction.check(&keys::api_key(key), attribute::VERSION, number(of_key.version()?));
            let hash = rotation.hash.as_str();
            transaction.put(by_hash(hash, &rotation.record, value)?, Expect::Absent);
            transaction.put(under_key(hash, &rotation.record)?, Expect::Absent);
            let ending_token = by_hash(&old.hash, &ending, value)?;
            let ending_token = match token.counter_if_any(attribute::LAST_USED)? {
                Some(seconds) => ending_token.with_number(attribute::LAST_USED, seconds),
                None => ending_token,
            };
            transaction.put(ending_token, Expect::Version(token.version()?));
            transaction.put(under_key(&old.hash, &ending)?, Expect::Version(entry.version()?));
            Ok(Attempt::of(transaction.commit().await, rotation.record)?)
        })
    }

    /// A token by its hash, and the value of its key: one read. One that has
    /// expired may still be there.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn token(&self, hash: &TokenHash) -> Result<Option<IssuedToken>, StoreError> {
        let Some(item) = self.cacheable_item(&keys::token(hash)).await? else {
            return Ok(None);
        };
        Ok(Some(IssuedToken {
            record: item.data()?,
            key_value: KeyValue::known(item.text(attribute::VALUE)?.to_owned()),
            last_used: last_used(&item)?,
        }))
    }

    /// Writes down that a token is used, unless somebody else just did. One that is
    /// revoked stays so.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn note_token_used(&self, hash: &TokenHash, now: Timestamp) -> Result<(), StoreError> {
        let hour_ago = now.as_seconds().saturating_sub(i64::try_from(NOTED_EVERY.as_secs()).unwrap_or(i64::MAX));
        let noted = self
            .client()
            .update_item()
            .table_name(self.config_table())
            .set_key(Some(keys::token(hash).attributes()))
            .update_expression("SET #used = :now")
            .condition_expression("attribute_exists(#pk) AND (attribute_not_exists(#used) OR #used <= :hourAgo)")
            .expression_attribute_names("#pk", attribute::PK)
            .expression_attribute_names("#used", attribute::LAST_USED)
            .expression_attribute_values(":now", number(now.as_seconds()))
            .expression_attribute_values(":hourAgo", number(hour_ago))
            .send()
            .await;
        match noted {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::unavailable("UpdateItem", &error)),
            },
        }
    }

    /// A page of a key's tokens, newest first, with when each was last used: one
    /// Query and one BatchGetItem.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn tokens(
        &self,
        key: &ApiKeyId,
        request: &PageRequest,
    ) -> Result<Page<(TokenRecord, Option<Timestamp>)>, StoreError> {
        let key_of = |id: &str| keys::key_token(key, id);
        let page = self.page(&list::tokens(key), request, key_of, Item::data::<UnderKey>).await?;
        let by_hash: Vec<_> = page.items.iter().map(|under_key| keys::token_of_hash(&under_key.hash)).collect();
        let mut used = HashMap::new();
        for item in self.batch_get(&by_hash).await? {
            used.insert(item.key()?.pk, last_used(&item)?);
        }
        let last_used = |under_key: &UnderKey| used.get(&keys::token_of_hash(&under_key.hash).pk).copied().flatten();
        Ok(page.map(|under_key| {
            let last_used = last_used(&under_key);
            (under_key.record, last_used)
        }))
    }

    /// Revokes a token. False when the key has no such token.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn delete_token(&self, key: &ApiKeyId, token_id: &str) -> Result<bool, StoreError> {
        let at = keys::key_token(key, token_id);
        let Some(item) = self.config_item(&at).await? else {
            return Ok(false);
        };
        let UnderKey { hash, .. } = item.data()?;
        self.batch_write(Vec::new(), &[keys::token_of_hash(&hash)]).await?;
        // Last, since it is what the token is found by.
        self.batch_write(Vec::new(), &[at]).await?;
        Ok(true)
    }

    /// Revokes all tokens of a key.
    pub(crate) async fn delete_tokens_of(&self, key: &ApiKeyId) -> Result<(), StoreError> {
        let pk = keys::key_partition(key);
        let mut start = None;
        loop {
            let page = self.partition_page(&pk, keys::KEY_TOKEN, start).await?;
            let mut tokens = Vec::new();
            let mut entries = Vec::new();
            for item in &page.items {
                tokens.push(keys::token_of_hash(&item.data::<UnderKey>()?.hash));
                entries.push(item.key()?);
            }
            self.batch_write(Vec::new(), &tokens).await?;
            self.batch_write(Vec::new(), &entries).await?;
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

/// The item that a token is found by.
fn by_hash(hash: &str, record: &TokenRecord, value: &str) -> Result<Item, StoreError> {
    Ok(expiring(Item::new(&keys::token_of_hash(hash), record)?.with_text(attribute::VALUE, value), record))
}

/// The entry of a token under its key.
fn under_key(hash: &str, record: &TokenRecord) -> Result<Item, StoreError> {
    let entry = UnderKey { record: record.clone(), hash: hash.to_owned() };
    let place = list::place(record.created_date, record.id.as_str());
    let item = Item::new(&keys::key_token(&record.key_id, record.id.as_str()), &entry)?;
    Ok(expiring(item.listed(list::tokens(&record.key_id), place), record))
}

fn last_used(item: &Item) -> Result<Option<Timestamp>, StoreError> {
    let seconds = item.counter_if_any(attribute::LAST_USED)?;
    Ok(seconds.map(|seconds| Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))))
}

fn expiring(item: Item, record: &TokenRecord) -> Item {
    match record.expires {
        Some(expires) => item.with_number(attribute::EXPIRES_AT, expires.as_seconds().saturating_add(1)),
        None => item,
    }
}

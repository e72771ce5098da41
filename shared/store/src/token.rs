//! Opaque tokens: found by their hash, listed and revoked under their key.

use keyplan_domain::key::{ApiKeyId, KeyValue};
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
            let value = item.text(attribute::VALUE)?;
            let under_key = UnderKey { record: record.clone(), hash: hash.to_string() };
            let place = list::place(record.created_date, record.id.as_str());
            let mut transaction = self.transaction();
            let key_check =
                transaction.check(&keys::api_key(&record.key_id), attribute::VERSION, number(item.version()?));
            let by_hash = Item::new(&keys::token(hash), record)?.with_text(attribute::VALUE, value);
            transaction.put(expiring(by_hash, record), Expect::Absent);
            let under_key = Item::new(&keys::key_token(&record.key_id, record.id.as_str()), &under_key)?
                .listed(list::tokens(&record.key_id), place);
            transaction.put(expiring(under_key, record), Expect::Absent);
            match transaction.commit().await {
                Ok(()) => Ok(Attempt::Done(())),
                Err(Lost::Condition(write)) if write != key_check => Err(StoreError::Conflict.into()),
                Err(Lost::Condition(_) | Lost::Conflict) => Ok(Attempt::Again),
                Err(Lost::Store(error)) => Err(error.into()),
            }
        })
    }

    /// A token by its hash, and the value of its key: one read. One that has
    /// expired may still be there.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn token(&self, hash: &TokenHash) -> Result<Option<(TokenRecord, KeyValue)>, StoreError> {
        let Some(item) = self.cacheable_item(&keys::token(hash)).await? else {
            return Ok(None);
        };
        let value = KeyValue::known(item.text(attribute::VALUE)?.to_owned());
        Ok(Some((item.data()?, value)))
    }

    /// A page of a key's tokens, newest first.
    ///
    /// # Errors
    /// When the table fails or the position is none.
    pub async fn tokens(&self, key: &ApiKeyId, request: &PageRequest) -> Result<Page<TokenRecord>, StoreError> {
        let key_of = |id: &str| keys::key_token(key, id);
        let page = self.page(&list::tokens(key), request, key_of, Item::data::<UnderKey>).await?;
        Ok(page.map(|under_key| under_key.record))
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

fn expiring(item: Item, record: &TokenRecord) -> Item {
    match record.expires {
        Some(expires) => item.with_number(attribute::EXPIRES_AT, expires.as_seconds().saturating_add(1)),
        None => item,
    }
}

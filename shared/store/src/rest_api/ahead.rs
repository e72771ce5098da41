//! What is written ahead of the transaction that makes it count: chunks of a
//! snapshot, and edits that are larger than a transaction.
//!
//! A record in the API's partition goes first, with the version of the API that
//! the transaction will be conditional on; the transaction removes it. Once the
//! API is beyond that version with the record still there, the transaction can
//! never happen, and whoever comes by may remove what it names. Each attempt
//! writes under a name of its own, so that none reads what another left.
//!
//! Who removes it raises the record's version first: that proves that the record
//! is there, which a Query of the API need not, and what is written under it is
//! written on condition of the record's first version, so that nothing comes after
//! it was removed.

use std::num::NonZeroUsize;

use keyplan_domain::id::RestApiId;
use serde::{Deserialize, Serialize};

use super::StoredApi;
use crate::item::{Item, attribute, number};
use crate::keys::{self, Key};
use crate::race::Attempt;
use crate::transaction::{Expect, Lost, Transaction};
use crate::{Store, StoreError, entropy};

/// The record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ahead {
    id: String,
    api: RestApiId,
    /// The version that the transaction is conditional on.
    version: u64,
    partition: String,
    /// What the sort keys begin with.
    prefix: String,
}

impl Ahead {
    /// Of what the edit of `api` at `version` refers to.
    pub(crate) fn new(api: &RestApiId, version: u64, id: String, partition: String, prefix: String) -> Self {
        Self { id, api: api.clone(), version, partition, prefix }
    }

    /// A name that no other attempt has.
    pub(crate) fn new_id() -> String {
        entropy::rest_api_id().to_string()
    }

    fn key(&self) -> Key {
        keys::ahead(&self.api, &self.id)
    }

    /// Keeps the record, as part of the transaction that makes useless what it
    /// names.
    pub(crate) fn put(&self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let item = Item::new(&self.key(), self)?.with_number(AHEAD_OF, self.version);
        transaction.put(item, Expect::Absent);
        Ok(())
    }

    /// Makes what is written count, as part of the transaction that refers to it.
    pub(crate) fn publish(&self, transaction: &mut Transaction<'_>) {
        transaction.delete_existing(&self.key());
    }
}

/// The record's version of the API again, as a guard.
const AHEAD_OF: &str = "aheadOf";
/// A record's version until somebody removes what it names.
const OPEN: u64 = 1;

impl Store {
    /// Writes `items`, none of which counts yet, a few in one transaction.
    pub(crate) async fn write_ahead(
        &self,
        ahead: &Ahead,
        items: Vec<Item>,
        at_once: NonZeroUsize,
    ) -> Result<Attempt<()>, StoreError> {
        let mut transaction = self.transaction();
        transaction.check(&keys::api(&ahead.api), attribute::VERSION, number(ahead.version));
        ahead.put(&mut transaction)?;
        if let Attempt::Again = Attempt::of(transaction.commit().await, ())? {
            return Ok(Attempt::Again);
        }
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let mut transaction = self.transaction();
            transaction.check(&ahead.key(), attribute::VERSION, number(OPEN));
            for item in items.by_ref().take(at_once.get()) {
                transaction.put_guarded(item);
            }
            if let Attempt::Again = Attempt::of(transaction.commit().await, ())? {
                self.discard_if_possible(ahead).await;
                return Ok(Attempt::Again);
            }
        }
        Ok(Attempt::Done(()))
    }

    /// Removes what can never count any more, and the record of it last.
    pub(crate) async fn discard(&self, ahead: &Ahead) -> Result<(), StoreError> {
        let mut transaction = self.transaction();
        transaction.raise(&ahead.key(), AHEAD_OF, ahead.version);
        match transaction.commit().await {
            Ok(()) => {}
            // Others have removed it, or it counts.
            Err(Lost::Condition(_)) => return Ok(()),
            Err(Lost::Conflict) => return Err(StoreError::Conflict),
            Err(Lost::Store(error)) => return Err(error),
        }
        self.delete_items(&ahead.partition, &ahead.prefix).await?;
        self.batch_write(Vec::new(), &[ahead.key()]).await
    }

    /// As [`Store::discard`], where nobody waits for it: what fails now is done by
    /// whoever edits the API next.
    pub(crate) async fn discard_if_possible(&self, ahead: &Ahead) {
        if let Err(error) = self.discard(ahead).await {
            tracing::warn!(%error, "what an attempt wrote is left for later");
        }
    }

    /// Removes what earlier attempts at `stored` left.
    pub(crate) async fn discard_left_over(&self, stored: &StoredApi) {
        for ahead in stored.ahead.iter().filter(|ahead| ahead.version < stored.version) {
            self.discard_if_possible(ahead).await;
        }
    }
}

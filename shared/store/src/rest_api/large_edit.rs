//! Edits that change more items than a transaction can: all or nothing still.
//!
//! What the edit changes is written ahead, to a partition of its own, and one
//! transaction names it in the API's item: from then on the edit is made. Whoever
//! reads the API next carries it out first, however far another got with that:
//! each step is conditional on the name, and the name goes last. Stages are not
//! put off so, since the data plane reads them alone; they change with the
//! transaction that decides.

use std::num::NonZeroUsize;

use keyplan_domain::id::RestApiId;

use super::ahead::Ahead;
use crate::item::{Item, attribute};
use crate::keys;
use crate::race::Attempt;
use crate::{Store, StoreError};

/// Items that one transaction carries out: it may have 4 MB, and an item 400 kB
/// (DynamoDB Developer Guide, "Quotas in Amazon DynamoDB").
const ITEMS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(9).unwrap();

impl Store {
    /// Writes down what an edit changes: items to put, and empty ones for those to
    /// delete.
    pub(crate) async fn draft(
        &self,
        api: &RestApiId,
        version: u64,
        items: Vec<Item>,
    ) -> Result<Attempt<(String, Ahead)>, StoreError> {
        let edit = Ahead::new_id();
        let partition = keys::edit_partition(api, &edit);
        let items = items.into_iter().map(|item| item.moved_to(&partition)).collect();
        let ahead = Ahead::new(api, version, edit.clone(), partition, String::new());
        Ok(match self.write_ahead(&ahead, items, ITEMS_AT_ONCE).await? {
            Attempt::Done(()) => Attempt::Done((edit, ahead)),
            Attempt::Again => Attempt::Again,
        })
    }

    /// Carries out an edit that is decided. `Again`: somebody else has.
    pub(crate) async fn carry_out(&self, api: &RestApiId, edit: &str) -> Result<Attempt<()>, StoreError> {
        let partition = keys::edit_partition(api, edit);
        let pk = keys::api_partition(api);
        let name = aws_sdk_dynamodb::types::AttributeValue::S(edit.to_owned());
        let mut items = self.partition(&partition, "").await?.into_iter();
        loop {
            let some: Vec<Item> = items.by_ref().take(ITEMS_AT_ONCE.get()).collect();
            if some.is_empty() {
                break;
            }
            let mut transaction = self.transaction();
            transaction.check(&keys::api(api), attribute::EDIT, name.clone());
            for item in some {
                transaction.put_or_delete(item.moved_to(&pk))?;
            }
            if let Attempt::Again = Attempt::of(transaction.commit().await, ())? {
                return Ok(Attempt::Again);
            }
        }
        // While the API names the edit, what is left of this can be found.
        self.delete_items(&partition, "").await?;
        let mut transaction = self.transaction();
        transaction.remove(&keys::api(api), attribute::EDIT, name);
        Attempt::of(transaction.commit().await, ())
    }
}

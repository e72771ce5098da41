//! Writes that belong together: one transaction, each on its condition.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};

use crate::error::is_about_size;
use crate::item::{Item, attribute, number};
use crate::keys::Key;
use crate::{Store, StoreError};

/// Items in one transaction, at the most (DynamoDB, "TransactWriteItems").
pub(crate) const MAX_ITEMS: usize = 100;

/// What an item must be for a write to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// Not there.
    Absent,
    /// There, at this version.
    Version(u64),
}

/// Why a transaction did not happen: nothing of it did.
#[derive(Debug)]
pub(crate) enum Lost {
    /// A condition did not hold: the write of this index, the first if several.
    Condition(usize),
    /// Another transaction was at the same items.
    Conflict,
    /// DynamoDB failed.
    Store(StoreError),
}

impl From<StoreError> for Lost {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A transaction on the config table being put together.
pub(crate) struct Transaction<'a> {
    store: &'a Store,
    writes: Vec<TransactWriteItem>,
    unbuildable: Option<StoreError>,
}

impl Store {
    pub(crate) fn transaction(&self) -> Transaction<'_> {
        Transaction { store: self, writes: Vec::new(), unbuildable: None }
    }
}

impl Transaction<'_> {
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    /// Puts `item`, whose version becomes 1, or the expected one's successor.
    pub(crate) fn put(&mut self, item: Item, expect: Expect) -> usize {
        let version = match expect {
            Expect::Absent => 1,
            Expect::Version(version) => version + 1,
        };
        let mut put = Put::builder()
            .table_name(self.store.config_table())
            .set_item(Some(item.with_number(attribute::VERSION, version).into_attributes()));
        put = match expect {
            Expect::Absent => {
                put.condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", attribute::PK)
            }
            Expect::Version(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", attribute::VERSION)
                .expression_attribute_values(":version", number(version)),
        };
        let put = put.build();
        self.push(put, |write, put| write.put(put))
    }

    /// Puts `item` whatever is there: for what another write of the same
    /// transaction guards.
    pub(crate) fn put_guarded(&mut self, item: Item) -> usize {
        let put = Put::builder().table_name(self.store.config_table()).set_item(Some(item.into_attributes())).build();
        self.push(put, |write, put| write.put(put))
    }

    /// Puts `item`, or deletes what is at its key if it is empty, whatever is there.
    pub(crate) fn put_or_delete(&mut self, item: Item) -> Result<usize, StoreError> {
        if item.is_empty() { Ok(self.delete_guarded(&item.key()?)) } else { Ok(self.put_guarded(item)) }
    }

    /// Deletes the item of `key`, if it is at `version`.
    pub(crate) fn delete(&mut self, key: &Key, version: u64) -> usize {
        let delete = Delete::builder()
            .table_name(self.store.config_table())
            .set_key(Some(key.attributes()))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", attribute::VERSION)
            .expression_attribute_values(":version", number(version))
            .build();
        self.push(delete, |write, delete| write.delete(delete))
    }

    /// Deletes the item of `key`, which must be there.
    pub(crate) fn delete_existing(&mut self, key: &Key) -> usize {
        let delete = Delete::builder()
            .table_name(self.store.config_table())
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", attribute::PK)
            .build();
        self.push(delete, |write, delete| write.delete(delete))
    }

    /// Deletes whatever is at `key`: for what another write of the same
    /// transaction guards.
    pub(crate) fn delete_guarded(&mut self, key: &Key) -> usize {
        let delete = Delete::builder().table_name(self.store.config_table()).set_key(Some(key.attributes())).build();
        self.push(delete, |write, delete| write.delete(delete))
    }

    /// Requires that `name` of the item of `key` still is `value`.
    pub(crate) fn check(&mut self, key: &Key, name: &str, value: AttributeValue) -> usize {
        let check = ConditionCheck::builder()
            .table_name(self.store.config_table())
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_exists(#pk) AND #name = :value")
            .expression_attribute_names("#pk", attribute::PK)
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .build();
        self.push(check, |write, check| write.condition_check(check))
    }

    /// Requires that nothing is at `key`.
    pub(crate) fn check_absent(&mut self, key: &Key) -> usize {
        self.check_presence(key, "attribute_not_exists(#pk)")
    }

    /// Requires that something is at `key`, whatever it is.
    pub(crate) fn check_present(&mut self, key: &Key) -> usize {
        self.check_presence(key, "attribute_exists(#pk)")
    }

    fn check_presence(&mut self, key: &Key, condition: &str) -> usize {
        let check = ConditionCheck::builder()
            .table_name(self.store.config_table())
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .expression_attribute_names("#pk", attribute::PK)
            .build();
        self.push(check, |write, check| write.condition_check(check))
    }

    /// Raises the version of the item of `key`, so that nobody puts what the
    /// item was before; if its `guard` still is `value`.
    pub(crate) fn raise(&mut self, key: &Key, guard: &str, value: u64) -> usize {
        let update = Update::builder()
            .table_name(self.store.config_table())
            .set_key(Some(key.attributes()))
            .update_expression("ADD #version :one")
            .condition_expression("attribute_exists(#pk) AND #guard = :value")
            .expression_attribute_names("#pk", attribute::PK)
            .expression_attribute_names("#version", attribute::VERSION)
            .expression_attribute_values(":value", number(value))
            .expression_attribute_values(":one", number(1));
        self.update(update, guard)
    }

    /// Removes `name` from the item of `key`, and raises its version, if `name`
    /// still is `value`.
    pub(crate) fn remove(&mut self, key: &Key, name: &str, value: AttributeValue) -> usize {
        let update = Update::builder()
            .table_name(self.store.config_table())
            .set_key(Some(key.attributes()))
            .update_expression("REMOVE #guard ADD #version :one")
            .condition_expression("#guard = :value")
            .expression_attribute_names("#version", attribute::VERSION)
            .expression_attribute_values(":value", value)
            .expression_attribute_values(":one", number(1));
        self.update(update, name)
    }

    fn update(&mut self, update: UpdateBuilder, guard: &str) -> usize {
        let update = update.expression_attribute_names("#guard", guard).build();
        self.push(update, |write, update| write.update(update))
    }

    /// Does all of it, or nothing. Sent again by the SDK under one token, so
    /// that a lost answer repeats nothing.
    pub(crate) async fn commit(self) -> Result<(), Lost> {
        if let Some(error) = self.unbuildable {
            return Err(Lost::Store(error));
        }
        let sent = self.store.client().transact_write_items().set_transact_items(Some(self.writes)).send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    Err(lost(cancelled.cancellation_reasons())
                        .unwrap_or_else(|| Lost::Store(StoreError::unavailable("TransactWriteItems", &error))))
                }
                Some(service) if service.code() == Some("TransactionInProgressException") => Err(Lost::Conflict),
                _ => Err(Lost::Store(StoreError::unavailable("TransactWriteItems", &error))),
            },
        }
    }

    fn push<T>(
        &mut self,
        built: Result<T, aws_sdk_dynamodb::error::BuildError>,
        into: impl FnOnce(
            aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder,
            T,
        ) -> aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder,
    ) -> usize {
        match built {
            Ok(write) => self.writes.push(into(TransactWriteItem::builder(), write).build()),
            Err(error) => self.unbuildable = Some(StoreError::unbuildable("TransactWriteItems", &error)),
        }
        self.writes.len().saturating_sub(1)
    }
}

fn lost(reasons: &[aws_sdk_dynamodb::types::CancellationReason]) -> Option<Lost> {
    let code_of = |code: &str| reasons.iter().position(|reason| reason.code() == Some(code));
    if reasons.iter().any(|reason| reason.message().is_some_and(is_about_size)) {
        return Some(Lost::Store(StoreError::TooLarge));
    }
    code_of("ConditionalCheckFailed")
        .map(Lost::Condition)
        .or_else(|| code_of("TransactionConflict").map(|_| Lost::Conflict))
}

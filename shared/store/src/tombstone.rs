//! Deleting what has more items than a transaction.
//!
//! One transaction replaces the root of a partition, an API or a plan, by a
//! tombstone. Nothing lists it, finds it or serves from it from then on: what
//! reads an item below a root reads the root too. Then go the items below, a page
//! at a time, and the tombstone last. A deletion that is cut off thus leaves
//! nothing that acts, and whoever asks again finds the tombstone and goes on. A
//! tombstone rather than a mark on the root, since what does not know of it then
//! cannot take the root for one that lives.

use crate::item::Item;
use crate::keys::{self, Key};
use crate::transaction::Transaction;
use crate::{Store, StoreError};

impl Transaction<'_> {
    /// Replaces `root`, at `version`, by a tombstone.
    pub(crate) fn bury(&mut self, root: &Key, version: u64) {
        self.delete(root, version);
        self.put_guarded(Item::empty(&keys::tombstone(root.pk.clone())));
    }

    /// Requires that nothing is left of an earlier partition of that name.
    pub(crate) fn check_not_buried(&mut self, partition: String) {
        self.check_absent(&keys::tombstone(partition));
    }
}

impl Store {
    /// Whether a partition's root is gone and items below it may be left.
    pub(crate) async fn is_buried(&self, partition: &str) -> Result<bool, StoreError> {
        Ok(self.config_item(&keys::tombstone(partition.to_owned())).await?.is_some())
    }

    /// Removes a partition and its tombstone, that last.
    pub(crate) async fn clear_partition(&self, partition: &str) -> Result<(), StoreError> {
        let tombstone = keys::tombstone(partition.to_owned());
        let mut left = self.keys_of(partition, "").await?;
        left.retain(|key| *key != tombstone);
        self.batch_write(Vec::new(), &left).await?;
        self.batch_write(Vec::new(), &[tombstone]).await
    }

    /// Removes the items of a partition whose sort keys begin with `prefix`.
    pub(crate) async fn delete_items(&self, partition: &str, prefix: &str) -> Result<(), StoreError> {
        let keys = self.keys_of(partition, prefix).await?;
        self.batch_write(Vec::new(), &keys).await
    }

    async fn keys_of(&self, partition: &str, prefix: &str) -> Result<Vec<Key>, StoreError> {
        self.partition(partition, prefix).await?.iter().map(Item::key).collect()
    }
}

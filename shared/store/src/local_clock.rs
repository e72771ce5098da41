use crate::item::Item;
use crate::keys;
use crate::{Store, StoreError};

impl Store {
    /// By how many seconds the local stack's clock runs ahead of the machine's;
    /// 0 when it was never moved.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn local_clock_offset(&self) -> Result<u64, StoreError> {
        match self.config_item(&keys::local_clock()).await? {
            Some(item) => item.data(),
            None => Ok(0),
        }
    }

    /// Keeps by how many seconds the local stack's clock runs ahead.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn set_local_clock_offset(&self, seconds: u64) -> Result<(), StoreError> {
        self.batch_write(vec![Item::new(&keys::local_clock(), &seconds)?], &[]).await
    }
}

//! Taking an import back.

use keyplan_domain::key::ApiKey;

use super::Written;
use crate::{Store, StoreError, UpdateError};

/// Somebody else has changed the key since.
struct Changed;

impl Store {
    /// Undoes what was written, and what may have been. A key that somebody else
    /// has changed since stays as it is; one that was
    /// there before leaves the plans it was put into.
    pub(super) async fn undo_import(&self, written: Vec<Written>) -> Result<(), StoreError> {
        let mut failed = None;
        for written in written.into_iter().rev() {
            let id = written.after.id.clone();
            if let Err(error) = self.undo(written).await {
                tracing::error!(%error, key_id = %id, "a key of an import that keeps nothing is kept");
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn undo(&self, Written { before, after, added }: Written) -> Result<(), StoreError> {
        let Some(before) = before else {
            // Asked first as well, since tokens go before the key does.
            if self.api_key(&after.id).await?.is_some_and(|key| key == after) {
                self.delete_api_key_if(&after.id, |key| *key == after).await?;
            }
            return Ok(());
        };
        for plan in &added {
            self.remove_plan_key(plan, &after.id).await?;
        }
        let restore = |key: &mut ApiKey| {
            if *key != after {
                return Err(Changed);
            }
            key.clone_from(&before);
            Ok(())
        };
        match self.update_api_key(&after.id, restore).await {
            Ok(_) | Err(UpdateError::NotFound | UpdateError::Rejected(Changed)) => Ok(()),
            Err(UpdateError::Store(error)) => Err(error),
        }
    }
}

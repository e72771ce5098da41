//! Deleting an API: its stages leave their plans and stop serving, a page at a
//! time, each an edit as any other; then the API goes as `tombstone` says.

use std::convert::Infallible;

use keyplan_domain::id::RestApiId;

use super::StoredApi;
use crate::keys;
use crate::race::{Attempt, until_decided};
use crate::{Store, StoreError, UpdateError};

/// What came of burying an API.
enum Burial {
    Done,
    NotThere,
    /// It has got one meanwhile.
    HasStages,
}

/// Stages that one edit removes.
const STAGES_AT_ONCE: usize = 40;

impl Store {
    /// Deletes an API and all that belongs to it. False when there is none.
    ///
    /// # Errors
    /// When the table fails; what is left then is neither served nor listed once
    /// the API itself is gone, and to delete it again goes on.
    pub async fn delete_rest_api(&self, id: &RestApiId) -> Result<bool, StoreError> {
        let buried = loop {
            while self.remove_some_stages(id).await? {}
            match self.bury_rest_api(id).await? {
                Burial::Done => break true,
                Burial::NotThere => break false,
                Burial::HasStages => {}
            }
        };
        // Somebody else may have removed the rest meanwhile.
        Ok(self.remove_remains_of_api(id).await? || buried)
    }

    /// Removes what is left of an API that is gone itself. False when nothing is.
    pub(super) async fn remove_remains_of_api(&self, id: &RestApiId) -> Result<bool, StoreError> {
        let partition = keys::api_partition(id);
        if !self.is_buried(&partition).await? {
            return Ok(false);
        }
        self.delete_deployments_of(id).await?;
        for ahead in StoredApi::ahead(&self.partition(&partition, keys::AHEAD).await?)? {
            self.discard(&ahead).await?;
        }
        self.clear_partition(&partition).await?;
        Ok(true)
    }

    /// False when there were none.
    async fn remove_some_stages(&self, id: &RestApiId) -> Result<bool, StoreError> {
        let removed = self.edit_rest_api(id, |definition| {
            let gone: Vec<String> = definition.stages.keys().take(STAGES_AT_ONCE).cloned().collect();
            definition.stages.retain(|name, _| !gone.contains(name));
            Ok::<_, Infallible>(!gone.is_empty())
        });
        match removed.await {
            Ok(any) => Ok(any),
            Err(UpdateError::NotFound) => Ok(false),
            Err(UpdateError::Rejected(never)) => match never {},
            Err(UpdateError::Store(error)) => Err(error),
        }
    }

    async fn bury_rest_api(&self, id: &RestApiId) -> Result<Burial, StoreError> {
        until_decided!({
            let Some(stored) = self.stored_api(id).await? else {
                return Ok(Attempt::Done(Burial::NotThere));
            };
            if !stored.definition().stages.is_empty() {
                return Ok(Attempt::Done(Burial::HasStages));
            }
            let mut transaction = self.transaction();
            transaction.bury(&keys::api(id), stored.version);
            Attempt::of(transaction.commit().await, Burial::Done)
        })
    }
}

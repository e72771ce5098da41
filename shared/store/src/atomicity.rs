//! A proof that the DynamoDB in use is atomic: every limit that Keyplan keeps
//! rests on a condition and its change being one step there.

use std::num::NonZeroU32;

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use tokio::task::JoinSet;

use crate::item::number;
use crate::keys::{self, Key};
use crate::{Store, StoreError, entropy};

/// Tasks that increment one counter as long as it is below a limit.
#[derive(Clone, Copy, Debug)]
pub struct Race {
    /// Tasks at once.
    pub tasks: u32,
    /// Increments that each of them tries.
    pub attempts: u32,
    /// What the counter must not exceed.
    pub limit: NonZeroU32,
}

/// What came of a [`Race`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaceOutcome {
    /// Increments that DynamoDB said it had made.
    pub admitted: u32,
    /// The counter in the end.
    pub counted: u64,
}

impl Race {
    /// Whether that is what an atomic DynamoDB does.
    #[must_use]
    pub fn is_won(&self, outcome: RaceOutcome) -> bool {
        let expected = self.limit.get().min(self.tasks.saturating_mul(self.attempts));
        outcome == RaceOutcome { admitted: expected, counted: u64::from(expected) }
    }
}

impl Store {
    /// Runs a race on a counter of its own in the usage table, and removes it.
    ///
    /// # Errors
    /// When DynamoDB fails: then nothing is proven.
    pub async fn race(&self, race: Race) -> Result<RaceOutcome, StoreError> {
        let key = keys::race(&entropy::part_id());
        let mut tasks = JoinSet::new();
        for _ in 0..race.tasks {
            let (store, key) = (self.clone(), key.clone());
            tasks.spawn(async move {
                let mut admitted = 0;
                for _ in 0..race.attempts {
                    admitted += u32::from(store.increment_below(&key, race.limit).await?);
                }
                Ok::<_, StoreError>(admitted)
            });
        }
        let mut admitted = 0;
        while let Some(task) = tasks.join_next().await {
            admitted += task.map_err(|error| StoreError::unbuildable("race", &error))??;
        }
        let counter = self.get_item(self.usage_table(), &key).await?;
        let counted = counter.map(|counter| counter.into_attributes()).and_then(|mut counter| counter.remove(USED));
        let counted = counted.and_then(|used| used.as_n().ok()?.parse().ok()).unwrap_or_default();
        self.client()
            .delete_item()
            .table_name(self.usage_table())
            .set_key(Some(key.attributes()))
            .send()
            .await
            .map_err(|error| StoreError::unavailable("DeleteItem", &error))?;
        Ok(RaceOutcome { admitted, counted })
    }

    async fn increment_below(&self, key: &Key, limit: NonZeroU32) -> Result<bool, StoreError> {
        let increment = self
            .client()
            .update_item()
            .table_name(self.usage_table())
            .set_key(Some(key.attributes()))
            .update_expression("ADD #used :one")
            .condition_expression("attribute_not_exists(#used) OR #used < :limit")
            .expression_attribute_names("#used", USED)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(limit))
            .customize()
            // An increment that is sent again might count twice.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        match increment {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::unavailable("UpdateItem", &error)),
        }
    }
}

const USED: &str = "used";

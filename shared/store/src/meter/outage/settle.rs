//! The write that counts what was admitted in an outage.

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::ToSpan;
use keyplan_domain::time::Timestamp;
use keyplan_telemetry::Counter;

use super::unsettled::Batch;
use crate::item::number;
use crate::keys::Key;
use crate::meter::write::OPERATION;
use crate::meter::{day_attribute, remaining_attribute};
use crate::{Store, StoreError};

/// The id of the last batch that was counted.
const SETTLED: &str = "s";

impl Store {
    /// Counts a batch, whatever the limits. The item keeps the id of the last
    /// that was counted, so that one whose answer got lost may be sent again:
    /// only if another process has settled meanwhile is it counted twice.
    ///
    /// A day two or more days old is in history and does not change any more:
    /// what was admitted on it counts for yesterday.
    ///
    /// # Errors
    /// When it cannot be sent, is throttled, or nobody knows what became of it.
    pub(super) async fn settle(&self, at: &Key, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        self.ask_usage(Box::pin(self.settle_unwatched(at, batch, now))).await
    }

    async fn settle_unwatched(&self, at: &Key, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        let day = batch.at.date().max(now.date().saturating_sub(1.day()));
        let tokens = i64::from(batch.tokens);
        let mut update = "SET #s = :id, #d = if_not_exists(#d, :zero) + :n".to_owned();
        let mut request = self
            .client()
            .update_item()
            .table_name(self.usage_table())
            .set_key(Some(at.attributes()))
            .condition_expression("attribute_not_exists(#s) OR #s <> :id")
            .expression_attribute_names("#s", SETTLED)
            .expression_attribute_names("#d", day_attribute(day))
            .expression_attribute_values(":id", AttributeValue::S(batch.id.clone().unwrap_or_default()))
            .expression_attribute_values(":n", number(tokens))
            .expression_attribute_values(":zero", number(0));
        if let Some(quota) = batch.quota {
            update.push_str(", #q = if_not_exists(#q, :zero) + :n, #r = :left - if_not_exists(#q, :zero)");
            request = request
                .expression_attribute_names("#q", quota.window_of_day(day).counter())
                .expression_attribute_names("#r", remaining_attribute(day))
                .expression_attribute_values(":left", number(i64::from(quota.limit) - tokens));
        }
        self.metrics().count(Counter::MeterWrites);
        let sent = request
            .update_expression(update)
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            // Counted by an earlier write of it.
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Some(UpdateItemError::TransactionConflictException(_)) => Err(StoreError::Conflict),
            Some(
                UpdateItemError::ProvisionedThroughputExceededException(_)
                | UpdateItemError::RequestLimitExceeded(_)
                | UpdateItemError::ThrottlingException(_),
            ) => Err(StoreError::Throttled { operation: OPERATION }),
            _ => Err(StoreError::unavailable(OPERATION, &error)),
        }
    }
}

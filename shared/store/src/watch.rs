//! Keeps calls away from a table that is out, and finds out when it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use keyplan_domain::lease::Moment;
use keyplan_domain::outage::{Availability, Turn};
use keyplan_telemetry::Counter;

use crate::clock::Clock;
use crate::item::attribute;
use crate::{Store, StoreError, keys};

/// What one process knows of a table's state ([`keyplan_domain::outage`]), by
/// the calls that go through here. While the table is out none goes through; a
/// probe in the background asks it once a second for as long as callers come.
/// One line of the log tells that an outage begins and one that it ends, both
/// with the field `outage`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TableWatch {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    table: Table,
    store: Store,
    clock: Arc<dyn Clock>,
    known: Mutex<Availability>,
    /// What `known` says, for every request to ask without the lock.
    is_out: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
enum Table {
    Config,
    Usage,
}

impl TableWatch {
    /// One over the configuration table, which is probed by a read.
    #[must_use]
    pub fn of_config(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self::of(Table::Config, store, clock)
    }

    /// One over the usage table, which is probed by a write that changes nothing.
    #[must_use]
    pub fn of_usage(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self::of(Table::Usage, store, clock)
    }

    fn of(table: Table, store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { table, store, clock, known: Mutex::default(), is_out: AtomicBool::new(false) }) }
    }

    /// Whether the table is out.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.inner.is_out.load(Ordering::Acquire)
    }

    /// Whether callers are kept away, since the table is out. It is they who have
    /// it probed.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn keeps_away(&self) -> bool {
        let is_out = self.is_out();
        if is_out && self.known().wants_probe(self.inner.clock.moment()) {
            tokio::spawn(self.clone().probe());
        }
        is_out
    }

    async fn probe(self) {
        let began = self.inner.clock.moment();
        let answer = match self.inner.table {
            Table::Config => self.inner.store.probe_config().await,
            Table::Usage => self.inner.store.probe_usage().await,
        };
        self.note(began, answer.as_ref().err());
    }

    /// Makes a call, unless the table is out.
    ///
    /// # Errors
    /// Those of the call; [`StoreError::Outage`] when it was not made.
    pub async fn ask<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.keeps_away() {
            return Err(StoreError::Outage);
        }
        let began = self.inner.clock.moment();
        let answer = call.await;
        self.note(began, answer.as_ref().err());
        answer
    }

    /// Whoever is throttled or meets a transaction has an answer, but not one
    /// that others could count on.
    fn note(&self, began: Moment, error: Option<&StoreError>) {
        let now = self.inner.clock.moment();
        let mut known = self.known();
        let turn = match error {
            Some(StoreError::Unavailable { .. }) => known.failed(began, now),
            Some(StoreError::Throttled { .. } | StoreError::Conflict | StoreError::Outage) => None,
            Some(StoreError::InvalidPosition | StoreError::TooLarge | StoreError::Corrupt { .. }) | None => {
                known.succeeded(now)
            }
        };
        self.inner.is_out.store(known.is_out(), Ordering::Release);
        drop(known);
        let table = self.inner.table.name();
        match turn {
            Some(Turn::Began) => {
                self.inner.store.metrics().count(Counter::TableOutages);
                let error = error.map(ToString::to_string);
                tracing::error!(outage = "began", table, error, "DynamoDB fails; it is probed once a second");
            }
            Some(Turn::Ended { lasted }) => {
                let lasted_seconds = lasted.as_secs_f64();
                tracing::warn!(outage = "ended", table, lasted_seconds, "DynamoDB answers again");
            }
            None => {}
        }
    }

    fn known(&self) -> MutexGuard<'_, Availability> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Usage => "usage",
        }
    }
}

impl Store {
    async fn probe_config(&self) -> Result<(), StoreError> {
        self.get_item(self.config_table(), &keys::no_plan()).await.map(|_| ())
    }

    /// A write whose condition never holds, since nothing is ever put there.
    async fn probe_usage(&self) -> Result<(), StoreError> {
        let sent = self
            .client()
            .update_item()
            .table_name(self.usage_table())
            .set_key(Some(keys::nothing().attributes()))
            .update_expression("SET #probed = :probed")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", attribute::PK)
            .expression_attribute_names("#probed", "probed")
            .expression_attribute_values(":probed", AttributeValue::Bool(true))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        match sent {
            Err(error) if !is_condition(&error) => Err(StoreError::unavailable("UpdateItem", &error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn is_condition(error: &SdkError<UpdateItemError>) -> bool {
    matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_)))
}

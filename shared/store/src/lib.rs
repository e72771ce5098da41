//! Keyplan's two DynamoDB tables.
//!
//! `config` holds REST APIs, keys, plans, tokens and subjects; `usage` holds a
//! meter per key in a plan and a bucket per throttled method of a stage. This is
//! the only crate that speaks to DynamoDB: [`keys`] spells every key, each
//! aggregate has a file, and [`meter`] spends tokens in one conditional write.
//!
//! Concurrency: every item carries a version, every write is conditional on
//! what it was decided upon, and a lost race is run again. Failure: an error
//! is [`StoreError`]; nothing is half-written, since what belongs together is
//! one transaction.

#![warn(missing_docs)]

mod account;
mod api_key;
pub mod atomicity;
pub mod cache;
pub mod clock;
pub mod connect;
mod deployment;
pub mod entropy;
mod error;
mod http_clients;
mod import;
mod item;
pub mod keys;
mod local_clock;
pub mod meter;
mod page;
mod plan_key;
mod race;
mod rest_api;
mod subject;
pub mod tables;
mod token;
mod tombstone;
mod transaction;
mod usage;
mod usage_plan;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use keyplan_telemetry::Metrics;

pub use api_key::CreateKeyError;
pub use deployment::{DeleteDeployment, DeployError};
pub use error::{StoreError, UpdateError};
pub use import::{Import, ImportRefusal, OnRefusal};
pub use meter::{Admitted, Buckets, Debit, Exhausted, Meter, Metering, Refused, Scope, Standing, Token};
pub use page::{PAGE_BYTES, Page, PageRequest};
pub use plan_key::PlanKeyError;
use rest_api::{Latest, Turns};
pub use subject::{CreateSubjectError, FirstSight, FirstSightError, MappedSubject};
pub use tables::Tables;
pub use token::{IssuedToken, Rotation};
pub use usage::DailyUsage;
pub use usage_plan::{KeyInTwoPlans, PlanError};
pub use watch::TableWatch;

/// How long a function's start waits for DynamoDB, whatever it reads.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// The tables and the client they are reached through; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
    /// Who keeps calls for meters and buckets away from the usage table while it
    /// is out.
    usage_watch: Option<TableWatch>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    tables: Tables,
    latest: Latest,
    turns: Turns,
}

impl Store {
    /// A store over `tables`; no request is sent.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self {
            inner: Arc::new(Inner { client, tables, latest: Latest::default(), turns: Turns::default() }),
            usage_watch: None,
            metrics: Metrics::default(),
        }
    }

    /// The same store, which counts in `metrics` what it does, as do those who
    /// work with it.
    #[must_use]
    pub fn counting_in(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Where what is done with this store is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The same store, whose calls for meters and buckets go through `watch`.
    #[must_use]
    pub fn watched(self, watch: TableWatch) -> Self {
        Self { usage_watch: Some(watch), ..self }
    }

    async fn ask_usage<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match &self.usage_watch {
            Some(watch) => watch.ask(call).await,
            None => call.await,
        }
    }

    fn client(&self) -> &Client {
        &self.inner.client
    }

    fn config_table(&self) -> &str {
        &self.inner.tables.config
    }

    fn usage_table(&self) -> &str {
        &self.inner.tables.usage
    }

    /// Opens the connection, so that the first request need not: for a function's
    /// start, to which Lambda gives a whole processor. It reads an item of the config
    /// table that is not there and that the function may read: [`keys::no_plan`] or
    /// [`keys::no_token`]. A failure is for the first request to find out, and a
    /// second is all that is waited for.
    pub async fn warm_up(&self, nothing: &keys::Key) {
        let read = self.get_item(self.config_table(), nothing);
        match tokio::time::timeout(WARM_UP, read).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "DynamoDB cannot be reached yet"),
            Err(_) => tracing::warn!("DynamoDB does not answer yet"),
        }
    }
}

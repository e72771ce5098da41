//! Buckets that callers share, in the table.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;
use keyplan_domain::id::RestApiId;
use keyplan_domain::throttle::{Gcra, ThrottleSettings};
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::SystemClock;
use keyplan_store::{Buckets, Exhausted, Scope, Store, Tables, Token, keys};
use support::{ManualClock, NOON, connection, endpoint};
use tokio::task::JoinSet;

fn gcra(rate_limit: f64, burst_limit: u32) -> Gcra {
    ThrottleSettings { burst_limit, rate_limit }.into()
}

/// Counts what is sent to DynamoDB, and loses answers when it is told to.
#[derive(Clone, Debug, Default)]
struct Wire {
    sent: Arc<AtomicU32>,
    loses_answers: Arc<AtomicBool>,
}

impl Wire {
    fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "Wire"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.loses_answers.load(Ordering::SeqCst) { Err("the answer is lost".into()) } else { Ok(()) }
    }
}

/// A table, and a clock for all processes that use it.
struct Table {
    client: Client,
    tables: Tables,
    clock: Arc<ManualClock>,
    api: RestApiId,
}

impl Table {
    async fn new() -> Self {
        let tables = support::tables();
        let client = connection(endpoint().await).dynamodb();
        support::create_tables(&Store::new(client.clone(), tables.clone())).await;
        Self { client, tables, clock: ManualClock::at(NOON), api: RestApiId::new("abcdefghij") }
    }

    /// Buckets as a process of its own has them, and what it sends.
    fn process(&self) -> (Buckets, Wire) {
        let wire = Wire::default();
        let config = self.client.config().to_builder().interceptor(wire.clone()).build();
        let store = Store::new(Client::from_conf(config), self.tables.clone());
        (Buckets::new(store, self.clock.clone()), wire)
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Method { api: &self.api, stage: "prod", stage_uid: "uid001", resource: "res001", verb: "GET" }
    }

    async fn take(&self, buckets: &Buckets, throttle: Gcra) -> Result<Token, Exhausted> {
        buckets.take(&self.scope(), throttle).await.unwrap()
    }

    /// Takes and spends a token.
    async fn spend(&self, buckets: &Buckets, throttle: Gcra) -> Result<(), Exhausted> {
        self.take(buckets, throttle).await.map(Token::spend)
    }

    async fn item(&self) -> HashMap<String, AttributeValue> {
        let key = keys::bucket(&self.scope());
        let answer = self
            .client
            .get_item()
            .table_name(&self.tables.usage)
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk.into_owned()))
            .send()
            .await
            .unwrap();
        answer.item.unwrap_or_default()
    }

    fn pass(&self, time: Duration) {
        self.clock.set(keyplan_store::clock::Clock::now(&*self.clock).plus(time));
    }
}

#[tokio::test]
async fn from_idle_two_processes_admit_exactly_the_burst_of_a_slow_bucket() {
    let table = Table::new().await;
    let (one, two) = (table.process().0, table.process().0);
    let throttle = gcra(2.0, 5);
    let mut admitted = 0;
    for _ in 0..6 {
        admitted += u32::from(table.spend(&one, throttle).await.is_ok());
        admitted += u32::from(table.spend(&two, throttle).await.is_ok());
    }
    assert_eq!(admitted, 5);
    let half = Duration::from_millis(500);
    assert_eq!(table.spend(&one, throttle).await, Err(Exhausted { wait: Some(half) }));
    table.pass(half);
    assert_eq!(table.spend(&two, throttle).await, Ok(()));
    assert_eq!(table.spend(&one, throttle).await, Err(Exhausted { wait: Some(half) }));
}

#[tokio::test]
async fn a_busy_process_writes_once_per_lease_and_refuses_without_io() {
    let table = Table::new().await;
    let (buckets, wire) = table.process();
    let throttle = gcra(1_000.0, 201);
    for _ in 0..201 {
        assert_eq!(table.spend(&buckets, throttle).await, Ok(()));
    }
    // One for the first request, then leases of 50 ms of the rate.
    assert_eq!(wire.sent(), 1 + 200 / 50);
    for _ in 0..100 {
        let wait = Some(Duration::from_millis(1));
        assert_eq!(table.spend(&buckets, throttle).await, Err(Exhausted { wait }));
    }
    assert_eq!(wire.sent(), 5);
}

#[tokio::test]
async fn what_others_took_is_asked_for_once() {
    let table = Table::new().await;
    let (one, two) = (table.process().0, table.process());
    let throttle = gcra(1.0, 1);
    assert_eq!(table.spend(&one, throttle).await, Ok(()));
    for _ in 0..10 {
        assert!(table.spend(&two.0, throttle).await.is_err());
    }
    assert_eq!(two.1.sent(), 1);
}

#[tokio::test]
async fn a_lease_takes_what_is_left_where_that_is_less_than_it_asks_for() {
    let table = Table::new().await;
    let (one, two) = (table.process().0, table.process().0);
    let throttle = gcra(1_000.0, 60);
    let mut admitted = 0;
    for _ in 0..100 {
        admitted += u32::from(table.spend(&one, throttle).await.is_ok());
    }
    for _ in 0..100 {
        admitted += u32::from(table.spend(&two, throttle).await.is_ok());
    }
    assert_eq!(admitted, 60);
}

#[tokio::test]
async fn a_token_that_is_dropped_goes_back_without_io() {
    let table = Table::new().await;
    let (buckets, wire) = table.process();
    let throttle = gcra(1.0, 1);
    for _ in 0..5 {
        drop(table.take(&buckets, throttle).await.unwrap());
    }
    assert_eq!(table.spend(&buckets, throttle).await, Ok(()));
    assert!(table.spend(&buckets, throttle).await.is_err());
    assert_eq!(wire.sent(), 1);
}

#[tokio::test]
async fn a_lease_ends_after_two_seconds() {
    let table = Table::new().await;
    let (buckets, wire) = table.process();
    let throttle = gcra(10.0, 10);
    drop(table.take(&buckets, throttle).await.unwrap());
    table.pass(Duration::from_millis(1_999));
    drop(table.take(&buckets, throttle).await.unwrap());
    assert_eq!(wire.sent(), 1);
    table.pass(Duration::from_millis(1));
    drop(table.take(&buckets, throttle).await.unwrap());
    assert_eq!(wire.sent(), 2);
}

#[tokio::test]
async fn requests_that_come_at_once_share_a_write() {
    let table = Arc::new(Table::new().await);
    let (buckets, wire) = table.process();
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (table, buckets) = (table.clone(), buckets.clone());
        tasks.spawn(async move { table.spend(&buckets, gcra(1.0, 60)).await.is_ok() });
    }
    let admitted = tasks.join_all().await.into_iter().filter(|admitted| *admitted).count();
    assert_eq!(admitted, 60);
    // The first asks for itself, the second for all that wait.
    assert_eq!(wire.sent(), 2);
}

#[tokio::test]
async fn an_answer_that_is_lost_grants_nothing_and_fails_all_that_wait_for_it() {
    let table = Arc::new(Table::new().await);
    let (buckets, wire) = table.process();
    wire.loses_answers.store(true, Ordering::SeqCst);
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let (table, buckets) = (table.clone(), buckets.clone());
        tasks.spawn(async move { buckets.take(&table.scope(), gcra(1.0, 3)).await.is_err() });
    }
    assert!(tasks.join_all().await.into_iter().all(|failed| failed));
    // The write, and the one time that it is made again.
    assert_eq!(wire.sent(), 2);

    wire.loses_answers.store(false, Ordering::SeqCst);
    let mut admitted = 0;
    for _ in 0..5 {
        admitted += u32::from(table.spend(&buckets, gcra(1.0, 3)).await.is_ok());
    }
    assert_eq!(admitted, 2, "the token of the lost answer is gone");
}

#[tokio::test]
async fn a_changed_rate_acts_at_once_and_locks_nobody_out() {
    let table = Table::new().await;
    let (buckets, _) = table.process();
    for _ in 0..5 {
        table.spend(&buckets, gcra(0.001, 5)).await.unwrap();
    }
    // A full bucket's debt under the new settings: 100 ms for the next token.
    let wait = Some(Duration::from_millis(100));
    assert_eq!(table.spend(&buckets, gcra(10.0, 5)).await, Err(Exhausted { wait }));
    table.pass(Duration::from_millis(100));
    assert_eq!(table.spend(&buckets, gcra(10.0, 5)).await, Ok(()));
    assert_eq!(table.spend(&buckets, gcra(0.0, 5)).await, Err(Exhausted { wait: None }));
    assert_eq!(table.spend(&buckets, gcra(10.0, 0)).await, Err(Exhausted { wait: None }));
}

#[tokio::test]
async fn every_method_and_every_stage_made_anew_has_a_bucket_of_its_own() {
    let table = Table::new().await;
    let (buckets, _) = table.process();
    let of = |stage_uid, resource, verb| Scope::Method { api: &table.api, stage: "prod", stage_uid, resource, verb };
    let throttle = gcra(1.0, 1);
    for scope in [of("1", "a", "GET"), of("1", "a", "PUT"), of("1", "b", "GET"), of("2", "a", "GET")] {
        buckets.take(&scope, throttle).await.unwrap().unwrap().spend();
        assert!(buckets.take(&scope, throttle).await.unwrap().is_err(), "{scope:?}");
    }
}

#[tokio::test]
async fn an_item_outlives_its_debt_by_a_day_and_no_more() {
    let table = Table::new().await;
    let (buckets, _) = table.process();
    table.spend(&buckets, gcra(0.5, 10)).await.unwrap();
    let item = table.item().await;
    let expires = Timestamp::from_seconds(item["expiresAt"].as_n().unwrap().parse().unwrap());
    assert_eq!(expires, NOON.plus(Duration::from_secs(20 + 86_400)));
    assert_eq!(item.len(), 5, "{item:?}");
    assert_eq!(item["gcra"].as_s().unwrap(), "2000000000x10@0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_at_once_get_exactly_the_burst_of_a_slow_bucket() {
    let table = Arc::new(Table::new().await);
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let store = Store::new(table.client.clone(), table.tables.clone());
        let buckets = Buckets::new(store, Arc::new(SystemClock));
        for _ in 0..16 {
            let (table, buckets) = (table.clone(), buckets.clone());
            tasks.spawn(async move { table.spend(&buckets, gcra(1e-6, 25)).await.is_ok() });
        }
    }
    let admitted = tasks.join_all().await.into_iter().filter(|admitted| *admitted).count();
    assert_eq!(admitted, 25);
}

//! Metering while the usage table is out, and once it is back.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use keyplan_domain::admission::{Denied, Limits, MethodLimit};
use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::outage::OnFailure;
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::{Gcra, ThrottleSettings};
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::Clock;
use keyplan_store::{Admitted, Exhausted, Metering, Refused, Scope, Store, StoreError, Token, entropy};
use support::{ManualClock, NOON, connection, endpoint, plan};

const STRICT: NonZeroU32 = NonZeroU32::MIN;
const SECOND: Duration = Duration::from_secs(1);
const UNLIMITED: Limits = Limits { throttle: None, method: None, quota: None };

fn gcra(rate_limit: f64, burst_limit: u32) -> Gcra {
    ThrottleSettings { burst_limit, rate_limit }.into()
}

fn throttled(rate_limit: f64, burst_limit: u32) -> Limits {
    Limits { throttle: Some(gcra(rate_limit, burst_limit)), ..UNLIMITED }
}

fn quota(limit: u32) -> QuotaSettings {
    QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day }
}

fn daily(limit: u32) -> Limits {
    Limits { quota: Some(quota(limit)), ..UNLIMITED }
}

/// What is between a process and DynamoDB: all is well, nothing arrives, or no
/// answer does.
#[derive(Clone, Debug, Default)]
struct Wire {
    sent: Arc<AtomicU32>,
    fault: Arc<AtomicU32>,
}

const NOTHING_ARRIVES: u32 = 1;
const ANSWERS_ARE_LOST: u32 = 2;

impl Wire {
    /// Calls since this was last asked.
    fn sent(&self) -> u32 {
        self.sent.swap(0, Ordering::SeqCst)
    }

    fn set(&self, fault: u32) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    fn has(&self, fault: u32) -> bool {
        self.fault.load(Ordering::SeqCst) == fault
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
        if self.has(NOTHING_ARRIVES) { Err("the table is out".into()) } else { Ok(()) }
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.has(ANSWERS_ARE_LOST) { Err("the answer is lost".into()) } else { Ok(()) }
    }
}

struct Process {
    metering: Metering,
    wire: Wire,
    /// Past the wire.
    store: Store,
    clock: Arc<ManualClock>,
    plan: UsagePlanId,
    key: ApiKeyId,
}

impl Process {
    async fn new(on_failure: OnFailure) -> Self {
        let tables = support::tables();
        let client = connection(endpoint().await).dynamodb();
        let (wire, clock) = (Wire::default(), ManualClock::at(NOON));
        let watched = Client::from_conf(client.config().to_builder().interceptor(wire.clone()).build());
        let store = Store::new(client, tables.clone());
        support::create_tables(&store).await;
        let metering = Metering::new(Store::new(watched, tables), clock.clone(), 5 * SECOND, on_failure);
        Self { metering, wire, store, clock, plan: entropy::usage_plan_id(), key: entropy::api_key_id() }
    }

    /// One that has found out that the table is out.
    async fn in_an_outage(on_failure: OnFailure) -> Self {
        let process = Self::new(on_failure).await;
        process.lose_the_table().await;
        process
    }

    async fn lose_the_table(&self) {
        self.wire.set(NOTHING_ARRIVES);
        for _ in 0..3 {
            let _ = self.metering.spend(&self.plan, &entropy::api_key_id(), &daily(1), STRICT).await;
        }
        self.wire.sent();
    }

    /// The table answers again, it is time to find out, and a probe does.
    async fn recover(&self) {
        self.probe(0).await;
        while self.metering.is_out() {
            tokio::task::yield_now().await;
        }
    }

    /// Has the next probe meet `fault`.
    async fn probe(&self, fault: u32) {
        self.wire.set(fault);
        self.wire.sent();
        self.pass(SECOND);
        drop(self.take(gcra(1.0, 1)).await);
        while self.wire.sent.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn spend(&self, limits: &Limits) -> Result<Result<Admitted, Refused>, StoreError> {
        self.metering.spend(&self.plan, &self.key, limits, STRICT).await
    }

    async fn admitted_of(&self, calls: u32, limits: &Limits) -> u32 {
        let mut admitted = 0;
        for _ in 0..calls {
            admitted += u32::from(self.spend(limits).await.unwrap().is_ok());
        }
        admitted
    }

    async fn refusal(&self, limits: &Limits) -> Denied {
        self.spend(limits).await.unwrap().unwrap_err().denied
    }

    async fn take(&self, throttle: Gcra) -> Result<Token, Exhausted> {
        let api = RestApiId::new("abcdefghij");
        let scope = Scope::Method { api: &api, stage: "prod", stage_uid: "uid001", resource: "res001", verb: "GET" };
        self.metering.take(&scope, throttle).await.unwrap()
    }

    fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now().plus(time));
    }

    /// What `get-usage` tells: used and left, from a day to today.
    async fn usage(&self, of: &ApiKeyId, from: Timestamp, quota: Option<QuotaSettings>) -> Vec<(u64, Option<i64>)> {
        let plan = UsagePlan { id: self.plan.clone(), quota, ..plan(&[]) };
        let now = self.clock.now();
        let days = self.store.usage(&plan, of, from.date(), now.date(), now).await.unwrap();
        days.into_iter().map(|day| (day.used, day.remaining)).collect()
    }

    async fn used(&self) -> u64 {
        self.usage(&self.key, self.clock.now(), None).await[0].0
    }
}

fn is_outage<T>(spent: &Result<T, StoreError>) -> bool {
    matches!(spent, Err(StoreError::Outage))
}

#[tokio::test]
async fn the_third_failure_in_a_row_is_an_outage_in_which_a_probe_a_second_asks_the_table() {
    let process = Process::new(OnFailure::Open).await;
    process.wire.set(NOTHING_ARRIVES);
    for _ in 0..2 {
        assert!(matches!(process.spend(&UNLIMITED).await, Err(StoreError::Unavailable { .. })));
    }
    assert!(process.spend(&UNLIMITED).await.unwrap().is_ok(), "the one that shows it is decided on locally");
    assert!(process.wire.sent() >= 3);
    assert_eq!(process.admitted_of(100, &UNLIMITED).await, 100);
    assert_eq!(process.wire.sent(), 0);
    process.probe(NOTHING_ARRIVES).await;
    assert_eq!(process.admitted_of(100, &UNLIMITED).await, 100);
    assert_eq!(process.wire.sent(), 1, "the probe");
}

#[tokio::test]
async fn unless_told_otherwise_quotas_fail_closed_throttles_hold_locally_and_no_limit_is_none() {
    let process = Process::in_an_outage(OnFailure::ByLimits).await;
    assert!(is_outage(&process.spend(&daily(10)).await));
    assert!(is_outage(&process.spend(&Limits { quota: Some(quota(10)), ..throttled(1.0, 3) }).await));
    assert_eq!(process.admitted_of(9, &throttled(1.0, 3)).await, 3);
    assert_eq!(process.refusal(&throttled(1.0, 3)).await, Denied::Throttled { wait: Some(SECOND) });
    assert_eq!(process.admitted_of(9, &UNLIMITED).await, 9);
    assert_eq!(process.wire.sent(), 0);
}

#[tokio::test]
async fn closed_refuses_whatever_is_metered_and_open_admits_by_what_is_known() {
    let closed = Process::in_an_outage(OnFailure::Closed).await;
    for limits in [daily(10), throttled(1.0, 3), UNLIMITED] {
        assert!(is_outage(&closed.spend(&limits).await));
        assert!(is_outage(&closed.metering.still_refused(&closed.plan, &closed.key, &limits).await));
    }
    let open = Process::new(OnFailure::Open).await;
    assert_eq!(open.admitted_of(4, &daily(10)).await, 4);
    open.lose_the_table().await;
    // Long after what was seen has stopped to prove anything.
    open.pass(3_600 * SECOND);
    assert_eq!(open.admitted_of(20, &daily(10)).await, 6);
    assert!(matches!(open.refusal(&daily(10)).await, Denied::QuotaSpent { .. }));
    let both = Limits { quota: Some(quota(100)), ..throttled(1.0, 3) };
    assert_eq!(open.admitted_of(9, &both).await, 3, "a throttle of the same plan holds as well");
}

#[tokio::test]
async fn a_local_throttle_starts_from_what_was_last_seen_and_refills_at_its_rate() {
    let process = Process::new(OnFailure::ByLimits).await;
    let method = MethodLimit { slot: 1, throttle: gcra(0.5, 2) };
    let limits = Limits { method: Some(method), ..throttled(1.0, 5) };
    assert_eq!(process.admitted_of(1, &limits).await, 1);
    process.lose_the_table().await;
    assert_eq!(process.admitted_of(9, &limits).await, 1, "the method's throttle, of which one is used");
    assert_eq!(process.admitted_of(9, &throttled(1.0, 5)).await, 3, "the plan's, of which two are");
    process.pass(2 * SECOND);
    assert_eq!(process.admitted_of(9, &limits).await, 1);
    assert_eq!(process.admitted_of(9, &throttled(1.0, 5)).await, 1);
}

#[tokio::test]
async fn a_refusal_that_is_proven_stays_one_in_every_mode() {
    for on_failure in [OnFailure::ByLimits, OnFailure::Open, OnFailure::Closed] {
        let process = Process::new(on_failure).await;
        assert_eq!(process.admitted_of(2, &daily(1)).await, 1);
        process.lose_the_table().await;
        assert!(matches!(process.refusal(&daily(1)).await, Denied::QuotaSpent { .. }), "{on_failure:?}");
        let never = throttled(0.0, 0);
        assert_eq!(process.refusal(&never).await, Denied::Throttled { wait: None }, "{on_failure:?}");
        let known = process.metering.still_refused(&process.plan, &process.key, &daily(1)).await.unwrap();
        assert!(matches!(known.unwrap().denied, Denied::QuotaSpent { .. }), "{on_failure:?}");
        let standing = process.metering.standing(&process.plan, &process.key, &daily(1)).await.unwrap();
        assert!(standing.denied.is_some());
        assert_eq!(process.wire.sent(), 0);
    }
}

#[tokio::test]
async fn a_lease_admits_in_every_mode_while_it_lasts() {
    let process = Process::new(OnFailure::Closed).await;
    let (limits, cap) = (throttled(1_000.0, 1_000), NonZeroU32::new(100).unwrap());
    let spend = || process.metering.spend(&process.plan, &process.key, &limits, cap);
    // Its second write leases what it used since the first.
    for _ in 0..4 {
        assert!(spend().await.unwrap().is_ok());
        process.pass(Duration::from_millis(10));
    }
    process.wire.sent();
    process.lose_the_table().await;
    assert!(spend().await.unwrap().is_ok());
    assert_eq!(process.wire.sent(), 0);
    process.pass(3 * SECOND);
    assert!(is_outage(&spend().await), "the lease is over");
}

#[tokio::test]
async fn all_that_was_admitted_is_counted_when_the_table_is_back() {
    let process = Process::in_an_outage(OnFailure::Open).await;
    assert_eq!(process.admitted_of(7, &daily(10)).await, 7);
    assert_eq!(process.usage(&process.key, NOON, Some(quota(10))).await, [(0, Some(10))]);
    process.recover().await;
    // The key's next request: what it was admitted is counted before.
    assert_eq!(process.admitted_of(9, &daily(10)).await, 3);
    assert_eq!(process.usage(&process.key, NOON, Some(quota(10))).await, [(10, Some(0))]);
}

#[tokio::test]
async fn keys_that_are_not_called_again_are_counted_too() {
    let process = Process::in_an_outage(OnFailure::ByLimits).await;
    let others: Vec<_> = (0..20).map(|_| entropy::api_key_id()).collect();
    for (calls, other) in others.iter().enumerate() {
        for _ in 0..=calls {
            let spent = process.metering.spend(&process.plan, other, &throttled(1.0, 20), STRICT).await;
            assert!(spent.unwrap().is_ok());
        }
    }
    process.recover().await;
    assert_eq!(process.admitted_of(1, &UNLIMITED).await, 1);
    for (calls, other) in others.iter().enumerate() {
        let expected = u64::try_from(calls + 1).unwrap();
        while process.usage(other, NOON, None).await[0].0 < expected {
            tokio::task::yield_now().await;
        }
        assert_eq!(process.usage(other, NOON, None).await[0].0, expected);
    }
}

#[tokio::test]
async fn a_count_whose_answer_is_lost_is_sent_again_and_counted_once() {
    let process = Process::in_an_outage(OnFailure::ByLimits).await;
    assert_eq!(process.admitted_of(5, &UNLIMITED).await, 5);
    process.recover().await;
    process.wire.set(ANSWERS_ARE_LOST);
    // Nobody is told that the 5 are counted, nor that the request itself is, twice.
    assert!(matches!(process.spend(&UNLIMITED).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(process.used().await, 5 + 2);
    process.wire.set(0);
    assert_eq!(process.admitted_of(2, &UNLIMITED).await, 2);
    assert_eq!(process.used().await, 5 + 2 + 2);
}

#[tokio::test]
async fn what_was_admitted_counts_for_its_day_and_for_no_day_that_is_in_history() {
    let process = Process::in_an_outage(OnFailure::Open).await;
    const DAY: Duration = Duration::from_secs(86_400);
    for (calls, pause) in [(3, DAY), (4, DAY), (5, Duration::ZERO)] {
        for _ in 0..calls {
            process.lose_the_table().await;
            assert_eq!(process.admitted_of(1, &daily(100)).await, 1);
        }
        process.pass(pause);
    }
    process.recover().await;
    assert_eq!(process.admitted_of(1, &daily(100)).await, 1);
    let usage = process.usage(&process.key, NOON, Some(quota(100))).await;
    assert_eq!(usage, [(0, Some(100)), (3 + 4, Some(93)), (5 + 1, Some(94))]);
}

#[tokio::test]
async fn a_quota_exceeded_in_an_outage_is_spent_afterwards() {
    let process = Process::in_an_outage(OnFailure::Open).await;
    assert_eq!(process.admitted_of(8, &daily(8)).await, 8);
    // Another process finds the same quota while this one is cut off.
    let other = Metering::new(process.store.clone(), process.clock.clone(), SECOND, OnFailure::Open);
    for _ in 0..8 {
        assert!(other.spend(&process.plan, &process.key, &daily(8), STRICT).await.unwrap().is_ok());
    }
    process.recover().await;
    assert!(matches!(process.refusal(&daily(8)).await, Denied::QuotaSpent { .. }));
    assert_eq!(process.usage(&process.key, NOON, Some(quota(8))).await, [(16, Some(0))]);
}

#[tokio::test]
async fn a_bucket_goes_on_locally_in_every_mode() {
    for on_failure in [OnFailure::ByLimits, OnFailure::Open, OnFailure::Closed] {
        let process = Process::new(on_failure).await;
        let throttle = gcra(2.0, 4);
        process.take(throttle).await.unwrap().spend();
        process.lose_the_table().await;
        drop(process.take(throttle).await.unwrap());
        for _ in 0..3 {
            process.take(throttle).await.unwrap().spend();
        }
        let wait = Some(Duration::from_millis(500));
        assert_eq!(process.take(throttle).await.unwrap_err(), Exhausted { wait });
        assert_eq!(process.wire.sent(), 0);
    }
}

#[tokio::test]
async fn failures_with_successes_between_are_no_outage() {
    let process = Process::new(OnFailure::Open).await;
    for _ in 0..5 {
        process.wire.set(NOTHING_ARRIVES);
        for _ in 0..2 {
            assert!(matches!(process.spend(&UNLIMITED).await, Err(StoreError::Unavailable { .. })));
        }
        process.wire.set(0);
        assert!(process.spend(&UNLIMITED).await.unwrap().is_ok());
    }
    assert_eq!(process.used().await, 5);
}

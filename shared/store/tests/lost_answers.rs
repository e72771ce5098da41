//! What becomes of a lease's rest when nobody learns of the write that was to
//! settle it.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use keyplan_domain::admission::Limits;
use keyplan_domain::id::{ApiKeyId, UsagePlanId};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_store::clock::Clock;
use keyplan_store::{Admitted, Meter, Refused, Store, StoreError, entropy};
use support::{ManualClock, NOON, connection, create_tables, endpoint, plan};

const CAP: NonZeroU32 = NonZeroU32::new(10).unwrap();
const LIMIT: u32 = 2_000;
/// Of a lease.
const LIFE: Duration = Duration::from_secs(2);

/// Loses the answers to the next calls.
#[derive(Clone, Debug, Default)]
struct Losing(Arc<AtomicU32>);

impl Intercept for Losing {
    fn name(&self) -> &'static str {
        "Losing"
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let left = self.0.load(Ordering::SeqCst);
        self.0.store(left.saturating_sub(1), Ordering::SeqCst);
        if left > 0 { Err("the answer is lost".into()) } else { Ok(()) }
    }
}

/// A process, and what it is known to have admitted.
struct Process {
    meter: Meter,
    losing: Losing,
    clock: Arc<ManualClock>,
    /// Past the wire.
    store: Store,
    plan: UsagePlanId,
    key: ApiKeyId,
    limits: Limits,
    admitted: u64,
}

impl Process {
    async fn new() -> Self {
        let tables = support::tables();
        let client = connection(endpoint().await).dynamodb();
        let (losing, clock) = (Losing::default(), ManualClock::at(NOON));
        let losing_client = Client::from_conf(client.config().to_builder().interceptor(losing.clone()).build());
        let store = Store::new(client, tables.clone());
        create_tables(&store).await;
        let meter = Meter::new(Store::new(losing_client, tables), clock.clone(), Duration::from_secs(5));
        let quota = QuotaSettings { limit: LIMIT, offset: 0, period: QuotaPeriod::Day };
        let limits = Limits { throttle: None, method: None, quota: Some(quota) };
        let (plan, key) = (entropy::usage_plan_id(), entropy::api_key_id());
        Self { meter, losing, clock, store, plan, key, limits, admitted: 0 }
    }

    async fn spend(&mut self) -> Result<Result<Admitted, Refused>, StoreError> {
        let spent = self.meter.spend_leased(&self.plan, &self.key, &self.limits, CAP).await;
        self.admitted += u64::from(matches!(spent, Ok(Ok(_))));
        spent
    }

    /// How many requests one write admits: the one that makes it, and those that
    /// come until another has to be made, which is the last.
    async fn admitted_by_a_write(&mut self) -> u64 {
        assert!(self.spend().await.unwrap().unwrap().debit.is_some());
        let mut admitted = 1;
        while self.spend().await.unwrap().unwrap().debit.is_none() {
            admitted += 1;
        }
        admitted
    }

    /// Has it hold tokens that are counted and that no lease admits by any more:
    /// how many.
    async fn hold_a_rest(&mut self) -> u64 {
        // The first has no pace yet.
        while self.counted().await < self.admitted + 3 {
            assert!(self.spend().await.unwrap().is_ok());
        }
        // Used by half, so that what is used in the next lease is more than the rest.
        let held = self.counted().await - self.admitted;
        while self.counted().await - self.admitted > held / 3 {
            assert_eq!(self.spend().await.unwrap().unwrap().debit, None);
        }
        self.pass(LIFE);
        self.counted().await - self.admitted
    }

    fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now().plus(time));
    }

    /// Calls until the quota is spent.
    async fn exhaust(&mut self) {
        while self.spend().await.unwrap().is_ok() {}
    }

    async fn counted(&self) -> u64 {
        let mut plan = plan(&[]);
        plan.id = self.plan.clone();
        let today = self.clock.now().date();
        self.store.usage(&plan, &self.key, today, today, self.clock.now()).await.unwrap()[0].used
    }
}

#[tokio::test]
async fn what_a_lost_write_was_to_settle_is_dropped_and_not_settled_by_the_next() {
    let mut process = Process::new().await;
    let rest = process.hold_a_rest().await;
    let (before, admitted) = (process.counted().await, process.admitted);
    assert!(rest > 0 && before == admitted + rest);

    // The write is made once more when its answer is lost.
    process.losing.0.store(2, Ordering::SeqCst);
    assert!(matches!(process.spend().await, Err(StoreError::Unavailable { .. })));
    let lost = process.counted().await;
    assert!(lost > before, "it asked for more than it settled: {before}, {lost}");

    // All that the next write admits is counted by it: nothing is settled.
    let first = process.admitted;
    let by_next = process.admitted_by_a_write().await;
    let last = process.admitted - first - by_next;
    assert_eq!(last, 1);
    let after = process.counted().await;
    let of_last = after - lost - by_next;
    assert!(of_last >= 1, "{rest} were settled again: {lost} and {by_next}, {after}");

    process.exhaust().await;
    assert_eq!(process.counted().await, u64::from(LIMIT));
    // The rest, and what two writes counted whose answers were lost, are all that is lost.
    assert_eq!(u64::from(LIMIT) - process.admitted, rest + (lost - before));
}

#[tokio::test]
async fn what_two_tries_of_one_write_settle_is_admitted_once() {
    let mut process = Process::new().await;
    let rest = process.hold_a_rest().await;
    let before = process.counted().await;
    process.losing.0.store(1, Ordering::SeqCst);
    let admitted = process.spend().await.unwrap().unwrap();
    let after = process.counted().await;
    let by_each = u64::from(admitted.debit.unwrap().tokens);
    assert!(rest > 0 && by_each > 0);
    assert_eq!(after - before, 2 * by_each);
    process.exhaust().await;
    assert_eq!(process.counted().await, u64::from(LIMIT));
    // Only what the first try counted.
    assert_eq!(u64::from(LIMIT) - process.admitted, by_each);
}

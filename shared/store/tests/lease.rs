//! Spending from leases, in the table.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::admission::{Denied, Limits};
use keyplan_domain::id::{ApiKeyId, UsagePlanId};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_store::clock::SystemClock;
use keyplan_store::{Admitted, Meter, Refused};
use support::{ManualClock, NOON, store};

const UNLIMITED: Limits = Limits { throttle: None, method: None, quota: None };
const PROVES_FOR: Duration = Duration::from_secs(5);
const CAP: NonZeroU32 = NonZeroU32::new(10).unwrap();

fn quota(limit: u32) -> Limits {
    Limits { quota: Some(QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day }), ..UNLIMITED }
}

async fn spend(meter: &Meter, limits: &Limits) -> Result<Admitted, Refused> {
    let (plan, key) = (UsagePlanId::new("plan01"), ApiKeyId::new("key0000001"));
    meter.spend_leased(&plan, &key, limits, CAP).await.unwrap()
}

/// How many requests one after the other are admitted, and by how many writes.
async fn spend_many(meter: &Meter, limits: &Limits, requests: u32) -> (u32, u32) {
    let (mut admitted, mut writes) = (0, 0);
    for _ in 0..requests {
        if let Ok(spent) = spend(meter, limits).await {
            admitted += 1;
            writes += u32::from(spent.debit.is_some());
        }
    }
    (admitted, writes)
}

#[tokio::test]
async fn a_hot_key_is_written_once_in_ten_requests() {
    let meter = Meter::new(store().await, ManualClock::at(NOON), PROVES_FOR);
    // The first request is no pace yet.
    assert_eq!(spend_many(&meter, &quota(100_000), 201).await, (201, 21));
}

#[tokio::test]
async fn two_processes_admit_exactly_a_quota_and_strand_nothing() {
    let (store, clock) = (store().await, ManualClock::at(NOON));
    let meters = [0, 1].map(|_| Meter::new(store.clone(), clock.clone(), PROVES_FOR));
    let limits = quota(1_500);
    let mut admitted = 0;
    for round in 0..200u64 {
        for meter in &meters {
            admitted += spend_many(meter, &limits, 9).await.0;
        }
        clock.set(NOON.plus(Duration::from_secs(3 * round)));
    }
    assert_eq!(admitted, 1_500);
    for meter in &meters {
        assert!(matches!(spend(meter, &limits).await.unwrap_err().denied, Denied::QuotaSpent { .. }));
    }
}

#[tokio::test]
async fn what_is_left_goes_down_by_one_and_each_share_is_told_once() {
    let meter = Meter::new(store().await, ManualClock::at(NOON), PROVES_FOR);
    let limits = quota(1_000);
    let mut told = Vec::new();
    for used in 1..=1_000 {
        let admitted = spend(&meter, &limits).await.unwrap();
        assert_eq!(admitted.left.quota.unwrap().remaining, 1_000 - used);
        if let Some(debit) = admitted.debit {
            told.extend(debit.quota.unwrap().passed_by(debit.tokens));
        }
    }
    assert_eq!(told, [80, 100]);
}

#[tokio::test]
async fn what_is_forgotten_is_not_admitted_from() {
    let meter = Meter::new(store().await, ManualClock::at(NOON), PROVES_FOR);
    let limits = quota(100_000);
    spend_many(&meter, &limits, 5).await;
    meter.forget();
    assert!(spend(&meter, &limits).await.unwrap().debit.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_get_exactly_the_burst() {
    let store = store().await;
    let throttle = ThrottleSettings { burst_limit: 100, rate_limit: 1e-6 };
    let limits = Limits { throttle: Some(throttle.into()), ..UNLIMITED };
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let meter = Meter::new(store.clone(), Arc::new(SystemClock), PROVES_FOR);
        for _ in 0..64 {
            let meter = meter.clone();
            tasks.push(tokio::spawn(async move { spend(&meter, &limits).await.is_ok() }));
        }
    }
    let mut admitted = 0;
    for task in tasks {
        admitted += u32::from(task.await.unwrap());
    }
    assert_eq!(admitted, 100);
}

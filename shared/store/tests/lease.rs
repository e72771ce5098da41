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
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_store::{Admitted, Debit, Meter, Refused};
use support::{ManualClock, NOON, store};

const UNLIMITED: Limits = Limits { throttle: None, method: None, quota: None };
const PROVES_FOR: Duration = Duration::from_secs(5);
const PLAN: &str = "plan01";
const KEY: &str = "key0000001";
const CAP: NonZeroU32 = NonZeroU32::new(10).unwrap();

fn quota(limit: u32) -> Limits {
    Limits { quota: Some(QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day }), ..UNLIMITED }
}

async fn spend(meter: &Meter, limits: &Limits) -> Result<Admitted, Refused> {
    meter.spend_leased(&UsagePlanId::new(PLAN), &ApiKeyId::new(KEY), limits, CAP).await.unwrap()
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
        assert_eq!(admitted.reading.left().quota.unwrap().remaining, 1_000 - used);
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

/// A meter that holds some tokens of a lease: how many.
async fn leased(meter: &Meter, limits: &Limits) -> u32 {
    // The first has no pace yet; the second leases, and uses one.
    let asked = spend_many(meter, limits, 12).await;
    assert_eq!(asked.0, 12);
    let debit = loop {
        if let Some(debit) = spend(meter, limits).await.unwrap().debit {
            break debit;
        }
    };
    assert!(debit.tokens > 1);
    debit.tokens - 1
}

#[tokio::test]
async fn what_is_leased_admits_nobody_in_the_next_period_and_is_not_settled_into_it() {
    let clock = ManualClock::at(Timestamp::at_start_of(NOON.date()).plus(Duration::from_millis(86_399_000)));
    let store = store().await;
    let meter = Meter::new(store.clone(), clock.clone(), PROVES_FOR);
    let limits = quota(10_000);
    assert!(leased(&meter, &limits).await > 0);
    clock.set(clock.now().plus(Duration::from_secs(1)));
    let first = spend(&meter, &limits).await.unwrap();
    let debit = first.debit.unwrap();
    assert_eq!(debit.quota.unwrap().remaining, 10_000 - u64::from(debit.tokens), "nothing of it is settled");
    assert_eq!(first.reading.left().quota.unwrap().remaining, 9_999);
}

#[tokio::test]
async fn changed_limits_end_a_lease_and_settle_what_it_left() {
    let store = store().await;
    let meter = Meter::new(store.clone(), ManualClock::at(NOON), PROVES_FOR);
    let held = leased(&meter, &quota(10_000)).await;
    let raised = quota(20_000);
    let before = meter
        .standing(&UsagePlanId::new(PLAN), &ApiKeyId::new(KEY), &raised)
        .await
        .unwrap()
        .reading
        .left()
        .quota
        .unwrap()
        .remaining;
    let admitted = spend(&meter, &raised).await.unwrap();
    let debit = admitted.debit.unwrap();
    assert!(debit.tokens <= 10 && held > 0);
    assert_eq!(admitted.reading.left().quota.unwrap().remaining, before - 1);
}

#[tokio::test]
async fn what_a_process_holds_is_not_refused_by_it_while_others_are() {
    let (store, clock) = (store().await, ManualClock::at(NOON));
    let [holder, other] = [0, 1].map(|_| Meter::new(store.clone(), clock.clone(), PROVES_FOR));
    let throttle = ThrottleSettings { burst_limit: 40, rate_limit: 1e-6 };
    let limits = Limits { throttle: Some(throttle.into()), ..UNLIMITED };
    let held = leased(&holder, &limits).await;
    while spend(&other, &limits).await.is_ok() {}
    let refused = async |meter: &Meter| {
        meter.still_refused(&UsagePlanId::new(PLAN), &ApiKeyId::new(KEY), &limits).await.unwrap().is_some()
    };
    assert_eq!((refused(&holder).await, refused(&other).await), (false, true));
    for _ in 0..held {
        assert!(spend(&holder, &limits).await.unwrap().debit.is_none());
    }
    assert!(spend(&holder, &limits).await.is_err());
    assert!(refused(&holder).await);
}

#[tokio::test]
async fn a_clock_that_jumps_ends_a_lease_and_admits_no_more() {
    let noon = NOON.as_nanos();
    let hour = 3_600_000_000_000;
    for jump in [-hour, hour, -1_000_000, -30 * 24 * hour] {
        let (store, clock) = (store().await, ManualClock::at(NOON));
        let meter = Meter::new(store.clone(), clock.clone(), PROVES_FOR);
        let limits =
            Limits { quota: Some(QuotaSettings { limit: 1_000, offset: 0, period: QuotaPeriod::Month }), ..UNLIMITED };
        leased(&meter, &limits).await;
        clock.set(Timestamp::from_nanos(noon + jump));
        let after = spend_many(&meter, &limits, 1_500).await.0;
        clock.set(NOON);
        let back = spend_many(&meter, &limits, 1_500).await.0;
        // A month back is another period, with a quota of its own.
        let most = if jump < -20 * 24 * hour { 2_000 } else { 1_000 };
        assert!(13 + after + back <= most && back <= 1_000, "{jump}: {after}, {back}");
        assert!(spend(&meter, &limits).await.is_err());
    }
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

/// Requests at four times a rate of 100 a second, for some seconds.
struct Overload {
    admitted: u32,
    refused: u32,
    writes: u32,
    told: Vec<u8>,
}

impl Overload {
    async fn on(meter: &Meter, clock: &ManualClock, limits: &Limits, seconds: u64) -> Self {
        let mut overload = Self { admitted: 0, refused: 0, writes: 0, told: Vec::new() };
        for request in 0..400 * seconds {
            clock.set(NOON.plus(Duration::from_micros(2_500 * request)));
            let debit = match spend(meter, limits).await {
                Ok(Admitted { debit, .. }) => {
                    overload.admitted += 1;
                    debit
                }
                Err(Refused { debit, .. }) => {
                    overload.refused += 1;
                    debit
                }
            };
            if let Some(Debit { tokens, quota }) = debit {
                overload.writes += 1;
                overload.told.extend(quota.iter().flat_map(|quota| quota.passed_by(tokens)));
            }
        }
        overload
    }
}

#[tokio::test]
async fn at_four_times_the_rate_all_of_it_is_admitted_and_refusals_cost_next_to_no_write() {
    let clock = ManualClock::at(NOON);
    let meter = Meter::new(store().await, clock.clone(), PROVES_FOR);
    let throttle = ThrottleSettings { burst_limit: 20, rate_limit: 100.0 };
    let limits = Limits { throttle: Some(throttle.into()), ..UNLIMITED };
    let Overload { admitted, refused, writes, .. } = Overload::on(&meter, &clock, &limits, 10).await;
    assert!((1_015..=1_020).contains(&admitted), "{admitted}");
    assert!(writes * 20 <= refused, "{writes} writes, {refused} refused");
}

#[tokio::test]
async fn a_refused_request_whose_write_passes_a_share_of_the_quota_tells_of_it() {
    let clock = ManualClock::at(NOON);
    let meter = Meter::new(store().await, clock.clone(), PROVES_FOR);
    let throttle = ThrottleSettings { burst_limit: 20, rate_limit: 100.0 };
    let limits = Limits { throttle: Some(throttle.into()), ..quota(1_000) };
    let overload = Overload::on(&meter, &clock, &limits, 11).await;
    assert_eq!((overload.admitted, overload.told), (1_000, vec![80, 100]));
}

#[tokio::test]
async fn who_comes_before_a_reserved_token_is_refused_for_exactly_so_long() {
    let clock = ManualClock::at(NOON);
    let meter = Meter::new(store().await, clock.clone(), PROVES_FOR);
    let throttle = ThrottleSettings { burst_limit: 20, rate_limit: 100.0 };
    let limits = Limits { throttle: Some(throttle.into()), ..UNLIMITED };
    Overload::on(&meter, &clock, &limits, 2).await;
    let mut reserved = 0;
    for _ in 0..20 {
        let refused = loop {
            match spend(&meter, &limits).await {
                Ok(_) => {}
                Err(refused) => break refused,
            }
        };
        let Denied::Throttled { wait: Some(wait) } = refused.denied else { panic!("{refused:?}") };
        let left = refused.reading.left().throttle.unwrap();
        assert_eq!((left.tokens, left.next_in), (0, Some(wait)));
        let is_refused = || async {
            let (plan, key) = (UsagePlanId::new(PLAN), ApiKeyId::new(KEY));
            meter.still_refused(&plan, &key, &limits).await.unwrap().map(|refused| refused.denied)
        };
        let due = clock.now().plus(wait);
        clock.set(Timestamp::from_nanos(due.as_nanos() - 1));
        let sooner = Denied::Throttled { wait: Some(Duration::from_nanos(1)) };
        assert_eq!(is_refused().await, Some(sooner));
        assert_eq!(spend(&meter, &limits).await.unwrap_err().denied, sooner);
        clock.set(due);
        assert_eq!(is_refused().await, None);
        reserved += u32::from(spend(&meter, &limits).await.unwrap().debit.is_none());
    }
    assert!(reserved > 10, "{reserved}");
}

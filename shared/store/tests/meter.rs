//! Spending, in the table.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use jiff::civil::date;
use keyplan_domain::admission::{Denied, Limits, MethodLimit};
use keyplan_domain::id::{ApiKeyId, UsagePlanId};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::{Clock as _, SystemClock};
use keyplan_store::connect::Connection;
use keyplan_store::{DailyUsage, Meter, Store, Tables};
use support::{ManualClock, NOON, plan, store};

const UNLIMITED: Limits = Limits { throttle: None, method: None, quota: None };

fn throttle(rate_limit: f64, burst_limit: u32) -> Limits {
    Limits { throttle: Some(ThrottleSettings { burst_limit, rate_limit }.into()), ..UNLIMITED }
}

fn quota(limit: u32) -> QuotaSettings {
    QuotaSettings { limit, offset: 0, period: QuotaPeriod::Day }
}

fn ids() -> (UsagePlanId, ApiKeyId) {
    (UsagePlanId::new("plan01"), ApiKeyId::new("key0000001"))
}

/// How long a meter believes what proves a refusal.
const PROVES_FOR: Duration = Duration::from_secs(5);

/// A meter at noon, its store and its clock.
async fn meter() -> (Meter, Store, Arc<ManualClock>) {
    let (store, clock) = (store().await, ManualClock::at(NOON));
    (Meter::new(store.clone(), clock.clone(), PROVES_FOR), store, clock)
}

/// What is left of the quota after a token is spent, or why none is.
async fn spend(meter: &Meter, limits: &Limits) -> Result<Option<u64>, Denied> {
    let (plan, key) = ids();
    let spent = meter.spend(&plan, &key, limits).await.unwrap();
    spent.map(|admitted| admitted.reading.left().quota.map(|quota| quota.remaining)).map_err(|refused| refused.denied)
}

#[tokio::test]
async fn from_idle_a_burst_admits_exactly_itself_then_says_how_long_to_wait() {
    let (meter, _, clock) = meter().await;
    let limits = throttle(2.0, 3);
    for _ in 0..3 {
        assert!(spend(&meter, &limits).await.is_ok());
    }
    let wait = Duration::from_millis(500);
    assert_eq!(spend(&meter, &limits).await, Err(Denied::Throttled { wait: Some(wait) }));
    clock.set(NOON.plus(wait).plus(Duration::ZERO));
    assert!(spend(&meter, &limits).await.is_ok());
    assert!(spend(&meter, &limits).await.is_err());
}

#[tokio::test]
async fn a_quota_is_what_is_admitted_and_the_next_period_has_its_own() {
    let (meter, _, clock) = meter().await;
    let limits = Limits { quota: Some(quota(2)), ..UNLIMITED };
    assert_eq!(spend(&meter, &limits).await, Ok(Some(1)));
    assert_eq!(spend(&meter, &limits).await, Ok(Some(0)));
    let midnight = Timestamp::at_start_of(date(2026, 11, 24));
    assert_eq!(spend(&meter, &limits).await, Err(Denied::QuotaSpent { resets: midnight }));
    clock.set(midnight);
    assert_eq!(spend(&meter, &limits).await, Ok(Some(1)));
}

#[tokio::test]
async fn a_throttled_request_uses_no_quota_and_one_refused_for_quota_no_token() {
    let (meter, store, clock) = meter().await;
    let limits = Limits { quota: Some(quota(2)), ..throttle(1.0, 1) };
    assert!(spend(&meter, &limits).await.is_ok());
    for _ in 0..3 {
        assert!(matches!(spend(&meter, &limits).await, Err(Denied::Throttled { .. })));
    }
    clock.set(NOON.plus(Duration::from_secs(1)));
    assert_eq!(spend(&meter, &limits).await, Ok(Some(0)));
    clock.set(NOON.plus(Duration::from_secs(2)));
    for _ in 0..3 {
        assert!(matches!(spend(&meter, &limits).await, Err(Denied::QuotaSpent { .. })));
    }
    let (plan_id, key) = ids();
    store.set_remaining(&plan_id, &key, quota(2), 1, NOON).await.unwrap();
    meter.forget();
    assert!(spend(&meter, &limits).await.is_ok(), "the token is still there");
}

#[tokio::test]
async fn a_methods_throttle_counts_for_itself() {
    let (meter, _, _) = meter().await;
    let slow = |slot| MethodLimit { slot, throttle: ThrottleSettings { burst_limit: 1, rate_limit: 1.0 }.into() };
    let limits = |slot| Limits { method: Some(slow(slot)), ..throttle(100.0, 100) };
    assert!(spend(&meter, &limits(0)).await.is_ok());
    assert!(spend(&meter, &limits(0)).await.is_err());
    assert!(spend(&meter, &limits(1)).await.is_ok());
    assert!(spend(&meter, &throttle(100.0, 100)).await.is_ok());
}

#[tokio::test]
async fn what_is_left_is_told_with_every_decision() {
    let (meter, store, clock) = meter().await;
    let (plan, key) = ids();
    let method = MethodLimit { slot: 2, throttle: ThrottleSettings { burst_limit: 9, rate_limit: 1.0 }.into() };
    let limits = Limits { quota: Some(quota(5)), method: Some(method), ..throttle(2.0, 3) };
    let admitted = meter.spend(&plan, &key, &limits).await.unwrap().unwrap();
    assert_eq!(admitted.reading.left(), store.standing(&plan, &key, &limits, NOON).await.unwrap().reading.left());
    let (throttle, of_method) = (admitted.reading.left().throttle.unwrap(), admitted.reading.left().method.unwrap());
    assert_eq!((throttle.tokens, throttle.full_in), (2, Some(Duration::from_millis(500))));
    assert_eq!((of_method.tokens, of_method.full_in), (8, Some(Duration::from_secs(1))));
    assert_eq!(admitted.reading.left().quota.unwrap().remaining, 4);
    for _ in 0..2 {
        meter.spend(&plan, &key, &limits).await.unwrap().unwrap();
    }
    let refused = meter.spend(&plan, &key, &limits).await.unwrap().unwrap_err();
    assert_eq!(refused.reading.left().throttle.unwrap().tokens, 0);
    assert_eq!(refused.reading.left().quota.unwrap().remaining, 2);

    clock.set(NOON.plus(Duration::from_secs(60)));
    let later = store.standing(&plan, &key, &limits, clock.now()).await.unwrap().reading.left();
    assert_eq!(later.throttle.unwrap().tokens, 3);
    assert_eq!(later.quota.unwrap().remaining, 2);
}

#[tokio::test]
async fn a_rate_set_to_zero_does_not_hide_that_the_quota_is_spent() {
    let (meter, store, clock) = meter().await;
    let spending = Limits { quota: Some(quota(1)), ..UNLIMITED };
    assert!(spend(&meter, &spending).await.is_ok());
    let midnight = Timestamp::at_start_of(date(2026, 11, 24));
    let stopped = Limits { quota: spending.quota, ..throttle(0.0, 5) };
    for meter in [meter, Meter::new(store, clock.clone(), PROVES_FOR)] {
        clock.set(NOON);
        assert_eq!(spend(&meter, &stopped).await, Err(Denied::QuotaSpent { resets: midnight }));
        clock.set(midnight);
        assert_eq!(spend(&meter, &stopped).await, Err(Denied::Throttled { wait: None }));
    }
}

#[tokio::test]
async fn how_a_key_stands_is_told_and_spends_nothing() {
    let (meter, store, clock) = meter().await;
    let (plan, key) = ids();
    let limits = throttle(1.0, 1);
    let other = Meter::new(store, clock.clone(), PROVES_FOR);
    for _ in 0..3 {
        assert_eq!(other.standing(&plan, &key, &limits).await.unwrap().denied, None);
    }
    assert!(spend(&meter, &limits).await.is_ok());
    // What was seen counts for a while, then it is read again.
    assert_eq!(other.standing(&plan, &key, &limits).await.unwrap().denied, None);
    clock.set(NOON.plus(PROVES_FOR));
    assert!(spend(&meter, &limits).await.is_ok());
    let wait = Some(Duration::from_secs(1));
    assert_eq!(other.standing(&plan, &key, &limits).await.unwrap().denied, Some(Denied::Throttled { wait }));
}

#[tokio::test]
async fn a_known_refusal_ends_with_its_wait_and_with_a_raised_rate() {
    let (meter, _, clock) = meter().await;
    let (plan, key) = ids();
    let refused = async |limits: &Limits| {
        let known = meter.still_refused(&plan, &key, limits).await.unwrap();
        known.map(|refused| refused.denied)
    };
    let slow = throttle(0.001, 2);
    assert_eq!(refused(&slow).await, None);
    for _ in 0..2 {
        spend(&meter, &slow).await.unwrap();
    }
    let seconds = |seconds| Some(Denied::Throttled { wait: Some(Duration::from_secs(seconds)) });
    assert_eq!(refused(&slow).await, seconds(1_000));
    clock.set(NOON.plus(Duration::from_secs(10)));
    assert_eq!(refused(&slow).await, seconds(990));
    // What is owed by other settings must get to be converted. Of a token a hundredth
    // has returned.
    let fast = throttle(10.0, 2);
    assert_eq!(refused(&fast).await, None);
    assert_eq!(spend(&meter, &fast).await, Err(Denied::Throttled { wait: Some(Duration::from_millis(99)) }));
    clock.set(NOON.plus(Duration::from_millis(10_099)));
    assert_eq!(refused(&fast).await, None);
    assert!(spend(&meter, &fast).await.is_ok());
}

#[tokio::test]
async fn a_refusal_is_remembered_until_a_grant_may_have_been_made() {
    let (meter, store, clock) = meter().await;
    let (plan, key) = ids();
    let limits = Limits { quota: Some(quota(1)), ..UNLIMITED };
    assert_eq!(spend(&meter, &limits).await, Ok(Some(0)));
    let midnight = Timestamp::at_start_of(date(2026, 11, 24));
    let spent = Err(Denied::QuotaSpent { resets: midnight });
    let grant = async |now| store.set_remaining(&plan, &key, quota(1), 1, now).await.unwrap();

    grant(clock.now()).await;
    assert_eq!(spend(&meter, &limits).await, spent);
    clock.set(NOON.plus(PROVES_FOR));
    assert_eq!(spend(&meter, &limits).await, Ok(Some(0)));

    grant(clock.now()).await;
    assert_eq!(spend(&meter, &limits).await, spent);
    meter.forget();
    assert_eq!(spend(&meter, &limits).await, Ok(Some(0)));

    // Other limits, or another period, are decided by themselves.
    assert_eq!(spend(&meter, &limits).await, spent);
    assert_eq!(spend(&meter, &Limits { quota: Some(quota(5)), ..UNLIMITED }).await, Ok(Some(3)));
    assert_eq!(spend(&meter, &limits).await, spent);
    clock.set(midnight);
    assert_eq!(spend(&meter, &limits).await, Ok(Some(0)));
}

#[tokio::test]
async fn a_rate_of_zero_refuses_without_asking_the_table() {
    let (meter, store, _) = meter().await;
    assert_eq!(spend(&meter, &throttle(0.0, 5)).await, Err(Denied::Throttled { wait: None }));
    let (_, key) = ids();
    let used = store.usage(&plan(&[]), &key, NOON.date(), NOON.date(), NOON).await.unwrap();
    assert_eq!(used, [DailyUsage { used: 0, remaining: None }]);
}

#[tokio::test]
async fn a_raised_rate_does_not_lock_a_key_out() {
    let (meter, _, _) = meter().await;
    let slow = throttle(0.001, 5);
    for _ in 0..5 {
        assert!(spend(&meter, &slow).await.is_ok());
    }
    let fast = throttle(10.0, 5);
    // A full bucket's debt under the new settings: 100 ms for the next token.
    assert_eq!(spend(&meter, &fast).await, Err(Denied::Throttled { wait: Some(Duration::from_millis(100)) }));
}

fn of_version(version: u64, limits: &Limits) -> Limits {
    Limits { throttle: limits.throttle.map(|gcra| gcra.of_version(version)), ..*limits }
}

#[tokio::test]
async fn a_change_keeps_the_tokens_that_were_spent_and_waits_by_the_new_rate_alone() {
    let waits = |millis| Err(Denied::Throttled { wait: Some(Duration::from_millis(millis)) });
    // One a second, of one; then a hundred a second, well within what clocks may differ by.
    let (meter, ..) = self::meter().await;
    assert!(spend(&meter, &throttle(1.0, 1)).await.is_ok());
    assert_eq!(spend(&meter, &throttle(1.0, 1)).await, waits(1_000));
    assert_eq!(spend(&meter, &throttle(100.0, 1)).await, waits(10));
    // Three of five are spent, which leaves four of seven and none of two.
    for (after, left, wait) in [(throttle(1.0, 7), 4, 1_000), (throttle(10.0, 2), 0, 100), (throttle(0.5, 5), 2, 2_000)]
    {
        let (meter, ..) = self::meter().await;
        for _ in 0..3 {
            assert!(spend(&meter, &throttle(1.0, 5)).await.is_ok());
        }
        for _ in 0..left {
            assert!(spend(&meter, &after).await.is_ok(), "{after:?}");
        }
        assert_eq!(spend(&meter, &after).await, waits(wait), "{after:?}");
    }
}

#[tokio::test]
async fn a_process_that_does_not_know_of_a_change_keeps_to_it_all_the_same() {
    let (meter, store, clock) = meter().await;
    let [before, after] =
        [(1, throttle(1.0, 4)), (2, throttle(4.0, 2))].map(|(version, limits)| of_version(version, &limits));
    for _ in 0..4 {
        assert!(spend(&meter, &before).await.is_ok());
    }
    let other = Meter::new(store.clone(), clock.clone(), PROVES_FOR);
    let waits = |millis| Err(Denied::Throttled { wait: Some(Duration::from_millis(millis)) });
    assert_eq!(spend(&other, &after).await, waits(250));
    clock.set(NOON.plus(Duration::from_millis(500)));
    // One that has met nothing of it yet is told by its first write.
    let third = Meter::new(store, clock, PROVES_FOR);
    assert!(spend(&third, &before).await.is_ok());
    assert!(spend(&other, &after).await.is_ok());
    assert_eq!(spend(&third, &before).await, waits(250));
}

#[tokio::test]
async fn a_process_that_has_seen_nothing_finds_what_others_spent() {
    let (meter, store, clock) = meter().await;
    let limits = throttle(1.0, 2);
    assert!(spend(&meter, &limits).await.is_ok());
    let other = Meter::new(store, clock, PROVES_FOR);
    assert!(spend(&other, &limits).await.is_ok());
    assert!(spend(&other, &limits).await.is_err());
    assert!(spend(&meter, &limits).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_get_exactly_the_quota() {
    let store = store().await;
    let limits = Limits { quota: Some(quota(40)), ..throttle(1_000_000.0, 1_000) };
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let meter = Meter::new(store.clone(), Arc::new(SystemClock), PROVES_FOR);
        for _ in 0..32 {
            let meter = meter.clone();
            tasks.push(tokio::spawn(async move { spend(&meter, &limits).await.is_ok() }));
        }
    }
    let mut admitted = 0;
    for task in tasks {
        admitted += u32::from(task.await.unwrap());
    }
    assert_eq!(admitted, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_get_exactly_the_burst() {
    let store = store().await;
    let limits = throttle(1e-6, 25);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let meter = Meter::new(store.clone(), Arc::new(SystemClock), PROVES_FOR);
        for _ in 0..16 {
            let meter = meter.clone();
            tasks.push(tokio::spawn(async move { spend(&meter, &limits).await.is_ok() }));
        }
    }
    let mut admitted = 0;
    for task in tasks {
        admitted += u32::from(task.await.unwrap());
    }
    assert_eq!(admitted, 25);
}

#[tokio::test]
async fn usage_is_kept_day_by_day_after_it_leaves_the_meter() {
    let (meter, store, clock) = meter().await;
    let (plan_id, key) = ids();
    let mut plan = plan(&[]);
    plan.id = plan_id;
    plan.quota = Some(quota(10));
    let limits = Limits { quota: plan.quota, ..UNLIMITED };
    for day in 0..5u64 {
        clock.set(NOON.plus(Duration::from_secs(day * 86_400)));
        for _ in 0..=day {
            spend(&meter, &limits).await.unwrap();
        }
    }
    let usage = store
        .usage(&plan, &key, date(2026, 11, 22), date(2026, 11, 28), NOON.plus(Duration::from_secs(4 * 86_400)))
        .await
        .unwrap();
    let expected: Vec<_> = [(0, 10), (1, 9), (2, 8), (3, 7), (4, 6), (5, 5), (0, 10)]
        .into_iter()
        .map(|(used, remaining)| DailyUsage { used, remaining: Some(remaining) })
        .collect();
    assert_eq!(usage, expected);
}

#[tokio::test]
async fn what_remains_can_be_set_up_and_down_and_what_was_used_stays() {
    let (meter, store, _) = meter().await;
    let (plan_id, key) = ids();
    let mut plan = plan(&[]);
    plan.id = plan_id.clone();
    plan.quota = Some(quota(10));
    let limits = Limits { quota: plan.quota, ..UNLIMITED };
    spend(&meter, &limits).await.unwrap();
    for remaining in [3, 50] {
        store.set_remaining(&plan_id, &key, quota(10), remaining, NOON).await.unwrap();
        let usage = store.usage(&plan, &key, NOON.date(), NOON.date(), NOON).await.unwrap();
        assert_eq!(usage, [DailyUsage { used: 1, remaining: Some(i64::from(remaining)) }]);
    }
    assert_eq!(spend(&meter, &limits).await, Ok(Some(49)));
}

#[tokio::test]
async fn a_table_that_hangs_admits_nobody_and_holds_nobody_for_ever() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("http://{}", listener.local_addr().unwrap());
    let connection =
        Connection::new("us-east-1", Some(hanging), Credentials::new("local", "local", None, None, "test"));
    let store = Store::new(connection.dynamodb(), Tables::default());
    let meter = Meter::new(store, Arc::new(SystemClock), PROVES_FOR);
    let (plan, key) = ids();
    assert!(meter.spend(&plan, &key, &UNLIMITED).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hot_key_far_below_its_rate_is_never_told_of_a_conflict() {
    let store = store().await;
    let meter = Meter::new(store, Arc::new(SystemClock), PROVES_FOR);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let meter = meter.clone();
        tasks.spawn(async move {
            let (plan, key) = ids();
            for _ in 0..40 {
                // Full again after a microsecond: whoever looks finds it idle.
                meter.spend(&plan, &key, &throttle(1e6, 1_000_000)).await.unwrap().unwrap();
            }
        });
    }
    tasks.join_all().await;
}

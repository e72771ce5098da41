use std::time::Duration;

use keyplan_domain::api::MethodSetting;
use keyplan_domain::throttle::ThrottleSettings;

use super::*;
use crate::testing::request;

/// A key is needed below `/pets` and not at `/`; both tell why they refuse.
async fn bench() -> Bench {
    let bench = Bench::of_pet_and_root(true).await;
    bench.explain_refusals().await;
    bench
}

impl Bench {
    async fn throttle_account(&self, throttle: Option<(f64, u32)>) {
        let throttle = throttle.map(|(rate_limit, burst_limit)| ThrottleSettings { burst_limit, rate_limit });
        let edited = self.store.edit_account(|account| {
            account.throttle = throttle;
            Ok::<_, std::convert::Infallible>(())
        });
        let _ = edited.await.unwrap();
    }

    async fn keyed_reason(&self) -> (u16, String) {
        reason(&self.call(get_pet().with("x-api-key", VALUE)).await)
    }

    async fn keyless_reason(&self) -> (u16, String) {
        reason(&self.call(request("GET", &format!("/{API}/prod/"))).await)
    }
}

fn reason(response: &Response) -> (u16, String) {
    let told = response.headers().get("x-keyplan-reason").map(|told| told.to_str().unwrap().to_owned());
    (response.status().as_u16(), told.unwrap_or_default())
}

fn admitted() -> (u16, String) {
    (200, String::new())
}

fn refused(reason: &str) -> (u16, String) {
    (429, reason.to_owned())
}

#[tokio::test]
async fn all_methods_with_a_key_and_without_share_the_accounts_throttle() {
    let bench = bench().await;
    bench.key_in_plan(|_| ()).await;
    bench.throttle_account(Some((0.5, 2))).await;
    assert_eq!(bench.keyless_reason().await, admitted());
    assert_eq!(bench.keyed_reason().await, admitted());
    let told = bench.call(request("GET", &format!("/{API}/prod/"))).await;
    let body = (429, Some("TooManyRequestsException"), "{\"message\":\"Too Many Requests\"}");
    assert_eq!(gist(&told), body);
    assert_eq!((reason(&told), &told.headers()["retry-after"]), (refused("AccountThrottled"), &"2".parse().unwrap()));
    assert_eq!(bench.keyed_reason().await, refused("AccountThrottled"));
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.keyed_reason().await, admitted());
    assert_eq!(bench.keyless_reason().await, refused("AccountThrottled"));
}

#[tokio::test]
async fn without_a_throttle_of_its_own_an_account_refuses_nothing() {
    let bench = bench().await;
    for _ in 0..20 {
        assert_eq!(bench.keyless_reason().await, admitted());
    }
}

#[tokio::test]
async fn a_change_acts_within_the_caches_life() {
    let bench = bench().await;
    bench.throttle_account(Some((0.001, 1))).await;
    assert_eq!(bench.keyless_reason().await, admitted());
    bench.throttle_account(None).await;
    assert_eq!(bench.keyless_reason().await, refused("AccountThrottled"));
    bench.clock.advance(settings().cache_ttl);
    assert_eq!(bench.keyless_reason().await, admitted());
}

#[tokio::test]
async fn what_the_plan_refuses_spends_no_token_of_the_account() {
    let bench = bench().await;
    let limit = |plan: &mut UsagePlan| plan.throttle = Some(ThrottleSettings { burst_limit: 1, rate_limit: 0.001 });
    bench.key_in_plan(limit).await;
    bench.throttle_account(Some((0.001, 2))).await;
    assert_eq!(bench.keyed_reason().await, admitted());
    for _ in 0..5 {
        assert_eq!(bench.keyed_reason().await, refused("Throttled"));
    }
    assert_eq!(bench.keyless_reason().await, admitted());
    assert_eq!(bench.keyless_reason().await, refused("AccountThrottled"));
    assert_eq!(bench.keyed_reason().await, refused("Throttled"), "when both refuse, it is the plan's");
}

#[tokio::test]
async fn what_the_account_refuses_spends_nothing_of_the_stage_nor_of_the_plan() {
    let bench = bench().await;
    let limit = |plan: &mut UsagePlan| plan.throttle = Some(ThrottleSettings { burst_limit: 2, rate_limit: 0.001 });
    bench.key_in_plan(limit).await;
    bench
        .edit(|definition| {
            let setting =
                MethodSetting { throttling_rate_limit: 0.001, throttling_burst_limit: 2, ..MethodSetting::default() };
            definition.stages.get_mut("prod").unwrap().method_settings.insert("*/*".into(), setting);
        })
        .await;
    bench.throttle_account(Some((0.1, 1))).await;
    assert_eq!(bench.keyed_reason().await, admitted());
    for _ in 0..5 {
        assert_eq!(bench.keyed_reason().await, refused("AccountThrottled"));
    }
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(bench.keyed_reason().await, admitted(), "the plan's and the stage's second token are there");
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(bench.keyed_reason().await, refused("Throttled"));
    for expected in [admitted(), refused("AccountThrottled")] {
        assert_eq!(bench.keyless_reason().await, expected);
    }
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(bench.keyless_reason().await, admitted());
    assert_eq!(bench.keyless_reason().await, refused("AccountThrottled"), "of those who share it, the account's first");
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(bench.keyless_reason().await, refused("StageThrottled"));
}

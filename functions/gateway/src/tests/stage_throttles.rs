use std::time::Duration;

use keyplan_domain::admission::Limits;
use keyplan_domain::api::MethodSetting;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;

use super::*;

const TOO_MANY: (u16, Option<&str>, &str) =
    (429, Some("TooManyRequestsException"), "{\"message\":\"Too Many Requests\"}");
const LIMIT_EXCEEDED: (u16, Option<&str>, &str) =
    (429, Some("LimitExceededException"), "{\"message\":\"Limit Exceeded\"}");

const QUOTA: QuotaSettings = QuotaSettings { limit: 3, offset: 0, period: QuotaPeriod::Day };

impl Bench {
    /// Sets throttles of `prod`; they act once what is kept of the stage is old.
    async fn throttle(&self, settings: &[(&str, f64, i32)]) {
        self.edit(|definition| {
            let stage = definition.stages.get_mut("prod").unwrap();
            for (method, throttling_rate_limit, throttling_burst_limit) in settings {
                let setting = MethodSetting {
                    throttling_rate_limit: *throttling_rate_limit,
                    throttling_burst_limit: *throttling_burst_limit,
                    ..MethodSetting::default()
                };
                stage.method_settings.insert((*method).to_owned(), setting);
            }
        })
        .await;
    }

    async fn status(&self, request: Request) -> u16 {
        self.call(request).await.status().as_u16()
    }
}

fn keyed() -> Request {
    get_pet().with("x-api-key", VALUE)
}

fn get_root() -> Request {
    crate::testing::request("GET", &format!("/{API}/prod/"))
}

#[tokio::test]
async fn a_method_is_throttled_for_all_callers_with_a_key_or_without() {
    for key_required in [false, true] {
        let bench = Bench::of_pet_and_root(key_required).await;
        bench.throttle(&[("*/*", 0.5, 2)]).await;
        bench.key_in_plan(|_| ()).await;
        assert_eq!(bench.status(keyed()).await, 200);
        assert_eq!(bench.status(keyed()).await, 200);
        let refused = bench.call(keyed()).await;
        assert_eq!(gist(&refused), TOO_MANY);
        assert_eq!(refused.headers()["retry-after"], "2");
        bench.clock.advance(Duration::from_secs(2));
        assert_eq!(bench.status(keyed()).await, 200);
    }
}

#[tokio::test]
async fn settings_of_all_methods_give_each_its_own_bucket() {
    let bench = Bench::of_pet_and_root(false).await;
    bench.throttle(&[("*/*", 0.5, 1)]).await;
    assert_eq!(bench.status(get_pet()).await, 200);
    assert_eq!(bench.status(get_pet()).await, 429);
    assert_eq!(bench.status(get_root()).await, 200);
    assert_eq!(bench.status(get_root()).await, 429);
}

#[tokio::test]
async fn a_methods_own_settings_come_first_and_may_exempt_it() {
    let bench = Bench::of_pet_and_root(false).await;
    bench.throttle(&[("*/*", 0.5, 1), ("~1pets~1{petId}/ANY", -1.0, -1), ("~1pets~1{petId}/PUT", 0.0, 1)]).await;
    for _ in 0..3 {
        assert_eq!(bench.status(get_pet()).await, 200);
    }
    let put = crate::testing::request("PUT", &format!("/{API}/prod/pets/7"));
    let refused = bench.call(put).await;
    assert_eq!(gist(&refused), TOO_MANY);
    assert!(!refused.headers().contains_key("retry-after"), "waiting is in vain");
}

#[tokio::test]
async fn a_change_acts_within_the_caches_life_and_locks_nobody_out() {
    let bench = Bench::of_pet_and_root(false).await;
    bench.throttle(&[("*/*", 0.001, 2)]).await;
    for status in [200, 200, 429] {
        assert_eq!(bench.status(get_pet()).await, status);
    }
    bench.throttle(&[("*/*", 1.0, 2)]).await;
    bench.clock.advance(Duration::from_secs(4));
    assert_eq!(bench.status(get_pet()).await, 429);
    bench.gateway.drop_caches();
    // A full bucket's debt under the new settings.
    assert_eq!(bench.call(get_pet()).await.headers()["retry-after"], "1");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.status(get_pet()).await, 200);
}

#[tokio::test]
async fn whoever_has_no_key_takes_no_token_of_the_stage() {
    let bench = Bench::of_pet_and_root(true).await;
    bench.throttle(&[("*/*", 0.001, 1)]).await;
    bench.key_in_plan(|_| ()).await;
    for _ in 0..3 {
        assert_eq!(gist(&bench.call(get_pet()).await), FORBIDDEN);
    }
    assert_eq!(bench.status(keyed()).await, 200);
}

#[tokio::test]
async fn a_refusal_by_the_plan_spends_no_token_of_the_stage() {
    let bench = Bench::of_pet_and_root(true).await;
    bench.throttle(&[("*/*", 0.001, 3)]).await;
    let limit = |plan: &mut UsagePlan| plan.throttle = Some(ThrottleSettings { burst_limit: 1, rate_limit: 1.0 });
    bench.key_in_plan(limit).await;
    assert_eq!(bench.status(keyed()).await, 200);
    for _ in 0..5 {
        assert_eq!(bench.status(keyed()).await, 429);
    }
    for _ in 0..2 {
        bench.clock.advance(Duration::from_secs(1));
        assert_eq!(bench.status(keyed()).await, 200);
    }
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.status(keyed()).await, 429, "the stage's three tokens are spent");
}

#[tokio::test]
async fn a_key_beyond_its_quota_uses_up_nobody_elses_tokens() {
    let bench = Bench::of_pet_and_root(true).await;
    bench.throttle(&[("*/*", 0.0001, 3)]).await;
    bench.key_in_plan(|plan| plan.quota = Some(QuotaSettings { limit: 1, ..QUOTA })).await;
    let (other, plan) = (bench.key("another-value-of-enough-characters").await, bench.plan(|_| ()).await);
    bench.store.add_plan_key(&plan, &other, NOON).await.unwrap();
    assert_eq!(bench.status(keyed()).await, 200);
    for _ in 0..20 {
        assert_eq!(gist(&bench.call(keyed()).await), LIMIT_EXCEEDED);
        bench.clock.advance(Duration::from_secs(3));
    }
    for status in [200, 200, 429] {
        assert_eq!(bench.status(get_pet().with("x-api-key", "another-value-of-enough-characters")).await, status);
    }
}

#[tokio::test]
async fn a_granted_request_is_admitted_within_the_caches_life() {
    let bench = Bench::of_pet_and_root(true).await;
    bench.throttle(&[("*/*", 1_000.0, 10)]).await;
    let quota = QuotaSettings { limit: 1, ..QUOTA };
    let (key, plan) = bench.key_in_plan(|plan| plan.quota = Some(quota)).await;
    for status in [200, 429] {
        assert_eq!(bench.status(keyed()).await, status);
    }
    bench.store.set_remaining(&plan, &key, quota, 1, NOON).await.unwrap();
    bench.clock.advance(settings().cache_ttl);
    assert_eq!(bench.status(keyed()).await, 200);
    bench.store.set_remaining(&plan, &key, quota, 1, NOON).await.unwrap();
    bench.gateway.drop_caches();
    assert_eq!(bench.status(keyed()).await, 200);
}

#[tokio::test]
async fn a_refusal_by_the_stage_spends_nothing_of_the_plan() {
    let bench = Bench::of_pet_and_root(true).await;
    bench.throttle(&[("*/*", 0.5, 1)]).await;
    let quota = QUOTA;
    let (key, plan) = bench.key_in_plan(|plan| plan.quota = Some(quota)).await;
    assert_eq!(bench.status(keyed()).await, 200);
    for _ in 0..5 {
        assert_eq!(gist(&bench.call(keyed()).await), TOO_MANY);
    }
    let limits = Limits { throttle: None, method: None, quota: Some(quota) };
    let left = bench.store.standing(&plan, &key, &limits, NOON).await.unwrap().reading.left();
    assert_eq!(left.quota.unwrap().remaining, u64::from(quota.limit) - 1);
}

#[tokio::test]
async fn when_both_refuse_the_answer_is_the_plans() {
    let bench = Bench::of_pet_and_root(true).await;
    bench.throttle(&[("*/*", 0.001, 1)]).await;
    let quota = QuotaSettings { limit: 1, ..QUOTA };
    bench.key_in_plan(|plan| plan.quota = Some(quota)).await;
    assert_eq!(bench.status(keyed()).await, 200);
    let refused = bench.call(keyed()).await;
    assert_eq!(gist(&refused), LIMIT_EXCEEDED);
    assert_eq!(refused.headers()["retry-after"], "43200");
}

#[tokio::test]
async fn the_reason_tells_the_stages_throttle_from_the_plans() {
    let bench = Bench::of_pet_and_root(true).await;
    bench.throttle(&[("*/*", 0.5, 1)]).await;
    bench.explain_refusals().await;
    bench.key_in_plan(|plan| plan.throttle = Some(ThrottleSettings { burst_limit: 2, rate_limit: 0.01 })).await;
    assert_eq!(bench.status(keyed()).await, 200);
    assert_eq!(bench.call(keyed()).await.headers()["x-keyplan-reason"], "StageThrottled");
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.status(keyed()).await, 200);
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.call(keyed()).await.headers()["x-keyplan-reason"], "Throttled");
}

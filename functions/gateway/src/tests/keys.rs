use std::time::Duration;

use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;

use super::*;
use crate::testing::{mock, open_method};

fn keyed() -> Method {
    Method { api_key_required: true, ..open_method(mock("{\"pet\": \"$input.params('petId')\"}")) }
}

async fn bench() -> Bench {
    Bench::of(ApiKeySource::Header, keyed()).await
}

#[tokio::test]
async fn a_key_of_a_plan_of_the_stage_opens_the_method() {
    let bench = bench().await;
    bench.key_in_plan(|_| ()).await;
    let response = bench.call(get_pet().with("x-api-key", VALUE)).await;
    assert_eq!(gist(&response), (200, None, "{\"pet\": \"7\"}"));
    assert_eq!(response.headers()["x-mock"], "yes");
    assert_eq!(response.headers()["x-amzn-requestid"], "c6af9ac6-7b61-11e6-9a41-93e8deadbeef");
}

#[tokio::test]
async fn a_key_that_opens_nothing_here_is_forbidden() {
    let bench = bench().await;
    let (key, plan) = bench.key_in_plan(|_| ()).await;
    assert_eq!(gist(&bench.call(get_pet()).await), FORBIDDEN);
    assert_eq!(gist(&bench.call(get_pet().with("x-api-key", "")).await), FORBIDDEN);
    assert_eq!(gist(&bench.call(get_pet().with("x-api-key", key.as_str())).await), FORBIDDEN);
    assert_eq!(gist(&bench.call(get_pet().with("x-api-key", "of-nobody-at-all-000")).await), FORBIDDEN);

    bench.store.remove_plan_key(&plan, &key).await.unwrap();
    bench.gateway.drop_caches();
    assert_eq!(gist(&bench.call(get_pet().with("x-api-key", VALUE)).await), FORBIDDEN);
}

#[tokio::test]
async fn a_disabled_key_is_forbidden() {
    let bench = bench().await;
    let (key, _) = bench.key_in_plan(|_| ()).await;
    let disable = |key: &mut ApiKey| {
        key.enabled = false;
        Ok::<_, ()>(())
    };
    bench.store.update_api_key(&key, disable).await.unwrap();
    assert_eq!(gist(&bench.call(get_pet().with("x-api-key", VALUE)).await), FORBIDDEN);
}

#[tokio::test]
async fn a_method_that_requires_no_key_counts_against_no_plan() {
    let bench = Bench::of(ApiKeySource::Header, open_method(mock("{}"))).await;
    let limit = |plan: &mut UsagePlan| plan.throttle = Some(ThrottleSettings { burst_limit: 0, rate_limit: 0.0 });
    bench.key_in_plan(limit).await;
    assert_eq!(gist(&bench.call(get_pet().with("x-api-key", VALUE)).await), (200, None, "{}"));
}

#[tokio::test]
async fn beyond_the_burst_is_too_many_requests_until_a_token_is_back() {
    let bench = bench().await;
    let limit = |plan: &mut UsagePlan| plan.throttle = Some(ThrottleSettings { burst_limit: 2, rate_limit: 0.5 });
    bench.key_in_plan(limit).await;
    let call = async || bench.call(get_pet().with("x-api-key", VALUE)).await;
    assert_eq!(call().await.status(), 200);
    assert_eq!(call().await.status(), 200);
    let refused = call().await;
    assert_eq!(gist(&refused), (429, Some("TooManyRequestsException"), "{\"message\":\"Too Many Requests\"}"));
    assert_eq!(refused.headers()["retry-after"], "2");
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(call().await.status(), 200);
}

#[tokio::test]
async fn beyond_the_quota_is_limit_exceeded_until_the_period_ends() {
    let bench = bench().await;
    let quota = QuotaSettings { limit: 1, offset: 0, period: QuotaPeriod::Day };
    bench.key_in_plan(|plan| plan.quota = Some(quota)).await;
    let call = async || bench.call(get_pet().with("x-api-key", VALUE)).await;
    assert_eq!(call().await.status(), 200);
    let refused = call().await;
    assert_eq!(gist(&refused), (429, Some("LimitExceededException"), "{\"message\":\"Limit Exceeded\"}"));
    assert_eq!(refused.headers()["retry-after"], "43200");
    bench.clock.advance(Duration::from_secs(43_200));
    assert_eq!(call().await.status(), 200);
}

#[tokio::test]
async fn a_new_stage_is_refused_until_the_plan_has_it() {
    let bench = bench().await;
    bench.key_in_plan(|plan| plan.api_stages.clear()).await;
    let call = async || bench.call(get_pet().with("x-api-key", VALUE)).await;
    assert_eq!(gist(&call().await), FORBIDDEN);
}

#[tokio::test]
async fn tables_that_fail_let_nothing_through() {
    let bench = bench().await;
    bench.key_in_plan(|_| ()).await;
    let nowhere = Connection::new(
        "us-east-1",
        Some("http://127.0.0.1:1".into()),
        Credentials::new("local", "local", None, None, "test"),
    );
    let store = Store::new(nowhere.dynamodb(), Tables::default());
    let gateway = Gateway::new(settings(), store, lambda_client(&nowhere, None), bench.clock.clone());
    let response = gateway.handle(get_pet().with("x-api-key", VALUE)).await;
    let internal = "{\"message\":\"Internal server error\"}";
    assert_eq!(gist(&response), (500, Some("InternalServerErrorException"), internal));
}

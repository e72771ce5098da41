use std::time::Duration;

use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;

use super::*;
use crate::testing::{mock, open_method};

async fn bench(rate_limit_headers: bool, api_key_required: bool) -> Bench {
    let settings = Settings { rate_limit_headers, ..settings() };
    let method = Method { api_key_required, ..open_method(mock("ok")) };
    let bench = Bench::with_settings(settings, ApiKeySource::Header, |definition| {
        definition.methods.insert("pet001".into(), [("ANY".to_owned(), method.clone())].into());
    })
    .await;
    bench
        .key_in_plan(|plan| {
            plan.throttle = Some(ThrottleSettings { burst_limit: 2, rate_limit: 0.5 });
            plan.quota = Some(QuotaSettings { limit: 3, offset: 0, period: QuotaPeriod::Day });
        })
        .await;
    bench
}

impl Bench {
    /// Status, `RateLimit-Policy` and `RateLimit`.
    async fn told(&self) -> (u16, Option<String>, Option<String>) {
        let response = self.call(get_pet().with("x-api-key", VALUE)).await;
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), header("ratelimit-policy"), header("ratelimit"))
    }
}

#[tokio::test]
async fn admitted_and_refused_requests_are_told_what_is_left() {
    let bench = bench(true, true).await;
    let policy = Some("\"burst\";q=2;w=4, \"quota\";q=3;w=86400".to_owned());
    let told = |status, limit: &str| (status, policy.clone(), Some(limit.to_owned()));
    assert_eq!(bench.told().await, told(200, "\"burst\";r=1;t=2, \"quota\";r=2;t=43200"));
    assert_eq!(bench.told().await, told(200, "\"burst\";r=0;t=2, \"quota\";r=1;t=43200"));
    assert_eq!(bench.told().await, told(429, "\"burst\";r=0;t=2, \"quota\";r=1;t=43200"));
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(bench.told().await, told(200, "\"burst\";r=1;t=2, \"quota\";r=0;t=43190"));
    assert_eq!(bench.told().await, told(429, "\"burst\";r=1;t=2, \"quota\";r=0;t=43190"));
}

#[tokio::test]
async fn a_refusal_by_the_stage_tells_what_the_plan_leaves() {
    let bench = bench(true, true).await;
    bench
        .edit(|definition| {
            let stage = definition.stages.get_mut("prod").unwrap();
            let nothing = keyplan_domain::api::MethodSetting { throttling_burst_limit: 0, ..Default::default() };
            stage.method_settings.insert("*/*".into(), nothing);
        })
        .await;
    let (status, _, limit) = bench.told().await;
    assert_eq!((status, limit.unwrap().as_str()), (429, "\"burst\";r=2, \"quota\";r=3;t=43200"));
}

#[tokio::test]
async fn they_are_sent_only_where_they_are_asked_for_and_a_plan_counts() {
    assert_eq!(bench(false, true).await.told().await, (200, None, None));
    assert_eq!(bench(true, false).await.told().await, (200, None, None));
    let bench = bench(true, true).await;
    let forbidden = bench.call(get_pet()).await;
    assert!(!forbidden.headers().contains_key("ratelimit") && !forbidden.headers().contains_key("ratelimit-policy"));
}

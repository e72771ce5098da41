//! Stages of more plans, and plans of more stages, than a transaction has items.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use keyplan_domain::id::RestApiId;
use keyplan_domain::plan::{UsagePlan, UsagePlanId};
use keyplan_store::{PlanError, PlanKeyError, Store};
use support::{NOON, api_stage, create_api, create_key, create_plan, store};

async fn attach(store: &Store, plan: &UsagePlanId, api: &RestApiId, stage: &str) -> Result<UsagePlan, PlanError<()>> {
    let attach = |plan: &mut UsagePlan| {
        plan.api_stages.push(api_stage(api, stage));
        Ok(())
    };
    store.update_usage_plan(plan, attach).await
}

async fn plan_with_key(store: &Store, stages: &[(&RestApiId, &str)]) -> UsagePlanId {
    let plan = create_plan(store, stages).await;
    let (key, _) = create_key(store, "k").await;
    store.add_plan_key(&plan, &key, NOON).await.unwrap();
    plan
}

#[tokio::test]
async fn a_stage_of_many_plans_with_keys_is_added_to_another_and_deleted() {
    let store = store().await;
    let api = create_api(&store, &["prod", "dev"]).await;
    let mut plans = Vec::new();
    for _ in 0..110 {
        plans.push(plan_with_key(&store, &[(&api, "prod"), (&api, "dev")]).await);
    }
    let last = plan_with_key(&store, &[]).await;
    assert_eq!(attach(&store, &last, &api, "prod").await.unwrap().api_stages.len(), 1);
    store
        .edit_rest_api(&api, |definition| {
            definition.stages.remove("prod");
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    assert!(store.usage_plan(&last).await.unwrap().unwrap().api_stages.is_empty());
    for plan in &plans {
        let stages = store.usage_plan(plan).await.unwrap().unwrap().api_stages;
        assert_eq!(stages.iter().map(|entry| entry.stage.as_str()).collect::<Vec<_>>(), ["dev"]);
    }
    assert!(store.delete_rest_api(&api).await.unwrap());
    assert!(store.usage_plan(&plans[50]).await.unwrap().unwrap().api_stages.is_empty());
}

#[tokio::test]
async fn a_plan_has_many_stages_and_loses_them_at_once() {
    let store = store().await;
    let names: Vec<String> = (0..130).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (api, other) = (create_api(&store, &names[..90]).await, create_api(&store, &names[90..]).await);
    let all: Vec<_> = names[..90].iter().map(|name| (&api, *name)).collect();
    let all: Vec<_> = all.into_iter().chain(names[90..].iter().map(|name| (&other, *name))).collect();
    let plan = create_plan(&store, &all).await;
    let (key, _) = create_key(&store, "k").await;
    store.add_plan_key(&plan, &key, NOON).await.unwrap();
    let second = create_plan(&store, &[(&api, "s7"), (&other, "s101")]).await;
    let refused = store.add_plan_key(&second, &key, NOON).await;
    assert!(matches!(refused, Err(PlanKeyError::KeyInTwoPlans(_))));
    let clear = |plan: &mut UsagePlan| {
        plan.api_stages.clear();
        Ok::<_, ()>(())
    };
    assert!(store.update_usage_plan(&plan, clear).await.unwrap().api_stages.is_empty());
    store.add_plan_key(&second, &key, NOON).await.unwrap();
    assert!(matches!(attach(&store, &plan, &other, "s101").await, Err(PlanError::KeyInTwoPlans(_))));
    assert!(store.delete_rest_api(&api).await.unwrap());
    let left = store.usage_plan(&second).await.unwrap().unwrap().api_stages;
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn an_api_of_many_stages_is_deleted() {
    let store = store().await;
    let names: Vec<String> = (0..90).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let api = create_api(&store, &names).await;
    let all: Vec<_> = names.iter().map(|name| (&api, *name)).collect();
    let (one, other) = (create_plan(&store, &all).await, create_plan(&store, &all).await);
    assert!(store.delete_rest_api(&api).await.unwrap());
    for plan in [one, other] {
        assert!(store.usage_plan(&plan).await.unwrap().unwrap().api_stages.is_empty());
    }
}

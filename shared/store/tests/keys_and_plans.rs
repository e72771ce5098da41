//! API keys, usage plans, and the rule that a key is in one plan of a stage.

mod support;

use std::collections::BTreeSet;

use keyplan_domain::key::ApiKey;
use keyplan_domain::plan::UsagePlan;
use keyplan_store::{CreateKeyError, KeyInTwoPlans, PageRequest, PlanError, PlanKeyError, entropy};
use support::{NOON, all_pages, api_stage, create_api, create_key, create_plan, first, key, store};

#[tokio::test]
async fn two_keys_cannot_have_one_value() {
    let store = store().await;
    let value = entropy::key_value();
    store.create_api_key(&key("a", true), &value).await.unwrap();
    let second = key("b", true);
    assert!(matches!(store.create_api_key(&second, &value).await, Err(CreateKeyError::ValueExists)));
    assert_eq!(store.api_key(&second.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_key_is_found_by_its_value_as_long_as_it_is_there() {
    let store = store().await;
    let (id, value) = create_key(&store, "a").await;
    let found = store.key_by_value(&value.hash()).await.unwrap().unwrap();
    assert_eq!((found.key_id, found.enabled), (id.clone(), true));
    assert!(store.delete_api_key(&id).await.unwrap());
    assert_eq!(store.key_by_value(&value.hash()).await.unwrap(), None);
    assert!(!store.delete_api_key(&id).await.unwrap());
}

#[tokio::test]
async fn disabling_a_key_shows_where_it_is_found_by_value() {
    let store = store().await;
    let (id, value) = create_key(&store, "a").await;
    let edited = store
        .update_api_key(&id, |key| {
            key.enabled = false;
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    assert!(!edited.enabled);
    assert!(!store.key_by_value(&value.hash()).await.unwrap().unwrap().enabled);
}

#[tokio::test]
async fn pages_hold_every_key_once_newest_first() {
    let store = store().await;
    let mut made = Vec::new();
    for n in 0..7 {
        let mut key = key(&format!("k{n}"), true);
        key.created_date = keyplan_domain::time::Timestamp::from_seconds(1_000 + n);
        store.create_api_key(&key, &entropy::key_value()).await.unwrap();
        made.insert(0, key);
    }
    assert_eq!(all_pages(3, async |request| store.api_keys(&request, None, None).await.unwrap()).await, made);
    let exact = store.api_keys(&first(7), None, None).await.unwrap();
    assert_eq!(exact.position, None, "nothing follows the seventh");
}

#[tokio::test]
async fn the_name_filter_is_a_prefix_that_minds_case() {
    let store = store().await;
    for name in ["alpha", "Alpha", "alphabet", "beta alpha"] {
        create_key(&store, name).await;
    }
    let page = store.api_keys(&first(25), Some("alpha"), None).await.unwrap();
    let mut names: Vec<_> = page.items.into_iter().filter_map(|key| key.name).collect();
    names.sort();
    assert_eq!(names, ["alpha", "alphabet"]);
    let page = store.api_keys(&first(1), Some("alpha"), None).await.unwrap();
    let rest = PageRequest { limit: 1, position: page.position };
    let second = store.api_keys(&rest, Some("alpha"), None).await.unwrap();
    assert_eq!((page.items.len(), second.items.len(), second.position), (1, 1, None));
}

#[tokio::test]
async fn a_page_ends_before_it_is_too_large_to_be_answered() {
    let store = store().await;
    let mut made = BTreeSet::new();
    for _ in 0..24 {
        let key = ApiKey { description: Some("d".repeat(300_000)), ..support::key("large", true) };
        store.create_api_key(&key, &entropy::key_value()).await.unwrap();
        made.insert(key.id);
    }
    for prefix in [None, Some("la")] {
        let mut request = first(500);
        let (mut listed, mut pages) = (BTreeSet::new(), 0);
        loop {
            let page = store.api_keys(&request, prefix, None).await.unwrap();
            assert!(page.items.len() < 10, "{} at once", page.items.len());
            pages += 1;
            assert!(page.items.into_iter().all(|key| listed.insert(key.id)), "none twice");
            request.position = page.position;
            if request.position.is_none() {
                break;
            }
        }
        assert_eq!((&listed, pages), (&made, 3), "{prefix:?}");
    }
}

#[tokio::test]
async fn pages_of_a_plans_keys_are_full_though_filtered() {
    let store = store().await;
    let plan = create_plan(&store, &[]).await;
    let mut wanted = BTreeSet::new();
    for n in 0..45 {
        let (id, _) = create_key(&store, if n % 2 == 0 { "wanted" } else { "other" }).await;
        store.add_plan_key(&plan, &id, NOON).await.unwrap();
        if n % 2 == 0 {
            wanted.insert(id);
        }
    }
    let mut request = first(10);
    let (mut listed, mut pages) = (BTreeSet::new(), Vec::new());
    loop {
        let page = store.plan_keys(&plan, &request, Some("want")).await.unwrap();
        pages.push(page.items.len());
        assert!(page.items.into_iter().all(|(key, _)| listed.insert(key.id)), "none twice");
        request.position = page.position;
        if request.position.is_none() {
            break;
        }
    }
    assert_eq!((listed, pages), (wanted, vec![10, 10, 3]));
}

#[tokio::test]
async fn a_plan_takes_only_stages_that_exist() {
    let store = store().await;
    let api = create_api(&store, &["prod"]).await;
    let refused = store.create_usage_plan(&support::plan(&[(&api, "dev")])).await;
    assert!(matches!(refused, Err(PlanError::StageNotFound { stage, .. }) if stage == "dev"));
    let plan = store.create_usage_plan(&support::plan(&[(&api, "prod")])).await.unwrap();
    let uid = store.stage(&api, "prod").await.unwrap().unwrap().uid;
    assert_eq!(plan.api_stages[0].stage_uid, uid);
}

#[tokio::test]
async fn a_key_in_two_plans_of_a_stage_is_refused_from_both_sides() {
    let store = store().await;
    let api = create_api(&store, &["prod", "dev"]).await;
    let a = create_plan(&store, &[(&api, "prod")]).await;
    let b = create_plan(&store, &[(&api, "prod")]).await;
    let c = create_plan(&store, &[(&api, "dev")]).await;
    let (id, _) = create_key(&store, "k").await;
    store.add_plan_key(&a, &id, NOON).await.unwrap();
    let Err(PlanKeyError::KeyInTwoPlans(refused)) = store.add_plan_key(&b, &id, NOON).await else {
        panic!("added to a second plan of the stage");
    };
    let expected = KeyInTwoPlans {
        key_id: id.clone(),
        plan_id: b.clone(),
        other_plan_id: a.clone(),
        api_id: api.clone(),
        stage: "prod".into(),
    };
    assert_eq!(*refused, expected);
    store.add_plan_key(&c, &id, NOON).await.unwrap();
    let attached = store
        .update_usage_plan(&c, |plan| {
            plan.api_stages.push(api_stage(&api, "prod"));
            Ok::<_, ()>(())
        })
        .await;
    assert!(matches!(attached, Err(PlanError::KeyInTwoPlans(refused)) if refused.other_plan_id == a));
}

/// One plan a customer is a common way to sell an API; a transaction has a
/// hundred items at the most.
#[tokio::test]
async fn a_stage_can_be_in_more_plans_than_a_transaction_has_items() {
    let store = store().await;
    let api = create_api(&store, &["prod"]).await;
    for _ in 0..105 {
        create_plan(&store, &[(&api, "prod")]).await;
    }
    let later = create_plan(&store, &[]).await;
    let attach = |plan: &mut UsagePlan| {
        plan.api_stages.push(api_stage(&api, "prod"));
        Ok::<_, ()>(())
    };
    assert_eq!(store.update_usage_plan(&later, attach).await.unwrap().api_stages.len(), 1);
}

#[tokio::test]
async fn the_rule_holds_however_many_come_at_once() {
    let store = store().await;
    let api = create_api(&store, &["prod"]).await;
    let (id, value) = create_key(&store, "k").await;
    let mut plans = Vec::new();
    for _ in 0..4 {
        plans.push(create_plan(&store, &[(&api, "prod")]).await);
    }
    let mut tasks = Vec::new();
    for plan in plans {
        let (store, id) = (store.clone(), id.clone());
        tasks.push(tokio::spawn(async move { store.add_plan_key(&plan, &id, NOON).await.is_ok() }));
    }
    let mut added = 0;
    for task in tasks {
        added += u32::from(task.await.unwrap());
    }
    assert_eq!(added, 1);
    assert_eq!(store.key_by_value(&value.hash()).await.unwrap().unwrap().plan_ids.len(), 1);
}

/// The key is in one of the plans already, and the stage in the other.
#[tokio::test]
async fn a_key_and_a_stage_that_come_at_once_do_not_both_come() {
    let store = store().await;
    for _ in 0..12 {
        let api = create_api(&store, &["prod"]).await;
        let (with_key, with_stage) = (create_plan(&store, &[]).await, create_plan(&store, &[(&api, "prod")]).await);
        let (key, _) = create_key(&store, "k").await;
        store.add_plan_key(&with_key, &key, NOON).await.unwrap();
        let attach = |plan: &mut UsagePlan| {
            plan.api_stages.push(api_stage(&api, "prod"));
            Ok::<_, ()>(())
        };
        let (stage_added, key_added) =
            tokio::join!(store.update_usage_plan(&with_key, attach), store.add_plan_key(&with_stage, &key, NOON));
        match (stage_added, key_added) {
            (Ok(_), Err(PlanKeyError::KeyInTwoPlans(_))) | (Err(PlanError::KeyInTwoPlans(_)), Ok(_)) => {}
            both => panic!("{both:?}"),
        }
    }
}

#[tokio::test]
async fn deleting_a_key_takes_it_out_of_its_plans() {
    let store = store().await;
    let plan = create_plan(&store, &[]).await;
    let (id, _) = create_key(&store, "k").await;
    store.add_plan_key(&plan, &id, NOON).await.unwrap();
    assert!(matches!(store.add_plan_key(&plan, &id, NOON).await, Err(PlanKeyError::AlreadyInPlan)));
    assert_eq!(store.plan_keys(&plan, &first(25), None).await.unwrap().items.len(), 1);
    store.delete_api_key(&id).await.unwrap();
    assert_eq!(store.plan_keys(&plan, &first(25), None).await.unwrap().items.len(), 0);
    assert!(store.plan_key(&plan, &id).await.unwrap().is_none());
}

#[tokio::test]
async fn deleting_a_plan_frees_its_keys_and_stages() {
    let store = store().await;
    let api = create_api(&store, &["prod"]).await;
    let (a, b) = (create_plan(&store, &[(&api, "prod")]).await, create_plan(&store, &[(&api, "prod")]).await);
    let (id, value) = create_key(&store, "k").await;
    store.add_plan_key(&a, &id, NOON).await.unwrap();
    let objected = store.delete_usage_plan(&a, |plan| if plan.api_stages.is_empty() { Ok(()) } else { Err(()) }).await;
    assert!(matches!(objected, Err(PlanError::Rejected(()))));
    store.delete_usage_plan(&a, |_| Ok::<_, ()>(())).await.unwrap();
    assert!(store.key_by_value(&value.hash()).await.unwrap().unwrap().plan_ids.is_empty());
    store.add_plan_key(&b, &id, NOON).await.unwrap();
}

#[tokio::test]
async fn a_stage_made_again_is_not_in_the_plans_of_the_old() {
    let store = store().await;
    let api = create_api(&store, &["prod"]).await;
    let plan = create_plan(&store, &[(&api, "prod")]).await;
    store
        .edit_rest_api(&api, |definition| {
            definition.stages.insert("prod".into(), support::stage("prod"));
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    assert!(store.usage_plan(&plan).await.unwrap().unwrap().api_stages.is_empty());
}

#[tokio::test]
async fn a_key_is_in_ten_plans_at_the_most() {
    let store = store().await;
    let (id, _) = create_key(&store, "k").await;
    for _ in 0..10 {
        let plan = create_plan(&store, &[]).await;
        store.add_plan_key(&plan, &id, NOON).await.unwrap();
    }
    let eleventh = create_plan(&store, &[]).await;
    assert!(matches!(store.add_plan_key(&eleventh, &id, NOON).await, Err(PlanKeyError::TooManyPlans)));
}

//! A subject that is seen for the first time gets a key, and one only.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::ApiKey;
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::subject::{Subject, SubjectRecord};
use keyplan_store::{
    FirstSight, FirstSightError, MappedSubject, PageRequest, PlanError, PlanKeyError, Store, StoreError, entropy,
};
use support::{NOON, api_stage, connection, create_api, create_key, create_plan, create_tables, endpoint, item_keys};

fn alice() -> Subject {
    Subject::new("https://issuer.example/", "alice").unwrap()
}

async fn see(store: &Store, subject: &Subject, plan: &UsagePlanId) -> Result<FirstSight, FirstSightError> {
    let (key, value) = (support::key("alice", true), entropy::key_value());
    store.create_key_for_subject(&key, &value, subject, plan).await
}

fn made(seen: FirstSight) -> MappedSubject {
    match seen {
        FirstSight::Made(made) => made,
        FirstSight::Already(other) => panic!("it has a key: {other:?}"),
    }
}

fn already(seen: FirstSight) -> MappedSubject {
    match seen {
        FirstSight::Already(found) => found,
        FirstSight::Made(made) => panic!("it had no key: {made:?}"),
    }
}

async fn all_keys(store: &Store) -> Vec<ApiKey> {
    store.api_keys(&PageRequest { limit: 500, position: None }, None, None).await.unwrap().items
}

async fn keys_of(store: &Store, plan: &UsagePlanId) -> usize {
    store.plan_keys(plan, &PageRequest { limit: 500, position: None }, None).await.unwrap().items.len()
}

#[tokio::test]
async fn the_key_is_as_one_that_was_made_added_and_given_to_the_subject() {
    let tables = support::tables();
    let client = connection(endpoint().await).dynamodb();
    let store = Store::new(client.clone(), tables.clone());
    create_tables(&store).await;
    let plan = create_plan(&store, &[]).await;
    let before = store.usage_plan(&plan).await.unwrap();
    let untouched = item_keys(&client, &tables.config).await;

    let (key, value) = (support::key("alice", true), entropy::key_value());
    let seen = made(store.create_key_for_subject(&key, &value, &alice(), &plan).await.unwrap());
    let expected = SubjectRecord::new(alice(), key.id.clone(), NOON);
    assert_eq!(seen.record, expected);
    assert!(seen.key_value == value);
    let found = store.subject(&alice().hash()).await.unwrap().unwrap();
    assert_eq!(found.record, expected);
    assert!(found.key_value == value);
    assert_eq!(all_keys(&store).await, std::slice::from_ref(&key));
    let by_value = store.key_by_value(&value.hash()).await.unwrap().unwrap();
    assert_eq!((by_value.key_id, by_value.enabled, by_value.plan_ids), (key.id.clone(), true, vec![plan.clone()]));
    assert_eq!(keys_of(&store, &plan).await, 1);
    let listed = store.subjects(&key.id, &PageRequest { limit: 25, position: None }).await.unwrap();
    assert_eq!(listed.items, [expected]);
    // Gateways need not read it again for every new subject.
    assert_eq!(store.usage_plan(&plan).await.unwrap(), before);

    let rename = |key: &mut ApiKey| {
        key.enabled = false;
        Ok::<_, ()>(())
    };
    store.update_api_key(&key.id, rename).await.unwrap();
    assert!(!store.key_by_value(&value.hash()).await.unwrap().unwrap().enabled);
    assert!(store.delete_api_key(&key.id).await.unwrap());
    assert_eq!(item_keys(&client, &tables.config).await, untouched);
}

#[tokio::test]
async fn a_subject_that_has_a_key_gets_no_other() {
    let store = support::store().await;
    let plan = create_plan(&store, &[]).await;
    let (id, value) = create_key(&store, "k").await;
    store.create_subject(&SubjectRecord::new(alice(), id.clone(), NOON)).await.unwrap();
    let found = already(see(&store, &alice(), &plan).await.unwrap());
    assert_eq!(found.record.key_id, id);
    assert!(found.key_value == value);
    // Whether or not there is a plan for others.
    assert_eq!(already(see(&store, &alice(), &entropy::usage_plan_id()).await.unwrap()).record.key_id, id);
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &plan).await), (1, 0));
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let store = support::store().await;
    let plan = create_plan(&store, &[]).await;
    let gone = create_plan(&store, &[]).await;
    store.delete_usage_plan(&gone, |_| Ok::<_, ()>(())).await.unwrap();
    for plan in [&gone, &entropy::usage_plan_id()] {
        let refused = see(&store, &alice(), plan).await;
        assert!(matches!(refused, Err(FirstSightError::PlanNotFound)), "{refused:?}");
    }
    let (id, value) = create_key(&store, "k").await;
    let refused = store.create_key_for_subject(&support::key("alice", true), &value, &alice(), &plan).await;
    assert!(matches!(refused, Err(FirstSightError::ValueExists)), "{refused:?}");
    let same_id = ApiKey { id: id.clone(), ..support::key("alice", true) };
    let refused = store.create_key_for_subject(&same_id, &entropy::key_value(), &alice(), &plan).await;
    assert!(matches!(refused, Err(FirstSightError::IdExists)), "{refused:?}");
    assert!(store.subject(&alice().hash()).await.unwrap().is_none());
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &plan).await), (1, 0));
    assert!(store.key_by_value(&value.hash()).await.unwrap().unwrap().plan_ids.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_seen_by_64_at_once_gets_one_key_in_one_plan() {
    let store = support::store().await;
    let plan = create_plan(&store, &[]).await;
    let sights: Vec<_> = (0..64)
        .map(|_| {
            let (store, plan) = (store.clone(), plan.clone());
            tokio::spawn(async move { see(&store, &alice(), &plan).await.unwrap() })
        })
        .collect();
    let (mut made, mut keys) = (0, BTreeSet::new());
    for sight in sights {
        let sight = sight.await.unwrap();
        made += usize::from(matches!(sight, FirstSight::Made(_)));
        let (FirstSight::Made(seen) | FirstSight::Already(seen)) = sight;
        keys.insert(seen.record.key_id);
    }
    assert_eq!((made, keys.len()), (1, 1));
    let ids: BTreeSet<_> = all_keys(&store).await.into_iter().map(|key| key.id).collect();
    assert_eq!(ids, keys);
    assert_eq!(keys_of(&store, &plan).await, 1);
    let found = store.subject(&alice().hash()).await.unwrap().unwrap();
    assert!(keys.contains(&found.record.key_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_subjects_seen_at_once_all_get_a_key() {
    let store = support::store().await;
    let plan = create_plan(&store, &[]).await;
    let sights: Vec<_> = (0..64)
        .map(|n| {
            let (store, plan) = (store.clone(), plan.clone());
            let subject = Subject::new("https://issuer.example/", &format!("s{n}")).unwrap();
            tokio::spawn(async move { made(see(&store, &subject, &plan).await.unwrap()) })
        })
        .collect();
    for sight in sights {
        sight.await.unwrap();
    }
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &plan).await), (64, 64));
}

/// Loses the answers to the next calls, which have happened all the same: there is
/// a failure of the service in their place, after which the SDK asks again.
#[derive(Clone, Debug, Default)]
struct Losing(Arc<AtomicUsize>);

impl Intercept for Losing {
    fn name(&self) -> &'static str {
        "Losing"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let left = self.0.load(Ordering::SeqCst);
        self.0.store(left.saturating_sub(1), Ordering::SeqCst);
        if left > 0 {
            *context.response_mut().status_mut() = 500_u16.try_into()?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_key() {
    let tables = support::tables();
    let client = connection(endpoint().await).dynamodb();
    let losing = Losing::default();
    let losing_client = Client::from_conf(client.config().to_builder().interceptor(losing.clone()).build());
    let (store, failing) = (Store::new(client, tables.clone()), Store::new(losing_client, tables));
    create_tables(&store).await;
    let plan = create_plan(&store, &[]).await;

    losing.0.store(1, Ordering::SeqCst);
    let first = made(see(&failing, &alice(), &plan).await.unwrap());
    assert_eq!(losing.0.load(Ordering::SeqCst), 0);
    assert_eq!(all_keys(&store).await.into_iter().map(|key| key.id).collect::<Vec<_>>(), [first.record.key_id]);

    // Until the SDK gives up.
    let bob = Subject::new("https://issuer.example/", "bob").unwrap();
    losing.0.store(100, Ordering::SeqCst);
    let lost = see(&failing, &bob, &plan).await;
    assert!(matches!(lost, Err(FirstSightError::Store(StoreError::Unavailable { .. }))), "{lost:?}");
    losing.0.store(0, Ordering::SeqCst);
    let found = already(see(&failing, &bob, &plan).await.unwrap());
    assert_eq!(store.subject(&bob.hash()).await.unwrap().unwrap().record, found.record);
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &plan).await), (2, 2));
}

/// The plan gets a stage while it gets the key, which then comes into a second plan
/// of that stage.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_never_in_two_plans_of_a_stage() {
    let store = support::store().await;
    for n in 0..16 {
        let api = create_api(&store, &["prod"]).await;
        let (plan, with_stage) = (create_plan(&store, &[]).await, create_plan(&store, &[(&api, "prod")]).await);
        let subject = Subject::new("https://issuer.example/", &format!("s{n}")).unwrap();
        let (seeing, plan_of_key, second) = (store.clone(), plan.clone(), with_stage.clone());
        let added = tokio::spawn(async move {
            let key = made(see(&seeing, &subject, &plan_of_key).await.unwrap()).record.key_id;
            seeing.add_plan_key(&second, &key, NOON).await
        });
        let attach = |plan: &mut UsagePlan| {
            plan.api_stages.push(api_stage(&api, "prod"));
            Ok::<_, ()>(())
        };
        let attached = store.update_usage_plan(&plan, attach).await;
        match (attached, added.await.unwrap()) {
            (Ok(_), Err(PlanKeyError::KeyInTwoPlans(_))) | (Err(PlanError::KeyInTwoPlans(_)), Ok(_)) => {}
            both => panic!("{both:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_in_no_plan_that_is_deleted_meanwhile() {
    let tables = support::tables();
    let client = connection(endpoint().await).dynamodb();
    let store = Store::new(client.clone(), tables.clone());
    create_tables(&store).await;
    for n in 0..16 {
        let plan = create_plan(&store, &[]).await;
        let subject = Subject::new("https://issuer.example/", &format!("s{n}")).unwrap();
        let (seeing, plan_of_key) = (store.clone(), plan.clone());
        let seen = tokio::spawn(async move { see(&seeing, &subject, &plan_of_key).await });
        store.delete_usage_plan(&plan, |_| Ok::<_, ()>(())).await.unwrap();
        match seen.await.unwrap() {
            Ok(FirstSight::Made(made)) => {
                let by_value = store.key_by_value(&made.key_value.hash()).await.unwrap().unwrap();
                assert!(by_value.plan_ids.is_empty());
            }
            Err(FirstSightError::PlanNotFound) => {}
            other => panic!("{other:?}"),
        }
        let left = item_keys(&client, &tables.config).await;
        assert!(!left.iter().any(|(pk, _)| pk.starts_with("PLAN#")), "{left:?}");
    }
}

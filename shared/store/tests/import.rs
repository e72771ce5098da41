//! Many keys at once: what is made, overwritten, refused, and kept when the
//! table fails midway.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKey, ApiKeyId, ImportedKey, KeyValue};
use keyplan_domain::time::Timestamp;
use keyplan_store::{ImportRefusal, OnRefusal, PageRequest, PlanError, Store, StoreError, entropy};
use support::{NOON, api_stage, connection, create_api, create_key, create_plan, create_tables, endpoint, store};

const LATER: Timestamp = Timestamp::from_seconds(NOON.as_seconds() + 60);

fn row(name: &str, value: &KeyValue, plans: &[&UsagePlanId]) -> ImportedKey {
    ImportedKey {
        name: Some(name.into()),
        description: None,
        enabled: true,
        value: value.clone(),
        usage_plan_ids: plans.iter().map(|plan| (*plan).clone()).collect(),
    }
}

fn new_rows(count: usize, plans: &[&UsagePlanId]) -> Vec<ImportedKey> {
    (0..count).map(|n| row(&format!("k{n}"), &entropy::key_value(), plans)).collect()
}

async fn all_keys(store: &Store) -> Vec<ApiKey> {
    store.api_keys(&PageRequest { limit: 500, position: None }, None, None).await.unwrap().items
}

async fn keys_of(store: &Store, plan: &UsagePlanId) -> usize {
    store.plan_keys(plan, &PageRequest { limit: 500, position: None }, None).await.unwrap().items.len()
}

async fn plans_of(store: &Store, key: &ApiKeyId) -> Vec<UsagePlanId> {
    store.usage_plans_of_key(key).await.unwrap().into_iter().map(|plan| plan.id).collect()
}

#[tokio::test]
async fn keys_are_made_and_put_into_plans_in_the_order_of_their_rows() {
    let store = store().await;
    let (a, b) = (create_plan(&store, &[]).await, create_plan(&store, &[]).await);
    let rows = new_rows(120, &[&a, &b]);
    let imported = store.import_api_keys(&rows, OnRefusal::KeepOthers, NOON).await.unwrap();
    assert!(imported.refused.is_empty());
    assert_eq!(imported.ids.len(), rows.len());
    for (id, row) in imported.ids.iter().zip(&rows) {
        let found = store.key_by_value(&row.value.hash()).await.unwrap().unwrap();
        assert_eq!((&found.key_id, found.enabled), (id, true));
        assert_eq!(found.plan_ids, [a.clone(), b.clone()]);
        assert_eq!(store.api_key(id).await.unwrap().unwrap().name, row.name);
    }
    assert_eq!((keys_of(&store, &a).await, keys_of(&store, &b).await), (120, 120));
}

#[tokio::test]
async fn a_key_that_has_the_value_is_overwritten_and_stays_the_same_key() {
    let store = store().await;
    let (old, new) = (create_plan(&store, &[]).await, create_plan(&store, &[]).await);
    let (id, value) = create_key(&store, "old").await;
    store.add_plan_key(&old, &id, NOON).await.unwrap();
    let edit = |key: &mut ApiKey| {
        key.customer_id = Some("c".into());
        key.tags.insert("t".into(), "v".into());
        key.description = Some("d".into());
        Ok::<_, ()>(())
    };
    let before = store.update_api_key(&id, edit).await.unwrap();
    let rows = [ImportedKey { enabled: false, ..row("new", &value, &[&new, &old]) }];
    for _ in 0..2 {
        let imported = store.import_api_keys(&rows, OnRefusal::KeepNothing, LATER).await.unwrap();
        assert_eq!(imported.ids, std::slice::from_ref(&id));
    }
    let expected =
        ApiKey { name: Some("new".into()), description: None, enabled: false, last_updated_date: LATER, ..before };
    assert_eq!(store.api_key(&id).await.unwrap(), Some(expected));
    let found = store.key_by_value(&value.hash()).await.unwrap().unwrap();
    assert_eq!((found.enabled, found.plan_ids), (false, vec![old, new.clone()]));
    assert_eq!(keys_of(&store, &new).await, 1);
}

#[tokio::test]
async fn a_row_that_is_refused_leaves_the_others_unless_it_must_not() {
    let store = store().await;
    let api = create_api(&store, &["prod"]).await;
    let (a, b) = (create_plan(&store, &[(&api, "prod")]).await, create_plan(&store, &[(&api, "prod")]).await);
    let others: Vec<_> = create_plans(&store, 11).await;
    let (id, value) = create_key(&store, "old").await;
    store.add_plan_key(&a, &id, NOON).await.unwrap();
    let nobody = UsagePlanId::new("nobody");
    let long = UsagePlanId::new("x".repeat(3_000));
    let mut rows = new_rows(100, &[&others[0]]);
    rows.extend([
        row("no plan", &entropy::key_value(), &[&others[0], &nobody]),
        row("no such id", &entropy::key_value(), &[&long]),
        row("two plans", &entropy::key_value(), &[&a, &b]),
        row("other plan", &value, &[&b]),
        row("many", &entropy::key_value(), &others.iter().collect::<Vec<_>>()),
        ImportedKey { description: Some("x".repeat(500_000)), ..row("large", &entropy::key_value(), &[]) },
        row("last", &entropy::key_value(), &[]),
    ]);

    let imported = store.import_api_keys(&rows, OnRefusal::KeepNothing, LATER).await.unwrap();
    assert!(imported.ids.is_empty() && imported.refused.len() >= 5, "{:?}", imported.refused);
    assert_eq!(all_keys(&store).await.len(), 1);

    let imported = store.import_api_keys(&rows, OnRefusal::KeepOthers, LATER).await.unwrap();
    assert_eq!(imported.ids.len(), 101);
    let [no_plan, no_id, two, other, many, large] = &imported.refused[..] else {
        panic!("{:?}", imported.refused);
    };
    assert!(matches!(no_plan, (100, ImportRefusal::PlanNotFound(plan)) if *plan == nobody), "{no_plan:?}");
    assert!(matches!(no_id, (101, ImportRefusal::PlanNotFound(_))), "{no_id:?}");
    assert!(matches!(two, (102, ImportRefusal::KeyInTwoPlans(_))), "{two:?}");
    assert!(matches!(other, (103, ImportRefusal::KeyInTwoPlans(both)) if both.key_id == id), "{other:?}");
    assert!(matches!(many, (104, ImportRefusal::TooManyPlans)), "{many:?}");
    assert!(matches!(large, (105, ImportRefusal::TooLarge)), "{large:?}");
    assert_eq!(all_keys(&store).await.len(), 102);
    assert_eq!(store.api_key(&id).await.unwrap().unwrap().name.as_deref(), Some("old"));

    // What only DynamoDB knows shows when others are written already.
    let mut rows = new_rows(100, &[&others[1]]);
    rows.push(ImportedKey { description: Some("x".repeat(500_000)), ..row("large", &entropy::key_value(), &[]) });
    let imported = store.import_api_keys(&rows, OnRefusal::KeepNothing, LATER).await.unwrap();
    assert!(imported.ids.is_empty() && imported.refused.len() == 1);
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &others[1]).await), (102, 0));
}

async fn create_plans(store: &Store, count: usize) -> Vec<UsagePlanId> {
    let mut plans = Vec::new();
    for _ in 0..count {
        plans.push(create_plan(store, &[]).await);
    }
    plans
}

/// Keys of many plans make more writes than the rows tell.
#[tokio::test]
async fn rows_that_overwrite_keys_of_many_plans_are_written_in_smaller_parts() {
    let store = store().await;
    let plans = create_plans(&store, 90).await;
    let mut rows = Vec::new();
    for nine in plans.chunks(9) {
        let key = row("k", &entropy::key_value(), &nine.iter().collect::<Vec<_>>());
        store.import_api_keys(std::slice::from_ref(&key), OnRefusal::KeepNothing, NOON).await.unwrap();
        rows.push(key);
    }
    let tenth = create_plan(&store, &[]).await;
    for row in &mut rows {
        row.usage_plan_ids = vec![tenth.clone()];
    }
    let imported = store.import_api_keys(&rows, OnRefusal::KeepNothing, LATER).await.unwrap();
    assert_eq!((imported.ids.len(), keys_of(&store, &tenth).await), (10, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_never_in_two_plans_of_a_stage_that_one_gets_meanwhile() {
    let store = store().await;
    for _ in 0..8 {
        let api = create_api(&store, &["prod"]).await;
        let (a, b) = (create_plan(&store, &[(&api, "prod")]).await, create_plan(&store, &[]).await);
        let rows = new_rows(3, &[&a, &b]);
        let (importing, adding, plan) = (store.clone(), store.clone(), b.clone());
        let imported = tokio::spawn(async move { importing.import_api_keys(&rows, OnRefusal::KeepOthers, NOON).await });
        let added = tokio::spawn(async move {
            let add = |plan: &mut keyplan_domain::plan::UsagePlan| {
                plan.api_stages.push(api_stage(&api, "prod"));
                Ok::<_, ()>(())
            };
            adding.update_usage_plan(&plan, add).await
        });
        let (imported, added) = (imported.await.unwrap().unwrap(), added.await.unwrap());
        match added {
            Ok(_) => assert_eq!((imported.ids.len(), imported.refused.len()), (0, 3)),
            Err(PlanError::KeyInTwoPlans(_)) => assert_eq!(imported.ids.len(), 3),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_imported_by_several_at_once_is_imported_once() {
    let store = store().await;
    let plan = create_plan(&store, &[]).await;
    let rows = new_rows(60, &[&plan]);
    let imports: Vec<_> = (0..3)
        .map(|_| {
            let (store, rows) = (store.clone(), rows.clone());
            tokio::spawn(async move { store.import_api_keys(&rows, OnRefusal::KeepOthers, NOON).await })
        })
        .collect();
    let mut ids = Vec::new();
    for import in imports {
        ids.push(import.await.unwrap().unwrap().ids);
    }
    assert!(ids.iter().all(|of_one| *of_one == ids[0]));
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &plan).await), (60, 60));
}

/// Loses the answer to the nth transaction, which has happened all the same.
#[derive(Clone, Debug, Default)]
struct LosingTransaction {
    left: Arc<AtomicUsize>,
    /// Whether the call that is under way is one; there is never more than one.
    is_transaction: Arc<AtomicBool>,
}

impl Intercept for LosingTransaction {
    fn name(&self) -> &'static str {
        "LosingTransaction"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        self.is_transaction.store(target.ends_with("TransactWriteItems"), Ordering::SeqCst);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.is_transaction.load(Ordering::SeqCst) && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err("the answer is lost".into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_table_that_fails_midway_keeps_what_was_written_or_nothing() {
    let tables = support::tables();
    let client = connection(endpoint().await).dynamodb();
    let losing = LosingTransaction::default();
    let losing_client = Client::from_conf(client.config().to_builder().interceptor(losing.clone()).build());
    let (store, failing) = (Store::new(client, tables.clone()), Store::new(losing_client, tables));
    create_tables(&store).await;
    let plan = create_plan(&store, &[]).await;
    let (id, value) = create_key(&store, "old").await;
    let before = all_keys(&store).await;
    // The overwritten key is in the first of four transactions of 33 rows; the
    // answer to the second is lost.
    let mut rows = new_rows(130, &[&plan]);
    rows[5].value = value;

    losing.left.store(2, Ordering::SeqCst);
    let failed = failing.import_api_keys(&rows, OnRefusal::KeepNothing, LATER).await;
    assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    assert_eq!(all_keys(&store).await, before);
    assert_eq!((keys_of(&store, &plan).await, plans_of(&store, &id).await.len()), (0, 0));
    for row in &rows {
        let found = store.key_by_value(&row.value.hash()).await.unwrap();
        assert!(found.is_none_or(|found| found.key_id == id));
    }

    losing.left.store(2, Ordering::SeqCst);
    let failed = failing.import_api_keys(&rows, OnRefusal::KeepOthers, LATER).await;
    assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &plan).await), (66, 66));
    let imported = store.import_api_keys(&rows, OnRefusal::KeepOthers, LATER).await.unwrap();
    assert_eq!((imported.ids.len(), imported.refused.len()), (130, 0));
    assert_eq!((all_keys(&store).await.len(), keys_of(&store, &plan).await), (130, 130));
}

//! What is left of a change whose later half fails, and what comes of asking again.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use keyplan_domain::api::{Deployment, Resource, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_store::{DeleteDeployment, DeployError, PageRequest, PlanError, Store, StoreError, Tables, UpdateError};
use support::{NOON, connection, create_api, create_key, create_plan, create_tables, endpoint, mock_method};

const FIRST: PageRequest = PageRequest { limit: 25, position: None };

/// Fails requests of one operation: those after the first few.
#[derive(Clone, Debug, Default)]
struct Failing(Arc<Mutex<Option<(&'static str, u32)>>>);

impl Failing {
    fn all(&self, operation: &'static str) {
        self.after(0, operation);
    }

    fn after(&self, first: u32, operation: &'static str) {
        *self.0.lock().unwrap() = Some((operation, first));
    }

    fn none(&self) {
        *self.0.lock().unwrap() = None;
    }
}

impl Intercept for Failing {
    fn name(&self) -> &'static str {
        "Failing"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default().to_owned();
        match &mut *self.0.lock().unwrap() {
            Some((operation, first)) if target.ends_with(*operation) => {
                if *first == 0 {
                    return Err("it is out".into());
                }
                *first -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

struct Table {
    store: Store,
    failing: Failing,
    client: Client,
    tables: Tables,
}

impl Table {
    async fn new() -> Self {
        let tables = support::tables();
        let client = connection(endpoint().await).dynamodb();
        let failing = Failing::default();
        let config = client.config().to_builder().interceptor(failing.clone()).retry_config(RetryConfig::disabled());
        let store = Store::new(Client::from_conf(config.build()), tables.clone());
        create_tables(&store).await;
        Self { store, failing, client, tables }
    }

    /// The keys of all items of the config table but those of API keys.
    async fn items(&self) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let mut start = None;
        loop {
            let scan = self.client.scan().table_name(&self.tables.config).set_exclusive_start_key(start);
            let page = scan.send().await.unwrap();
            found.extend(page.items().iter().map(|item| {
                let text = |name: &str| item[name].as_s().unwrap().clone();
                (text("pk"), text("sk"))
            }));
            start = page.last_evaluated_key;
            if start.is_none() {
                found.retain(|(pk, _)| !pk.starts_with("KEY#") && !pk.starts_with("VALUE#"));
                return found;
            }
        }
    }

    async fn deploy(&self, api: &RestApiId, id: &str, stage: &str) -> Result<(), DeployError<()>> {
        let deployment = Deployment { id: id.into(), description: None, created_date: NOON };
        let publish = |definition: &mut RestApiDefinition| {
            let stage = definition.stages.entry(stage.into()).or_insert_with(|| support::stage(stage));
            stage.deployment_id = id.into();
            Ok(())
        };
        self.store.create_deployment(api, &deployment, publish).await
    }

    async fn edit(
        &self,
        api: &RestApiId,
        edit: impl Fn(&mut RestApiDefinition),
    ) -> Result<(), UpdateError<std::convert::Infallible>> {
        let edit = |definition: &mut RestApiDefinition| {
            edit(definition);
            Ok(())
        };
        self.store.edit_rest_api(api, edit).await
    }

    /// An API whose resource `parent` has `count` below it, each with a method.
    async fn api_with_children(&self, count: usize) -> RestApiId {
        let api = create_api(&self.store, &[]).await;
        let add = |definition: &mut RestApiDefinition| {
            let resources = (0..count).map(|n| below("parent", &format!("c{n}"), "/old/"));
            for resource in resources.chain([below("root", "parent", "/")]) {
                definition.methods.entry(resource.id.clone()).or_default().insert("GET".into(), mock_method());
                definition.resources.insert(resource.id.clone(), resource);
            }
        };
        self.edit(&api, add).await.unwrap();
        api
    }
}

fn below(parent: &str, id: &str, path: &str) -> Resource {
    Resource { id: id.into(), parent_id: Some(parent.into()), path_part: Some(id.into()), path: format!("{path}{id}") }
}

fn rename(definition: &mut RestApiDefinition) {
    for resource in definition.resources.values_mut() {
        resource.path = resource.path.replace("/old/", "/new/");
    }
}

#[tokio::test]
async fn a_deletion_of_an_api_that_is_cut_off_is_finished_by_the_next() {
    let table = Table::new().await;
    let api = create_api(&table.store, &["prod"]).await;
    table.deploy(&api, "first1", "prod").await.unwrap();
    table.failing.all("BatchWriteItem");
    assert!(matches!(table.store.delete_rest_api(&api).await, Err(StoreError::Unavailable { .. })));
    assert!(table.store.rest_api(&api).await.unwrap().is_none());
    assert!(table.store.rest_apis(&FIRST).await.unwrap().items.is_empty());
    assert!(table.store.stage(&api, "prod").await.unwrap().is_none());
    assert!(table.store.resource(&api, "root").await.unwrap().is_none());
    assert!(table.store.method(&api, "root", "GET").await.unwrap().is_none());
    assert!(table.store.deployment(&api, "first1").await.unwrap().is_none());
    table.failing.none();
    assert!(table.store.delete_rest_api(&api).await.unwrap());
    assert_eq!(table.items().await, BTreeSet::new());
    assert!(!table.store.delete_rest_api(&api).await.unwrap());
}

#[tokio::test]
async fn a_deleted_deployment_whose_chunks_stay_loses_them_with_the_next_edit_or_deletion() {
    let table = Table::new().await;
    let api = create_api(&table.store, &[]).await;
    let before = table.items().await;
    for by_edit in [true, false] {
        table.deploy(&api, "first1", "prod").await.unwrap();
        table.edit(&api, |definition| definition.stages.clear()).await.unwrap();
        table.failing.all("BatchWriteItem");
        assert_eq!(table.store.delete_deployment(&api, "first1").await.unwrap(), DeleteDeployment::Deleted);
        assert!(table.store.deployment(&api, "first1").await.unwrap().is_none());
        table.failing.none();
        if by_edit {
            table.edit(&api, |definition| definition.api.name = "other".into()).await.unwrap();
        } else {
            assert_eq!(table.store.delete_deployment(&api, "first1").await.unwrap(), DeleteDeployment::NotFound);
        }
        assert_eq!(table.items().await, before);
    }
}

#[tokio::test]
async fn a_deletion_of_a_plan_that_is_cut_off_is_finished_by_the_next() {
    let table = Table::new().await;
    let store = &table.store;
    let plan = create_plan(store, &[]).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let (key, _) = create_key(store, "k").await;
        store.add_plan_key(&plan, &key, NOON).await.unwrap();
        keys.push(key);
    }
    let delete = async || store.delete_usage_plan(&plan, |_| Ok::<_, ()>(())).await;
    table.failing.after(1, "TransactWriteItems");
    assert!(matches!(delete().await, Err(PlanError::Store(StoreError::Unavailable { .. }))));
    table.failing.none();
    assert!(store.usage_plans(&FIRST).await.unwrap().items.is_empty());
    assert!(store.plan_keys(&plan, &FIRST, None).await.unwrap().items.is_empty());
    assert!(store.plan_key(&plan, &keys[0]).await.unwrap().is_none());
    assert!(store.usage_plans_of_key(&keys[0]).await.unwrap().is_empty());
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(create_plan(store, &[]).await);
        store.add_plan_key(others.last().unwrap(), &keys[0], NOON).await.unwrap();
    }
    delete().await.unwrap();
    assert!(matches!(delete().await, Err(PlanError::NotFound)));
    assert!(table.items().await.iter().all(|(pk, _)| *pk != format!("PLAN#{plan}")));
    assert_eq!(store.usage_plans_of_key(&keys[0]).await.unwrap().len(), 10);
}

/// Ids need not be drawn: a demonstration has fixed ones.
#[tokio::test]
async fn what_a_cut_off_deletion_left_does_not_revive_under_the_same_id() {
    let table = Table::new().await;
    let store = &table.store;
    let api = create_api(store, &["prod"]).await;
    table.deploy(&api, "first1", "prod").await.unwrap();
    let definition = store.definition(&api).await.unwrap().unwrap();
    let plan = store.create_usage_plan(&support::plan(&[])).await.unwrap();
    let (key, _) = create_key(store, "k").await;
    store.add_plan_key(&plan.id, &key, NOON).await.unwrap();
    table.failing.all("BatchWriteItem");
    store.delete_rest_api(&api).await.unwrap_err();
    store.delete_usage_plan(&plan.id, |_| Ok::<_, ()>(())).await.unwrap_err();
    table.failing.none();
    store.create_rest_api(&definition.api, &definition.resources["root"]).await.unwrap();
    assert!(store.definition(&api).await.unwrap().unwrap().methods.is_empty());
    assert!(store.deployment(&api, "first1").await.unwrap().is_none());
    store.create_usage_plan(&plan).await.unwrap();
    assert!(store.plan_keys(&plan.id, &FIRST, None).await.unwrap().items.is_empty());
    assert_eq!(table.items().await.len(), 5, "an API, its root, its two models, and a plan");
}

#[tokio::test]
async fn a_deployment_that_failed_leaves_nothing_once_the_api_is_edited() {
    let table = Table::new().await;
    let api = create_api(&table.store, &["prod"]).await;
    let before = table.items().await;
    // The record, a chunk, the decision.
    for first in 0..3 {
        table.failing.after(first, "TransactWriteItems");
        assert!(matches!(table.deploy(&api, "first1", "prod").await, Err(DeployError::Store(_))));
        table.failing.none();
        // The API has changed: none of what was tried can come about any more.
        table.edit(&api, |definition| definition.api.name = format!("{first}")).await.unwrap();
        table.edit(&api, |definition| definition.api.name = "last".into()).await.unwrap();
        assert_eq!(table.items().await, before);
    }
    table.failing.after(2, "TransactWriteItems");
    assert!(matches!(table.deploy(&api, "first1", "prod").await, Err(DeployError::Store(_))));
    table.failing.none();
    assert!(table.store.delete_rest_api(&api).await.unwrap());
    assert_eq!(table.items().await, BTreeSet::new());
}

#[tokio::test]
async fn a_large_edit_is_made_whole_or_not_at_all_wherever_it_is_cut_off() {
    let table = Table::new().await;
    let mut outcomes = BTreeSet::new();
    // The record, 15 times nine items, the decision, and 15 times nine items again.
    for first in [0, 1, 8, 16, 17, 25, 32] {
        let api = table.api_with_children(130).await;
        table.failing.after(first, "TransactWriteItems");
        let edited = table.edit(&api, rename).await;
        table.failing.none();
        let child = table.store.resource(&api, "c7").await.unwrap().unwrap();
        let definition = table.store.definition(&api).await.unwrap().unwrap();
        let new = definition.resources.values().filter(|resource| resource.path.starts_with("/new/")).count();
        assert_eq!(new, if edited.is_ok() { 130 } else { 0 }, "{first}");
        assert_eq!(child.path.starts_with("/new/"), edited.is_ok());
        outcomes.insert(edited.is_ok());
        table.edit(&api, |definition| definition.api.name = "other".into()).await.unwrap();
        table.edit(&api, |definition| definition.api.name = "last".into()).await.unwrap();
        assert!(table.items().await.iter().all(|(pk, sk)| !pk.starts_with("EDIT#") && !sk.starts_with("AHEAD#")));
    }
    assert_eq!(outcomes, BTreeSet::from([false, true]));
}

#[tokio::test]
async fn a_deletion_of_many_parts_that_is_cut_off_leaves_none_of_them() {
    let table = Table::new().await;
    let api = table.api_with_children(130).await;
    let remove = |definition: &mut RestApiDefinition| {
        definition.resources.retain(|id, _| id == "root");
        definition.methods.retain(|id, _| id == "root");
    };
    // Between two of those that carry it out: 262 items, nine at once.
    table.failing.after(40, "TransactWriteItems");
    table.edit(&api, remove).await.unwrap();
    table.failing.none();
    assert!(table.store.method(&api, "c99", "GET").await.unwrap().is_none());
    let left = table.items().await;
    assert_eq!(left.len(), 5, "the API, its two models, its root, and a method of that: {left:?}");
}

#[tokio::test]
async fn large_edits_made_at_once_are_all_kept() {
    let table = Table::new().await;
    let api = create_api(&table.store, &[]).await;
    let edits: Vec<_> = (0..4)
        .map(|n| {
            let (store, api) = (table.store.clone(), api.clone());
            tokio::spawn(async move {
                store
                    .edit_rest_api(&api, |definition| {
                        let methods = definition.methods.entry("root".into()).or_default();
                        methods.extend((0..120).map(|verb| (format!("VERB{n}x{verb}"), mock_method())));
                        Ok::<_, ()>(())
                    })
                    .await
            })
        })
        .collect();
    for edit in edits {
        edit.await.unwrap().unwrap();
    }
    assert_eq!(table.store.definition(&api).await.unwrap().unwrap().methods["root"].len(), 481);
    assert_eq!(table.items().await.len(), 485);
}

//! An API that a process has seen last as it is costs one small read; what others
//! have changed since is seen at once.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;
use keyplan_domain::api::{Deployment, Method, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_domain::plan::UsagePlan;
use keyplan_store::{Store, Tables, entropy};
use support::{NOON, api_stage, connection, create_api, create_plan, create_tables, endpoint, mock_method, stage};

/// Answers, and their bytes.
#[derive(Clone, Debug, Default)]
struct Counted {
    answers: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl Counted {
    fn take(&self) -> (usize, usize) {
        (self.answers.swap(0, Ordering::SeqCst), self.bytes.swap(0, Ordering::SeqCst))
    }
}

impl Intercept for Counted {
    fn name(&self) -> &'static str {
        "Counted"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.answers.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(context.response().body().bytes().map_or(0, <[u8]>::len), Ordering::SeqCst);
        Ok(())
    }
}

async fn table() -> (Client, Tables, Counted) {
    let client = connection(endpoint().await).dynamodb();
    let counted = Counted::default();
    let client = Client::from_conf(client.config().to_builder().interceptor(counted.clone()).build());
    let tables = support::tables();
    create_tables(&Store::new(client.clone(), tables.clone())).await;
    (client, tables, counted)
}

async fn edit(store: &Store, api: &RestApiId, edit: impl Fn(&mut RestApiDefinition)) {
    let edit = |definition: &mut RestApiDefinition| {
        edit(definition);
        Ok::<_, ()>(())
    };
    store.edit_rest_api(api, edit).await.unwrap();
}

fn add_methods(definition: &mut RestApiDefinition, count: usize) {
    let methods = definition.methods.entry("root".into()).or_default();
    methods.extend((0..count).map(|n| (format!("VERB{n}"), mock_method())));
}

#[tokio::test]
async fn an_edit_of_what_is_known_reads_one_item() {
    let (client, tables, counted) = table().await;
    let store = Store::new(client, tables);
    let api = create_api(&store, &[]).await;
    edit(&store, &api, |definition| add_methods(definition, 90)).await;
    counted.take();

    for name in ["one", "other"] {
        edit(&store, &api, |definition| definition.api.name = name.into()).await;
        let (answers, bytes) = counted.take();
        assert_eq!(answers, 2, "a Query and a transaction");
        assert!(bytes < 1_000, "{bytes}");
        assert_eq!(store.definition(&api).await.unwrap().unwrap().api.name, name);
        let (answers, bytes) = counted.take();
        assert_eq!(answers, 1);
        assert!(bytes < 1_000, "{bytes}");
    }
}

/// What may happen to an API.
async fn act(store: &Store, api: &RestApiId, step: usize) {
    let method = Method { operation_name: Some(step.to_string()), ..mock_method() };
    match step % 7 {
        0 => edit(store, api, |definition| definition.api.name = step.to_string()).await,
        1 => {
            let add = |definition: &mut RestApiDefinition| {
                definition.methods.entry("root".into()).or_default().insert("GET".into(), method.clone());
            };
            edit(store, api, add).await;
        }
        // More than a transaction has room for.
        2 => edit(store, api, |definition| add_methods(definition, 120)).await,
        3 => {
            let deployment = Deployment { id: entropy::part_id(), description: None, created_date: NOON };
            let publish = |definition: &mut RestApiDefinition| {
                definition.stages.entry("prod".into()).or_insert_with(|| stage("prod")).deployment_id =
                    deployment.id.clone();
                Ok::<_, ()>(())
            };
            store.create_deployment(api, &deployment, publish).await.unwrap();
        }
        4 => {
            create_plan(store, &[(api, "prod")]).await;
        }
        5 => {
            let plan = create_plan(store, &[]).await;
            let add = |plan: &mut UsagePlan| {
                plan.api_stages.push(api_stage(api, "prod"));
                Ok::<_, ()>(())
            };
            store.update_usage_plan(&plan, add).await.unwrap();
        }
        _ => {
            let remove = |definition: &mut RestApiDefinition| {
                definition.methods.get_mut("root").unwrap().retain(|verb, _| verb == "GET");
                definition.stages.clear();
            };
            edit(store, api, remove).await;
        }
    }
}

#[tokio::test]
async fn what_others_changed_is_seen_at_once() {
    let (client, tables, _) = table().await;
    let process = || Store::new(client.clone(), tables.clone());
    let processes = [process(), process(), process()];
    let api = create_api(&processes[0], &[]).await;
    for step in 0..42 {
        // Whoever edits has seen what is there, or what was there some edits ago.
        act(&processes[step % 2 + usize::from(step % 5 == 0)], &api, step).await;
        let there = process().definition(&api).await.unwrap().unwrap();
        for known in &processes[..2] {
            assert_eq!(known.definition(&api).await.unwrap().unwrap(), there, "after step {step}");
        }
    }
    assert!(processes[0].delete_rest_api(&api).await.unwrap());
    for known in &processes {
        assert!(known.definition(&api).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn half_of_an_edit_is_read_again() {
    let (client, tables, counted) = table().await;
    let api = create_api(&Store::new(client.clone(), tables.clone()), &[]).await;
    let root = [("pk", format!("API#{api}")), ("sk", "RES#root".to_owned())];
    let write = |version: &'static str| {
        let mut update = client
            .update_item()
            .table_name(&tables.config)
            .update_expression("SET version = :version")
            .expression_attribute_values(":version", AttributeValue::N(version.into()));
        for (name, value) in &root {
            update = update.key(*name, AttributeValue::S(value.clone()));
        }
        update.send()
    };
    let store = Store::new(client.clone(), tables.clone());
    write("2").await.unwrap();
    for _ in 0..2 {
        counted.take();
        store.definition(&api).await.unwrap().unwrap();
        assert_eq!(counted.take().0, 5, "it stays so, and is not kept");
    }
    write("1").await.unwrap();
    for _ in 0..2 {
        counted.take();
        store.definition(&api).await.unwrap().unwrap();
        assert_eq!(counted.take().0, 1);
    }
}

//! Several clients change one API and its plans while requests fail before and
//! after they are carried out: what is left adds up, and can be removed.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use keyplan_domain::api::{Deployment, Resource, RestApiDefinition};
use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::plan::UsagePlan;
use keyplan_store::{PageRequest, Store, entropy};
use support::{NOON, api_stage, connection, create_api, create_key, create_tables, endpoint, item_keys, mock_method};

const CHILDREN: usize = 110;
/// Of a thousand requests, and of a thousand answers, how many are lost.
const LOST: usize = 10;

#[derive(Clone, Debug, Default)]
struct Faults(Arc<AtomicBool>);

impl Faults {
    fn strike(&self) -> Result<(), BoxError> {
        if self.0.load(Ordering::SeqCst) && chance(LOST) { Err("it is lost".into()) } else { Ok(()) }
    }
}

impl Intercept for Faults {
    fn name(&self) -> &'static str {
        "Faults"
    }

    fn modify_before_transmit(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.strike()
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.strike()
    }
}

fn chance(of_a_thousand: usize) -> bool {
    pick(1_000) < of_a_thousand
}

fn pick(below: usize) -> usize {
    entropy::part_id().bytes().fold(0, |sum: usize, byte| sum.wrapping_mul(131).wrapping_add(byte.into())) % below
}

fn move_children(definition: &mut RestApiDefinition, to: &str) {
    let children: Vec<_> = definition.resources.keys().filter(|id| *id != "root").cloned().collect();
    for id in children {
        definition.resources.remove(&id);
        definition.methods.remove(&id);
    }
    for n in 0..CHILDREN {
        let id = format!("{to}{n}");
        let resource = Resource {
            id: id.clone(),
            parent_id: Some("root".into()),
            path_part: Some(id.clone()),
            path: format!("/{id}"),
        };
        definition.methods.entry(id.clone()).or_default().insert("GET".into(), mock_method());
        definition.resources.insert(id, resource);
    }
}

/// All or none of what a large edit made, and no method without its resource.
fn check_whole(definition: &RestApiDefinition) {
    let kinds: BTreeSet<&str> = definition.resources.keys().filter(|id| *id != "root").map(|id| &id[..1]).collect();
    assert!(kinds.len() <= 1, "{kinds:?}");
    assert!(definition.resources.len() == 1 + CHILDREN || definition.resources.len() == 1);
    assert!(definition.methods.keys().all(|id| definition.resources.contains_key(id)));
}

async fn act(store: &Store, api: &RestApiId, plans: &[UsagePlanId]) {
    let plan = &plans[pick(plans.len())];
    let kept: Result<(), ()> = Ok(());
    // What fails, fails: it is what it leaves that counts.
    match pick(8) {
        0 => {
            let to = ["a", "b", "c"][pick(3)];
            let edit = |definition: &mut RestApiDefinition| {
                move_children(definition, to);
                kept
            };
            let _ = store.edit_rest_api(api, edit).await;
        }
        1 | 2 => {
            let deployment = Deployment { id: entropy::part_id(), description: None, created_date: NOON };
            let publish = |definition: &mut RestApiDefinition| {
                let stage = definition.stages.entry("prod".into()).or_insert_with(|| support::stage("prod"));
                stage.deployment_id.clone_from(&deployment.id);
                kept
            };
            let _ = store.create_deployment(api, &deployment, publish).await;
        }
        3 => {
            let request = PageRequest { limit: 25, position: None };
            let Ok(page) = store.deployments(api, &request).await else { return };
            if let Some(deployment) = page.items.last() {
                let _ = store.delete_deployment(api, &deployment.id).await;
            }
        }
        4 => {
            let edit = |definition: &mut RestApiDefinition| {
                definition.stages.remove("prod");
                kept
            };
            let _ = store.edit_rest_api(api, edit).await;
        }
        5 | 6 => {
            let toggle = |plan: &mut UsagePlan| {
                if plan.api_stages.pop().is_none() {
                    plan.api_stages.push(api_stage(api, "prod"));
                }
                kept
            };
            let _ = store.update_usage_plan(plan, toggle).await;
        }
        _ => {
            let _ = store.delete_usage_plan(plan, |_| if chance(100) { Ok(()) } else { Err(()) }).await;
        }
    }
    if let Ok(Some(definition)) = store.definition(api).await {
        check_whole(&definition);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_what_is_left_adds_up_and_can_be_removed() {
    let tables = support::tables();
    let client = connection(endpoint().await).dynamodb();
    let faults = Faults::default();
    let config = client.config().to_builder().interceptor(faults.clone()).retry_config(RetryConfig::disabled());
    let store_client = Client::from_conf(config.build());
    let store = Store::new(store_client.clone(), tables.clone());
    create_tables(&store).await;
    let api = create_api(&store, &["prod"]).await;
    let mut plans = Vec::new();
    for _ in 0..6 {
        let plan = support::create_plan(&store, &[]).await;
        let (key, _) = create_key(&store, "k").await;
        store.add_plan_key(&plan, &key, NOON).await.unwrap();
        plans.push(plan);
    }
    faults.0.store(true, Ordering::SeqCst);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            // A process each: edits of one wait for each other.
            let store = Store::new(store_client.clone(), tables.clone());
            let (api, plans) = (api.clone(), plans.clone());
            tokio::spawn(async move {
                for _ in 0..25 {
                    act(&store, &api, &plans).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    faults.0.store(false, Ordering::SeqCst);

    for name in ["one", "other"] {
        let rename = |definition: &mut RestApiDefinition| {
            definition.api.name = name.into();
            Ok::<_, ()>(())
        };
        store.edit_rest_api(&api, rename).await.unwrap();
    }
    let definition = store.definition(&api).await.unwrap().unwrap();
    check_whole(&definition);
    for stage in definition.stages.values().filter(|stage| stage.deployment_id != "none") {
        assert!(store.deployment(&api, &stage.deployment_id).await.unwrap().is_some());
        store.snapshot(&api, &stage.deployment_id).await.unwrap().unwrap();
    }
    let items = item_keys(&client, &tables.config).await;
    for (pk, sk) in &items {
        assert!(!pk.starts_with("EDIT#") && !sk.starts_with("AHEAD#"), "{pk} {sk}");
        assert!(!sk.starts_with("CHUNK#") || items.contains(&(pk.clone(), "META".into())), "{pk} {sk}");
    }
    let mut listed = 0;
    for plan in &plans {
        for entry in store.usage_plan(plan).await.unwrap().map(|plan| plan.api_stages).unwrap_or_default() {
            assert_eq!(definition.stages[&entry.stage].uid, entry.stage_uid);
            assert!(items.contains(&(format!("API#{api}"), format!("STAGEPLAN#prod#{plan}"))));
            listed += 1;
        }
    }
    let links = items.iter().filter(|(_, sk)| sk.starts_with("STAGEPLAN#")).count();
    assert_eq!(links, listed, "both directions agree");

    assert!(store.delete_rest_api(&api).await.unwrap());
    for plan in &plans {
        // Gone already, wholly or by half, or there.
        let _ = store.delete_usage_plan(plan, |_| Ok::<_, ()>(())).await;
    }
    let left = item_keys(&client, &tables.config).await;
    assert!(left.iter().all(|(pk, _)| pk.starts_with("KEY#") || pk.starts_with("VALUE#")), "{left:?}");
}

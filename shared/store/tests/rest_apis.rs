//! REST APIs, their parts, and deployments.

mod support;

use std::collections::BTreeSet;

use keyplan_domain::api::{Deployment, Method, RequestValidator, RestApiDefinition, SnapshotError, Stage};
use keyplan_domain::id::RestApiId;
use keyplan_store::{DeleteDeployment, DeployError, PageRequest, Store, UpdateError, entropy};
use support::{NOON, connection, create_api, create_plan, create_tables, endpoint, mock_method, store};

async fn deploy(store: &Store, api: &RestApiId, id: &str, stage: &str) -> Result<(), DeployError<()>> {
    let deployment = Deployment { id: id.into(), description: None, created_date: NOON };
    store
        .create_deployment(api, &deployment, |definition| {
            let stage = definition.stages.entry(stage.into()).or_insert_with(|| support::stage(stage));
            stage.deployment_id = id.into();
            Ok(())
        })
        .await
}

#[tokio::test]
async fn an_edit_that_refuses_changes_nothing() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    let refused = store
        .edit_rest_api(&api, |definition| {
            definition.methods.clear();
            Err::<(), _>("no")
        })
        .await;
    assert!(matches!(refused, Err(UpdateError::Rejected("no"))));
    assert!(store.method(&api, "root", "GET").await.unwrap().is_some());
    let unknown = store.edit_rest_api(&RestApiId::new("unknown"), |_| Ok::<_, ()>(())).await;
    assert!(matches!(unknown, Err(UpdateError::NotFound)));
}

#[tokio::test]
async fn edits_made_at_once_are_all_kept() {
    let (client, tables) = (connection(endpoint().await).dynamodb(), support::tables());
    let store = Store::new(client.clone(), tables.clone());
    create_tables(&store).await;
    let api = create_api(&store, &[]).await;
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            // As many processes as there are edits: those of one wait for each other.
            let (store, api) = (Store::new(client.clone(), tables.clone()), api.clone());
            tokio::spawn(async move {
                store
                    .edit_rest_api(&api, |definition| {
                        definition.api.binary_media_types.push(format!("image/{n}"));
                        let methods = definition.methods.entry("root".into()).or_default();
                        methods.insert(format!("VERB{n}"), mock_method());
                        Ok::<_, ()>(())
                    })
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let definition = store.definition(&api).await.unwrap().unwrap();
    assert_eq!(definition.methods["root"].len(), 9);
    assert_eq!(definition.api.binary_media_types.len(), 8);
}

#[tokio::test]
async fn an_edit_larger_than_a_transaction_is_made_whole() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    for count in [250, 10] {
        store
            .edit_rest_api(&api, |definition| {
                let methods = (0..count).map(|n| (format!("VERB{n}"), mock_method())).collect();
                definition.methods.insert("root".into(), methods);
                Ok::<_, ()>(())
            })
            .await
            .unwrap();
        assert_eq!(store.definition(&api).await.unwrap().unwrap().methods["root"].len(), count);
    }
}

#[tokio::test]
async fn a_deployment_stays_what_it_froze() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    deploy(&store, &api, "first1", "prod").await.unwrap();
    store
        .edit_rest_api(&api, |definition| {
            definition.methods.entry("root".into()).or_default().insert("POST".into(), mock_method());
            definition.models.remove("Error");
            let validator = RequestValidator {
                id: "val001".into(),
                name: None,
                validate_request_body: true,
                validate_request_parameters: false,
            };
            definition.request_validators.insert(validator.id.clone(), validator);
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    deploy(&store, &api, "second", "dev").await.unwrap();
    let first = store.snapshot(&api, "first1").await.unwrap().unwrap();
    let second = store.snapshot(&api, "second").await.unwrap().unwrap();
    assert_eq!((first.methods["root"].len(), second.methods["root"].len()), (1, 2));
    assert!(first.models.keys().eq(["Empty", "Error"]) && second.models.keys().eq(["Empty"]));
    assert!(first.request_validators.is_empty() && second.request_validators.keys().eq(["val001"]));
    let listed = store.deployments(&api, &PageRequest { limit: 5, position: None }).await.unwrap();
    assert_eq!(listed.items.len(), 2);
}

#[tokio::test]
async fn a_large_api_deploys_in_chunks() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    // Text that does not compress: digests of a counter.
    let text = |n: u32| -> String {
        use keyplan_domain::key::KeyHash;
        (0..500).map(|part| KeyHash::of(&format!("{n} {part}")).to_string()).collect()
    };
    for batch in 0..4 {
        store
            .edit_rest_api(&api, |definition| {
                let methods = definition.methods.entry("root".into()).or_default();
                for n in 0..15 {
                    let mut method = mock_method();
                    method.operation_name = Some(text(batch * 100 + n));
                    methods.insert(format!("VERB{batch}N{n}"), method);
                }
                Ok::<_, ()>(())
            })
            .await
            .unwrap();
    }
    deploy(&store, &api, "large1", "prod").await.unwrap();
    let snapshot = store.snapshot(&api, "large1").await.unwrap().unwrap();
    assert_eq!(snapshot.methods["root"].len(), 61);
    assert_eq!(snapshot.methods["root"]["VERB3N14"].operation_name, Some(text(314)));
}

#[tokio::test]
async fn an_api_that_nothing_can_answer_is_not_deployed() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    store
        .edit_rest_api(&api, |definition| {
            definition.methods.clear();
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    let refused = deploy(&store, &api, "first1", "prod").await;
    assert!(matches!(refused, Err(DeployError::Invalid(SnapshotError::NoMethods))));
    assert_eq!(store.deployment(&api, "first1").await.unwrap(), None);
    assert_eq!(store.snapshot(&api, "first1").await.unwrap(), None);
}

#[tokio::test]
async fn a_deployment_in_use_is_not_deleted() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    deploy(&store, &api, "first1", "prod").await.unwrap();
    assert_eq!(store.delete_deployment(&api, "first1").await.unwrap(), DeleteDeployment::InUse);
    deploy(&store, &api, "second", "prod").await.unwrap();
    assert_eq!(store.delete_deployment(&api, "first1").await.unwrap(), DeleteDeployment::Deleted);
    assert_eq!(store.snapshot(&api, "first1").await.unwrap(), None);
    assert_eq!(store.delete_deployment(&api, "first1").await.unwrap(), DeleteDeployment::NotFound);
}

#[tokio::test]
async fn a_deleted_api_leaves_nothing_behind() {
    let store = store().await;
    let api = create_api(&store, &["a", "b"]).await;
    let plan = create_plan(&store, &[(&api, "a"), (&api, "b")]).await;
    deploy(&store, &api, "first1", "a").await.unwrap();
    assert!(store.delete_rest_api(&api).await.unwrap());
    assert!(!store.delete_rest_api(&api).await.unwrap());
    assert!(store.definition(&api).await.unwrap().is_none());
    assert!(store.stage(&api, "a").await.unwrap().is_none());
    assert!(store.snapshot(&api, "first1").await.unwrap().is_none());
    assert!(store.usage_plan(&plan).await.unwrap().unwrap().api_stages.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_one_attempt_are_not_read_with_those_of_another() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    // Hardly compressed, a snapshot of them has three chunks.
    let long = || (0..7_500).map(|_| entropy::key_value().expose().to_owned()).collect::<String>();
    store
        .edit_rest_api(&api, |definition| {
            let methods = definition.methods.entry("root".into()).or_default();
            for n in 0..4 {
                methods.insert(format!("VERB{n}"), Method { operation_name: Some(long()), ..mock_method() });
            }
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    let deployment = Deployment { id: "first1".into(), description: None, created_date: NOON };
    let mut tries = 0;
    let publish = |_: &mut RestApiDefinition| {
        tries += 1;
        if tries == 1 {
            // Somebody else shrinks the API while the first attempt is under way.
            run(store.edit_rest_api(&api, |definition| {
                definition.methods.entry("root".into()).or_default().retain(|verb, _| verb == "GET");
                Ok::<_, ()>(())
            }))
            .unwrap();
        }
        Ok::<_, ()>(())
    };
    store.create_deployment(&api, &deployment, publish).await.unwrap();
    assert_eq!(tries, 2);
    assert_eq!(store.snapshot(&api, "first1").await.unwrap().unwrap().methods["root"].len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_is_not_pointed_at_a_deployment_that_goes_meanwhile() {
    let store = store().await;
    let api = create_api(&store, &[]).await;
    deploy(&store, &api, "first1", "dev").await.unwrap();
    deploy(&store, &api, "second", "dev").await.unwrap();
    let mut seen = Vec::new();
    let edit = |definition: &mut RestApiDefinition, there: &BTreeSet<String>| {
        seen.push(there.contains("first1"));
        if seen.len() == 1 {
            assert_eq!(run(store.delete_deployment(&api, "first1")).unwrap(), DeleteDeployment::Deleted);
        }
        if !there.contains("first1") {
            return Err("there is no such deployment");
        }
        definition.stages.insert("prod".into(), Stage { deployment_id: "first1".into(), ..support::stage("prod") });
        Ok(())
    };
    let refused = store.edit_stages(&api, &BTreeSet::from(["first1".to_owned()]), edit).await;
    assert!(matches!(refused, Err(UpdateError::Rejected("there is no such deployment"))));
    assert_eq!(seen, [true, false]);
    assert!(store.stage(&api, "prod").await.unwrap().is_none());
}

/// Runs something that others do meanwhile, from where nothing can be awaited.
fn run<T>(meanwhile: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(meanwhile))
}

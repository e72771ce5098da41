//! Subjects, and the keys that stand for them.

#![allow(clippy::unwrap_used, reason = "what fails, fails the test")]

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::subject::{Subject, SubjectRecord};
use keyplan_domain::time::Timestamp;
use keyplan_store::{CreateSubjectError, Store, Tables, entropy};
use support::{NOON, all_pages, connection, create_key, create_tables, endpoint, first, item_keys};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

fn subject(name: &str) -> Subject {
    Subject::new("https://issuer.example/", name).unwrap()
}

fn record(name: &str, key: &ApiKeyId) -> SubjectRecord {
    SubjectRecord::new(subject(name), key.clone(), NOON)
}

/// A store, and its config table past it.
async fn store_and_table() -> (Store, Client, String) {
    let tables = support::tables();
    let client = connection(endpoint().await).dynamodb();
    let Tables { config, .. } = tables.clone();
    let store = Store::new(client.clone(), tables);
    create_tables(&store).await;
    (store, client, config)
}

#[tokio::test]
async fn a_subject_is_found_with_its_key_and_the_keys_value() {
    let store = support::store().await;
    let (id, value) = create_key(&store, "k").await;
    let hash = subject("alice").hash();
    assert!(store.subject(&hash).await.unwrap().is_none());
    store.create_subject(&record("alice", &id)).await.unwrap();
    let found = store.subject(&hash).await.unwrap().unwrap();
    assert_eq!(found.record, record("alice", &id));
    assert!(found.key_value == value);
    let of_another = Subject::new("https://another.example/", "alice").unwrap();
    assert!(store.subject(&of_another.hash()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_subject_has_one_key() {
    let store = support::store().await;
    let ((a, _), (b, _)) = (create_key(&store, "a").await, create_key(&store, "b").await);
    store.create_subject(&record("alice", &a)).await.unwrap();
    for key in [&a, &b] {
        let again = store.create_subject(&record("alice", key)).await;
        assert!(matches!(again, Err(CreateSubjectError::AlreadyMapped)), "{again:?}");
    }
    assert_eq!(store.subject(&subject("alice").hash()).await.unwrap().unwrap().record.key_id, a);
    assert!(store.subjects(&b, &first(25)).await.unwrap().items.is_empty());
    store.create_subject(&record("bob", &a)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_has_one_key_whoever_comes_at_once() {
    let store = support::store().await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (id, _) = create_key(&store, "k").await;
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let created = store.create_subject(&record("alice", &id)).await;
            assert!(matches!(created, Ok(()) | Err(CreateSubjectError::AlreadyMapped)), "{created:?}");
            created.ok().map(|()| id)
        }));
    }
    let mut keys = Vec::new();
    for task in tasks {
        keys.extend(task.await.unwrap());
    }
    let found = store.subject(&subject("alice").hash()).await.unwrap().unwrap();
    assert_eq!(keys, [found.record.key_id]);
}

#[tokio::test]
async fn a_key_that_is_not_there_stands_for_nobody() {
    let store = support::store().await;
    let refused = store.create_subject(&record("alice", &entropy::api_key_id())).await;
    assert!(matches!(refused, Err(CreateSubjectError::KeyNotFound)), "{refused:?}");
    assert!(store.subject(&subject("alice").hash()).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_hold_every_subject_of_a_key_once_newest_first() {
    let store = support::store().await;
    let ((id, _), (other, _)) = (create_key(&store, "k").await, create_key(&store, "other").await);
    store.create_subject(&record("of another", &other)).await.unwrap();
    let mut made = Vec::new();
    for n in 0..7 {
        let made_at = Timestamp::from_seconds(1_000 + n);
        let record = SubjectRecord::new(subject(&format!("s{n}")), id.clone(), made_at);
        store.create_subject(&record).await.unwrap();
        made.insert(0, record);
    }
    assert_eq!(all_pages(3, async |request| store.subjects(&id, &request).await.unwrap()).await, made);
}

#[tokio::test]
async fn a_subject_that_is_removed_can_have_another_key() {
    let (store, client, table) = store_and_table().await;
    let ((a, _), (b, _)) = (create_key(&store, "a").await, create_key(&store, "b").await);
    let before = item_keys(&client, &table).await;
    let id = subject("alice").id();
    store.create_subject(&record("alice", &a)).await.unwrap();
    assert!(!store.delete_subject(&b, &id).await.unwrap());
    assert!(store.delete_subject(&a, &id).await.unwrap());
    assert!(!store.delete_subject(&a, &id).await.unwrap());
    assert!(store.subject(&subject("alice").hash()).await.unwrap().is_none());
    assert_eq!(item_keys(&client, &table).await, before);
    store.create_subject(&record("alice", &b)).await.unwrap();
    assert!(!store.delete_subject(&a, &id).await.unwrap());
    assert_eq!(store.subject(&subject("alice").hash()).await.unwrap().unwrap().record.key_id, b);
}

/// More than a transaction has room for.
#[tokio::test]
async fn deleting_a_key_leaves_nothing_of_its_subjects() {
    let (store, client, table) = store_and_table().await;
    let ((id, _), (other, _)) = (create_key(&store, "k").await, create_key(&store, "other").await);
    for n in 0..120 {
        store.create_subject(&record(&format!("s{n}"), &id)).await.unwrap();
    }
    store.create_subject(&record("alice", &other)).await.unwrap();
    assert!(store.delete_api_key(&id).await.unwrap());
    let left = item_keys(&client, &table).await;
    assert_eq!(left.len(), 4, "a key, its value, its subject, twice: {left:?}");
    assert!(left.contains(&(format!("KEY#{other}"), format!("SUBJECT#{}", subject("alice").id()))));
}

/// A subject whose key is gone could have no other.
#[tokio::test(flavor = "multi_thread")]
async fn no_subject_comes_to_a_key_that_is_being_deleted() {
    let (store, client, table) = store_and_table().await;
    for _ in 0..12 {
        let (id, _) = create_key(&store, "k").await;
        let tasks: Vec<_> = (0..6)
            .map(|n| {
                let (store, record) = (store.clone(), record(&format!("s{n}"), &id));
                tokio::spawn(async move { store.create_subject(&record).await })
            })
            .collect();
        let deletions: Vec<_> = (0..2)
            .map(|_| {
                let (store, id) = (store.clone(), id.clone());
                tokio::spawn(async move { store.delete_api_key(&id).await.unwrap() })
            })
            .collect();
        for task in tasks {
            let created = task.await.unwrap();
            assert!(matches!(created, Ok(()) | Err(CreateSubjectError::KeyNotFound)), "{created:?}");
        }
        let mut deleted = 0;
        for deletion in deletions {
            deleted += usize::from(deletion.await.unwrap());
        }
        assert_eq!(deleted, 1);
        assert_eq!(item_keys(&client, &table).await, BTreeSet::new());
    }
}

/// Holds transactions back before they are sent, until whoever lets them go is
/// dropped, and tells of each.
#[derive(Debug)]
struct Holding {
    held: UnboundedSender<()>,
    let_go: Mutex<Receiver<()>>,
}

impl Intercept for Holding {
    fn name(&self) -> &'static str {
        "Holding"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        if target.ends_with("TransactWriteItems") {
            self.held.send(())?;
            let _ = tokio::task::block_in_place(|| self.let_go.lock().unwrap().recv());
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_comes_just_before_its_key_goes_goes_with_it() {
    let tables = support::tables();
    let client = connection(endpoint().await).dynamodb();
    let (held, mut is_held) = unbounded_channel();
    let (go, let_go) = channel();
    let holding = Holding { held, let_go: Mutex::new(let_go) };
    let held_client = Client::from_conf(client.config().to_builder().interceptor(holding).build());
    let (store, deleting) = (Store::new(client.clone(), tables.clone()), Store::new(held_client, tables.clone()));
    create_tables(&store).await;
    let (id, _) = create_key(&store, "k").await;

    let of_deletion = id.clone();
    let deletion = tokio::spawn(async move { deleting.delete_api_key(&of_deletion).await });
    is_held.recv().await.unwrap();
    store.create_subject(&record("alice", &id)).await.unwrap();
    drop(go);
    assert!(deletion.await.unwrap().unwrap());
    assert_eq!(item_keys(&client, &tables.config).await, BTreeSet::new());
}

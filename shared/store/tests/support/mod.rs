//! A store over tables of its own: on the embedded DynamoDB, spoken to over
//! HTTP, or on the one that `DYNAMODB_ENDPOINT` names.

#![allow(dead_code, unreachable_pub, reason = "a module of each test file, which uses its part")]
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use keyplan_domain::api::{Integration, IntegrationType, Method, Resource, RestApi, Stage};
use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::key::{ApiKey, ApiKeyId, KeyValue};
use keyplan_domain::plan::{ApiStage, UsagePlan};
use keyplan_domain::time::Timestamp;
use keyplan_store::clock::Clock;
use keyplan_store::connect::Connection;
use keyplan_store::{Page, PageRequest, Store, Tables, entropy};

/// 2026-11-23, noon.
pub const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(now.as_nanos())))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_nanos(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.now().since(Timestamp::default())
    }
}

/// A first page.
pub fn first(limit: usize) -> PageRequest {
    PageRequest { limit, position: None }
}

/// What all pages of at most `limit` items hold, one after the other.
pub async fn all_pages<T>(limit: usize, page: impl AsyncFn(PageRequest) -> Page<T>) -> Vec<T> {
    let mut listed = Vec::new();
    let mut request = first(limit);
    loop {
        let page = page(request).await;
        assert!(page.items.len() <= limit);
        listed.extend(page.items);
        if page.position.is_none() {
            return listed;
        }
        request = PageRequest { limit, position: page.position };
    }
}

/// The address of a DynamoDB.
pub async fn endpoint() -> String {
    if let Ok(endpoint) = std::env::var("DYNAMODB_ENDPOINT") {
        return endpoint;
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    format!("http://{address}")
}

pub fn connection(endpoint: String) -> Connection {
    Connection::new("us-east-1", Some(endpoint), Credentials::new("local", "local", None, None, "test"))
}

/// Names that nobody else uses.
pub fn tables() -> Tables {
    let suffix = entropy::rest_api_id();
    Tables { config: format!("config-{suffix}"), usage: format!("usage-{suffix}") }
}

pub async fn store() -> Store {
    let store = Store::new(connection(endpoint().await).dynamodb(), tables());
    create_tables(&store).await;
    store
}

/// Another DynamoDB than the embedded one may not know of time to live.
pub async fn create_tables(store: &Store) {
    if std::env::var_os("DYNAMODB_ENDPOINT").is_some() {
        store.create_tables_without_ttl().await.unwrap();
    } else {
        store.create_tables().await.unwrap();
    }
}

/// Partition and sort key of all that is in a table.
pub async fn item_keys(client: &Client, table: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let mut start = None;
    loop {
        let page = client.scan().table_name(table).set_exclusive_start_key(start).send().await.unwrap();
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        found.extend(page.items().iter().map(|item| (text(&item["pk"]), text(&item["sk"]))));
        start = page.last_evaluated_key;
        if start.is_none() {
            return found;
        }
    }
}

pub fn key(name: &str, enabled: bool) -> ApiKey {
    ApiKey {
        id: entropy::api_key_id(),
        name: Some(name.into()),
        description: None,
        customer_id: None,
        enabled,
        created_date: NOON,
        last_updated_date: NOON,
        tags: BTreeMap::new(),
    }
}

/// Makes a key and gives its id and value.
pub async fn create_key(store: &Store, name: &str) -> (ApiKeyId, KeyValue) {
    let (key, value) = (key(name, true), entropy::key_value());
    store.create_api_key(&key, &value).await.unwrap();
    (key.id, value)
}

pub fn plan(stages: &[(&RestApiId, &str)]) -> UsagePlan {
    UsagePlan {
        id: entropy::usage_plan_id(),
        name: "basic".into(),
        description: None,
        product_code: None,
        throttle: None,
        quota: None,
        api_stages: stages.iter().map(|(api, stage)| api_stage(api, stage)).collect(),
        tags: BTreeMap::new(),
        created_date: NOON,
        next_slot: 0,
        version: 0,
    }
}

pub fn api_stage(api: &RestApiId, stage: &str) -> ApiStage {
    ApiStage { api_id: api.clone(), stage: stage.into(), stage_uid: String::new(), throttle: BTreeMap::new() }
}

/// Makes a plan over stages and gives its id.
pub async fn create_plan(store: &Store, stages: &[(&RestApiId, &str)]) -> UsagePlanId {
    store.create_usage_plan(&plan(stages)).await.unwrap().id
}

/// Makes an API with `GET /`, a mock, and stages that point at no deployment.
pub async fn create_api(store: &Store, stages: &[&str]) -> RestApiId {
    let id = entropy::rest_api_id();
    let root = Resource { id: "root".into(), parent_id: None, path_part: None, path: "/".into() };
    let api = RestApi::new(id.clone(), "pets", root.id.clone(), NOON);
    store.create_rest_api(&api, &root).await.unwrap();
    store
        .edit_rest_api(&id, |definition| {
            let methods = definition.methods.entry("root".into()).or_default();
            methods.insert("GET".into(), mock_method());
            for name in stages {
                definition.stages.insert((*name).into(), stage(name));
            }
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    id
}

pub fn mock_method() -> Method {
    let integration = Integration::new(IntegrationType::Mock, "root");
    Method { api_key_required: true, method_integration: Some(integration), ..Method::new("GET") }
}

pub fn stage(name: &str) -> Stage {
    Stage::new(name, entropy::part_id(), "none", NOON)
}

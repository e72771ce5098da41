//! Whole requests through a gateway over the embedded DynamoDB and a Lambda
//! that answers what it is told to.

mod account_throttle;
mod authorizers;
mod configuration;
mod http_proxies;
mod integrations;
mod keys;
mod lambda;
mod lease_caps;
mod outages;
mod rate_limit_headers;
mod request_validators;
mod stage_throttles;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_credential_types::Credentials;
use keyplan_domain::api::{Deployment, Method, RestApiDefinition};
use keyplan_domain::id::{ApiKeyId, RestApiId, UsagePlanId};
use keyplan_domain::key::{ApiKey, KeyValue};
use keyplan_domain::plan::{ApiStage, UsagePlan};
use keyplan_domain::source::ApiKeySource;
use keyplan_store::connect::Connection;
use keyplan_store::{Store, Tables, entropy};
use serde_json::Value;

use crate::testing::{API, HandClock, NOON, mock, open_method, pet, rest_api, root, settings, stage, token_authorizer};
use crate::{AddressRule, Gateway, Request, Response, Settings, lambda_client};
use lambda::Lambda;

const VALUE: &str = "a-key-value-of-enough-characters";

struct Bench {
    gateway: Gateway,
    store: Store,
    clock: Arc<HandClock>,
    lambda: Lambda,
    lambda_client: aws_sdk_lambda::Client,
    /// To the DynamoDB.
    connection: Connection,
    api: RestApiId,
}

impl Bench {
    /// An API with `ANY /pets/{petId}` as `method`, deployed to `prod`.
    async fn of(source: ApiKeySource, method: Method) -> Self {
        Self::with(source, |definition| {
            let methods = BTreeMap::from([("ANY".to_owned(), method.clone())]);
            definition.methods.insert("pet001".into(), methods);
        })
        .await
    }

    async fn with(source: ApiKeySource, edit: impl FnMut(&mut RestApiDefinition)) -> Self {
        Self::with_settings(settings(), source, edit).await
    }

    async fn with_settings(
        settings: Settings,
        source: ApiKeySource,
        mut edit: impl FnMut(&mut RestApiDefinition),
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
        let credentials = Credentials::new("local", "local", None, None, "test");
        let connection = Connection::new("us-east-1", Some(url), credentials);
        let store = Store::new(connection.dynamodb(), Tables::default());
        store.create_tables().await.unwrap();
        let lambda = Lambda::start().await;
        let clock = HandClock::at_noon();
        let client = lambda_client(&connection, Some(&lambda.url));
        let gateway = Gateway::new(settings, store.clone(), client.clone(), clock.clone());
        store.create_rest_api(&rest_api(source), &root()).await.unwrap();
        let api = RestApiId::new(API);
        let bench = Self { gateway, store, clock, lambda, lambda_client: client, connection, api };
        bench
            .edit(|definition| {
                definition.resources.insert("pet001".into(), pet());
                definition.authorizers.insert("auth01".into(), token_authorizer());
                edit(definition);
            })
            .await;
        bench.deploy().await;
        bench
    }

    /// `ANY /pets/{petId}`, which requires a key or not, and `ANY /`, which does
    /// not.
    async fn of_pet_and_root(api_key_required: bool) -> Self {
        Self::with(ApiKeySource::Header, |definition| {
            let of = |required| Method { api_key_required: required, ..open_method(mock("ok")) };
            definition.methods.insert("pet001".into(), [("ANY".to_owned(), of(api_key_required))].into());
            definition.methods.insert("root".into(), [("ANY".to_owned(), of(false))].into());
        })
        .await
    }

    /// Has `prod` tell why it refuses.
    async fn explain_refusals(&self) {
        self.edit(|definition| {
            let variables = &mut definition.stages.get_mut("prod").unwrap().variables;
            variables.insert("keyplanExplain".into(), "true".into());
        })
        .await;
    }

    async fn edit(&self, mut edit: impl FnMut(&mut RestApiDefinition)) {
        let edited = |definition: &mut RestApiDefinition| {
            edit(definition);
            Ok::<_, ()>(())
        };
        self.store.edit_rest_api(&self.api, edited).await.unwrap();
    }

    /// Deploys the API as it is and points `prod` at that.
    async fn deploy(&self) {
        let deployment = Deployment { id: entropy::part_id(), description: None, created_date: NOON };
        self.store
            .create_deployment(&self.api, &deployment, |definition| {
                let stage = definition.stages.entry("prod".into()).or_insert_with(|| stage(&[]));
                stage.deployment_id.clone_from(&deployment.id);
                Ok::<_, ()>(())
            })
            .await
            .unwrap();
    }

    async fn key(&self, value: &str) -> ApiKeyId {
        let key = ApiKey {
            id: entropy::api_key_id(),
            name: None,
            description: None,
            customer_id: None,
            enabled: true,
            created_date: NOON,
            last_updated_date: NOON,
            tags: BTreeMap::new(),
        };
        self.store.create_api_key(&key, &KeyValue::known(value.into())).await.unwrap();
        key.id
    }

    /// A plan of `prod`, with limits as `limit` sets them.
    async fn plan(&self, limit: impl FnOnce(&mut UsagePlan)) -> UsagePlanId {
        let mut plan = UsagePlan {
            id: entropy::usage_plan_id(),
            name: "basic".into(),
            description: None,
            product_code: None,
            throttle: None,
            quota: None,
            api_stages: vec![ApiStage {
                api_id: self.api.clone(),
                stage: "prod".into(),
                stage_uid: String::new(),
                throttle: BTreeMap::new(),
            }],
            tags: BTreeMap::new(),
            created_date: NOON,
            next_slot: 0,
            version: 0,
        };
        limit(&mut plan);
        self.store.create_usage_plan(&plan).await.unwrap().id
    }

    /// A key of [`VALUE`] in a plan of `prod`.
    async fn key_in_plan(&self, limit: impl FnOnce(&mut UsagePlan)) -> (ApiKeyId, UsagePlanId) {
        let (key, plan) = (self.key(VALUE).await, self.plan(limit).await);
        self.store.add_plan_key(&plan, &key, NOON).await.unwrap();
        (key, plan)
    }

    /// The same with a gateway that reaches other addresses.
    fn address_rule(&mut self, address_rule: AddressRule) {
        let settings = crate::Settings { address_rule, ..settings() };
        self.gateway = Gateway::new(settings, self.store.clone(), self.lambda_client.clone(), self.clock.clone());
    }

    async fn call(&self, request: Request) -> Response {
        self.gateway.handle(request).await
    }
}

/// `GET /pets/7` of the API's stage.
fn get_pet() -> Request {
    crate::testing::request("GET", &format!("/{API}/prod/pets/7"))
}

/// Status, error type and body.
fn gist(response: &Response) -> (u16, Option<&str>, &str) {
    let error_type = response.headers().get("x-amzn-errortype").map(|value| value.to_str().unwrap());
    (response.status().as_u16(), error_type, std::str::from_utf8(response.body().bytes()).unwrap())
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(response.body().bytes()).unwrap()
}

const FORBIDDEN: (u16, Option<&str>, &str) = (403, Some("ForbiddenException"), "{\"message\":\"Forbidden\"}");

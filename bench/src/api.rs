//! An API to be called, with plans and keys, put straight into a stack's tables.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use keyplan_domain::api::{
    Authorizer, AuthorizerType, Deployment, Integration, IntegrationResponse, IntegrationType, Method, Resource,
    RestApi, RestApiDefinition, Stage,
};
use keyplan_domain::id::{RestApiId, UsagePlanId};
use keyplan_domain::key::{ApiKey, ApiKeyId, KeyValue};
use keyplan_domain::plan::{ApiStage, UsagePlan};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_store::{Store, entropy};
use tokio::task::JoinSet;

/// What every method answers.
pub(crate) const BODY: &str = r#"{"message": "hello"}"#;

/// Resources of one edit: each is an item, and its method another.
const RESOURCES_AT_A_TIME: u32 = 40;
const WRITERS: u32 = 32;
const STAGE: &str = "prod";
const ROOT: &str = "benchroot0";
const AUTHORIZER: &str = "author";
const CREATED: Timestamp = Timestamp::from_seconds(1_795_435_200);

/// Why there is no such API.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// An API with `GET` methods on `/open`, which asks nothing of its callers,
/// `/keyed`, which needs a key, and `/guarded`, which the local stack's
/// authorizer guards.
pub(crate) struct Api {
    store: Store,
    id: RestApiId,
}

impl Api {
    /// Makes and deploys it, with so many further resources that need a key.
    pub(crate) async fn make(store: Store, resources: u32) -> Result<Self, Error> {
        let id = entropy::rest_api_id();
        let root = Resource { id: ROOT.into(), parent_id: None, path_part: None, path: "/".into() };
        store.create_rest_api(&RestApi::new(id.clone(), "bench", ROOT, CREATED), &root).await?;
        store
            .edit_rest_api(&id, |api| {
                complete(api);
                Ok::<_, Infallible>(())
            })
            .await?;
        for first in (0..resources).step_by(RESOURCES_AT_A_TIME as usize) {
            let some = first..resources.min(first + RESOURCES_AT_A_TIME);
            store
                .edit_rest_api(&id, |api| {
                    for number in some.clone() {
                        add(api, &format!("r{number}"), Method { api_key_required: true, ..mock() });
                    }
                    Ok::<_, Infallible>(())
                })
                .await?;
        }
        let deployment = Deployment { id: entropy::part_id(), description: None, created_date: CREATED };
        store
            .create_deployment(&id, &deployment, |api| {
                let stage = Stage::new(STAGE, entropy::part_id(), &deployment.id, CREATED);
                api.stages.insert(STAGE.into(), stage);
                Ok::<_, Infallible>(())
            })
            .await?;
        Ok(Self { store, id })
    }

    /// The path of one of its resources, as the local stack serves it.
    pub(crate) fn path(&self, resource: &str) -> String {
        format!("/{}/{STAGE}/{resource}", self.id)
    }

    /// What has the gateway take it for the one that requests without an API in
    /// their path are for.
    pub(crate) fn as_default(&self) -> [(&'static str, String); 2] {
        [("DEFAULT_REST_API_ID", self.id.to_string()), ("DEFAULT_STAGE", STAGE.to_owned())]
    }

    /// A plan that opens it.
    pub(crate) async fn plan(&self, throttle: ThrottleSettings, limit: u32) -> Result<UsagePlanId, Error> {
        let stage = ApiStage {
            api_id: self.id.clone(),
            stage: STAGE.into(),
            stage_uid: String::new(),
            throttle: BTreeMap::new(),
        };
        self.plan_of(vec![stage], Some(throttle), limit).await
    }

    /// A plan that opens nothing.
    pub(crate) async fn plan_of_nothing(&self) -> Result<UsagePlanId, Error> {
        self.plan_of(Vec::new(), None, 1).await
    }

    async fn plan_of(
        &self,
        api_stages: Vec<ApiStage>,
        throttle: Option<ThrottleSettings>,
        limit: u32,
    ) -> Result<UsagePlanId, Error> {
        let plan = UsagePlan {
            id: entropy::usage_plan_id(),
            name: "bench".into(),
            description: None,
            product_code: None,
            throttle,
            quota: Some(QuotaSettings { limit, offset: 0, period: QuotaPeriod::Month }),
            api_stages,
            tags: BTreeMap::new(),
            created_date: CREATED,
            next_slot: 0,
            version: 0,
        };
        Ok(self.store.create_usage_plan(&plan).await?.id)
    }

    /// A key in a plan, or in none.
    pub(crate) async fn key(&self, plan: Option<&UsagePlanId>, enabled: bool) -> Result<(ApiKeyId, KeyValue), Error> {
        let key = key(CREATED, enabled);
        let value = entropy::key_value();
        self.store.create_api_key(&key, &value).await?;
        if let Some(plan) = plan {
            self.store.add_plan_key(plan, &key.id, CREATED).await?;
        }
        Ok((key.id, value))
    }

    /// So many keys in a plan.
    pub(crate) async fn keys(self: &Arc<Self>, plan: &UsagePlanId, count: u32) -> Result<Vec<KeyValue>, Error> {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS.min(count) {
            let (api, plan) = (self.clone(), plan.clone());
            writers.spawn(async move {
                let mut values = Vec::new();
                for _ in (writer..count).step_by(WRITERS as usize) {
                    values.push(api.key(Some(&plan), true).await?.1);
                }
                Ok::<_, Error>(values)
            });
        }
        let mut values = Vec::new();
        while let Some(made) = writers.join_next().await {
            values.extend(made??);
        }
        Ok(values)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

/// A new key of no plan.
pub(crate) fn key(created: Timestamp, enabled: bool) -> ApiKey {
    ApiKey {
        id: entropy::api_key_id(),
        name: Some("bench".into()),
        description: None,
        customer_id: None,
        enabled,
        created_date: created,
        last_updated_date: created,
        tags: BTreeMap::new(),
    }
}

fn complete(api: &mut RestApiDefinition) {
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations";
    let authorizer = Authorizer {
        id: AUTHORIZER.into(),
        name: "tokens".into(),
        authorizer_type: AuthorizerType::Token,
        auth_type: Some("custom".into()),
        provider_arns: Vec::new(),
        authorizer_uri: Some(uri.into()),
        authorizer_credentials: None,
        identity_source: Some("method.request.header.Authorization".into()),
        identity_validation_expression: None,
        authorizer_result_ttl_in_seconds: None,
    };
    api.authorizers.insert(AUTHORIZER.into(), authorizer);
    add(api, "open", mock());
    add(api, "keyed", Method { api_key_required: true, ..mock() });
    let guarded = Method { authorization_type: "CUSTOM".into(), authorizer_id: Some(AUTHORIZER.into()), ..mock() };
    add(api, "guarded", guarded);
}

/// A resource below the root with one method; its name is its id as well.
fn add(api: &mut RestApiDefinition, name: &str, method: Method) {
    let resource = Resource {
        id: name.into(),
        parent_id: Some(ROOT.into()),
        path_part: Some(name.into()),
        path: format!("/{name}"),
    };
    api.resources.insert(name.into(), resource);
    api.methods.insert(name.into(), BTreeMap::from([(method.http_method.clone(), method)]));
}

/// `GET` without a backend, and with [`BODY`] for an answer.
fn mock() -> Method {
    const JSON: &str = "application/json";
    let response = IntegrationResponse {
        status_code: "200".into(),
        selection_pattern: None,
        response_parameters: BTreeMap::new(),
        response_templates: BTreeMap::from([(JSON.into(), Some(BODY.into()))]),
        content_handling: None,
    };
    let integration = Integration {
        request_templates: BTreeMap::from([(JSON.into(), r#"{"statusCode": 200}"#.into())]),
        integration_responses: BTreeMap::from([("200".into(), response)]),
        ..Integration::new(IntegrationType::Mock, ROOT)
    };
    Method { method_integration: Some(integration), ..Method::new("GET") }
}

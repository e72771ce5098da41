use std::collections::BTreeMap;

use keyplan_domain::id::{ApiKeyId, RestApiId, UsagePlanId};
use keyplan_domain::key::{ApiKey, KeyValue};
use keyplan_domain::plan::{ApiStage, UsagePlan};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::subject::{Subject, SubjectRecord};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::{Token, TokenRecord};
use keyplan_store::{CreateKeyError, CreateSubjectError, PlanError, PlanKeyError, Store, StoreError, UpdateError};

use super::{DemoError, HEADER_API, STAGE, TOKEN_API};

/// A demo key; everybody knows its value.
#[derive(Clone, Copy)]
pub(super) struct Key {
    id: &'static str,
    pub(super) value: &'static str,
    name: &'static str,
    plan: &'static str,
}

const PLAN: &str = "demopl";
const TRIAL_PLAN: &str = "demotr";

/// The key to send in a header.
pub(super) const KEY: Key =
    Key { id: "demokey001", value: "demo-key-value-for-local-use-only-0001", name: "demo", plan: PLAN };
/// The key that the token stands for.
const TOKEN_KEY: Key =
    Key { id: "demokey002", value: "demo-key-value-for-local-use-only-0002", name: "demo, by token", plan: PLAN };
/// The key that is soon used up.
pub(super) const TRIAL_KEY: Key =
    Key { id: "demokey003", value: "demo-key-value-for-local-use-only-0003", name: "demo, trial", plan: TRIAL_PLAN };

/// The token of [`TOKEN_KEY`].
pub(super) const TOKEN: &str = "kp_DemoTokenForLocalUseOnly000000012PCLje";

/// Whom [`TOKEN_KEY`] stands for, too.
const ISSUER: &str = "https://issuer.example";
const SUBJECT: &str = "demo-user";

impl Key {
    pub(super) fn id(&self) -> ApiKeyId {
        ApiKeyId::new(self.id)
    }
}

/// The plan of both APIs, and a trial of one with two calls a month: a quota,
/// unlike a throttle, refuses the third however slowly one types.
pub(super) fn all(now: Timestamp) -> [UsagePlan; 2] {
    let quota = |limit, period| QuotaSettings { limit, offset: 0, period };
    [
        UsagePlan {
            throttle: Some(ThrottleSettings { burst_limit: 20, rate_limit: 10.0 }),
            quota: Some(quota(1_000, QuotaPeriod::Day)),
            api_stages: [HEADER_API, TOKEN_API].map(stage_of).into(),
            ..plan(PLAN, "demo", now)
        },
        UsagePlan {
            quota: Some(quota(2, QuotaPeriod::Month)),
            api_stages: vec![stage_of(HEADER_API)],
            ..plan(TRIAL_PLAN, "demo, trial", now)
        },
    ]
}

pub(super) fn keys_of(plan: &UsagePlanId) -> impl Iterator<Item = Key> + use<> {
    let plan = plan.clone();
    [KEY, TOKEN_KEY, TRIAL_KEY].into_iter().filter(move |key| key.plan == plan.as_str())
}

/// Makes a plan unless there is one of this id, and gives the one there is.
pub(super) async fn make(store: &Store, plan: &UsagePlan) -> Result<UsagePlan, DemoError> {
    if let Some(plan) = store.usage_plan(&plan.id).await? {
        return Ok(plan);
    }
    match store.create_usage_plan(plan).await {
        Ok(plan) => Ok(plan),
        // Another process makes the same demo.
        Err(PlanError::Store(StoreError::Conflict)) => {
            store.usage_plan(&plan.id).await?.ok_or(DemoError::Store(StoreError::Conflict))
        }
        Err(PlanError::Store(error)) => Err(error.into()),
        Err(error) => Err(DemoError::refused(format!("plan {}", plan.id), error)),
    }
}

/// Makes a key unless it is there, and adds it to its plan.
pub(super) async fn make_key(store: &Store, key: Key, plan: &UsagePlanId, now: Timestamp) -> Result<(), DemoError> {
    let id = key.id();
    let value = KeyValue::known(key.value.to_owned());
    let api_key = ApiKey {
        id: id.clone(),
        name: Some(key.name.into()),
        description: None,
        customer_id: None,
        enabled: true,
        created_date: now,
        last_updated_date: now,
        tags: BTreeMap::new(),
    };
    match store.create_api_key(&api_key, &value).await {
        Ok(()) => {}
        Err(CreateKeyError::Store(error)) => return Err(error.into()),
        Err(CreateKeyError::ValueExists | CreateKeyError::IdExists) => {
            let same = store.api_key_with_value(&id).await?.is_some_and(|(_, known)| known == value);
            if !same {
                return Err(DemoError::Taken { what: format!("the id or the value of key {id}") });
            }
        }
    }
    match store.add_plan_key(plan, &id, now).await {
        Ok(_) | Err(PlanKeyError::AlreadyInPlan) => Ok(()),
        Err(PlanKeyError::Store(error)) => Err(error.into()),
        Err(error) => Err(DemoError::refused(format!("key {id} of plan {plan}"), error)),
    }
}

/// Issues the token unless it is there.
pub(super) async fn make_token(store: &Store, now: Timestamp) -> Result<(), DemoError> {
    let what = "the token";
    let token = Token::parse(TOKEN).map_err(|error| DemoError::refused(what, error))?;
    let hash = token.hash();
    if store.token(&hash).await?.is_some() {
        return Ok(());
    }
    let record = TokenRecord {
        id: token.id(),
        key_id: TOKEN_KEY.id(),
        principal_id: "demo-user".into(),
        scopes: Vec::new(),
        created_date: now,
        expires: None,
    };
    match store.create_token(&hash, &record).await {
        // A conflict is another process that makes the same demo.
        Ok(()) | Err(UpdateError::Store(StoreError::Conflict)) => Ok(()),
        Err(UpdateError::Store(error)) => Err(error.into()),
        Err(error) => Err(DemoError::refused(what, error)),
    }
}

/// Has the token's key stand for a subject, unless it does.
pub(super) async fn make_subject(store: &Store, now: Timestamp) -> Result<(), DemoError> {
    let what = "the subject";
    let subject = Subject::new(ISSUER, SUBJECT).map_err(|error| DemoError::refused(what, error))?;
    match store.create_subject(&SubjectRecord::new(subject, TOKEN_KEY.id(), now)).await {
        Ok(()) | Err(CreateSubjectError::AlreadyMapped) => Ok(()),
        Err(CreateSubjectError::Store(error)) => Err(error.into()),
        Err(error) => Err(DemoError::refused(what, error)),
    }
}

fn plan(id: &str, name: &str, now: Timestamp) -> UsagePlan {
    UsagePlan {
        id: UsagePlanId::new(id),
        name: name.into(),
        description: None,
        product_code: None,
        throttle: None,
        quota: None,
        api_stages: Vec::new(),
        tags: BTreeMap::new(),
        created_date: now,
        next_slot: 0,
        version: 0,
    }
}

/// Which stage of that name it is, the store finds out.
fn stage_of(api: &str) -> ApiStage {
    ApiStage { api_id: RestApiId::new(api), stage: STAGE.into(), stage_uid: String::new(), throttle: BTreeMap::new() }
}

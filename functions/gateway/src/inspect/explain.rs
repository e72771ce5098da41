use std::borrow::Cow;
use std::sync::Arc;

use http::Method as Verb;
use keyplan_domain::admission::Limits;
use keyplan_domain::id::{ApiKeyId, RestApiId, UsagePlanId};
use keyplan_domain::key::ApiKey;
use keyplan_domain::left::{Left, QuotaLeft, TokensLeft};
use keyplan_domain::plan::{ApiStage, UsagePlan};
use keyplan_domain::quota::QuotaSettings;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::source::ApiKeySource;
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_store::{Standing, StoreError};
use serde::Serialize;

use super::Inspector;
use crate::answer;
use crate::deployed::{DeployedApi, DeployedMethod, DeployedStage, Guard};
use crate::key;

/// The call that is to be explained.
#[derive(Clone, Debug)]
pub struct ExplainCall {
    /// The API.
    pub rest_api_id: RestApiId,
    /// The name of its stage.
    pub stage: String,
    /// The verb.
    pub method: Verb,
    /// The path within the stage, percent-encoded as a client would send it.
    pub path: String,
    /// The key that the call would be made with, whichever source it came from.
    pub key_id: Option<ApiKeyId>,
}

/// What would become of a call, and why. Authorizers and backends are not asked,
/// and what the call would carry is not known: no validator looks at it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Whether it would reach its integration, as far as routes, keys and
    /// limits are concerned.
    admitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<ExplainedRefusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<ExplainedMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_throttle: Option<ThrottleSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_throttle: Option<ThrottleSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<ExplainedKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_plan: Option<ExplainedPlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<ExplainedLeft>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainedRefusal {
    /// As logs and `x-keyplan-reason` name it.
    reason: &'static str,
    /// The status where no gateway response changes it.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'static, str>>,
    error_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    /// Seconds after which the same call would be admitted, if nothing else is.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainedMethod {
    resource_id: String,
    resource_path: String,
    http_method: String,
    api_key_required: bool,
    api_key_source: ApiKeySource,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ExplainedKey {
    id: ApiKeyId,
    enabled: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainedPlan {
    id: UsagePlanId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle: Option<ThrottleSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method_throttle: Option<ThrottleSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaSettings>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainedLeft {
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method_throttle: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<ExplainedQuota>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainedQuota {
    remaining: u64,
    /// Seconds of UTC epoch.
    resets_at: i64,
}

impl Inspector {
    /// What would become of a call to a deployed stage, and why. Whatever is
    /// read is read now, past all caches.
    ///
    /// # Errors
    /// When a table fails.
    pub async fn explain(&self, call: &ExplainCall) -> Result<Explanation, StoreError> {
        let now = self.now();
        let mut explanation = Explanation::default();
        let refusal = self.follow(call, now, &mut explanation).await?.err();
        explanation.admitted = refusal.is_none();
        explanation.refusal = refusal.map(|refusal| ExplainedRefusal::of(&refusal, now));
        Ok(explanation)
    }

    /// Goes the way of the call, and notes what it passes.
    async fn follow(
        &self,
        call: &ExplainCall,
        now: Timestamp,
        passed: &mut Explanation,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let Some(stage) = self.inner.store.stage(&call.rest_api_id, &call.stage).await? else {
            return Ok(Err(Refusal::StageUnknown));
        };
        passed.deployment_id = Some(stage.deployment_id.clone());
        let snapshot = self.inner.store.snapshot(&call.rest_api_id, &stage.deployment_id).await?;
        let deployment = snapshot.and_then(|snapshot| DeployedApi::compile(&stage.deployment_id, snapshot).ok());
        let Some(deployment) = deployment else {
            return Ok(Err(Refusal::Internal { reason: "the stage's deployment cannot be read" }));
        };
        let stage = DeployedStage { stage, deployment: Arc::new(deployment) };
        let (method, resource_path) = match passed.route(&stage.deployment, call) {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let throttle = stage.stage.throttle(resource_path, &method.verb, call.method.as_str());
        passed.stage_throttle = throttle.map(|throttle| throttle.settings);
        passed.account_throttle = self.inner.store.account().await?.throttle;
        if !method.key_required {
            return Ok(Ok(()));
        }
        let plan = match self.plan(call, method, &stage, passed).await? {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (Some(key), Some(entry)) = (&passed.key, key::entry_of(&plan, &stage)) else {
            return Ok(Err(Refusal::NoPlanForStage));
        };
        let limits = plan.limits(entry, resource_path, call.method.as_str());
        passed.usage_plan = Some(ExplainedPlan::of(&plan, entry, &limits));
        let Standing { denied, reading } = self.inner.store.standing(&plan.id, &key.id, &limits, now).await?;
        passed.left = Some(ExplainedLeft::of(&reading.left()));
        Ok(denied.map_or(Ok(()), |denied| Err(denied.into())))
    }

    /// The plan under which the call's key opens the stage.
    async fn plan(
        &self,
        call: &ExplainCall,
        method: &DeployedMethod,
        stage: &DeployedStage,
        passed: &mut Explanation,
    ) -> Result<Result<UsagePlan, Refusal>, StoreError> {
        let has_source =
            stage.deployment.key_source == ApiKeySource::Header || matches!(method.guard, Guard::Lambda(_));
        let Some(id) = call.key_id.as_ref().filter(|_| has_source) else {
            return Ok(Err(Refusal::KeyMissing));
        };
        let Some(ApiKey { id, enabled, .. }) = self.inner.store.api_key(id).await? else {
            return Ok(Err(Refusal::KeyUnknown { looks_like_id: false }));
        };
        passed.key = Some(ExplainedKey { id: id.clone(), enabled });
        if !enabled {
            return Ok(Err(Refusal::KeyDisabled));
        }
        let plans = self.inner.store.usage_plans_of_key(&id).await?;
        let opens = |plan: &UsagePlan| key::entry_of(plan, stage).is_some();
        Ok(plans.into_iter().find(opens).ok_or(Refusal::NoPlanForStage))
    }
}

impl Explanation {
    fn route<'d>(
        &mut self,
        deployment: &'d DeployedApi,
        call: &ExplainCall,
    ) -> Result<(&'d DeployedMethod, &'d str), Refusal> {
        if deployment.endpoint_disabled {
            return Err(Refusal::EndpointDisabled);
        }
        let found = deployment.routes.lookup(&call.path, call.method.as_str()).ok_or(Refusal::RouteUnknown)?;
        let method = found.value;
        self.method = Some(ExplainedMethod {
            resource_id: method.resource_id.clone(),
            resource_path: found.resource_path.to_owned(),
            http_method: method.verb.clone(),
            api_key_required: method.key_required,
            api_key_source: deployment.key_source,
            authorizer_id: match &method.guard {
                Guard::Lambda(authorizer) => Some(authorizer.id().to_owned()),
                Guard::Open => None,
            },
        });
        let missing = deployment
            .unsupported
            .or(method.unsupported)
            .or_else(|| method.validation.as_ref()?.unsupported())
            .or(method.integration.unsupported());
        match missing {
            Some(what) => Err(Refusal::Unsupported { what }),
            None => Ok((method, found.resource_path)),
        }
    }
}

impl ExplainedRefusal {
    fn of(refusal: &Refusal, now: Timestamp) -> Self {
        let told = answer::told(refusal);
        Self {
            reason: refusal.name(),
            status: told.status.as_u16(),
            message: told.message,
            error_type: told.error_type,
            detail: refusal.detail(),
            retry_after: answer::retry_after(refusal, now),
        }
    }
}

impl ExplainedPlan {
    fn of(plan: &UsagePlan, entry: &ApiStage, limits: &Limits) -> Self {
        let method =
            limits.method.and_then(|limit| entry.throttle.values().find(|throttle| throttle.slot == limit.slot));
        Self {
            id: plan.id.clone(),
            name: plan.name.clone(),
            throttle: plan.throttle,
            method_throttle: method.map(|throttle| throttle.settings),
            quota: plan.quota,
        }
    }
}

impl ExplainedLeft {
    fn of(left: &Left) -> Self {
        let tokens = |left: Option<TokensLeft>| left.map(|left| left.tokens);
        Self {
            throttle: tokens(left.throttle),
            method_throttle: tokens(left.method),
            quota: left.quota.map(|QuotaLeft { remaining, window, .. }| ExplainedQuota {
                remaining,
                resets_at: window.resets().as_seconds(),
            }),
        }
    }
}

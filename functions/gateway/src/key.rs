//! Whether a request's API key opens the stage, and under which plan.

use std::sync::Arc;

use keyplan_domain::key::{KeyByValue, looks_like_key_id};
use keyplan_domain::plan::{ApiStage, UsagePlan};
use keyplan_domain::refusal::Refusal;
use keyplan_domain::time::Timestamp;

use crate::configuration::Configuration;
use crate::deployed::DeployedStage;

/// The key that has the presented value.
///
/// # Errors
/// When none is presented, or no key has that value. A value with the shape of
/// a key's id, which is too short for one, is refused without a read.
pub(crate) async fn identify(
    configuration: &Configuration,
    presented: Option<&str>,
    now: Timestamp,
) -> Result<Arc<KeyByValue>, Refusal> {
    let value = presented.ok_or(Refusal::KeyMissing)?;
    if looks_like_key_id(value) {
        return Err(Refusal::KeyUnknown { looks_like_id: true });
    }
    configuration.key(value, now).await?.ok_or(Refusal::KeyUnknown { looks_like_id: false })
}

/// The plan under which `key` opens `stage`: of its plans the one attached
/// first that holds the stage.
///
/// # Errors
/// When the key is disabled, or in no plan of the stage.
pub(crate) async fn plan_of_stage(
    configuration: &Configuration,
    key: &KeyByValue,
    stage: &DeployedStage,
    now: Timestamp,
) -> Result<Arc<UsagePlan>, Refusal> {
    if !key.enabled {
        return Err(Refusal::KeyDisabled);
    }
    let mut first: Option<Arc<UsagePlan>> = None;
    for id in &key.plan_ids {
        let Some(plan) = configuration.plan(id, now).await?.filter(|plan| entry_of(plan, stage).is_some()) else {
            continue;
        };
        match &first {
            None => first = Some(plan),
            Some(first) => tracing::warn!(
                key_id = key.key_id.as_str(),
                plan_id = first.id.as_str(),
                other_plan_id = plan.id.as_str(),
                api_id = stage.deployment.id.as_str(),
                stage = stage.stage.stage_name,
                "a key is in two plans of a stage; the one attached first counts"
            ),
        }
    }
    first.ok_or(Refusal::NoPlanForStage)
}

/// The plan's entry for the stage.
pub(crate) fn entry_of<'a>(plan: &'a UsagePlan, stage: &DeployedStage) -> Option<&'a ApiStage> {
    plan.api_stage(&stage.deployment.id, &stage.stage.stage_name, &stage.stage.uid)
}

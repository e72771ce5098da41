//! A usage plan as a caller is putting it together: throttle and quota may be
//! half set until all is said, and are checked then, together.

use std::collections::BTreeMap;

use keyplan_domain::id::RestApiId;
use keyplan_domain::plan::{ApiStage, MethodThrottle, UsagePlan, UsagePlanId};
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::route::{ANY, VERBS};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_domain::time::Timestamp;
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::usage_plan::{ApiStageInput, CreateUsagePlanInput, QuotaInput, ThrottleInput};

use crate::tagging::{check_of_plan, new_tags};

/// Method throttles of one stage of a plan (quota "Method-level throttles per
/// stage of a usage plan").
const MAX_METHOD_THROTTLES: usize = 20;

/// The parts of a plan that are checked together.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) throttle: Option<ThrottleInput>,
    pub(super) quota: Option<QuotaInput>,
    pub(super) stages: Vec<DraftStage>,
}

#[derive(Clone, Debug)]
pub(super) struct DraftStage {
    pub(super) api_id: String,
    pub(super) stage: String,
    pub(super) throttle: BTreeMap<String, ThrottleInput>,
}

impl Draft {
    /// The plan that a caller asks for.
    pub(super) fn new_plan(
        input: CreateUsagePlanInput,
        id: UsagePlanId,
        now: Timestamp,
    ) -> Result<UsagePlan, ApiError> {
        let name = input.name.ok_or_else(|| ApiError::validation(Violation::missing("createUsagePlanInput.name")))?;
        let mut draft = Self { throttle: input.throttle, quota: input.quota, stages: Vec::new() };
        for stage in input.api_stages.unwrap_or_default() {
            draft.add_stage(DraftStage::from_input(stage)?, &id)?;
        }
        let mut plan = UsagePlan {
            id,
            name: required_name(&name)?,
            description: input.description.filter(|description| !description.is_empty()),
            product_code: None,
            throttle: None,
            quota: None,
            api_stages: Vec::new(),
            tags: new_tags(input.tags)?,
            created_date: now,
            next_slot: 0,
            version: 0,
        };
        check_of_plan(&plan.tags)?;
        draft.finish(&mut plan)?;
        Ok(plan)
    }

    /// A plan, to be changed.
    pub(super) fn of(plan: &UsagePlan) -> Self {
        let stage = |stage: &ApiStage| DraftStage {
            api_id: stage.api_id.to_string(),
            stage: stage.stage.clone(),
            throttle: stage.throttle.iter().map(|(method, set)| (method.clone(), as_input(set.settings))).collect(),
        };
        Self {
            throttle: plan.throttle.map(as_input),
            quota: plan.quota.map(|quota| QuotaInput {
                limit: Some(quota.limit.into()),
                offset: Some(quota.offset.into()),
                period: Some(quota.period.as_str().to_owned()),
            }),
            stages: plan.api_stages.iter().map(stage).collect(),
        }
    }

    pub(super) fn add_stage(&mut self, added: DraftStage, plan: &UsagePlanId) -> Result<(), ApiError> {
        if self.stages.iter().any(|stage| stage.is(&added.api_id, &added.stage)) {
            let DraftStage { api_id, stage, .. } = added;
            return Err(ApiError::conflict(format!("API Stage {api_id}:{stage} is already in Usage Plan {plan}")));
        }
        self.stages.push(added);
        Ok(())
    }

    /// Checks what was put together and makes it the plan's. A method throttle
    /// that stays keeps its bucket, a new one gets one that was never used.
    pub(super) fn finish(self, plan: &mut UsagePlan) -> Result<(), ApiError> {
        plan.throttle = self.throttle.map(throttle).transpose()?;
        plan.quota = self.quota.as_ref().map(quota).transpose()?;
        let mut next_slot = plan.next_slot;
        let mut stages = Vec::new();
        for draft in self.stages {
            let before = plan.api_stages.iter().find(|stage| draft.is(stage.api_id.as_str(), &stage.stage));
            if draft.throttle.len() > MAX_METHOD_THROTTLES {
                return Err(ApiError::bad_request(format!(
                    "API Stage {}:{} has more than {MAX_METHOD_THROTTLES} method throttles",
                    draft.api_id, draft.stage
                )));
            }
            if !draft.throttle.is_empty() && plan.throttle.is_none() {
                return Err(ApiError::bad_request("Method throttles need throttle settings of the Usage Plan itself"));
            }
            let mut throttles = BTreeMap::new();
            for (method, input) in draft.throttle {
                check_method(&method)?;
                let slot = match before.and_then(|stage| stage.throttle.get(&method)) {
                    Some(kept) => kept.slot,
                    None => {
                        let slot = next_slot;
                        next_slot = slot.checked_add(1).ok_or_else(|| {
                            ApiError::bad_request("The Usage Plan has had too many method throttles: make a new one")
                        })?;
                        slot
                    }
                };
                throttles.insert(method, MethodThrottle { settings: throttle(input)?, slot });
            }
            stages.push(ApiStage {
                api_id: RestApiId::new(draft.api_id),
                stage: draft.stage,
                stage_uid: before.map(|stage| stage.stage_uid.clone()).unwrap_or_default(),
                throttle: throttles,
            });
        }
        plan.api_stages = stages;
        plan.next_slot = next_slot;
        Ok(())
    }
}

impl DraftStage {
    pub(super) fn is(&self, api_id: &str, stage: &str) -> bool {
        self.api_id == api_id && self.stage == stage
    }

    fn from_input(input: ApiStageInput) -> Result<Self, ApiError> {
        match (input.api_id, input.stage) {
            (Some(api_id), Some(stage)) if !api_id.is_empty() && !stage.is_empty() => {
                Ok(Self { api_id, stage, throttle: input.throttle.unwrap_or_default() })
            }
            _ => Err(ApiError::bad_request("Invalid API Stage specified")),
        }
    }
}

pub(super) fn required_name(name: &str) -> Result<String, ApiError> {
    if name.is_empty() {
        return Err(ApiError::bad_request("Usage Plan name cannot be an empty string"));
    }
    Ok(name.to_owned())
}

fn as_input(settings: ThrottleSettings) -> ThrottleInput {
    ThrottleInput { burst_limit: Some(settings.burst_limit.into()), rate_limit: Some(settings.rate_limit) }
}

fn throttle(input: ThrottleInput) -> Result<ThrottleSettings, ApiError> {
    let (Some(burst), Some(rate)) = (input.burst_limit, input.rate_limit) else {
        return Err(ApiError::bad_request("Usage Plan throttle must have both a rateLimit and a burstLimit"));
    };
    let burst_limit = i32::try_from(burst).ok().and_then(|burst| u32::try_from(burst).ok());
    let burst_limit = burst_limit
        .ok_or_else(|| ApiError::bad_request("Usage Plan throttle burstLimit must be a non-negative integer"))?;
    if !ThrottleSettings::takes_rate(rate) {
        return Err(ApiError::bad_request("Usage Plan throttle rateLimit must be a non-negative numeric"));
    }
    Ok(ThrottleSettings { burst_limit, rate_limit: rate })
}

fn quota(input: &QuotaInput) -> Result<QuotaSettings, ApiError> {
    let limit = input.limit.filter(|limit| *limit > 0).and_then(|limit| i32::try_from(limit).ok());
    let limit = limit
        .and_then(|limit| u32::try_from(limit).ok())
        .ok_or_else(|| ApiError::bad_request("Usage Plan quota limit must be a non-negative numeric"))?;
    let period = input.period.as_deref().and_then(QuotaPeriod::parse).ok_or_else(|| {
        ApiError::bad_request("Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]")
    })?;
    let offset = u8::try_from(input.offset.unwrap_or(0)).ok().filter(|offset| *offset <= period.max_offset());
    let offset = offset.ok_or_else(|| {
        ApiError::bad_request(match period {
            QuotaPeriod::Day => "Usage Plan quota offset must be zero in the DAY period".to_owned(),
            QuotaPeriod::Week | QuotaPeriod::Month => format!(
                "Usage Plan quota offset must be between 0 and {} inclusive in the {} period",
                period.max_offset(),
                period.as_str()
            ),
        })
    })?;
    Ok(QuotaSettings { limit, offset, period })
}

/// Whether a method throttle's key is `{resource path}/{VERB}`, such as
/// `/pets/GET`, or `//GET` for the root.
pub(super) fn check_method(key: &str) -> Result<(), ApiError> {
    let (path, verb) = key.rsplit_once('/').unwrap_or((key, ""));
    if path.starts_with('/') && (verb == ANY || VERBS.contains(&verb)) {
        return Ok(());
    }
    Err(invalid_method(path, verb))
}

pub(super) fn invalid_method(path: &str, verb: &str) -> ApiError {
    ApiError::bad_request(format!("Invalid method {{resourcePath: {path},method: {verb}}} specified"))
}

#[cfg(test)]
mod tests;

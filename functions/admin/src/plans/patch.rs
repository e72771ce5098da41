//! What can be changed of a usage plan (patch operations, "UsagePlan"). All of
//! a patch is applied to a draft first, so that half a throttle or quota is
//! refused only if the whole patch leaves it half.

use std::collections::BTreeMap;

use keyplan_domain::plan::{UsagePlan, UsagePlanId};
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::usage_plan::{QuotaInput, ThrottleInput};

use super::draft::{Draft, DraftStage, required_name};

const PATHS: [&str; 15] = [
    "/name",
    "/description",
    "/productCode",
    "/apiStages",
    "/apiStages/{apiId:stage}/throttle",
    "/apiStages/{apiId:stage}/throttle/{path}/{method}",
    "/apiStages/{apiId:stage}/throttle/{path}/{method}/rateLimit",
    "/apiStages/{apiId:stage}/throttle/{path}/{method}/burstLimit",
    "/quota",
    "/quota/limit",
    "/quota/offset",
    "/quota/period",
    "/throttle",
    "/throttle/burstLimit",
    "/throttle/rateLimit",
];

/// Carries out a patch.
pub(super) fn apply(plan: &mut UsagePlan, operations: &[PatchOperation]) -> Result<(), ApiError> {
    let mut draft = Draft::of(plan);
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let unknown = || operation.unknown_path(&PATHS);
        match (operation.op, segments.as_slice()) {
            (Op::Replace, ["name"]) => plan.name = required_name(operation.text().unwrap_or_default())?,
            (Op::Replace, ["description"]) => plan.description = operation.text().map(str::to_owned),
            (Op::Add | Op::Replace, ["productCode"]) => plan.product_code = operation.text().map(str::to_owned),
            (Op::Remove, ["productCode"]) => plan.product_code = None,
            (op, ["apiStages", rest @ ..]) => stages(&mut draft, op, rest, operation, &plan.id)?,
            (Op::Remove, ["quota"]) => draft.quota = None,
            (Op::Add | Op::Replace, ["quota", member]) => {
                let quota = draft.quota.get_or_insert_with(QuotaInput::default);
                match *member {
                    "limit" => quota.limit = Some(integer(operation, "quota limit")?),
                    "offset" => quota.offset = Some(integer(operation, "quota offset")?),
                    "period" => quota.period = operation.text().map(str::to_owned),
                    _ => return Err(unknown()),
                }
            }
            (Op::Remove, ["throttle"]) => draft.throttle = None,
            (Op::Add | Op::Replace, ["throttle", member]) => {
                set_limit(draft.throttle.get_or_insert_with(ThrottleInput::default), member, operation)?;
            }
            _ => return Err(unknown()),
        }
    }
    draft.finish(plan)
}

/// Operations on `/apiStages` and what is below it.
fn stages(
    draft: &mut Draft,
    op: Op,
    below: &[&str],
    operation: &PatchOperation,
    plan: &UsagePlanId,
) -> Result<(), ApiError> {
    let pair = match below {
        [] => operation.value.as_deref(),
        [pair, ..] => Some(*pair),
    };
    let (api_id, stage) = pair
        .and_then(|pair| pair.split_once(':'))
        .filter(|(api_id, stage)| !api_id.is_empty() && !stage.is_empty())
        .ok_or_else(|| ApiError::bad_request("Invalid API Stage specified"))?;
    if op == Op::Add && below.is_empty() {
        let added = DraftStage { api_id: api_id.into(), stage: stage.into(), throttle: BTreeMap::new() };
        return draft.add_stage(added, plan);
    }
    let at = draft.stages.iter().position(|known| known.is(api_id, stage)).ok_or_else(|| {
        ApiError::not_found(format!(
            "Invalid API Stage {{api: {api_id}, stage: {stage}}} specified for usageplan {plan}"
        ))
    })?;
    let throttles = &mut draft.stages[at].throttle;
    match (op, below) {
        (Op::Remove, []) => {
            draft.stages.remove(at);
        }
        (Op::Add | Op::Replace, [_, "throttle"]) => *throttles = throttle_map(operation)?,
        (Op::Remove, [_, "throttle"]) => throttles.clear(),
        (Op::Remove, [_, "throttle", path, verb]) => {
            throttles.remove(&format!("{path}/{verb}")).ok_or_else(|| {
                ApiError::not_found(format!("Invalid method {{resourcePath: {path},method: {verb}}} specified"))
            })?;
        }
        (Op::Add | Op::Replace, [_, "throttle", path, verb, member]) => {
            set_limit(throttles.entry(format!("{path}/{verb}")).or_default(), member, operation)?;
        }
        _ => return Err(operation.unknown_path(&PATHS)),
    }
    Ok(())
}

fn set_limit(throttle: &mut ThrottleInput, member: &str, operation: &PatchOperation) -> Result<(), ApiError> {
    match member {
        "burstLimit" => throttle.burst_limit = Some(integer(operation, "throttle burstLimit")?),
        "rateLimit" => {
            let rate = operation.text().and_then(|value| value.trim().parse().ok());
            throttle.rate_limit = Some(rate.ok_or_else(|| {
                ApiError::bad_request("Usage Plan throttle rateLimit must be a non-negative numeric")
            })?);
        }
        _ => return Err(operation.unknown_path(&PATHS)),
    }
    Ok(())
}

fn integer(operation: &PatchOperation, what: &str) -> Result<i64, ApiError> {
    let number = operation.text().and_then(|value| value.trim().parse().ok());
    number.ok_or_else(|| ApiError::bad_request(format!("Usage Plan {what} must be a non-negative numeric")))
}

/// A stage's method throttles: JSON in a string.
fn throttle_map(operation: &PatchOperation) -> Result<BTreeMap<String, ThrottleInput>, ApiError> {
    serde_json::from_str(operation.value.as_deref().unwrap_or_default()).map_err(|_| {
        ApiError::bad_request(
            r#"Invalid throttle specified. Must be JSON such as {"/pets/GET":{"rateLimit":1.0,"burstLimit":1}}"#,
        )
    })
}

#[cfg(test)]
mod tests;

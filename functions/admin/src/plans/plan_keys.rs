use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::key::{ApiKeyId, MAX_PLANS_PER_KEY};
use keyplan_domain::plan::UsagePlanId;
use keyplan_store::PlanKeyError;
use keyplan_wire::error::{ApiError, Violation, Violations};
use keyplan_wire::input;
use keyplan_wire::page::Items;
use keyplan_wire::usage_plan::{API_KEY, CreateUsagePlanKeyInput, UsagePlanKeyAnswer};

use super::unknown_plan;
use crate::Admin;
use crate::answer::{Failure, Outcome, accepted, created, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(State(admin): State<Admin>, Segments(plan): Segments<String>, body: Bytes) -> Outcome {
    let key = key_to_add(input::from_json(&body)?)?;
    let plan = UsagePlanId::new(plan);
    let added = admin.store().add_plan_key(&plan, &key, admin.now()).await;
    let (key, value) = added.map_err(|error| failure(error, &plan, &key))?;
    created(&UsagePlanKeyAnswer::new(&key, &value))
}

fn key_to_add(input: CreateUsagePlanKeyInput) -> Result<ApiKeyId, ApiError> {
    let mut violations = Violations::default();
    if input.key_id.is_none() {
        violations.push(Violation::missing("createUsagePlanKeyInput.keyId"));
    }
    if input.key_type.is_none() {
        violations.push(Violation::missing("createUsagePlanKeyInput.keyType"));
    }
    violations.check()?;
    if input.key_type.as_deref() != Some(API_KEY) {
        return Err(ApiError::bad_request(format!("Invalid Key Type specified. Must be {API_KEY}")));
    }
    Ok(ApiKeyId::new(input.key_id.unwrap_or_default()))
}

/// A plan that does not exist has no keys, and API Gateway says so with a 200.
pub(super) async fn list(State(admin): State<Admin>, Segments(plan): Segments<String>, query: Query) -> Outcome {
    let page = admin.store().plan_keys(&UsagePlanId::new(plan), &query.page()?, query.text("name")).await?;
    let shown = page.items.iter().map(|(key, value)| UsagePlanKeyAnswer::new(key, value));
    ok(&Items { item: shown.collect(), position: page.position })
}

pub(super) async fn get(State(admin): State<Admin>, Segments((plan, key)): Segments<(String, String)>) -> Outcome {
    let found = admin.store().plan_key(&UsagePlanId::new(plan), &ApiKeyId::new(key)).await?;
    let (key, value) = found.ok_or_else(not_in_plan)?;
    ok(&UsagePlanKeyAnswer::new(&key, &value))
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((plan, key)): Segments<(String, String)>) -> Outcome {
    if admin.store().remove_plan_key(&UsagePlanId::new(plan), &ApiKeyId::new(key)).await? {
        accepted()
    } else {
        Err(not_in_plan().into())
    }
}

fn not_in_plan() -> ApiError {
    ApiError::not_found("Invalid Usage Plan Key identifier specified")
}

fn failure(error: PlanKeyError, plan: &UsagePlanId, key: &ApiKeyId) -> Failure {
    match error {
        PlanKeyError::PlanNotFound => unknown_plan().into(),
        PlanKeyError::KeyNotFound => ApiError::not_found("Invalid API Key identifier specified").into(),
        PlanKeyError::AlreadyInPlan => {
            ApiError::conflict(format!("API Key {key} is already in Usage Plan {plan}")).into()
        }
        PlanKeyError::TooManyPlans => ApiError::new(
            429,
            "LimitExceededException",
            format!("API Key {key} is in {MAX_PLANS_PER_KEY} Usage Plans, the most that it can be in"),
        )
        .into(),
        PlanKeyError::KeyInTwoPlans(both) => ApiError::conflict(both.to_string()).into(),
        PlanKeyError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_added_by_id_and_type() {
        let add = |key_id: Option<&str>, key_type: Option<&str>| {
            key_to_add(CreateUsagePlanKeyInput {
                key_id: key_id.map(str::to_owned),
                key_type: key_type.map(str::to_owned),
            })
            .map_err(|error| error.message)
        };
        assert_eq!(add(Some("abcdefghij"), Some("API_KEY")), Ok(ApiKeyId::new("abcdefghij")));
        assert_eq!(add(Some("x"), Some("api_key")), Err("Invalid Key Type specified. Must be API_KEY".to_owned()));
        assert!(add(None, None).unwrap_err().starts_with("2 validation errors detected"));
    }
}

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::key::ApiKeyId;
use keyplan_domain::plan::{UsagePlan, UsagePlanId};
use keyplan_store::{Page, PageRequest, PlanError, StoreError, entropy};
use keyplan_wire::error::ApiError;
use keyplan_wire::omission::Shown;
use keyplan_wire::page::Items;
use keyplan_wire::usage_plan::{CreateUsagePlanInput, UsagePlanAnswer};
use keyplan_wire::{input, patch as wire_patch};

use super::draft::Draft;
use super::{patch, unknown_plan};
use crate::Admin;
use crate::answer::{Failure, Outcome, accepted, created, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(State(admin): State<Admin>, body: Bytes) -> Outcome {
    let input: CreateUsagePlanInput = input::from_json(&body)?;
    let plan = Draft::new_plan(input, entropy::usage_plan_id(), admin.now())?;
    let written = admin.store().create_usage_plan(&plan).await;
    let plan = written.map_err(|error| failure(error, |never| match never {}))?;
    created(&UsagePlanAnswer::new(&plan, Shown::CreatedOrListed))
}

pub(super) async fn list(State(admin): State<Admin>, query: Query) -> Outcome {
    let request = query.page()?;
    let page = match query.text("keyId") {
        Some(key) => page_of(admin.store().usage_plans_of_key(&ApiKeyId::new(key)).await?, request)?,
        None => admin.store().usage_plans(&request).await?,
    };
    let shown = page.items.iter().map(|plan| UsagePlanAnswer::new(plan, Shown::CreatedOrListed));
    ok(&Items { item: shown.collect(), position: page.position })
}

/// A page of the plans of one key, of which there are few. Its position says how
/// many were shown, and which was the last: that one may be gone since.
fn page_of(mut plans: Vec<UsagePlan>, request: PageRequest) -> Result<Page<UsagePlan>, StoreError> {
    let mut shown = 0;
    if let Some(position) = request.position {
        let (before, last) = position.split_once('.').ok_or(StoreError::InvalidPosition)?;
        let before: usize = before.parse().map_err(|_| StoreError::InvalidPosition)?;
        let at = plans.iter().position(|plan| plan.id.as_str() == last);
        shown = at.map_or(before.saturating_sub(1), |at| at + 1).min(plans.len());
        plans.drain(..shown);
    }
    let more = plans.len() > request.limit;
    plans.truncate(request.limit);
    shown += plans.len();
    let position = plans.last().filter(|_| more).map(|plan| format!("{shown}.{}", plan.id));
    Ok(Page { items: plans, position })
}

pub(super) async fn get(State(admin): State<Admin>, Segments(id): Segments<String>) -> Outcome {
    let plan = admin.store().usage_plan(&UsagePlanId::new(id)).await?.ok_or_else(unknown_plan)?;
    ok(&UsagePlanAnswer::new(&plan, Shown::Alone))
}

pub(super) async fn update(State(admin): State<Admin>, Segments(id): Segments<String>, body: Bytes) -> Outcome {
    let operations = wire_patch::parse(&body, "updateUsagePlanInput")?;
    let edit = |plan: &mut UsagePlan| patch::apply(plan, &operations);
    let written = admin.store().update_usage_plan(&UsagePlanId::new(id), edit).await;
    let plan = written.map_err(|error| failure(error, Failure::from))?;
    ok(&UsagePlanAnswer::new(&plan, Shown::Alone))
}

pub(super) async fn delete(State(admin): State<Admin>, Segments(id): Segments<String>) -> Outcome {
    let deleted = admin.store().delete_usage_plan(&UsagePlanId::new(id), refuse_with_stages).await;
    deleted.map_err(|error| failure(error, Failure::from))?;
    accepted()
}

fn refuse_with_stages(plan: &UsagePlan) -> Result<(), ApiError> {
    match plan.api_stages.first() {
        None => Ok(()),
        Some(stage) => Err(ApiError::bad_request(format!(
            "Cannot delete Usage Plan {} because there are API Stages associated with it, including {}:{}",
            plan.id, stage.api_id, stage.stage
        ))),
    }
}

fn failure<E>(error: PlanError<E>, rejected: impl FnOnce(E) -> Failure) -> Failure {
    match error {
        PlanError::NotFound => unknown_plan().into(),
        PlanError::StageNotFound { api_id, stage } => {
            ApiError::not_found(format!("API Stage not found: {api_id}:{stage}")).into()
        }
        PlanError::KeyInTwoPlans(both) => ApiError::conflict(both.to_string()).into(),
        PlanError::Rejected(error) => rejected(error),
        PlanError::Store(error) => error.into(),
    }
}

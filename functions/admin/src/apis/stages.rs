mod method_settings;
mod patch;
mod rules;

use std::collections::BTreeSet;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::RestApiDefinition;
use keyplan_domain::id::RestApiId;
use keyplan_store::entropy;
use keyplan_wire::error::ApiError;
use keyplan_wire::page::Items;
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::{CreateStageInput, StageAnswer};
use keyplan_wire::{input, patch as wire_patch};

pub(super) use rules::publish;

use super::{definition, missing};
use crate::Admin;
use crate::answer::{Outcome, accepted, created, edited, ok};
use crate::extract::{Query, Segments};

/// What tells a stage from an earlier one of its name.
pub(super) fn new_uid() -> String {
    entropy::rest_api_id().to_string()
}

pub(super) async fn create(State(admin): State<Admin>, Segments(api): Segments<String>, body: Bytes) -> Outcome {
    let input: CreateStageInput = input::from_json(&body)?;
    let stage = rules::new_stage(input, new_uid(), admin.now())?;
    let id = RestApiId::new(&api);
    let deployments = BTreeSet::from([stage.deployment_id.clone()]);
    let edit = |definition: &mut RestApiDefinition, there: &BTreeSet<String>| {
        check_deployments(&deployments, there)?;
        if definition.stages.contains_key(&stage.stage_name) {
            return Err(ApiError::conflict("Stage already exists"));
        }
        definition.stages.insert(stage.stage_name.clone(), stage.clone());
        Ok(())
    };
    edited(admin.store().edit_stages(&id, &deployments, edit).await, missing::api(&admin, &api))?;
    created(&StageAnswer::new(&stage))
}

pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>, query: Query) -> Outcome {
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    let deployment = query.text("deploymentId");
    let stages = definition.stages.values();
    let shown = stages.filter(|stage| deployment.is_none_or(|id| stage.deployment_id == id)).map(StageAnswer::new);
    ok(&Items::all(shown.collect()))
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, name)): Segments<(String, String)>) -> Outcome {
    ok(&StageAnswer::new(&admin.store().stage(&RestApiId::new(api), &name).await?.ok_or_else(missing::stage)?))
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, name)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let operations = wire_patch::parse(&body, "updateStageInput")?;
    let api = RestApiId::new(api);
    let deployments = deployments_of(&operations);
    let now = admin.now();
    let edit = |definition: &mut RestApiDefinition, there: &BTreeSet<String>| {
        check_deployments(&deployments, there)?;
        let stage = definition.stages.get_mut(&name).ok_or_else(missing::stage)?;
        patch::apply(stage, &operations, now)?;
        Ok(stage.clone())
    };
    ok(&StageAnswer::new(&edited(admin.store().edit_stages(&api, &deployments, edit).await, missing::stage())?))
}

/// The deployments that a patch points the stage at.
fn deployments_of(operations: &[PatchOperation]) -> BTreeSet<String> {
    let of_deployment =
        |operation: &&PatchOperation| operation.op == Op::Replace && operation.path.as_deref() == Some("/deploymentId");
    operations.iter().filter(of_deployment).map(|operation| operation.value.clone().unwrap_or_default()).collect()
}

fn check_deployments(wanted: &BTreeSet<String>, there: &BTreeSet<String>) -> Result<(), ApiError> {
    if wanted.is_subset(there) { Ok(()) } else { Err(ApiError::bad_request("Deployment id does not exist")) }
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, name)): Segments<(String, String)>) -> Outcome {
    let edit =
        |definition: &mut RestApiDefinition| definition.stages.remove(&name).map(|_| ()).ok_or_else(missing::stage);
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::stage())?;
    accepted()
}

/// A stage has no cache of answers: there is nothing to flush.
pub(super) async fn flush_cache(
    State(admin): State<Admin>,
    Segments((api, name)): Segments<(String, String)>,
) -> Outcome {
    admin.store().stage(&RestApiId::new(api), &name).await?.ok_or_else(missing::stage)?;
    accepted()
}

/// Every process keys its cache by the stage's epoch, so this reaches them all.
pub(super) async fn flush_authorizers_cache(
    State(admin): State<Admin>,
    Segments((api, name)): Segments<(String, String)>,
) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| {
        let stage = definition.stages.get_mut(&name).ok_or_else(missing::stage)?;
        stage.authorizer_epoch += 1;
        Ok(())
    };
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::stage())?;
    accepted()
}

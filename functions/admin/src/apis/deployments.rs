use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Deployment, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_store::{DeleteDeployment, DeployError, entropy};
use keyplan_wire::error::ApiError;
use keyplan_wire::page::Items;
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::{CreateDeploymentInput, DeploymentAnswer};
use keyplan_wire::{input, patch};

use super::{missing, stages};
use crate::Admin;
use crate::answer::{Failure, Outcome, accepted, created, edited, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(State(admin): State<Admin>, Segments(api): Segments<String>, body: Bytes) -> Outcome {
    let input: CreateDeploymentInput = input::from_json(&body)?;
    let deployment = Deployment {
        id: entropy::part_id(),
        description: input.description.clone().filter(|description| !description.is_empty()),
        created_date: admin.now(),
    };
    let publish =
        |definition: &mut RestApiDefinition| stages::publish(definition, &deployment, &input, stages::new_uid);
    let written = admin.store().create_deployment(&RestApiId::new(&api), &deployment, publish).await;
    written.map_err(|error| match error {
        DeployError::NotFound => missing::api(&admin, &api).into(),
        DeployError::Invalid(error) => ApiError::bad_request(error.to_string()).into(),
        // API Gateway tells no limit of a deployment.
        DeployError::TooLarge => ApiError::bad_request("The REST API is too large to be deployed").into(),
        DeployError::Rejected(error) => Failure::from(error),
        DeployError::Store(error) => error.into(),
    })?;
    created(&DeploymentAnswer::new(&deployment))
}

pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>, query: Query) -> Outcome {
    let id = RestApiId::new(&api);
    admin.store().rest_api(&id).await?.ok_or_else(|| missing::api(&admin, &api))?;
    let page = admin.store().deployments(&id, &query.page()?).await?;
    ok(&Items { item: page.items.iter().map(DeploymentAnswer::new).collect(), position: page.position })
}

pub(super) async fn get(
    State(admin): State<Admin>,
    Segments((api, id)): Segments<(String, String)>,
    query: Query,
) -> Outcome {
    let api = RestApiId::new(api);
    let deployment = admin.store().deployment(&api, &id).await?.ok_or_else(missing::deployment)?;
    let answer = DeploymentAnswer::new(&deployment);
    if query.all("embed").iter().any(|embed| embed == "apisummary") {
        let snapshot = admin.store().snapshot(&api, &id).await?.ok_or_else(missing::deployment)?;
        ok(&answer.with_summary(&snapshot))
    } else {
        ok(&answer)
    }
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, id)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateDeploymentInput")?;
    let edit = |deployment: &mut Deployment| apply(deployment, &operations);
    let written = admin.store().update_deployment(&RestApiId::new(api), &id, edit).await;
    ok(&DeploymentAnswer::new(&edited(written, missing::deployment())?))
}

fn apply(deployment: &mut Deployment, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        match (operation.op, operation.path.as_deref()) {
            (Op::Replace, Some("/description")) => deployment.description = operation.text().map(str::to_owned),
            _ => return Err(operation.unknown_path(&["/description"])),
        }
    }
    Ok(())
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, id)): Segments<(String, String)>) -> Outcome {
    match admin.store().delete_deployment(&RestApiId::new(api), &id).await? {
        DeleteDeployment::Deleted => accepted(),
        DeleteDeployment::NotFound => Err(missing::deployment().into()),
        DeleteDeployment::InUse => {
            let text = "Active stages pointing to this deployment must be moved or deleted";
            Err(ApiError::bad_request(text).into())
        }
    }
}

mod flatten;
mod rules;
mod schema;
mod template;

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{Model, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_store::entropy;
use keyplan_wire::rest_api::{CreateModelInput, TemplateAnswer};
use keyplan_wire::{input, patch};

use super::{definition, missing, paging};
use crate::Admin;
use crate::answer::{Failure, Outcome, accepted, created, edited, ok};
use crate::extract::{Query, Segments};

pub(super) async fn create(State(admin): State<Admin>, Segments(api): Segments<String>, body: Bytes) -> Outcome {
    let input: CreateModelInput = input::from_json(&body)?;
    let model = rules::new_model(input, entropy::part_id())?;
    let edit = |definition: &mut RestApiDefinition| rules::add(definition, &model);
    let written = admin.store().edit_rest_api(&RestApiId::new(&api), edit).await;
    edited(written, missing::api(&admin, &api))?;
    created(&model)
}

pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>, query: Query) -> Outcome {
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    let models = definition.models.values();
    ok(&paging::page(models, |model| model.name.clone(), |model| model, &query.page()?)?)
}

pub(super) async fn get(
    State(admin): State<Admin>,
    Segments((api, name)): Segments<(String, String)>,
    query: Query,
) -> Outcome {
    let definition = definition_of_model(&admin, api, &name).await?;
    let model = definition.models.get(&name).ok_or_else(|| missing::model(&name))?;
    if query.text("flatten").is_some_and(|flatten| flatten.eq_ignore_ascii_case("true")) {
        return ok(&Model { schema: flatten::schema(model, &definition.models), ..model.clone() });
    }
    ok(model)
}

pub(super) async fn get_template(
    State(admin): State<Admin>,
    Segments((api, name)): Segments<(String, String)>,
) -> Outcome {
    let definition = definition_of_model(&admin, api, &name).await?;
    let model = definition.models.get(&name).ok_or_else(|| missing::model(&name))?;
    ok(&TemplateAnswer { value: template::of(model, &definition.models) })
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, name)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateModelInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let model = definition.models.get_mut(&name).ok_or_else(|| missing::model(&name))?;
        rules::patch(model, &operations)?;
        Ok(model.clone())
    };
    ok(&edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::model(&name))?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, name)): Segments<(String, String)>) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| rules::delete(definition, &name);
    edited(admin.store().edit_rest_api(&RestApiId::new(api), edit).await, missing::model(&name))?;
    accepted()
}

/// An API that is unknown is told as a model that is.
async fn definition_of_model(admin: &Admin, api: String, name: &str) -> Result<Arc<RestApiDefinition>, Failure> {
    Ok(admin.store().definition(&RestApiId::new(api)).await?.ok_or_else(|| missing::model(name))?)
}

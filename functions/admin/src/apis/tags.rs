use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::RestApiDefinition;
use keyplan_domain::arn::ResourceArn;
use keyplan_domain::id::RestApiId;
use keyplan_domain::key::{ApiKey, ApiKeyId};
use keyplan_domain::plan::{UsagePlan, UsagePlanId};
use keyplan_store::PlanError;
use keyplan_wire::account::{TagResourceInput, TagsAnswer};
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::input;
use keyplan_wire::omission::Tags;

use crate::Admin;
use crate::answer::{Failure, Outcome, edited, no_content, ok};
use crate::extract::{Query, Segments};
use crate::tagging;

/// What can have tags.
#[derive(Debug, PartialEq, Eq)]
enum Tagged {
    RestApi(RestApiId),
    Stage(RestApiId, String),
    ApiKey(ApiKeyId),
    UsagePlan(UsagePlanId),
}

impl Tagged {
    /// What an ARN names: of this region, or it is not there.
    fn parse(arn: &str, region: &str) -> Result<Self, ApiError> {
        let arn = ResourceArn::parse(arn)
            .map_err(|error| ApiError::bad_request(format!("Invalid ARN specified in the request: {error}")))?;
        if arn.region() != region {
            return Err(unknown());
        }
        match arn.segments().collect::<Vec<_>>()[..] {
            ["restapis", api] => Ok(Self::RestApi(RestApiId::new(api))),
            ["restapis", api, "stages", stage] => Ok(Self::Stage(RestApiId::new(api), stage.to_owned())),
            ["apikeys", key] => Ok(Self::ApiKey(ApiKeyId::new(key))),
            ["usageplans", plan] => Ok(Self::UsagePlan(UsagePlanId::new(plan))),
            _ => Err(unknown()),
        }
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("Invalid resource identifier specified")
}

pub(super) async fn get(State(admin): State<Admin>, Segments(arn): Segments<String>) -> Outcome {
    let store = admin.store();
    let tags = match Tagged::parse(&arn, &admin.settings().region)? {
        Tagged::RestApi(api) => store.rest_api(&api).await?.map(|api| api.tags),
        Tagged::Stage(api, stage) => store.stage(&api, &stage).await?.map(|stage| stage.tags),
        Tagged::ApiKey(key) => store.api_key(&key).await?.map(|key| key.tags),
        Tagged::UsagePlan(plan) => store.usage_plan(&plan).await?.map(|plan| plan.tags),
    };
    ok(&TagsAnswer { tags: &tags.ok_or_else(unknown)? })
}

pub(super) async fn tag(State(admin): State<Admin>, Segments(arn): Segments<String>, body: Bytes) -> Outcome {
    let input: TagResourceInput = input::from_json(&body)?;
    let added = input.tags.ok_or_else(|| ApiError::validation(Violation::missing("tagResourceInput.tags")))?;
    let resource = Tagged::parse(&arn, &admin.settings().region)?;
    if let Tagged::UsagePlan(_) = resource {
        tagging::check_of_plan(&added)?;
    }
    edit(&admin, resource, |tags| tagging::add(tags, added.clone())).await
}

pub(super) async fn untag(State(admin): State<Admin>, Segments(arn): Segments<String>, query: Query) -> Outcome {
    let keys = query.all("tagKeys");
    if keys.is_empty() {
        return Err(ApiError::validation(Violation::missing("tagKeys")).into());
    }
    edit(&admin, Tagged::parse(&arn, &admin.settings().region)?, |tags| {
        tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await
}

async fn edit(admin: &Admin, resource: Tagged, change: impl Fn(&mut Tags) -> Result<(), ApiError>) -> Outcome {
    let store = admin.store();
    match resource {
        Tagged::RestApi(api) => {
            let edit = |definition: &mut RestApiDefinition| change(&mut definition.api.tags);
            edited(store.edit_rest_api(&api, edit).await, unknown())?;
        }
        Tagged::Stage(api, stage) => {
            let edit = |definition: &mut RestApiDefinition| {
                change(&mut definition.stages.get_mut(&stage).ok_or_else(unknown)?.tags)
            };
            edited(store.edit_rest_api(&api, edit).await, unknown())?;
        }
        Tagged::ApiKey(key) => {
            edited(store.update_api_key(&key, |key: &mut ApiKey| change(&mut key.tags)).await, unknown())?;
        }
        Tagged::UsagePlan(plan) => {
            let written = store.update_usage_plan(&plan, |plan: &mut UsagePlan| change(&mut plan.tags)).await;
            written.map_err(plan_failure)?;
        }
    }
    no_content()
}

/// Tags change nothing that a plan's stages and keys depend on.
fn plan_failure(error: PlanError<ApiError>) -> Failure {
    match error {
        PlanError::NotFound => unknown().into(),
        PlanError::Rejected(error) => error.into(),
        PlanError::Store(error) => error.into(),
        PlanError::StageNotFound { .. } | PlanError::KeyInTwoPlans(_) => ApiError::concurrent_modification().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_one_of_four_kinds() {
        let parse = |path: &str| Tagged::parse(&format!("arn:aws:apigateway:us-east-1::{path}"), "us-east-1");
        assert_eq!(parse("/restapis/abc"), Ok(Tagged::RestApi(RestApiId::new("abc"))));
        assert_eq!(parse("/restapis/abc/stages/dev"), Ok(Tagged::Stage(RestApiId::new("abc"), "dev".into())));
        assert_eq!(parse("/apikeys/abc"), Ok(Tagged::ApiKey(ApiKeyId::new("abc"))));
        assert_eq!(parse("/usageplans/abc"), Ok(Tagged::UsagePlan(UsagePlanId::new("abc"))));
        for path in ["/restapis/abc/resources/def", "/vpclinks/abc", "/apikeys"] {
            assert_eq!(parse(path).unwrap_err().status, 404, "{path}");
        }
        assert_eq!(parse("restapis/abc").unwrap_err().status, 400);
        assert_eq!(Tagged::parse("arn:aws:apigateway:eu-west-1::/apikeys/abc", "us-east-1").unwrap_err().status, 404);
    }
}

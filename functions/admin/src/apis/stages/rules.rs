use std::collections::BTreeMap;

use keyplan_domain::api::{AccessLogSettings, Deployment, RestApiDefinition, Stage};
use keyplan_domain::time::Timestamp;
use keyplan_wire::error::{ApiError, Violation, Violations};
use keyplan_wire::omission::Tags;
use keyplan_wire::rest_api::{CreateDeploymentInput, CreateStageInput};

use crate::tagging::new_tags;

const CACHE_SIZES: [&str; 8] = ["0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"];
const MAX_VARIABLE: usize = 512;

/// The stage that a caller asks for.
pub(super) fn new_stage(input: CreateStageInput, uid: String, now: Timestamp) -> Result<Stage, ApiError> {
    let mut violations = Violations::default();
    for (member, given) in [("stageName", &input.stage_name), ("deploymentId", &input.deployment_id)] {
        if given.is_none() {
            violations.push(Violation::missing(&format!("createStageInput.{member}")));
        }
    }
    violations.check()?;
    if input.canary_settings.is_some() {
        return Err(ApiError::unsupported_operation("canarySettings"));
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let stage = Stage {
        stage_name: name(&input.stage_name.unwrap_or_default())?,
        uid,
        deployment_id: input.deployment_id.unwrap_or_default(),
        description: given(input.description),
        variables: input.variables.unwrap_or_default(),
        method_settings: BTreeMap::new(),
        cache_cluster_enabled: input.cache_cluster_enabled.unwrap_or(false),
        cache_cluster_size: cache_size(input.cache_cluster_size, "createStageInput.cacheClusterSize")?,
        tracing_enabled: input.tracing_enabled.unwrap_or(false),
        documentation_version: given(input.documentation_version),
        access_log_settings: AccessLogSettings::default(),
        tags: new_tags(input.tags)?,
        created_date: now,
        last_updated_date: now,
        authorizer_epoch: 0,
        version: 0,
    };
    check_variables(&stage.variables)?;
    Ok(stage)
}

/// Points the stage that a deployment names at it: a new one, if there is none
/// of that name. Without a name nothing is published.
pub(in crate::apis) fn publish(
    definition: &mut RestApiDefinition,
    deployment: &Deployment,
    input: &CreateDeploymentInput,
    new_uid: impl FnOnce() -> String,
) -> Result<(), ApiError> {
    let stage_name = input.stage_name.as_deref().unwrap_or_default();
    let existing = definition.stages.get_mut(stage_name);
    if input.canary_settings.is_some() {
        return Err(match existing {
            Some(_) => ApiError::unsupported_operation("canarySettings"),
            None => ApiError::bad_request(format!(
                "Invalid deployment content specified.Stage {stage_name} must already be created before making a \
                 canary release deployment"
            )),
        });
    }
    if stage_name.is_empty() {
        return Ok(());
    }
    let of_stage = CreateStageInput {
        stage_name: Some(stage_name.to_owned()),
        deployment_id: Some(deployment.id.clone()),
        description: input.stage_description.clone(),
        cache_cluster_enabled: input.cache_cluster_enabled,
        cache_cluster_size: input.cache_cluster_size.clone(),
        variables: input.variables.clone(),
        tracing_enabled: input.tracing_enabled,
        tags: None::<Tags>,
        ..CreateStageInput::default()
    };
    let now = deployment.created_date;
    match existing {
        None => {
            let stage = new_stage(of_stage, new_uid(), now)?;
            definition.stages.insert(stage_name.to_owned(), stage);
        }
        Some(stage) => {
            // What the caller did not mention stays as it is.
            let given = new_stage(of_stage, String::new(), now)?;
            stage.deployment_id = given.deployment_id;
            stage.last_updated_date = now;
            stage.description = given.description.or(stage.description.take());
            stage.cache_cluster_enabled = input.cache_cluster_enabled.unwrap_or(stage.cache_cluster_enabled);
            stage.cache_cluster_size = given.cache_cluster_size.or(stage.cache_cluster_size.take());
            stage.tracing_enabled = input.tracing_enabled.unwrap_or(stage.tracing_enabled);
            if input.variables.is_some() {
                stage.variables = given.variables;
            }
        }
    }
    Ok(())
}

fn name(name: &str) -> Result<String, ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(allowed) {
        return Err(ApiError::bad_request("Stage name only allows a-zA-Z0-9_"));
    }
    Ok(name.to_owned())
}

/// `member` is the path of the member in the input.
pub(super) fn cache_size(size: Option<String>, member: &str) -> Result<Option<String>, ApiError> {
    match size.filter(|size| !size.is_empty()) {
        Some(other) if !CACHE_SIZES.contains(&other.as_str()) => {
            Err(ApiError::validation(Violation::not_in(&other, member, &CACHE_SIZES)))
        }
        size => Ok(size),
    }
}

/// Names of word characters, values of what may stand in a URL.
pub(super) fn check_variables(variables: &BTreeMap<String, String>) -> Result<(), ApiError> {
    for (name, value) in variables {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(ApiError::bad_request(format!(
                "Invalid stage variable name: {name}. Please use names with only word characters."
            )));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#&=,".contains(&byte);
        if value.is_empty() || value.len() > MAX_VARIABLE || !value.bytes().all(allowed) {
            return Err(ApiError::bad_request(format!(
                "Invalid stage variable value of key {name}: it must have 1 to {MAX_VARIABLE} characters of \
                 [A-Za-z0-9-._~:/?#&=,]"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apis::testing::{definition, stage};

    const NOW: Timestamp = Timestamp::from_seconds(100);

    fn create(body: &serde_json::Value) -> Result<Stage, ApiError> {
        new_stage(keyplan_wire::input::from_json(body.to_string().as_bytes()).unwrap(), "uid".into(), NOW)
    }

    fn deploy(definition: &mut RestApiDefinition, body: &serde_json::Value) -> Result<(), ApiError> {
        let input = keyplan_wire::input::from_json(body.to_string().as_bytes()).unwrap();
        let deployment = Deployment { id: "new123".into(), description: None, created_date: NOW };
        publish(definition, &deployment, &input, || "new uid".into())
    }

    #[test]
    fn what_cannot_be_created_is_told_as_captured() {
        for (changes, text) in [
            (json!({"stageName": "a b", "deploymentId": "d"}), "Stage name only allows a-zA-Z0-9_"),
            (json!({"stageName": "", "deploymentId": "d"}), "Stage name only allows a-zA-Z0-9_"),
            (
                json!({"stageName": "s", "deploymentId": "d", "variables": {"a b": "x"}}),
                "Invalid stage variable name: a b. Please use names with only word characters.",
            ),
            (
                json!({"stageName": "s", "deploymentId": "d", "variables": {"a": "x y"}}),
                "Invalid stage variable value of key a: it must have 1 to 512 characters of [A-Za-z0-9-._~:/?#&=,]",
            ),
            (
                json!({"stageName": "s", "deploymentId": "d", "canarySettings": {}}),
                "Keyplan does not support canarySettings.",
            ),
        ] {
            assert_eq!(create(&changes).unwrap_err().message, text);
        }
        assert_eq!(create(&json!({})).unwrap_err().kind, "ValidationException");
        assert!(create(&json!({"stageName": "s", "deploymentId": "d", "cacheClusterSize": "1"})).is_err());
        assert!(
            create(&json!({"stageName": "a-b_1", "deploymentId": "d", "variables": {"a_1": "x.y~z:/?#&=,"}})).is_ok()
        );
    }

    #[test]
    fn a_deployment_makes_its_stage_or_points_it() {
        let mut definition = definition();
        deploy(&mut definition, &json!({"stageName": "dev", "stageDescription": "d", "variables": {"a": "1"}}))
            .unwrap();
        let made = &definition.stages["dev"];
        assert_eq!((made.deployment_id.as_str(), made.uid.as_str()), ("new123", "new uid"));
        assert_eq!(made.description.as_deref(), Some("d"));

        let mut kept = stage();
        kept.variables.insert("a".into(), "1".into());
        kept.authorizer_epoch = 3;
        definition.stages.insert("dev".into(), kept);
        deploy(&mut definition, &json!({"stageName": "dev"})).unwrap();
        let pointed = &definition.stages["dev"];
        assert_eq!((pointed.deployment_id.as_str(), pointed.uid.as_str()), ("new123", "uid"));
        assert_eq!((pointed.variables["a"].as_str(), pointed.authorizer_epoch), ("1", 3));
        assert_eq!((pointed.created_date, pointed.last_updated_date), (Timestamp::from_seconds(1), NOW));
    }

    #[test]
    fn a_deployment_without_a_stage_publishes_nothing() {
        let mut definition = definition();
        deploy(&mut definition, &json!({})).unwrap();
        assert!(definition.stages.is_empty());
    }

    #[test]
    fn a_canary_is_refused() {
        let mut definition = definition();
        assert_eq!(
            deploy(&mut definition, &json!({"stageName": "non-existing", "canarySettings": {}})).unwrap_err().message,
            "Invalid deployment content specified.Stage non-existing must already be created before making a canary \
             release deployment"
        );
        definition.stages.insert("dev".into(), stage());
        let error = deploy(&mut definition, &json!({"stageName": "dev", "canarySettings": {}})).unwrap_err();
        assert_eq!(error.message, "Keyplan does not support canarySettings.");
    }
}

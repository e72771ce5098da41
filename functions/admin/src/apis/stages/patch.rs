use std::collections::BTreeMap;

use keyplan_domain::api::{AccessLogSettings, Stage};
use keyplan_domain::time::Timestamp;
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::{Op, PatchOperation};

use super::{method_settings, rules};
use crate::apis::missing;

/// Carries out a patch of a stage (patch operations, "Stage"). Whether a
/// deployment exists is checked before.
pub(super) fn apply(stage: &mut Stage, operations: &[PatchOperation], now: Timestamp) -> Result<(), ApiError> {
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (operation.op, segments.as_slice()) {
            (Op::Copy, _) => return Err(copy(operation)),
            (_, ["canarySettings", _, ..]) => return Err(canary(operation)),
            (_, ["accessLogSettings", rest @ ..]) => access_log(&mut stage.access_log_settings, operation, rest)?,
            (_, ["clientCertificateId"]) => return Err(ApiError::unsupported_operation("clientCertificateId")),
            (Op::Add | Op::Replace, ["variables", name]) => {
                stage.variables.insert((*name).to_owned(), operation.text().unwrap_or_default().to_owned());
            }
            (Op::Remove, ["variables", name]) => {
                stage.variables.remove(*name).ok_or_else(missing::parameter)?;
            }
            (Op::Remove, ["variables"]) => stage.variables.clear(),
            (Op::Replace, ["variables"]) => stage.variables = variables(operation)?,
            (Op::Replace, [member]) => replace(stage, member, operation)?,
            (Op::Add | Op::Replace, _) => method_settings::set(&mut stage.method_settings, operation)?,
            (Op::Remove, [_, _]) => method_settings::remove(&mut stage.method_settings, operation)?,
            _ => return Err(method_settings::invalid_path(operation)),
        }
    }
    rules::check_variables(&stage.variables)?;
    stage.last_updated_date = now;
    Ok(())
}

fn replace(stage: &mut Stage, member: &str, operation: &PatchOperation) -> Result<(), ApiError> {
    let text = operation.text().map(str::to_owned);
    match member {
        "deploymentId" => stage.deployment_id = text.unwrap_or_default(),
        "description" => stage.description = text,
        "documentationVersion" => stage.documentation_version = text,
        "cacheClusterEnabled" => stage.cache_cluster_enabled = operation.boolean(),
        "cacheClusterSize" => {
            stage.cache_cluster_size = rules::cache_size(text, "updateStageInput.cacheClusterSize")?;
        }
        "tracingEnabled" => stage.tracing_enabled = operation.boolean(),
        _ => return Err(method_settings::invalid_path(operation)),
    }
    Ok(())
}

/// All variables at once, as JSON within the value: what a plan's throttle of
/// methods takes in the same place.
fn variables(operation: &PatchOperation) -> Result<BTreeMap<String, String>, ApiError> {
    serde_json::from_str(operation.text().unwrap_or_default())
        .map_err(|_| ApiError::bad_request("Invalid stage variables: the value must be a JSON object of strings"))
}

/// Copying promotes a canary, and there is none.
fn copy(operation: &PatchOperation) -> ApiError {
    let path = operation.path.as_deref().unwrap_or("null");
    let from = operation.from.as_deref().unwrap_or("null");
    let from_canary = ["/canarySettings/deploymentId", "/canarySettings/stageVariableOverrides"];
    if ["/deploymentId", "/variables"].contains(&path) && from_canary.contains(&from) {
        return ApiError::bad_request("Promotion not available. Canary does not exist.");
    }
    ApiError::bad_request(format!(
        "Invalid copy operation with path: {path} and from {from}. Valid copy:path are [/deploymentId, /variables] and \
         valid copy:from are [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
    ))
}

fn canary(operation: &PatchOperation) -> ApiError {
    if operation.op == Op::Replace {
        return ApiError::unsupported_operation("canarySettings");
    }
    let (op, path) = (operation.op.as_str(), operation.path.as_deref().unwrap_or("null"));
    ApiError::bad_request(format!("Invalid {op} operation with path: {path}"))
}

fn access_log(settings: &mut AccessLogSettings, operation: &PatchOperation, below: &[&str]) -> Result<(), ApiError> {
    let member = match below {
        [] if operation.op == Op::Remove => {
            *settings = AccessLogSettings::default();
            return Ok(());
        }
        [] => return Err(method_settings::invalid_path(operation)),
        ["destinationArn"] => &mut settings.destination_arn,
        ["format"] => &mut settings.format,
        _ => {
            return Err(ApiError::bad_request(
                "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, \
                 /accessLogSettings/format]",
            ));
        }
    };
    *member = match operation.op {
        Op::Remove => None,
        Op::Add | Op::Replace => {
            let text = operation.text().ok_or_else(|| ApiError::bad_request("Access Log value must not be empty"))?;
            Some(text.to_owned())
        }
        _ => return Err(method_settings::invalid_path(operation)),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apis::testing::{operation, stage};

    const NOW: Timestamp = Timestamp::from_seconds(100);

    fn patched(operations: &[PatchOperation]) -> Result<Stage, ApiError> {
        let mut stage = stage();
        apply(&mut stage, operations, NOW)?;
        Ok(stage)
    }

    fn refusal(op: Op, path: &str, value: &str) -> String {
        patched(&[operation(op, path, value)]).unwrap_err().message
    }

    #[test]
    fn members_variables_and_method_settings_are_patched_together() {
        let stage = patched(&[
            operation(Op::Replace, "/description", "d"),
            operation(Op::Replace, "/deploymentId", "new123"),
            operation(Op::Replace, "/tracingEnabled", "true"),
            operation(Op::Replace, "/variables/a", "1"),
            operation(Op::Replace, "/variables/b", "2"),
            operation(Op::Remove, "/variables/b", ""),
            operation(Op::Replace, "/*/*/throttling/burstLimit", "7"),
        ])
        .unwrap();
        assert_eq!((stage.description.as_deref(), stage.deployment_id.as_str()), (Some("d"), "new123"));
        assert!(stage.tracing_enabled);
        assert_eq!(stage.variables.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "1".to_owned())]);
        assert_eq!(stage.method_settings["*/*"].throttling_burst_limit, 7);
        assert_eq!(stage.last_updated_date, NOW);
    }

    #[test]
    fn all_variables_are_replaced_at_once() {
        let stage = patched(&[
            operation(Op::Replace, "/variables/a", "1"),
            operation(Op::Replace, "/variables", r#"{"b": "2", "c": "3"}"#),
        ])
        .unwrap();
        let names: Vec<&str> = stage.variables.keys().map(String::as_str).collect();
        assert_eq!(names, ["b", "c"]);
        for wrong in ["", "[]", r#"{"b": 2}"#, r#"{"b": null}"#, "a=1"] {
            assert_eq!(
                refusal(Op::Replace, "/variables", wrong),
                "Invalid stage variables: the value must be a JSON object of strings"
            );
        }
        assert!(refusal(Op::Replace, "/variables", r#"{"a b": "1"}"#).starts_with("Invalid stage variable name"));
    }

    #[test]
    fn what_cannot_be_patched_is_told_as_recorded() {
        for (op, path, value, text) in [
            (
                Op::Remove,
                "/*/*",
                "",
                "Cannot remove method setting */* because there is no method setting for this method ",
            ),
            (
                Op::Replace,
                "/accessLogSettings/x",
                "y",
                "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, \
                 /accessLogSettings/format]",
            ),
            (Op::Replace, "/accessLogSettings/format", "", "Access Log value must not be empty"),
            (
                Op::Add,
                "/canarySettings/deploymentId",
                "x",
                "Invalid add operation with path: /canarySettings/deploymentId",
            ),
            (Op::Replace, "/canarySettings/percentTraffic", "1", "Keyplan does not support canarySettings."),
            (
                Op::Replace,
                "/cacheClusterSize",
                "1",
                "1 validation error detected: Value '1' at \
                'updateStageInput.cacheClusterSize' failed to satisfy constraint: Member must satisfy enum value set: \
                [0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118, 237]",
            ),
            (
                Op::Replace,
                "/variables/a b",
                "x",
                "Invalid stage variable name: a b. Please use names with only word characters.",
            ),
        ] {
            assert_eq!(refusal(op, path, value), text);
        }
        for (op, path) in [
            (Op::Replace, "/accessLogSettings"),
            (Op::Test, "/accessLogSettings/format"),
            (Op::Replace, "/canarySettings"),
            (Op::Replace, "/x"),
            (Op::Add, "/x"),
            (Op::Test, "/description"),
        ] {
            let start = format!("Invalid method setting path: {path}. Must be one of: [/deploymentId, ");
            assert!(refusal(op, path, "x").starts_with(&start), "{path}");
        }
    }

    #[test]
    fn access_logs_are_set_member_by_member_and_removed() {
        let set = [
            operation(
                Op::Replace,
                "/accessLogSettings/destinationArn",
                "arn:aws:logs:us-east-1:123456789012:log-group:g",
            ),
            operation(Op::Add, "/accessLogSettings/format", "$context.requestId"),
        ];
        let settings = patched(&set).unwrap().access_log_settings;
        assert_eq!(settings.format.as_deref(), Some("$context.requestId"));
        assert_eq!(settings.destination_arn.as_deref(), Some("arn:aws:logs:us-east-1:123456789012:log-group:g"));
        let removed = |path| {
            let remove = operation(Op::Remove, path, "");
            patched(&[set[0].clone(), set[1].clone(), remove]).unwrap().access_log_settings
        };
        assert!(removed("/accessLogSettings").is_empty());
        assert_eq!(removed("/accessLogSettings/format").format, None);
    }

    #[test]
    fn nothing_can_be_copied() {
        let copy = |path: &str, from: &str| {
            let operation = PatchOperation { from: Some(from.into()), ..operation(Op::Copy, path, "") };
            patched(&[operation]).unwrap_err().message
        };
        assert_eq!(
            copy("/deploymentId", "/canarySettings/deploymentId"),
            "Promotion not available. Canary does not exist."
        );
        assert_eq!(
            copy("/description", "/variables"),
            "Invalid copy operation with path: /description and from /variables. Valid copy:path are [/deploymentId, \
             /variables] and valid copy:from are [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
        );
    }
}

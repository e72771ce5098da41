use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{IntegrationResponse, RestApiDefinition};
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::PatchOperation;
use keyplan_wire::rest_api::PutIntegrationResponseInput;
use keyplan_wire::{input, patch};

use super::mapping::{
    check_declared_in_response, check_names, check_sources, check_status, check_templates, content_handling,
};
use super::methods::{self, ResponsePath, edit_api, edit_entry};
use super::{integrations, missing};
use crate::Admin;
use crate::answer::{Outcome, created, no_content, ok};
use crate::extract::Segments;

const PARAMETER_SOURCES: [&str; 3] = ["integration.response.", "context.", "stageVariables."];

pub(super) async fn put(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): ResponsePath,
    body: Bytes,
) -> Outcome {
    let input: PutIntegrationResponseInput = input::from_json(&body)?;
    let response = new_response(input, &status)?;
    let edit = |definition: &mut RestApiDefinition| -> Result<(), ApiError> {
        let method = methods::of(definition, &resource, &verb)?;
        let integration = method.method_integration.as_mut().ok_or_else(missing::integration)?;
        check_declared_in_response(&response.response_parameters, method.method_responses.get(&status))?;
        integration.integration_responses.insert(status.clone(), response.clone());
        Ok(())
    };
    edit_api(&admin, &api, edit).await?;
    created(&response)
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, resource, verb, status)): ResponsePath) -> Outcome {
    let method = methods::read(&admin, &api, &resource, &verb).await?;
    let integration = method.method_integration.ok_or_else(missing::integration)?;
    ok(integration.integration_responses.get(&status).ok_or_else(missing::response)?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): ResponsePath,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateIntegrationResponseInput")?;
    let edit = |definition: &mut RestApiDefinition| {
        let method = methods::of(definition, &resource, &verb)?;
        let integration = method.method_integration.as_mut().ok_or_else(missing::integration)?;
        let response = integration.integration_responses.get_mut(&status).ok_or_else(missing::response)?;
        apply(response, &operations)?;
        check_declared_in_response(&response.response_parameters, method.method_responses.get(&status))?;
        Ok(response.clone())
    };
    ok(&edit_api(&admin, &api, edit).await?)
}

pub(super) async fn delete(
    State(admin): State<Admin>,
    Segments((api, resource, verb, status)): ResponsePath,
) -> Outcome {
    let edit = |definition: &mut RestApiDefinition| {
        let responses = &mut integrations::of(definition, &resource, &verb)?.integration_responses;
        responses.remove(&status).map(|_| ()).ok_or_else(missing::response)
    };
    edit_api(&admin, &api, edit).await?;
    no_content()
}

fn new_response(input: PutIntegrationResponseInput, status: &str) -> Result<IntegrationResponse, ApiError> {
    check_status(status)?;
    let templates = input.response_templates.unwrap_or_default().into_iter();
    let response = IntegrationResponse {
        status_code: status.to_owned(),
        selection_pattern: input.selection_pattern.filter(|pattern| !pattern.is_empty()),
        response_parameters: input.response_parameters.unwrap_or_default(),
        response_templates: templates.map(|(kind, template)| (kind, unless_empty(template))).collect(),
        content_handling: content_handling(input.content_handling, "putIntegrationResponseInput.contentHandling")?,
    };
    check(&response)?;
    Ok(response)
}

/// Carries out a patch (patch operations, "IntegrationResponse").
fn apply(response: &mut IntegrationResponse, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let text = operation.text().map(str::to_owned);
        match segments.as_slice() {
            ["responseParameters", name] => {
                edit_entry(&mut response.response_parameters, name, operation, text.unwrap_or_default())?;
            }
            ["responseTemplates", content_type] => {
                edit_entry(&mut response.response_templates, content_type, operation, text)?;
            }
            ["selectionPattern"] => {
                operation.only_replace()?;
                response.selection_pattern = text;
            }
            ["contentHandling"] => {
                operation.only_replace()?;
                response.content_handling = content_handling(text, "updateIntegrationResponseInput.contentHandling")?;
            }
            _ => return Err(operation.invalid_path()),
        }
    }
    check(response)
}

fn check(response: &IntegrationResponse) -> Result<(), ApiError> {
    check_names(response.response_parameters.keys(), "method.response", &["header"])?;
    check_sources(&response.response_parameters, &PARAMETER_SOURCES)?;
    let templates = response.response_templates.iter();
    check_templates(templates.map(|(kind, template)| (kind, template.as_deref().unwrap_or_default())))
}

/// API Gateway shows an empty template as null.
fn unless_empty(template: Option<String>) -> Option<String> {
    template.filter(|template| !template.is_empty())
}

#[cfg(test)]
mod tests {
    use keyplan_wire::patch::Op;
    use serde_json::json;

    use super::*;
    use crate::apis::testing::operation;

    fn put(body: &serde_json::Value) -> Result<IntegrationResponse, ApiError> {
        new_response(input::from_json(body.to_string().as_bytes()).unwrap(), "200")
    }

    #[test]
    fn an_empty_template_is_shown_as_null() {
        let response = put(&json!({"responseTemplates": {"application/json": ""}, "selectionPattern": ""})).unwrap();
        assert_eq!(
            serde_json::to_value(response).unwrap(),
            json!({"statusCode": "200", "responseTemplates": {"application/json": null}})
        );
    }

    #[test]
    fn templates_and_parameters_are_checked() {
        for body in [
            json!({"responseTemplates": {"application/json": "#foreach($x in $y)#end"}}),
            json!({"responseParameters": {"method.response.header.x": "y"}}),
            json!({"responseParameters": {"x": "'y'"}}),
            json!({"contentHandling": "X"}),
        ] {
            assert_eq!(put(&body).unwrap_err().status, 400, "{body}");
        }
        assert!(put(&json!({"responseParameters": {"method.response.header.x": "'y'"}})).is_ok());
    }

    #[test]
    fn a_response_is_patched_and_checked_as_a_whole() {
        let mut response = put(&json!({})).unwrap();
        let operations = [
            operation(Op::Replace, "/selectionPattern", "4\\d\\d"),
            operation(Op::Add, "/responseTemplates/application~1json", "{}"),
        ];
        apply(&mut response, &operations).unwrap();
        assert_eq!(response.selection_pattern.as_deref(), Some("4\\d\\d"));
        assert_eq!(response.response_templates["application/json"].as_deref(), Some("{}"));
        let wrong = operation(Op::Replace, "/responseTemplates/application~1json", "#if(1)#end");
        assert_eq!(apply(&mut response, &[wrong]).unwrap_err().status, 400);
        assert_eq!(
            apply(&mut response, &[operation(Op::Replace, "/statusCode", "201")]).unwrap_err().message,
            "Invalid patch path /statusCode"
        );
    }
}

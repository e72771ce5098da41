use axum::extract::State;
use bytes::Bytes;
use keyplan_domain::api::{GatewayResponse, GatewayResponseType, RestApiDefinition};
use keyplan_domain::id::RestApiId;
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::gateway_response::GatewayResponseAnswer;
use keyplan_wire::page::Items;
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::PutGatewayResponseInput;
use keyplan_wire::{input, patch};

use super::mapping::{check_names, check_sources, check_status};
use super::methods::edit_entry;
use super::{definition, missing};
use crate::Admin;
use crate::answer::{Outcome, accepted, created, edited, ok};
use crate::extract::Segments;

/// In the order in which API Gateway lists them.
const TYPES: [&str; 21] = [
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "MISSING_AUTHENTICATION_TOKEN",
    "BAD_REQUEST_BODY",
    "INVALID_SIGNATURE",
    "INVALID_API_KEY",
    "BAD_REQUEST_PARAMETERS",
    "AUTHORIZER_FAILURE",
    "UNAUTHORIZED",
    "INTEGRATION_TIMEOUT",
    "ACCESS_DENIED",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "WAF_FILTERED",
    "QUOTA_EXCEEDED",
    "THROTTLED",
    "API_CONFIGURATION_ERROR",
    "UNSUPPORTED_MEDIA_TYPE",
    "INTEGRATION_FAILURE",
    "EXPIRED_TOKEN",
];
const PARAMETER_SOURCES: [&str; 3] = ["method.request.", "context.", "stageVariables."];

/// All 21, on one page whatever was asked for.
pub(super) async fn list(State(admin): State<Admin>, Segments(api): Segments<String>) -> Outcome {
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    let shown = GatewayResponseType::ALL.iter();
    let shown = shown.map(|kind| GatewayResponseAnswer::new(*kind, &definition.gateway_responses));
    ok(&Items::all(shown.collect()))
}

pub(super) async fn get(State(admin): State<Admin>, Segments((api, kind)): Segments<(String, String)>) -> Outcome {
    let kind = response_type(&kind)?;
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    ok(&GatewayResponseAnswer::new(kind, &definition.gateway_responses))
}

pub(super) async fn put(
    State(admin): State<Admin>,
    Segments((api, kind)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let input: PutGatewayResponseInput = input::from_json(&body)?;
    let kind = response_type(&kind)?;
    let response = GatewayResponse {
        response_type: kind,
        status_code: input.status_code.filter(|status| !status.is_empty()),
        response_parameters: input.response_parameters.unwrap_or_default(),
        response_templates: input.response_templates.unwrap_or_default(),
    };
    check(&response)?;
    let edit = |definition: &mut RestApiDefinition| -> Result<GatewayResponseAnswer, ApiError> {
        definition.gateway_responses.insert(kind, response.clone());
        Ok(GatewayResponseAnswer::new(kind, &definition.gateway_responses))
    };
    let written = admin.store().edit_rest_api(&RestApiId::new(&api), edit).await;
    created(&edited(written, missing::api(&admin, &api))?)
}

pub(super) async fn update(
    State(admin): State<Admin>,
    Segments((api, kind)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let operations = patch::parse(&body, "updateGatewayResponseInput")?;
    let kind = response_type(&kind)?;
    let edit = |definition: &mut RestApiDefinition| {
        // To change nothing of one that is not set does not set it.
        if !operations.is_empty() {
            let response = definition.gateway_responses.entry(kind).or_insert_with(|| GatewayResponse {
                response_type: kind,
                status_code: None,
                response_parameters: Default::default(),
                response_templates: Default::default(),
            });
            apply(response, &operations)?;
        }
        Ok(GatewayResponseAnswer::new(kind, &definition.gateway_responses))
    };
    let written = admin.store().edit_rest_api(&RestApiId::new(&api), edit).await;
    ok(&edited(written, missing::api(&admin, &api))?)
}

pub(super) async fn delete(State(admin): State<Admin>, Segments((api, kind)): Segments<(String, String)>) -> Outcome {
    let kind = response_type(&kind)?;
    let edit = |definition: &mut RestApiDefinition| {
        let gone = definition.gateway_responses.remove(&kind);
        gone.map(|_| ()).ok_or_else(|| ApiError::not_found("Gateway response type not defined on api"))
    };
    let written = admin.store().edit_rest_api(&RestApiId::new(&api), edit).await;
    edited(written, missing::api(&admin, &api))?;
    accepted()
}

fn response_type(name: &str) -> Result<GatewayResponseType, ApiError> {
    GatewayResponseType::parse(name)
        .ok_or_else(|| ApiError::validation(Violation::not_in(name, "responseType", &TYPES)))
}

/// Carries out a patch (patch operations, "GatewayResponse").
fn apply(response: &mut GatewayResponse, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let value = |map: &str| match (operation.op, operation.text()) {
            (Op::Remove, _) => Ok(String::new()),
            (_, Some(text)) => Ok(text.to_owned()),
            (_, None) => Err(ApiError::bad_request(format!("Invalid null or empty value in {map}"))),
        };
        match segments.as_slice() {
            ["statusCode"] if operation.op == Op::Replace => {
                response.status_code = operation.text().map(str::to_owned);
            }
            ["responseParameters", name] => {
                edit_entry(&mut response.response_parameters, name, operation, value("responseParameters")?)?;
            }
            ["responseTemplates", kind] => {
                edit_entry(&mut response.response_templates, kind, operation, value("responseTemplates")?)?;
            }
            _ => return Err(operation.invalid_path()),
        }
    }
    check(response)
}

/// Templates need no check: whatever is no reference in them is text.
fn check(response: &GatewayResponse) -> Result<(), ApiError> {
    if let Some(status) = &response.status_code {
        check_status(status)?;
    }
    check_names(response.response_parameters.keys(), "gatewayresponse", &["header"])?;
    check_sources(&response.response_parameters, &PARAMETER_SOURCES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apis::testing::operation;

    fn response() -> GatewayResponse {
        GatewayResponse {
            response_type: GatewayResponseType::Throttled,
            status_code: None,
            response_parameters: Default::default(),
            response_templates: Default::default(),
        }
    }

    #[test]
    fn every_type_is_known_and_another_is_told_as_recorded() {
        assert!(TYPES.iter().all(|name| response_type(name).is_ok()));
        assert_eq!(TYPES.len(), GatewayResponseType::ALL.len());
        let message = response_type("FAKE").unwrap_err().message;
        assert!(message.starts_with(
            "1 validation error detected: Value 'FAKE' at 'responseType' failed to satisfy constraint: Member must \
             satisfy enum value set: [REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, "
        ));
    }

    #[test]
    fn status_headers_and_templates_are_patched() {
        let mut response = response();
        let operations = [
            operation(Op::Replace, "/statusCode", "418"),
            operation(Op::Add, "/responseParameters/gatewayresponse.header.x", "'y'"),
            operation(Op::Replace, "/responseTemplates/application~1json", "#if"),
        ];
        apply(&mut response, &operations).unwrap();
        assert_eq!(response.status_code.as_deref(), Some("418"));
        assert_eq!(response.response_parameters["gatewayresponse.header.x"], "'y'");
        assert_eq!(response.response_templates["application/json"], "#if");
    }

    #[test]
    fn what_cannot_be_patched_is_told_as_recorded() {
        for (op, path, value, text) in [
            (Op::Add, "/statusCode", "1", "Invalid patch path /statusCode"),
            (Op::Replace, "/wrongPath", "1", "Invalid patch path /wrongPath"),
            (Op::Remove, "/responseTemplates/x", "", "Invalid parameter name specified"),
            (Op::Add, "/responseTemplates/x", "", "Invalid null or empty value in responseTemplates"),
            (
                Op::Add,
                "/responseParameters/gatewayresponse.header.x",
                "",
                "Invalid null or empty value in responseParameters",
            ),
        ] {
            assert_eq!(apply(&mut response(), &[operation(op, path, value)]).unwrap_err().message, text);
        }
        let nowhere = PatchOperation { path: None, ..operation(Op::Add, "", "x") };
        assert_eq!(apply(&mut response(), &[nowhere]).unwrap_err().message, "Invalid patch path null");
        assert_eq!(
            apply(&mut response(), &[operation(Op::Replace, "/statusCode", "x")]).unwrap_err().kind,
            "ValidationException"
        );
    }
}

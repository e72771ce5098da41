use std::collections::BTreeMap;

use keyplan_domain::api::{Integration, IntegrationType, TlsConfig};
use keyplan_domain::arn::FunctionRef;
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::{PutIntegrationInput, TlsConfigInput};

use crate::apis::mapping::{check_names, check_sources, check_templates, check_verb, content_handling};
use crate::apis::methods::edit_entry;

const MAX_TIMEOUT: i64 = 29_000;
const PASSTHROUGH: [&str; 3] = ["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"];
const CONNECTION_TYPES: [&str; 2] = ["INTERNET", "VPC_LINK"];
const TRANSFER_MODES: [&str; 2] = ["BUFFERED", "STREAM"];
const PARAMETER_SOURCES: [&str; 3] = ["method.request.", "context.", "stageVariables."];

/// The integration that a caller asks for.
pub(super) fn new_integration(input: PutIntegrationInput, resource_id: &str) -> Result<Integration, ApiError> {
    let kind = match input.integration_type.as_deref() {
        None => return Err(ApiError::validation(Violation::missing("putIntegrationInput.type"))),
        Some(name) => IntegrationType::parse(name).ok_or_else(|| {
            ApiError::validation(Violation::not_in(name, "putIntegrationInput.type", &IntegrationType::NAMES))
        })?,
    };
    check_connection(&input)?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let integration = Integration {
        integration_type: kind,
        http_method: given(input.http_method),
        uri: given(input.uri),
        connection_type: given(input.connection_type),
        credentials: given(input.credentials),
        request_parameters: input.request_parameters.unwrap_or_default(),
        request_templates: input.request_templates.unwrap_or_default(),
        passthrough_behavior: passthrough(given(input.passthrough_behavior))?,
        content_handling: content_handling(input.content_handling, "putIntegrationInput.contentHandling")?,
        timeout_in_millis: timeout(input.timeout_in_millis.unwrap_or(MAX_TIMEOUT))?,
        response_transfer_mode: given(input.response_transfer_mode),
        tls_config: input.tls_config.and_then(|tls| tls.insecure_skip_verification).map(tls_config),
        cache_namespace: given(input.cache_namespace).unwrap_or_else(|| resource_id.to_owned()),
        cache_key_parameters: input.cache_key_parameters.unwrap_or_default(),
        integration_responses: BTreeMap::new(),
    };
    check(&integration)?;
    Ok(integration)
}

/// Carries out a patch of an integration (patch operations, "Integration").
pub(super) fn patch(integration: &mut Integration, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let text = operation.text().map(str::to_owned);
        match segments.as_slice() {
            ["requestParameters", name] => {
                edit_entry(&mut integration.request_parameters, name, operation, text.unwrap_or_default())?;
            }
            ["requestTemplates", content_type] => {
                edit_entry(&mut integration.request_templates, content_type, operation, text.unwrap_or_default())?;
            }
            ["cacheKeyParameters", parameter] => {
                integration.cache_key_parameters.retain(|known| known != parameter);
                match operation.op {
                    Op::Add | Op::Replace => integration.cache_key_parameters.push((*parameter).to_owned()),
                    Op::Remove => {}
                    _ => return Err(operation.invalid_path()),
                }
            }
            scalar => {
                operation.only_replace()?;
                replace(integration, scalar, operation)?;
            }
        }
    }
    check(integration)
}

fn replace(integration: &mut Integration, path: &[&str], operation: &PatchOperation) -> Result<(), ApiError> {
    let text = operation.text().map(str::to_owned);
    match path {
        ["cacheNamespace"] => integration.cache_namespace = text.unwrap_or_default(),
        ["contentHandling"] => {
            integration.content_handling = content_handling(text, "updateIntegrationInput.contentHandling")?;
        }
        ["credentials"] => integration.credentials = text,
        ["httpMethod"] => integration.http_method = text,
        ["uri"] if integration.integration_type != IntegrationType::Mock => integration.uri = text,
        ["passthroughBehavior"] => integration.passthrough_behavior = passthrough(text)?,
        ["timeoutInMillis"] => {
            integration.timeout_in_millis = timeout(text.and_then(|text| text.parse().ok()).unwrap_or_default())?;
        }
        ["connectionType"] => {
            check_connection(&PutIntegrationInput { connection_type: text.clone(), ..Default::default() })?;
            integration.connection_type = text;
        }
        ["connectionId"] => {
            check_connection(&PutIntegrationInput { connection_id: text, ..Default::default() })?;
        }
        ["integrationTarget"] => {
            check_connection(&PutIntegrationInput { integration_target: text, ..Default::default() })?;
        }
        ["responseTransferMode"] => {
            check_connection(&PutIntegrationInput { response_transfer_mode: text.clone(), ..Default::default() })?;
            integration.response_transfer_mode = text;
        }
        ["tlsConfig", "insecureSkipVerification"] => {
            let tls = TlsConfigInput { insecure_skip_verification: Some(operation.boolean()) };
            check_connection(&PutIntegrationInput { tls_config: Some(tls), ..Default::default() })?;
            integration.tls_config = Some(tls_config(operation.boolean()));
        }
        _ => return Err(operation.invalid_path()),
    }
    Ok(())
}

fn tls_config(insecure_skip_verification: bool) -> TlsConfig {
    TlsConfig { insecure_skip_verification }
}

/// How a backend is reached: through the internet, its certificate verified,
/// its answer taken whole. Whatever else API Gateway can do is refused.
fn check_connection(input: &PutIntegrationInput) -> Result<(), ApiError> {
    let one_of = |value: Option<&str>, member: &str, names: &[&str]| match value.filter(|value| !value.is_empty()) {
        Some(other) if !names.contains(&other) => {
            let member = format!("putIntegrationInput.{member}");
            Err(ApiError::validation(Violation::not_in(other, &member, names)))
        }
        _ => Ok(()),
    };
    one_of(input.connection_type.as_deref(), "connectionType", &CONNECTION_TYPES)?;
    one_of(input.response_transfer_mode.as_deref(), "responseTransferMode", &TRANSFER_MODES)?;
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let insecure = input.tls_config.and_then(|tls| tls.insecure_skip_verification).unwrap_or(false);
    for (what, asked_for) in [
        ("VPC_LINK integrations", input.connection_type.as_deref() == Some("VPC_LINK")),
        ("connectionId", given(&input.connection_id)),
        ("integrationTarget", given(&input.integration_target)),
        ("responseTransferMode STREAM", input.response_transfer_mode.as_deref() == Some("STREAM")),
        ("insecureSkipVerification", insecure),
    ] {
        if asked_for {
            return Err(ApiError::unsupported_operation(what));
        }
    }
    Ok(())
}

fn check(integration: &Integration) -> Result<(), ApiError> {
    let uri = integration.uri.as_deref().unwrap_or_default();
    let kind = integration.integration_type;
    match (kind, integration.http_method.as_deref()) {
        (IntegrationType::Mock, None) => {}
        (_, None) => return Err(ApiError::bad_request("Enumeration value for HttpMethod must be non-empty")),
        (_, Some(verb)) => check_verb(verb)?,
    }
    match kind {
        IntegrationType::Mock => {}
        IntegrationType::Http | IntegrationType::HttpProxy => check_url(uri)?,
        IntegrationType::Aws => check_arn(uri)?,
        IntegrationType::AwsProxy => {
            check_arn(uri)?;
            if FunctionRef::from_invocation_uri(&with_variables_filled(uri)).is_err() {
                return Err(ApiError::bad_request(
                    "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream \
                     invocations.",
                ));
            }
        }
    }
    check_names(integration.request_parameters.keys(), "integration.request", &["header", "querystring", "path"])?;
    check_sources(&integration.request_parameters, &PARAMETER_SOURCES)?;
    check_templates(integration.request_templates.iter().map(|(kind, template)| (kind, template.as_str())))
}

fn check_arn(uri: &str) -> Result<(), ApiError> {
    let mut parts = uri.splitn(6, ':');
    let arn = (parts.next(), parts.nth(1), parts.nth(2));
    let (Some("arn"), Some("apigateway"), Some(resource)) = arn else {
        return Err(ApiError::bad_request("Invalid ARN specified in the request"));
    };
    if resource.starts_with("path/") || resource.starts_with("action/") {
        return Ok(());
    }
    Err(ApiError::bad_request("AWS ARN for integration must contain path or action"))
}

fn check_url(uri: &str) -> Result<(), ApiError> {
    let filled = with_variables_filled(uri);
    let rest = filled.strip_prefix("https://").or_else(|| filled.strip_prefix("http://"));
    // Braces are filled from the request, which must not choose the host.
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_host = !authority.is_empty() && !authority.contains(['{', '}', '@']);
    if !is_host || filled.replace(['{', '}'], "").parse::<http::Uri>().is_err() {
        return Err(ApiError::bad_request("Invalid HTTP endpoint specified for URI"));
    }
    Ok(())
}

/// A URI as it may be when it is used: something stands for each stage
/// variable.
pub(in crate::apis) fn with_variables_filled(uri: &str) -> String {
    const VARIABLE: &str = "${stageVariables.";
    let mut filled = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, variable)) = rest.split_once(VARIABLE) {
        filled.push_str(before);
        match variable.split_once('}') {
            Some((_, after)) => {
                filled.push('x');
                rest = after;
            }
            None => {
                filled.push_str(VARIABLE);
                rest = variable;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn passthrough(given: Option<String>) -> Result<String, ApiError> {
    match given {
        None => Ok(PASSTHROUGH[0].to_owned()),
        Some(name) if PASSTHROUGH.contains(&name.as_str()) => Ok(name),
        Some(_) => Err(ApiError::bad_request(format!(
            "Invalid passthroughBehavior specified. Valid options are {}",
            PASSTHROUGH.join(",")
        ))),
    }
}

fn timeout(millis: i64) -> Result<u32, ApiError> {
    let in_range = Some(millis).filter(|millis| (50..=MAX_TIMEOUT).contains(millis));
    in_range
        .and_then(|millis| u32::try_from(millis).ok())
        .ok_or_else(|| ApiError::bad_request(format!("Timeout should be between 50 ms and {MAX_TIMEOUT} ms")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apis::testing::{LAMBDA_URI, mock, operation};

    fn put(body: &serde_json::Value) -> Result<Integration, ApiError> {
        new_integration(keyplan_wire::input::from_json(body.to_string().as_bytes()).unwrap(), "res123")
    }

    #[test]
    fn a_mock_is_shown_as_recorded() {
        assert_eq!(
            serde_json::to_value(put(&json!({"type": "MOCK"})).unwrap()).unwrap(),
            json!({
                "cacheKeyParameters": [],
                "cacheNamespace": "res123",
                "passthroughBehavior": "WHEN_NO_MATCH",
                "timeoutInMillis": 29000,
                "type": "MOCK",
            })
        );
    }

    #[test]
    fn a_function_is_named_by_its_invocation() {
        let proxy = |uri: &str| put(&json!({"type": "AWS_PROXY", "httpMethod": "POST", "uri": uri}));
        assert!(proxy(LAMBDA_URI).is_ok());
        assert!(proxy(&LAMBDA_URI.replace("function:f", "function:${stageVariables.function}")).is_ok());
        for (uri, text) in [
            ("https://example.com/", "Invalid ARN specified in the request"),
            ("arn:aws:lambda:us-east-1:000000000000:function:f", "Invalid ARN specified in the request"),
            ("arn:aws:apigateway:us-east-1:lambda:other", "AWS ARN for integration must contain path or action"),
            (
                "arn:aws:apigateway:us-east-1:sqs:path/queue",
                "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.",
            ),
        ] {
            assert_eq!(proxy(uri).unwrap_err().message, text);
        }
    }

    #[test]
    fn a_url_has_a_host() {
        let http = |uri: &str| put(&json!({"type": "HTTP_PROXY", "httpMethod": "ANY", "uri": uri}));
        for fine in ["http://example.com", "https://example.com/{proxy}", "https://${stageVariables.host}/x"] {
            assert!(http(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "example.com",
            "ftp://example.com",
            "http://",
            "https:///x",
            "http://a b",
            "http://{x}.com",
            "http://a@b",
        ] {
            assert_eq!(http(wrong).unwrap_err().message, "Invalid HTTP endpoint specified for URI", "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_put_is_told_as_recorded() {
        for (body, text) in [
            (
                json!({"type": "HTTPS_PROXY"}),
                "1 validation error detected: Value 'HTTPS_PROXY' at 'putIntegrationInput.type' failed to satisfy \
                 constraint: Member must satisfy enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]",
            ),
            (json!({"type": "AWS_PROXY", "uri": LAMBDA_URI}), "Enumeration value for HttpMethod must be non-empty"),
            (json!({"type": "MOCK", "timeoutInMillis": 49}), "Timeout should be between 50 ms and 29000 ms"),
            (json!({"type": "MOCK", "timeoutInMillis": 29001}), "Timeout should be between 50 ms and 29000 ms"),
            (
                json!({"type": "MOCK", "requestParameters": {"integration.request.header.a": "b"}}),
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping \
                 expression parameter specified: b]",
            ),
            (
                json!({"type": "MOCK", "responseTransferMode": "STREAM"}),
                "Keyplan does not support responseTransferMode STREAM.",
            ),
            (json!({"type": "MOCK", "connectionType": "VPC_LINK"}), "Keyplan does not support VPC_LINK integrations."),
            (
                json!({"type": "MOCK", "tlsConfig": {"insecureSkipVerification": true}}),
                "Keyplan does not support insecureSkipVerification.",
            ),
        ] {
            assert_eq!(put(&body).unwrap_err().message, text);
        }
        let template = json!({"type": "MOCK", "requestTemplates": {"application/json": "#set($a = 1)"}});
        assert!(put(&template).unwrap_err().message.contains("a Velocity directive"));
    }

    #[test]
    fn an_integration_is_patched_and_checked_as_a_whole() {
        let mut integration = mock();
        let operations = [
            operation(Op::Replace, "/requestTemplates/application~1json", "{\"statusCode\": 200}"),
            operation(Op::Replace, "/timeoutInMillis", "50"),
            operation(Op::Add, "/cacheKeyParameters/method.request.querystring.x", ""),
        ];
        patch(&mut integration, &operations).unwrap();
        assert_eq!(integration.request_templates["application/json"], "{\"statusCode\": 200}");
        assert_eq!(integration.timeout_in_millis, 50);
        assert_eq!(integration.cache_key_parameters, ["method.request.querystring.x"]);
        for (path, value, text) in [
            ("/type", "HTTP", "Invalid patch path /type"),
            ("/uri", "http://example.com", "Invalid patch path /uri"),
            ("/timeoutInMillis", "x", "Timeout should be between 50 ms and 29000 ms"),
            ("/responseTransferMode", "STREAM", "Keyplan does not support responseTransferMode STREAM."),
        ] {
            let error = patch(&mut mock(), &[operation(Op::Replace, path, value)]).unwrap_err();
            assert_eq!(error.message, text);
        }
    }
}

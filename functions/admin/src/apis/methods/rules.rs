//! What a method may be.

use std::collections::{BTreeMap, BTreeSet};

use keyplan_domain::api::{Method, RestApiDefinition};
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::PutMethodInput;

use crate::apis::missing;

const VERBS: [&str; 8] = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"];
const AUTHORIZATION_TYPES: [&str; 4] = ["NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"];
/// The models that every API has.
const MODELS: [&str; 2] = ["Empty", "Error"];

/// A new method of a resource.
pub(super) fn new_method(
    definition: &RestApiDefinition,
    resource: &str,
    verb: &str,
    input: PutMethodInput,
) -> Result<Method, ApiError> {
    if !VERBS.contains(&verb) {
        return Err(ApiError::bad_request(format!(
            "Invalid HttpMethod specified. Valid options are {}",
            VERBS.join(",")
        )));
    }
    let authorization_type = input
        .authorization_type
        .ok_or_else(|| ApiError::validation(Violation::missing("putMethodInput.authorizationType")))?;
    if !definition.resources.contains_key(resource) {
        return Err(missing::resource());
    }
    if definition.method(resource, verb).is_some() {
        return Err(ApiError::conflict("Method already exists for this resource"));
    }
    let method = Method {
        http_method: verb.to_owned(),
        authorization_type,
        authorizer_id: input.authorizer_id.filter(|id| !id.is_empty()),
        api_key_required: input.api_key_required.unwrap_or_default(),
        operation_name: input.operation_name.filter(|name| !name.is_empty()),
        request_parameters: input.request_parameters.unwrap_or_default(),
        request_models: input.request_models.unwrap_or_default(),
        request_validator_id: input.request_validator_id.filter(|id| !id.is_empty()),
        authorization_scopes: input.authorization_scopes.unwrap_or_default(),
        method_responses: BTreeMap::new(),
        method_integration: None,
    };
    check(definition, &method)?;
    Ok(method)
}

/// Applies all operations, or none: the caller drops `method` on an error.
pub(super) fn patch(
    definition: &RestApiDefinition,
    method: &mut Method,
    operations: &[PatchOperation],
) -> Result<(), ApiError> {
    for operation in operations {
        apply(method, operation)?;
    }
    if method.authorization_type != "CUSTOM" && method.authorization_type != "COGNITO_USER_POOLS" {
        // As recorded: an authorizer set on a method that uses none is forgotten.
        method.authorizer_id = None;
    }
    check(definition, method)
}

fn apply(method: &mut Method, operation: &PatchOperation) -> Result<(), ApiError> {
    let segments = operation.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let text = || operation.text().map(str::to_owned);
    match segments.as_slice() {
        ["authorizationType"] => {
            operation.only_replace()?;
            method.authorization_type = text().unwrap_or_default();
        }
        ["authorizerId"] => {
            operation.only_replace()?;
            method.authorizer_id = text();
        }
        ["apiKeyRequired"] => {
            operation.only_replace()?;
            method.api_key_required = operation.boolean();
        }
        ["operationName"] => {
            operation.only_replace()?;
            method.operation_name = text();
        }
        ["requestValidatorId"] => {
            operation.only_replace()?;
            method.request_validator_id = text();
        }
        ["authorizationScopes"] => {
            let scope = text().ok_or_else(|| operation.invalid_path())?;
            method.authorization_scopes.retain(|known| *known != scope);
            match operation.op {
                Op::Add => method.authorization_scopes.push(scope),
                Op::Remove => {}
                _ => return Err(operation.invalid_path()),
            }
        }
        ["requestParameters", name] => {
            operation.add_remove_or_replace()?;
            if operation.op == Op::Remove {
                if method.request_parameters.remove(*name).is_none() {
                    return Err(ApiError::not_found("Invalid parameter name specified"));
                }
            } else {
                method.request_parameters.insert((*name).to_owned(), operation.boolean());
            }
        }
        ["requestModels", media_type] => {
            operation.add_remove_or_replace()?;
            match (operation.op, text()) {
                (Op::Remove, _) => {
                    method.request_models.remove(*media_type);
                }
                (_, Some(model)) => {
                    method.request_models.insert((*media_type).to_owned(), model);
                }
                (_, None) => return Err(operation.invalid_path()),
            }
        }
        _ => return Err(operation.invalid_path()),
    }
    Ok(())
}

fn check(definition: &RestApiDefinition, method: &Method) -> Result<(), ApiError> {
    let kind = method.authorization_type.as_str();
    if !AUTHORIZATION_TYPES.contains(&kind) {
        return Err(ApiError::bad_request(format!(
            "Invalid authorization type specified. Valid options are {}",
            AUTHORIZATION_TYPES.join(", ")
        )));
    }
    let authorizer = method.authorizer_id.as_ref().and_then(|id| definition.authorizers.get(id));
    if matches!(kind, "CUSTOM" | "COGNITO_USER_POOLS") && authorizer.is_none() {
        return Err(ApiError::bad_request(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS \
             requires a valid authorizer.",
        ));
    }
    if kind != "COGNITO_USER_POOLS" && !method.authorization_scopes.is_empty() {
        return Err(ApiError::bad_request(
            "Authorization Scopes are only valid for COGNITO_USER_POOLS authorization type",
        ));
    }
    if method.request_validator_id.is_some() {
        return Err(ApiError::bad_request("Invalid Request Validator identifier specified"));
    }
    if let Some(model) = method.request_models.values().find(|model| !MODELS.contains(&model.as_str())) {
        return Err(ApiError::bad_request(format!("Invalid model identifier specified: {model}")));
    }
    check_parameters(method.request_parameters.keys())
}

fn check_parameters<'a>(parameters: impl Iterator<Item = &'a String>) -> Result<(), ApiError> {
    const PLACES: [&str; 3] = ["header.", "querystring.", "path."];
    let mut names = BTreeSet::new();
    for parameter in parameters {
        let name = parameter
            .strip_prefix("method.request.")
            .and_then(|rest| PLACES.iter().find_map(|place| rest.strip_prefix(place)))
            .filter(|name| !name.is_empty())
            .ok_or_else(|| {
                ApiError::bad_request(format!(
                    "Invalid mapping expression specified: Validation Result: warnings : [], errors : \
                     [Invalid mapping expression parameter specified: {parameter}]"
                ))
            })?;
        if !names.insert(name) {
            return Err(ApiError::bad_request("Parameter names must be unique across querystring, header and path"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_name_is_in_one_place_only() {
        let check = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_parameters(names.iter()).map_err(|error| error.message)
        };
        assert!(check(&["method.request.header.a", "method.request.querystring.b"]).is_ok());
        assert_eq!(
            check(&["method.request.header.a", "method.request.path.a"]).unwrap_err(),
            "Parameter names must be unique across querystring, header and path"
        );
        assert!(check(&["header.a"]).unwrap_err().ends_with("specified: header.a]"));
    }
}

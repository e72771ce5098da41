use std::collections::BTreeMap;

use keyplan_domain::api::{AuthorizerType, Method, RestApiDefinition};
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::PutMethodInput;

use super::of;
use crate::apis::mapping::{check_names, check_verb, place_and_name};
use crate::apis::missing;

const AUTHORIZATION_TYPES: [&str; 4] = ["NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"];
const REQUEST: &str = "method.request";
const PLACES: [&str; 5] = ["header", "multivalueheader", "querystring", "multivaluequerystring", "path"];
/// Adds a method to a resource.
pub(super) fn put(
    definition: &mut RestApiDefinition,
    resource: &str,
    verb: &str,
    input: PutMethodInput,
) -> Result<Method, ApiError> {
    let authorization_type = input
        .authorization_type
        .ok_or_else(|| ApiError::validation(Violation::missing("putMethodInput.authorizationType")))?;
    if !definition.resources.contains_key(resource) {
        return Err(missing::resource());
    }
    check_verb(verb)?;
    if definition.method(resource, verb).is_some() {
        return Err(ApiError::conflict("Method already exists for this resource"));
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut method = Method {
        http_method: verb.to_owned(),
        authorization_type,
        authorizer_id: given(input.authorizer_id),
        api_key_required: input.api_key_required.unwrap_or(false),
        operation_name: given(input.operation_name),
        request_parameters: input.request_parameters.unwrap_or_default(),
        request_models: input.request_models.unwrap_or_default(),
        request_validator_id: given(input.request_validator_id),
        authorization_scopes: input.authorization_scopes.unwrap_or_default(),
        method_responses: BTreeMap::new(),
        method_integration: None,
    };
    check(definition, &mut method)?;
    definition.methods.entry(resource.to_owned()).or_default().insert(verb.to_owned(), method.clone());
    Ok(method)
}

/// Carries out a patch of a method (patch operations, "Method").
pub(super) fn patch(
    definition: &mut RestApiDefinition,
    resource: &str,
    verb: &str,
    operations: &[PatchOperation],
) -> Result<Method, ApiError> {
    let mut method = of(definition, resource, verb)?.clone();
    for operation in operations {
        let segments = operation.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let text = operation.text().map(str::to_owned);
        match segments.as_slice() {
            ["requestParameters", name] => {
                edit_entry(&mut method.request_parameters, name, operation, operation.boolean())?;
            }
            ["requestModels", content_type] => {
                edit_entry(&mut method.request_models, content_type, operation, text.unwrap_or_default())?;
            }
            ["authorizationScopes"] => match operation.op {
                Op::Add => method.authorization_scopes.extend(text),
                Op::Remove => method.authorization_scopes.retain(|scope| Some(scope) != text.as_ref()),
                _ => return Err(operation.invalid_path()),
            },
            [member] => {
                let set = scalar(member).ok_or_else(|| operation.invalid_path())?;
                operation.only_replace()?;
                set(&mut method, operation);
            }
            _ => return Err(operation.invalid_path()),
        }
    }
    check(definition, &mut method)?;
    *of(definition, resource, verb)? = method.clone();
    Ok(method)
}

/// How a member that can only be replaced is set; none if it is no such member.
fn scalar(member: &str) -> Option<fn(&mut Method, &PatchOperation)> {
    Some(match member {
        "authorizationType" => |method, operation| {
            method.authorization_type = operation.text().unwrap_or_default().to_owned();
        },
        "authorizerId" => |method, operation| method.authorizer_id = operation.text().map(str::to_owned),
        "apiKeyRequired" => |method, operation| method.api_key_required = operation.boolean(),
        "operationName" => |method, operation| method.operation_name = operation.text().map(str::to_owned),
        "requestValidatorId" => |method, operation| {
            method.request_validator_id = operation.text().map(str::to_owned);
        },
        _ => return None,
    })
}

/// Takes a method from a resource.
pub(super) fn delete(definition: &mut RestApiDefinition, resource: &str, verb: &str) -> Result<(), ApiError> {
    of(definition, resource, verb)?;
    if let Some(methods) = definition.methods.get_mut(resource) {
        methods.remove(verb);
    }
    Ok(())
}

/// An operation on one entry of a map; `value` is its new value.
pub(in crate::apis) fn edit_entry<T>(
    map: &mut BTreeMap<String, T>,
    name: &str,
    operation: &PatchOperation,
    value: T,
) -> Result<(), ApiError> {
    match operation.op {
        Op::Add | Op::Replace => {
            map.insert(name.to_owned(), value);
        }
        Op::Remove => {
            map.remove(name).ok_or_else(missing::parameter)?;
        }
        _ => return operation.add_remove_or_replace(),
    }
    Ok(())
}

/// Whether a method fits its API. An authorizer has no meaning without the
/// type `CUSTOM` and is dropped then, as API Gateway ignores it.
fn check(definition: &RestApiDefinition, method: &mut Method) -> Result<(), ApiError> {
    let kind = method.authorization_type.as_str();
    if !AUTHORIZATION_TYPES.contains(&kind) {
        let options = AUTHORIZATION_TYPES.join(",");
        return Err(ApiError::bad_request(format!(
            "Invalid authorization type specified. Valid options are {options}"
        )));
    }
    let authorizer = method.authorizer_id.as_ref().and_then(|id| definition.authorizers.get(id));
    let is_of_cognito = authorizer.map(|authorizer| authorizer.authorizer_type == AuthorizerType::CognitoUserPools);
    match kind {
        "CUSTOM" if is_of_cognito == Some(false) => {}
        "COGNITO_USER_POOLS" if is_of_cognito == Some(true) => {}
        "CUSTOM" | "COGNITO_USER_POOLS" => {
            return Err(ApiError::bad_request(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS \
                 requires a valid authorizer.",
            ));
        }
        _ => method.authorizer_id = None,
    }
    if !method.authorization_scopes.is_empty() && kind != "COGNITO_USER_POOLS" {
        return Err(ApiError::bad_request(
            "Authorization Scopes are only valid for COGNITO_USER_POOLS authorization type",
        ));
    }
    if method.request_validator_id.as_ref().is_some_and(|id| !definition.request_validators.contains_key(id)) {
        return Err(ApiError::bad_request("Invalid Request Validator identifier specified"));
    }
    check_models(definition, &method.request_models)?;
    check_names(method.request_parameters.keys(), REQUEST, &PLACES)?;
    let mut names: Vec<&str> =
        method.request_parameters.keys().filter_map(|key| Some(place_and_name(key, REQUEST)?.1)).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ApiError::bad_request("Parameter names must be unique across querystring, header and path"));
    }
    Ok(())
}

/// Whether models exist.
pub(in crate::apis) fn check_models(
    definition: &RestApiDefinition,
    models: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    match models.values().find(|model| !definition.models.contains_key(*model)) {
        None => Ok(()),
        Some(model) => Err(ApiError::bad_request(format!("Invalid model identifier specified: {model}"))),
    }
}

#[cfg(test)]
mod tests;

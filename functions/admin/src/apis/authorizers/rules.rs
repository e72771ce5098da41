use keyplan_domain::api::{Authorizer, AuthorizerType, RestApiDefinition};
use keyplan_domain::arn::FunctionRef;
use keyplan_wire::error::{ApiError, Violation, Violations};
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::CreateAuthorizerInput;

use crate::apis::integrations::with_variables_filled;
use crate::apis::missing;

const TYPES: [&str; 3] = ["TOKEN", "REQUEST", "COGNITO_USER_POOLS"];
const MAX_TTL: i64 = 3_600;
const IDENTITY_SOURCES: [&str; 4] =
    ["method.request.header.", "method.request.querystring.", "stageVariables.", "context."];
const PATCH_PATHS: [&str; 9] = [
    "/authorizerUri",
    "/authorizerCredentials",
    "/authorizerResultTtlInSeconds",
    "/authType",
    "/identitySource",
    "/identityValidationExpression",
    "/name",
    "/providerARNs",
    "/type",
];

/// The authorizer that a caller asks for.
pub(super) fn new_authorizer(input: CreateAuthorizerInput, id: String) -> Result<Authorizer, ApiError> {
    let mut violations = Violations::default();
    if input.name.is_none() {
        violations.push(Violation::missing("createAuthorizerInput.name"));
    }
    match input.authorizer_type.as_deref() {
        None => violations.push(Violation::missing("createAuthorizerInput.type")),
        Some(other) if !TYPES.contains(&other) => {
            violations.push(Violation::not_in(other, "createAuthorizerInput.type", &TYPES));
        }
        Some(_) => {}
    }
    violations.check()?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let authorizer_type = kind(input.authorizer_type.as_deref().unwrap_or_default())?;
    let auth_type = given(input.auth_type).unwrap_or_else(|| default_auth_type(authorizer_type).to_owned());
    let authorizer = Authorizer {
        id,
        name: input.name.unwrap_or_default(),
        authorizer_type,
        auth_type: Some(auth_type),
        provider_arns: input.provider_arns.unwrap_or_default(),
        authorizer_uri: given(input.authorizer_uri),
        authorizer_credentials: given(input.authorizer_credentials),
        identity_source: given(input.identity_source),
        identity_validation_expression: given(input.identity_validation_expression),
        authorizer_result_ttl_in_seconds: input.authorizer_result_ttl_in_seconds.map(ttl).transpose()?,
    };
    check(&authorizer)?;
    Ok(authorizer)
}

/// Carries out a patch of an authorizer (patch operations, "Authorizer").
pub(super) fn patch(authorizer: &mut Authorizer, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        let text = operation.text().map(str::to_owned);
        match (operation.op, operation.path.as_deref().unwrap_or_default()) {
            (Op::Replace, "/name") => authorizer.name = text.unwrap_or_default(),
            (Op::Replace, "/type") => authorizer.authorizer_type = kind(&text.unwrap_or_default())?,
            (Op::Replace, "/authType") => authorizer.auth_type = text,
            (Op::Replace, "/authorizerUri") => authorizer.authorizer_uri = text,
            (Op::Replace, "/authorizerCredentials") => authorizer.authorizer_credentials = text,
            (Op::Replace, "/identityValidationExpression") => authorizer.identity_validation_expression = text,
            (Op::Replace, "/authorizerResultTtlInSeconds") => {
                let seconds = text.map(|text| text.parse().unwrap_or(-1));
                authorizer.authorizer_result_ttl_in_seconds = seconds.map(ttl).transpose()?;
            }
            (Op::Add | Op::Replace, "/identitySource") => authorizer.identity_source = text,
            (Op::Remove, "/identitySource") => authorizer.identity_source = None,
            (Op::Add, "/providerARNs") => authorizer.provider_arns.extend(text),
            (Op::Remove, "/providerARNs") => match text {
                Some(arn) => authorizer.provider_arns.retain(|known| *known != arn),
                None => authorizer.provider_arns.clear(),
            },
            _ => return Err(operation.unknown_path(&PATCH_PATHS)),
        }
    }
    check(authorizer)
}

/// Names are unique within an API.
pub(super) fn check_name(definition: &RestApiDefinition, authorizer: &Authorizer) -> Result<(), ApiError> {
    let Authorizer { id, name, .. } = authorizer;
    if definition.authorizers.values().any(|other| other.id != *id && other.name == *name) {
        return Err(ApiError::bad_request(format!(
            "Authorizer name must be unique. Authorizer {name} already exists in this RestApi."
        )));
    }
    Ok(())
}

/// Deletes an authorizer that no method uses.
pub(super) fn delete(definition: &mut RestApiDefinition, id: &str) -> Result<(), ApiError> {
    if !definition.authorizers.contains_key(id) {
        return Err(missing::authorizer());
    }
    let methods =
        definition.methods.iter().flat_map(|(resource, methods)| methods.values().map(move |m| (resource, m)));
    for (resource, method) in methods {
        if method.authorizer_id.as_deref() == Some(id) {
            let path = definition.resources.get(resource).map_or(resource.as_str(), |resource| &resource.path);
            return Err(ApiError::conflict(format!(
                "Cannot delete authorizer '{id}', is used by method: {path}//{}",
                method.http_method
            )));
        }
    }
    definition.authorizers.remove(id);
    Ok(())
}

fn check(authorizer: &Authorizer) -> Result<(), ApiError> {
    if authorizer.name.is_empty() {
        return Err(ApiError::bad_request("Authorizer name cannot be an empty string"));
    }
    if authorizer.authorizer_type == AuthorizerType::CognitoUserPools {
        return check_user_pools(&authorizer.provider_arns);
    }
    let uri = authorizer.authorizer_uri.as_deref().unwrap_or_default();
    if FunctionRef::from_invocation_uri(&with_variables_filled(uri)).is_err() {
        return Err(ApiError::bad_request(format!(
            "Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN that represents a Lambda \
             function invocation."
        )));
    }
    let source = authorizer.identity_source.as_deref().unwrap_or_default();
    let sources: Vec<&str> = source.split(',').map(str::trim).filter(|source| !source.is_empty()).collect();
    let (required, known): (bool, &[&str]) = match authorizer.authorizer_type {
        AuthorizerType::Token | AuthorizerType::CognitoUserPools => (true, &IDENTITY_SOURCES[..1]),
        AuthorizerType::Request => (authorizer.ttl_seconds() > 0, &IDENTITY_SOURCES),
    };
    if sources.is_empty() && required {
        return Err(ApiError::bad_request("IdentitySource cannot be empty"));
    }
    let is_known = |source: &&str| known.iter().any(|start| source.len() > start.len() && source.starts_with(start));
    let single = authorizer.authorizer_type == AuthorizerType::Token && sources.len() > 1;
    let wrong = if single { Some(&source) } else { sources.iter().find(|source| !is_known(source)) };
    match wrong {
        None => Ok(()),
        Some(wrong) => Err(ApiError::bad_request(format!("Invalid request identity source expression: {wrong}"))),
    }
}

/// A Cognito authorizer is kept and shown; calls of its methods are refused.
fn check_user_pools(arns: &[String]) -> Result<(), ApiError> {
    let is_user_pool = |arn: &String| {
        let mut parts = arn.splitn(6, ':');
        parts.next() == Some("arn")
            && parts.nth(1) == Some("cognito-idp")
            && parts.nth(2).is_some_and(|resource| resource.starts_with("userpool/"))
    };
    match arns {
        [] => Err(ApiError::bad_request("COGNITO_USER_POOLS authorizers need at least one user pool in providerARNs")),
        arns => match arns.iter().find(|arn| !is_user_pool(arn)) {
            None => Ok(()),
            Some(arn) => Err(ApiError::bad_request(format!("Invalid Cognito Provider ARN: {arn}"))),
        },
    }
}

/// "customAuth" is what imports may say; these are what API Gateway shows.
fn default_auth_type(kind: AuthorizerType) -> &'static str {
    match kind {
        AuthorizerType::Token | AuthorizerType::Request => "custom",
        AuthorizerType::CognitoUserPools => "cognito_user_pools",
    }
}

fn kind(name: &str) -> Result<AuthorizerType, ApiError> {
    match name {
        "TOKEN" => Ok(AuthorizerType::Token),
        "REQUEST" => Ok(AuthorizerType::Request),
        "COGNITO_USER_POOLS" => Ok(AuthorizerType::CognitoUserPools),
        _ => Err(ApiError::bad_request(format!(
            "Invalid authorizer type specified. Valid options are {}",
            TYPES.join(",")
        ))),
    }
}

fn ttl(seconds: i64) -> Result<u32, ApiError> {
    let in_range = Some(seconds).filter(|seconds| (0..=MAX_TTL).contains(seconds));
    in_range.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| {
        ApiError::bad_request(format!(
            "Authorizer result TTL outside allowable range. TTL must be between 0 and {MAX_TTL} seconds."
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::apis::testing::{LAMBDA_URI, authorizer, definition_with_method, operation};

    fn create(changes: &Value) -> Result<Authorizer, ApiError> {
        let mut body = json!({
            "name": "lambda_authorizer",
            "type": "TOKEN",
            "authorizerUri": LAMBDA_URI,
            "identitySource": "method.request.header.Auth",
        });
        for (member, value) in changes.as_object().unwrap() {
            body[member] = value.clone();
        }
        new_authorizer(keyplan_wire::input::from_json(body.to_string().as_bytes()).unwrap(), "abc123".into())
    }

    #[test]
    fn an_authorizer_is_shown_as_recorded_without_the_default_ttl() {
        assert_eq!(
            serde_json::to_value(create(&json!({})).unwrap()).unwrap(),
            json!({
                "authType": "custom",
                "authorizerUri": LAMBDA_URI,
                "id": "abc123",
                "identitySource": "method.request.header.Auth",
                "name": "lambda_authorizer",
                "type": "TOKEN",
            })
        );
        let zero = create(&json!({"authorizerResultTtlInSeconds": 0})).unwrap();
        assert_eq!(serde_json::to_value(zero).unwrap()["authorizerResultTtlInSeconds"], 0);
    }

    #[test]
    fn what_cannot_be_created_is_told_as_captured() {
        for (changes, text) in [
            (
                json!({"authorizerUri": "arn:aws:lambda:x"}),
                "Invalid Authorizer URI: arn:aws:lambda:x. Authorizer URI should be a valid API Gateway ARN that \
                 represents a Lambda function invocation.",
            ),
            (json!({"identitySource": ""}), "IdentitySource cannot be empty"),
            (json!({"identitySource": "header.x"}), "Invalid request identity source expression: header.x"),
            (
                json!({"identitySource": "method.request.querystring.x"}),
                "Invalid request identity source expression: method.request.querystring.x",
            ),
            (
                json!({"authorizerResultTtlInSeconds": 3601}),
                "Authorizer result TTL outside allowable range. TTL must be between 0 and 3600 seconds.",
            ),
            (
                json!({"authorizerResultTtlInSeconds": -1}),
                "Authorizer result TTL outside allowable range. TTL must be between 0 and 3600 seconds.",
            ),
            (
                json!({"type": "COGNITO_USER_POOLS"}),
                "COGNITO_USER_POOLS authorizers need at least one user pool in providerARNs",
            ),
            (
                json!({"type": "COGNITO_USER_POOLS", "providerARNs": ["arn:aws:lambda:us-east-1:1:function:f"]}),
                "Invalid Cognito Provider ARN: arn:aws:lambda:us-east-1:1:function:f",
            ),
            (
                json!({"type": "X"}),
                "1 validation error detected: Value 'X' at 'createAuthorizerInput.type' failed to satisfy constraint: \
                 Member must satisfy enum value set: [TOKEN, REQUEST, COGNITO_USER_POOLS]",
            ),
        ] {
            assert_eq!(create(&changes).unwrap_err().message, text);
        }
    }

    #[test]
    fn a_request_authorizer_needs_no_identity_source_when_nothing_is_cached() {
        let request = |source: &str, ttl: u32| {
            create(&json!({"type": "REQUEST", "identitySource": source, "authorizerResultTtlInSeconds": ttl}))
        };
        assert!(request("", 0).is_ok());
        assert_eq!(request("", 1).unwrap_err().message, "IdentitySource cannot be empty");
        assert!(request("method.request.header.a, context.httpMethod,stageVariables.x", 1).is_ok());
    }

    #[test]
    fn an_authorizer_of_user_pools_keeps_them_and_needs_no_function() {
        let pool = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_abc";
        let of_cognito = json!({"type": "COGNITO_USER_POOLS", "providerARNs": [pool], "authorizerUri": ""});
        let mut authorizer = create(&of_cognito).unwrap();
        let shown = serde_json::to_value(&authorizer).unwrap();
        assert_eq!((&shown["type"], &shown["authType"]), (&json!("COGNITO_USER_POOLS"), &json!("cognito_user_pools")));
        assert_eq!(shown["providerARNs"], json!([pool]));
        patch(&mut authorizer, &[operation(Op::Add, "/providerARNs", &format!("{pool}d"))]).unwrap();
        patch(&mut authorizer, &[operation(Op::Remove, "/providerARNs", pool)]).unwrap();
        assert_eq!(authorizer.provider_arns, [format!("{pool}d")]);
        let none_left = patch(&mut authorizer, &[operation(Op::Remove, "/providerARNs", &format!("{pool}d"))]);
        assert_eq!(none_left.unwrap_err().status, 400);
    }

    #[test]
    fn a_patch_is_checked_as_a_whole() {
        let mut authorizer = authorizer();
        let operations = [
            operation(Op::Replace, "/type", "REQUEST"),
            operation(Op::Remove, "/identitySource", ""),
            operation(Op::Replace, "/authorizerResultTtlInSeconds", "0"),
        ];
        patch(&mut authorizer, &operations).unwrap();
        assert_eq!(authorizer.authorizer_type, AuthorizerType::Request);
        let error = patch(&mut authorizer, &[operation(Op::Replace, "/type", "TOKEN")]).unwrap_err();
        assert_eq!(error.message, "IdentitySource cannot be empty");
        let error = patch(&mut authorizer, &[operation(Op::Replace, "/id", "x")]).unwrap_err();
        assert!(error.message.starts_with("Invalid patch path  '/id' specified for op 'replace'. Must be one of: ["));
    }

    #[test]
    fn names_are_unique_and_an_authorizer_in_use_stays() {
        let mut definition = definition_with_method();
        definition.authorizers.insert("abc123".into(), authorizer());
        let other = Authorizer { id: "def456".into(), ..authorizer() };
        assert_eq!(
            check_name(&definition, &other).unwrap_err().message,
            "Authorizer name must be unique. Authorizer tokens already exists in this RestApi."
        );
        assert!(check_name(&definition, &authorizer()).is_ok());

        definition.method_mut("root", "GET").unwrap().authorizer_id = Some("abc123".into());
        assert_eq!(delete(&mut definition, "abc123").unwrap_err().status, 409);
        definition.method_mut("root", "GET").unwrap().authorizer_id = None;
        delete(&mut definition, "abc123").unwrap();
        assert_eq!(delete(&mut definition, "abc123").unwrap_err(), missing::authorizer());
    }
}

use super::*;
use crate::apis::testing::{authorizer, definition, definition_with_method, operation};

fn input(body: &str) -> PutMethodInput {
    keyplan_wire::input::from_json(body.as_bytes()).unwrap()
}

fn refusal(body: &str) -> String {
    put(&mut definition(), "root", "GET", input(body)).unwrap_err().message
}

fn patched(path: &str, value: &str) -> Result<Method, ApiError> {
    let mut definition = definition_with_method();
    definition.authorizers.insert("abc123".into(), authorizer());
    patch(&mut definition, "root", "GET", &[operation(Op::Replace, path, value)])
}

#[test]
fn a_method_needs_no_key_unless_told() {
    let mut definition = definition();
    let method = put(&mut definition, "root", "GET", input(r#"{"authorizationType":"NONE"}"#)).unwrap();
    assert_eq!(
        serde_json::to_value(&method).unwrap(),
        serde_json::json!({"apiKeyRequired": false, "authorizationType": "NONE", "httpMethod": "GET"})
    );
    let again = put(&mut definition, "root", "GET", input(r#"{"authorizationType":"NONE"}"#)).unwrap_err();
    assert_eq!((again.status, again.message.as_str()), (409, "Method already exists for this resource"));
}

#[test]
fn what_cannot_be_put_is_told_as_recorded() {
    for (members, text) in [
        (
            r#""authorizationType":"CUSTOM""#,
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a \
             valid authorizer.",
        ),
        (r#""authorizationType":"NONE","requestValidatorId":"x""#, "Invalid Request Validator identifier specified"),
        (
            r#""authorizationType":"NONE","requestModels":{"application/json":"Pet"}"#,
            "Invalid model identifier specified: Pet",
        ),
        (
            r#""authorizationType":"NONE","requestParameters":{"method.request.header.a":true,"method.request.path.a":true}"#,
            "Parameter names must be unique across querystring, header and path",
        ),
        (
            r#""authorizationType":"NONE","authorizationScopes":["a"]"#,
            "Authorization Scopes are only valid for COGNITO_USER_POOLS authorization type",
        ),
        (
            r#""authorizationType":"none""#,
            "Invalid authorization type specified. Valid options are NONE,AWS_IAM,CUSTOM,COGNITO_USER_POOLS",
        ),
    ] {
        assert_eq!(refusal(&format!("{{{members}}}")), text);
    }
    let put = |resource, verb| {
        put(&mut definition(), resource, verb, input(r#"{"authorizationType":"NONE"}"#)).unwrap_err().message
    };
    assert_eq!(
        put("root", "GIT"),
        "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"
    );
    assert_eq!(put("none", "GET"), "Invalid Resource identifier specified");
}

#[test]
fn an_authorizer_is_set_in_one_patch_whatever_its_order() {
    let mut definition = definition_with_method();
    definition.authorizers.insert("abc123".into(), authorizer());
    let operations =
        [operation(Op::Replace, "/authorizerId", "abc123"), operation(Op::Replace, "/authorizationType", "CUSTOM")];
    let method = patch(&mut definition, "root", "GET", &operations).unwrap();
    assert_eq!(method.authorizer_id.as_deref(), Some("abc123"));
    let method =
        patch(&mut definition, "root", "GET", &[operation(Op::Replace, "/authorizationType", "NONE")]).unwrap();
    assert_eq!(method.authorizer_id, None);
}

#[test]
fn an_authorizer_without_the_type_is_ignored() {
    assert_eq!(patched("/authorizerId", "abc123").unwrap().authorizer_id, None);
}

#[test]
fn what_is_no_boolean_is_false() {
    assert!(patched("/apiKeyRequired", "true").unwrap().api_key_required);
    assert!(!patched("/apiKeyRequired", "not-a-boolean").unwrap().api_key_required);
}

#[test]
fn what_cannot_be_patched_is_told_as_recorded() {
    assert_eq!(patched("/httpMethod", "PUT").unwrap_err().message, "Invalid patch path /httpMethod");
    let mut definition = definition_with_method();
    let add = operation(Op::Add, "/apiKeyRequired", "true");
    assert_eq!(
        patch(&mut definition, "root", "GET", &[add]).unwrap_err().message,
        "Invalid patch operation specified. Must be one of: [replace]"
    );
    let remove = operation(Op::Remove, "/requestParameters/method.request.header.x", "");
    assert_eq!(
        patch(&mut definition, "root", "GET", &[remove]).unwrap_err().message,
        "Invalid parameter name specified"
    );
    assert_eq!(patch(&mut definition, "root", "PUT", &[]).unwrap_err(), missing::method());
    assert_eq!(patch(&mut definition, "none", "GET", &[]).unwrap_err(), missing::resource());
}

#[test]
fn a_refused_patch_changes_nothing() {
    let mut definition = definition_with_method();
    let before = definition.clone();
    let operations =
        [operation(Op::Replace, "/apiKeyRequired", "true"), operation(Op::Replace, "/authorizationType", "CUSTOM")];
    assert!(patch(&mut definition, "root", "GET", &operations).is_err());
    assert_eq!(definition, before);
}

#[test]
fn a_deleted_method_is_gone() {
    let mut definition = definition_with_method();
    delete(&mut definition, "root", "GET").unwrap();
    assert_eq!(delete(&mut definition, "root", "GET").unwrap_err(), missing::method());
}

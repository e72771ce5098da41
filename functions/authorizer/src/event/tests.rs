use serde_json::json;

use super::*;

const METHOD: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request";

fn credential(event: Value) -> Result<String, EventError> {
    Question::decode(event).map(|question| question.credential)
}

fn request(headers: &Value, multi_value_headers: &Value) -> Value {
    json!({
        "type": "REQUEST", "methodArn": METHOD, "headers": headers,
        "multiValueHeaders": multi_value_headers, "requestContext": {},
    })
}

#[test]
fn a_token_event_carries_the_header_that_the_identity_source_names() {
    let event = json!({"type": "TOKEN", "authorizationToken": "Bearer abc", "methodArn": METHOD});
    assert_eq!(credential(event).as_deref(), Ok("Bearer abc"));
}

#[test]
fn a_request_event_carries_all_headers_named_in_any_case() {
    for name in ["Authorization", "authorization", "AUTHORIZATION"] {
        let event = request(&json!({name: "abc", "x-other": "def"}), &json!({}));
        assert_eq!(credential(event).as_deref(), Ok("abc"));
    }
}

#[test]
fn the_last_of_repeated_headers_counts() {
    let event = request(&json!(null), &json!({"Authorization": ["first", "last"]}));
    assert_eq!(credential(event).as_deref(), Ok("last"));
}

#[test]
fn no_header_is_an_empty_credential() {
    assert_eq!(credential(request(&json!({}), &json!({}))).as_deref(), Ok(""));
    assert_eq!(credential(request(&json!(null), &json!(null))).as_deref(), Ok(""));
    for token in [json!(null), json!("")] {
        let event = json!({"type": "TOKEN", "authorizationToken": token, "methodArn": METHOD});
        assert_eq!(credential(event).as_deref(), Ok(""));
    }
    assert_eq!(credential(json!({"type": "TOKEN", "methodArn": METHOD})).as_deref(), Ok(""));
}

#[test]
fn what_is_no_authorizer_event_is_refused_by_what_it_lacks() {
    for (event, because) in [
        (json!(null), EventError::Type),
        (json!([]), EventError::Type),
        (json!("TOKEN"), EventError::Type),
        (json!({}), EventError::Type),
        (json!({"type": "token", "methodArn": METHOD}), EventError::Type),
        (json!({"type": 1, "methodArn": METHOD}), EventError::Type),
        (json!({"type": "TOKEN", "authorizationToken": "abc"}), EventError::NoArn(METHOD_ARN)),
        (json!({"type": "TOKEN", "authorizationToken": 1, "methodArn": METHOD}), EventError::Members("TOKEN")),
        (json!({"type": "REQUEST", "version": "kp_secret", "methodArn": METHOD}), EventError::Version),
        (json!({"type": "REQUEST", "version": 2.0, "methodArn": METHOD}), EventError::Version),
        (request(&json!("kp_secret"), &json!({})), EventError::Members("REQUEST")),
        (request(&json!({"Authorization": {"kp_secret": 1}}), &json!({})), EventError::Members("REQUEST")),
        (
            json!({"type": "TOKEN", "authorizationToken": "abc", "methodArn": "kp_secret"}),
            EventError::Arn { member: METHOD_ARN, because: InvalidArn::Form },
        ),
    ] {
        assert_eq!(credential(event.clone()), Err(because), "{event}");
        assert!(!because.to_string().contains("kp_secret"));
    }
}

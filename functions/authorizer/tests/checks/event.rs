use keyplan_authorizer::jwt::JwtRejection;
use keyplan_authorizer::{AuthorizerError, EventError, Rejection};
use keyplan_domain::arn::{InvalidArn, MethodArn};
use keyplan_domain::policy::PolicyDocument;
use keyplan_domain::token::{TokenError, bearer};
use serde_json::Value;

use super::subject::{KEY_VALUE, Subject};

/// Any bytes as an event, whatever API asks: an answer is for a valid token
/// alone, within the stage that is called and without what its asker must not
/// get; and all else is refused in words that repeat nothing of the event.
pub(crate) fn check(bytes: &[u8]) {
    // What is no JSON never comes as far as the function.
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
    let subject = Subject::shared();
    for authorizer in [&subject.simple, &subject.iam] {
        match subject.ask(authorizer, &event) {
            Ok(answer) => answered(&event, &answer),
            Err(error) => refused(&error),
        }
    }
}

fn answered(event: &Value, answer: &Value) {
    let valid = &Subject::shared().valid;
    assert!(
        has_text(event, &|text| valid.iter().any(|token| bearer(text) == token.expose())),
        "nobody asked: {answer}"
    );
    assert!(!has_null(answer), "{answer}");
    let is_http_api = event["type"] == "REQUEST" && event["version"].is_string();
    assert_eq!(answer.to_string().contains(KEY_VALUE), !is_http_api, "{answer}");
    assert_eq!(answer.get("usageIdentifierKey").is_some(), !is_http_api, "{answer}");
    let arn = event["routeArn"].as_str().filter(|_| is_http_api && event["version"] == "2.0");
    let arn = arn.or(event["methodArn"].as_str()).expect("an answer is about a method");
    match answer.get("isAuthorized") {
        Some(authorized) => {
            let members = answer.as_object().expect("an object");
            assert_eq!(event["version"], "2.0");
            assert_eq!(members.len(), if authorized == true { 2 } else { 1 }, "{answer}");
            assert_eq!(members.contains_key("context"), authorized == true, "{answer}");
        }
        None => within_its_stage(arn, answer),
    }
}

fn within_its_stage(arn: &str, answer: &Value) {
    assert_eq!(answer["principalId"], "alice");
    let policy = &answer["policyDocument"];
    assert!(PolicyDocument::parse(policy).is_ok(), "{policy}");
    let stage = format!("{}/", MethodArn::parse(arn).expect("a method is called").stage);
    for statement in policy["Statement"].as_array().expect("statements") {
        let resource = statement["Resource"].as_str().expect("a resource");
        assert!(resource.starts_with(&stage), "{resource} is not within {stage}");
    }
}

/// Every refusal there is can be told beforehand, without the event.
fn refused(error: &AuthorizerError) {
    let told = |error: &AuthorizerError| format!("{error} {} {error:?}", error.kind());
    let expected = refusals();
    assert!(expected.iter().any(|expected| told(expected) == told(error)), "{}", told(error));
    if matches!(error, AuthorizerError::Unauthorized(_)) {
        assert_eq!(error.to_string(), "Unauthorized");
    } else {
        assert!(error.to_string().contains("must be") || error.to_string().contains("must name"), "{error}");
    }
}

fn refusals() -> Vec<AuthorizerError> {
    let malformed = [TokenError::Length, TokenError::Prefix, TokenError::Alphabet, TokenError::Checksum];
    let mut rejections = vec![Rejection::Missing, Rejection::Unknown, Rejection::NoKey];
    rejections.extend(jwt_rejections().map(Rejection::Jwt));
    rejections.extend(malformed.map(Rejection::Malformed));
    rejections.push(Rejection::Expired { token_id: Subject::shared().expired.id() });
    let mut events = vec![EventError::Type, EventError::Version];
    events.extend(["TOKEN", "REQUEST", "REQUEST 1.0", "REQUEST 2.0"].map(EventError::Members));
    for member in ["methodArn", "routeArn"] {
        events.push(EventError::NoArn(member));
        for because in [
            InvalidArn::Form,
            InvalidArn::Partition,
            InvalidArn::Service { expected: "execute-api" },
            InvalidArn::Region,
            InvalidArn::Account { expected: "12 digits" },
            InvalidArn::Resource { expected: "{api}/{stage}/{VERB}/{path}" },
            InvalidArn::TooLong { limit: MethodArn::MAX_BYTES },
        ] {
            events.push(EventError::Arn { member, because });
        }
    }
    rejections.into_iter().map(AuthorizerError::from).chain(events.into_iter().map(AuthorizerError::from)).collect()
}

fn jwt_rejections() -> [JwtRejection; 14] {
    use JwtRejection::*;
    [
        TooLong, Form, Algorithm, Critical, Type, Issuer, Date, Expired, NotYet, Audience, Claims, Subject, UnknownKey,
        Signature,
    ]
}

fn has_text(value: &Value, is_it: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_it(text),
        Value::Array(values) => values.iter().any(|value| has_text(value, is_it)),
        Value::Object(members) => members.values().any(|value| has_text(value, is_it)),
        _ => false,
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

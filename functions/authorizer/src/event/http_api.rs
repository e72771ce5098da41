//! The credential in REQUEST events of HTTP APIs: the `Authorization` header, else
//! what the authorizer's identity source names.

use aws_lambda_events::apigw::{ApiGatewayV2CustomAuthorizerV1Request, ApiGatewayV2CustomAuthorizerV2Request};
use http::HeaderMap;

/// Of payload format 1.0, whose `identitySource` has the values of all identity
/// sources, with commas between them.
pub(super) fn of_v1(event: &ApiGatewayV2CustomAuthorizerV1Request) -> String {
    // No token has a comma.
    let identity = event.identity_source.as_deref().filter(|values| !values.contains(','));
    authorization(&event.headers).or(identity.map(str::to_owned)).unwrap_or_default()
}

/// Of payload format 2.0, whose identity sources may have `$context.routeKey`
/// among them, which is there to have answers cached per route.
pub(super) fn of_v2(event: &ApiGatewayV2CustomAuthorizerV2Request) -> String {
    let values = event.identity_source.as_deref().unwrap_or_default();
    let mut others = values.iter().filter(|value| Some(*value) != event.route_key.as_ref());
    let identity = match (others.next(), others.next()) {
        (Some(one), None) => Some(one.clone()),
        _ => None,
    };
    authorization(&event.headers).or(identity).unwrap_or_default()
}

/// HTTP APIs join repeated headers with a comma.
fn authorization(headers: &HeaderMap) -> Option<String> {
    // A value beyond ASCII is no token, and neither is this one.
    headers.get("authorization").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use keyplan_domain::arn::InvalidArn;
    use serde_json::{Value, json};

    use super::super::{Asker, EventError, Question};

    const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/$default/GET/pets/1";

    fn v1(headers: &Value, identity_source: &Value) -> Value {
        json!({
            "version": "1.0", "type": "REQUEST", "methodArn": ARN, "httpMethod": "GET", "headers": headers,
            "identitySource": identity_source, "authorizationToken": identity_source,
            "requestContext": {"httpMethod": "GET", "identity": {}},
        })
    }

    fn v2(headers: &Value, identity_source: &Value) -> Value {
        json!({
            "version": "2.0", "type": "REQUEST", "routeArn": ARN, "routeKey": "GET /pets/{id}",
            "headers": headers, "identitySource": identity_source,
            "requestContext": {"http": {"method": "GET"}, "timeEpoch": 1},
        })
    }

    fn credential(event: Value) -> Result<String, EventError> {
        Question::decode(event).map(|question| question.credential)
    }

    #[test]
    fn the_version_says_who_asks_and_the_arn_which_route_is_called() {
        for (event, asker) in
            [(v1(&json!({}), &json!(null)), Asker::HttpApiV1), (v2(&json!({}), &json!(null)), Asker::HttpApiV2)]
        {
            let question = Question::decode(event).unwrap();
            assert_eq!(question.asker, asker);
            let method = question.method().unwrap();
            assert_eq!((method.stage.stage, method.verb, method.path()), ("$default", "GET", "pets/1"));
        }
    }

    #[test]
    fn the_authorization_header_counts_before_any_identity_source() {
        for name in ["authorization", "Authorization"] {
            let headers = json!({"accept": "*/*", name: "Bearer abc", "x-name": "\u{e9}"});
            assert_eq!(credential(v1(&headers, &json!("def"))).as_deref(), Ok("Bearer abc"));
            assert_eq!(credential(v2(&headers, &json!(["def"]))).as_deref(), Ok("Bearer abc"));
        }
    }

    #[test]
    fn without_that_header_the_one_identity_source_counts() {
        for headers in [json!({"x-token": "abc"}), json!({})] {
            assert_eq!(credential(v1(&headers, &json!("abc"))).as_deref(), Ok("abc"));
            assert_eq!(credential(v2(&headers, &json!(["abc"]))).as_deref(), Ok("abc"));
        }
    }

    #[test]
    fn the_route_key_among_the_identity_sources_is_no_credential() {
        for sources in [json!(["abc", "GET /pets/{id}"]), json!(["GET /pets/{id}", "abc"])] {
            assert_eq!(credential(v2(&json!({}), &sources)).as_deref(), Ok("abc"));
        }
        assert_eq!(credential(v2(&json!({}), &json!(["GET /pets/{id}"]))).as_deref(), Ok(""));
    }

    #[test]
    fn of_several_identity_sources_none_is_guessed_to_be_the_credential() {
        assert_eq!(credential(v1(&json!({}), &json!("user1,123"))).as_deref(), Ok(""));
        assert_eq!(credential(v2(&json!({}), &json!(["user1", "123"]))).as_deref(), Ok(""));
        assert_eq!(credential(v2(&json!({}), &json!([]))).as_deref(), Ok(""));
        assert_eq!(credential(v2(&json!({}), &json!(null))).as_deref(), Ok(""));
    }

    #[test]
    fn a_malformed_event_is_refused_by_what_it_lacks() {
        let with = |mut event: Value, member: &str, value: Value| {
            event[member] = value;
            event
        };
        let (v1, v2) = (v1(&json!({}), &json!(null)), v2(&json!({}), &json!(null)));
        let form = InvalidArn::Resource { expected: "{api}/{stage}/{VERB}/{path}" };
        let of_default = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/$default";
        for (event, because) in [
            (with(v1.clone(), "methodArn", json!(null)), EventError::NoArn("methodArn")),
            (with(v2.clone(), "routeArn", json!(null)), EventError::NoArn("routeArn")),
            // Each format has its own member for it.
            (with(with(v2.clone(), "routeArn", json!(null)), "methodArn", json!(ARN)), EventError::NoArn("routeArn")),
            (
                with(v2.clone(), "routeArn", json!("kp_secret")),
                EventError::Arn { member: "routeArn", because: InvalidArn::Form },
            ),
            (with(v2.clone(), "routeArn", json!(of_default)), EventError::Arn { member: "routeArn", because: form }),
            (with(v1.clone(), "methodArn", json!(of_default)), EventError::Arn { member: "methodArn", because: form }),
            (with(v1.clone(), "identitySource", json!(["kp_secret"])), EventError::Members("REQUEST 1.0")),
            (with(v1, "headers", json!("kp_secret")), EventError::Members("REQUEST 1.0")),
            (with(v2.clone(), "identitySource", json!("kp_secret")), EventError::Members("REQUEST 2.0")),
            (
                with(v2.clone(), "headers", json!({"authorization": {"kp_secret": 1}})),
                EventError::Members("REQUEST 2.0"),
            ),
            (with(v2, "version", json!("3.0")), EventError::Version),
        ] {
            assert_eq!(credential(event.clone()), Err(because), "{event}");
            assert!(!because.to_string().contains("kp_secret"));
        }
    }
}

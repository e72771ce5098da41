//! REQUEST events of HTTP APIs. Of their members those alone are read that are
//! used: whatever else API Gateway may put into them fails nobody's call.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Payload format 1.0, which has the form of a REST API's event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct V1 {
    pub(super) method_arn: Option<String>,
    /// The values of all identity sources, with commas between them.
    identity_source: Option<String>,
    headers: Option<Headers>,
}

/// Payload format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct V2 {
    pub(super) route_arn: Option<String>,
    route_key: Option<String>,
    /// The value of each identity source.
    identity_source: Option<Vec<String>>,
    headers: Option<Headers>,
}

/// By name, in whatever case. HTTP APIs join repeated ones with a comma.
#[derive(Deserialize)]
struct Headers(BTreeMap<String, String>);

impl V1 {
    /// The `Authorization` header, else the one identity source.
    pub(super) fn credential(&self) -> String {
        // No token has a comma.
        let identity = self.identity_source.as_deref().filter(|values| !values.contains(','));
        authorization(self.headers.as_ref()).or(identity).unwrap_or_default().to_owned()
    }
}

impl V2 {
    /// The `Authorization` header, else the one identity source besides
    /// `$context.routeKey`, which is there to have answers cached per route.
    pub(super) fn credential(&self) -> String {
        let values = self.identity_source.as_deref().unwrap_or_default();
        let mut others = values.iter().filter(|value| Some(*value) != self.route_key.as_ref());
        let identity = match (others.next(), others.next()) {
            (Some(one), None) => Some(one.as_str()),
            _ => None,
        };
        authorization(self.headers.as_ref()).or(identity).unwrap_or_default().to_owned()
    }
}

fn authorization(headers: Option<&Headers>) -> Option<&str> {
    let Headers(headers) = headers?;
    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use keyplan_domain::arn::InvalidArn;
    use serde_json::{Value, json};

    use super::super::{Asker, EventError, Question};

    const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/$default/GET/pets/1";

    fn v1(headers: &Value, identity_source: &Value) -> Value {
        json!({
            "version": "1.0", "type": "REQUEST", "methodArn": ARN, "headers": headers,
            "identitySource": identity_source, "authorizationToken": identity_source,
        })
    }

    fn v2(headers: &Value, identity_source: &Value) -> Value {
        json!({
            "version": "2.0", "type": "REQUEST", "routeArn": ARN, "routeKey": "GET /pets/{id}",
            "headers": headers, "identitySource": identity_source,
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
        for headers in [json!({"x-token": "abc"}), json!({}), json!(null)] {
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
            (json!({"version": "2.0", "type": "REQUEST", "methodArn": ARN}), EventError::NoArn("routeArn")),
            (
                with(v2.clone(), "routeArn", json!("kp_secret")),
                EventError::Arn { member: "routeArn", because: InvalidArn::Form },
            ),
            (with(v2.clone(), "routeArn", json!(of_default)), EventError::Arn { member: "routeArn", because: form }),
            (with(v1.clone(), "methodArn", json!(of_default)), EventError::Arn { member: "methodArn", because: form }),
            (with(v1.clone(), "identitySource", json!(["kp_secret"])), EventError::Members("REQUEST 1.0")),
            (with(v1, "headers", json!("kp_secret")), EventError::Members("REQUEST 1.0")),
            (with(v2.clone(), "identitySource", json!("kp_secret")), EventError::Members("REQUEST 2.0")),
            (with(v2.clone(), "headers", json!({"authorization": ["kp_secret"]})), EventError::Members("REQUEST 2.0")),
            (with(v2, "version", json!("3.0")), EventError::Version),
        ] {
            assert_eq!(credential(event.clone()), Err(because), "{event}");
            assert!(!because.to_string().contains("kp_secret"));
        }
    }
}

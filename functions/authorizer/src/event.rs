//! What API Gateway asks, in each form of the question.

mod http_api;

use aws_lambda_events::apigw::{
    ApiGatewayCustomAuthorizerRequest, ApiGatewayCustomAuthorizerRequestTypeRequest,
    ApiGatewayV2CustomAuthorizerV1Request, ApiGatewayV2CustomAuthorizerV2Request,
};
use keyplan_domain::arn::{InvalidArn, MethodArn};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why an event is none of API Gateway's authorizer events. Nothing of the
/// event is repeated: a token may be anywhere in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// No object with a known `type`.
    #[error("`type` must be TOKEN or REQUEST")]
    Type,
    /// A member that is not of the type API Gateway gives it.
    #[error("the members must be those of a {0} event")]
    Members(&'static str),
    /// A payload format that is unknown.
    #[error("`version` must be 1.0 or 2.0 where there is one")]
    Version,
    /// No `methodArn`, or no `routeArn`.
    #[error("`{0}` must be there")]
    NoArn(&'static str),
    /// One that names no method.
    #[error("`{member}` must name a method: {because}")]
    Arn {
        /// `methodArn` or `routeArn`.
        member: &'static str,
        /// What is wrong with it.
        because: InvalidArn,
    },
}

/// Who asks, by which API Gateway expects one answer or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A REST API, which counts by the key that the answer names.
    RestApi,
    /// An HTTP API whose authorizer has payload format 1.0.
    HttpApiV1,
    /// An HTTP API whose authorizer has payload format 2.0.
    HttpApiV2,
}

const METHOD_ARN: &str = "methodArn";
const ROUTE_ARN: &str = "routeArn";

/// Who asks to be let in, and where (API Gateway developer guide, "Input to an
/// API Gateway Lambda authorizer", and "Control access to HTTP APIs with AWS
/// Lambda authorizers").
pub(crate) struct Question {
    pub(crate) asker: Asker,
    /// The `Authorization` header or, of a TOKEN event and where an HTTP API has
    /// no such header, what the authorizer's identity source names; empty when
    /// there was none.
    pub(crate) credential: String,
    method_arn: String,
}

impl Question {
    /// Reads a TOKEN or REQUEST event, the latter of a REST or an HTTP API.
    /// Only events of HTTP APIs say which `version` they are of.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn decode(event: Value) -> Result<Self, EventError> {
        let (asker, credential, arn) = match event.get("type").and_then(Value::as_str) {
            Some("TOKEN") => {
                let event: ApiGatewayCustomAuthorizerRequest = members(event, "TOKEN")?;
                (Asker::RestApi, event.authorization_token.unwrap_or_default(), event.method_arn)
            }
            Some("REQUEST") => match event.get("version") {
                None | Some(Value::Null) => {
                    let event: ApiGatewayCustomAuthorizerRequestTypeRequest = members(event, "REQUEST")?;
                    (Asker::RestApi, authorization(&event), event.method_arn)
                }
                Some(Value::String(version)) if version == "1.0" => {
                    let event: ApiGatewayV2CustomAuthorizerV1Request = members(event, "REQUEST 1.0")?;
                    (Asker::HttpApiV1, http_api::of_v1(&event), event.method_arn)
                }
                Some(Value::String(version)) if version == "2.0" => {
                    let event: ApiGatewayV2CustomAuthorizerV2Request = members(event, "REQUEST 2.0")?;
                    (Asker::HttpApiV2, http_api::of_v2(&event), event.route_arn)
                }
                Some(_) => return Err(EventError::Version),
            },
            _ => return Err(EventError::Type),
        };
        let method_arn = arn.ok_or(EventError::NoArn(asker.arn_member()))?;
        let question = Self { asker, credential, method_arn };
        question.method()?;
        Ok(question)
    }

    /// The method, or the route, that is called.
    pub(crate) fn method(&self) -> Result<MethodArn<'_>, EventError> {
        MethodArn::parse(&self.method_arn)
            .map_err(|because| EventError::Arn { member: self.asker.arn_member(), because })
    }
}

impl Asker {
    /// Which member of its events names what is called.
    fn arn_member(self) -> &'static str {
        match self {
            Self::RestApi | Self::HttpApiV1 => METHOD_ARN,
            Self::HttpApiV2 => ROUTE_ARN,
        }
    }
}

/// Of a repeated header the last value counts, as in API Gateway's `headers`.
fn authorization(event: &ApiGatewayCustomAuthorizerRequestTypeRequest) -> String {
    const NAME: &str = "authorization";
    let header = event.headers.get(NAME).or_else(|| event.multi_value_headers.get_all(NAME).iter().next_back());
    // A value beyond ASCII is no token, and neither is this one.
    header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

/// serde's own words are dropped, since they repeat what they stumbled over.
fn members<E: DeserializeOwned>(event: Value, kind: &'static str) -> Result<E, EventError> {
    serde_json::from_value(event).map_err(|_| EventError::Members(kind))
}

#[cfg(test)]
mod tests {
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
            (json!({"type": "REQUEST", "methodArn": METHOD}), EventError::Members("REQUEST")),
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
}

//! What a Lambda authorizer answers API Gateway with.

use std::collections::BTreeMap;

use keyplan_domain::key::KeyValue;
use keyplan_domain::policy::PolicyDocument;
use serde::Serialize;

/// The answer of a Lambda authorizer (developer guide, "Output from an API
/// Gateway Lambda authorizer").
///
/// It has no null anywhere: what is unset is left out, since API Gateway turns
/// a null in it into a 500. `usageIdentifierKey` stands at the root, where
/// alone it is looked for. Prints without the key's value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerAnswer {
    /// Who the caller is.
    pub principal_id: String,
    /// What the caller may reach: of the whole stage, since the answer is
    /// cached and serves every method.
    pub policy_document: PolicyDocument,
    /// `$context.authorizer.*`, and `requestContext.authorizer` of a proxy event.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, ContextValue>,
    /// The **value**, not the id, of the API key whose usage plan counts the
    /// call when the API's key source is `AUTHORIZER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_identifier_key: Option<KeyValue>,
}

/// The answer of an authorizer of an HTTP API that has simple responses enabled
/// (developer guide, "Control access to HTTP APIs with AWS Lambda authorizers").
///
/// It is about the one route that is called, and knows neither principal nor
/// policy nor key: HTTP APIs have no usage plans. What is unset is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimpleAuthorizerAnswer {
    /// Whether the call goes through; otherwise it is answered 403.
    pub is_authorized: bool,
    /// `$context.authorizer.*` of access logs, and
    /// `requestContext.authorizer.lambda` of an integration's event.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, ContextValue>,
}

/// A value of an answer's `context`: a scalar, the only kind API Gateway takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
}

impl From<&str> for ContextValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ContextValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for ContextValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for ContextValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> AuthorizerAnswer {
        AuthorizerAnswer {
            principal_id: "alice".into(),
            policy_document: PolicyDocument::allow(["arn:aws:execute-api:us-east-1:000000000000:api/prod/*/*"])
                .unwrap(),
            context: BTreeMap::new(),
            usage_identifier_key: None,
        }
    }

    #[test]
    fn what_is_unset_is_left_out_and_never_null() {
        assert_eq!(
            serde_json::to_value(answer()).unwrap(),
            json!({
                "principalId": "alice",
                "policyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Action": "execute-api:Invoke",
                        "Effect": "Allow",
                        "Resource": "arn:aws:execute-api:us-east-1:000000000000:api/prod/*/*",
                    }],
                },
            })
        );
    }

    #[test]
    fn the_key_stands_at_the_root_and_context_holds_scalars() {
        let answer = AuthorizerAnswer {
            context: BTreeMap::from([
                ("keyId".to_owned(), "x5k3eopvub".into()),
                ("plans".to_owned(), 2.into()),
                ("trial".to_owned(), true.into()),
            ]),
            usage_identifier_key: Some(KeyValue::known("a-value-of-20-characters".into())),
            ..answer()
        };
        let json = serde_json::to_value(answer).unwrap();
        assert_eq!(json["usageIdentifierKey"], "a-value-of-20-characters");
        assert_eq!(json["context"], json!({"keyId": "x5k3eopvub", "plans": 2, "trial": true}));
    }

    #[test]
    fn a_simple_answer_is_a_flag_and_a_context_if_there_is_any() {
        let json = |answer: &SimpleAuthorizerAnswer| serde_json::to_value(answer).unwrap();
        let refused = SimpleAuthorizerAnswer { is_authorized: false, context: BTreeMap::new() };
        assert_eq!(json(&refused), json!({"isAuthorized": false}));
        let context = BTreeMap::from([("principalId".to_owned(), "alice".into())]);
        let allowed = SimpleAuthorizerAnswer { is_authorized: true, context };
        assert_eq!(json(&allowed), json!({"isAuthorized": true, "context": {"principalId": "alice"}}));
    }

    #[test]
    fn an_answer_prints_without_the_value_of_the_key() {
        let answer = AuthorizerAnswer {
            usage_identifier_key: Some(KeyValue::known("a-value-of-20-characters".into())),
            ..answer()
        };
        assert!(!format!("{answer:?}").contains("a-value-of"));
    }
}

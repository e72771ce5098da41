//! What API Gateway is told of a valid token.

use std::collections::BTreeMap;

use keyplan_domain::key::KeyValue;
use keyplan_domain::policy::{INVOKE, PolicyDocument, Verdict};
use keyplan_domain::token::{Scope, TokenRecord};
use keyplan_wire::{AuthorizerAnswer, ContextValue, SimpleAuthorizerAnswer};
use serde::Serialize;

use crate::event::{Asker, Question};
use crate::{AuthorizerError, HttpApiResponse};

/// An answer in the form that whoever asks expects.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    /// A policy over the stage.
    Policy(AuthorizerAnswer),
    /// Whether the one route that is called may be.
    Simple(SimpleAuthorizerAnswer),
}

/// The answer for a token that reaches the whole stage or, if it has scopes,
/// what these name of it. Its `context` is what the look-up told anyway:
/// `apiKeyId`, `tokenId` and, separated by blanks, `scopes`; in a simple answer
/// `principalId` too, which has no other place there.
///
/// The key's value is for REST APIs alone: HTTP APIs have no usage plans, and
/// would hand it to whoever reads their logs.
///
/// # Errors
/// When a scope is too long to be a policy's resource.
pub(crate) fn of(
    record: &TokenRecord,
    key_value: &KeyValue,
    question: &Question,
    http_api_response: HttpApiResponse,
) -> Result<Answer, AuthorizerError> {
    let method = question.method()?;
    let resources: Vec<String> = if record.scopes.is_empty() {
        vec![method.stage.all_methods()]
    } else {
        record.scopes.iter().map(|scope| method.stage.methods(scope.as_str())).collect()
    };
    let policy_document = PolicyDocument::allow(resources)?;
    let principal_id = record.principal_id.clone();
    let mut context = context(record);
    let usage_identifier_key = match (question.asker, http_api_response) {
        (Asker::HttpApiV2, HttpApiResponse::Simple) => {
            // Nobody else will hold the scopes against what is called.
            let is_authorized = policy_document.evaluate(INVOKE, &method.to_string()) == Verdict::Allow;
            if is_authorized {
                context.insert("principalId".to_owned(), principal_id.into());
            } else {
                context.clear();
            }
            return Ok(Answer::Simple(SimpleAuthorizerAnswer { is_authorized, context }));
        }
        (Asker::HttpApiV1 | Asker::HttpApiV2, _) => None,
        (Asker::RestApi, _) => Some(key_value.clone()),
    };
    Ok(Answer::Policy(AuthorizerAnswer { principal_id, policy_document, context, usage_identifier_key }))
}

fn context(record: &TokenRecord) -> BTreeMap<String, ContextValue> {
    let mut context = BTreeMap::from([
        ("apiKeyId".to_owned(), record.key_id.as_str().into()),
        ("tokenId".to_owned(), record.id.as_str().into()),
    ]);
    if !record.scopes.is_empty() {
        let scopes: Vec<&str> = record.scopes.iter().map(Scope::as_str).collect();
        context.insert("scopes".to_owned(), scopes.join(" ").into());
    }
    context
}

#[cfg(test)]
mod tests {
    use keyplan_domain::key::ApiKeyId;
    use keyplan_domain::time::Timestamp;
    use keyplan_domain::token::TokenId;
    use serde_json::{Value, json};

    use super::*;

    const API: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123";
    const KEY_VALUE: &str = "a-value-of-20-characters";

    fn rest_api() -> Value {
        json!({"type": "TOKEN", "methodArn": format!("{API}/test/GET/request")})
    }

    fn http_api_v1() -> Value {
        json!({"version": "1.0", "type": "REQUEST", "methodArn": format!("{API}/$default/GET/pets/1")})
    }

    /// A call of `method`, which is a verb and a path.
    fn http_api_v2(method: &str) -> Value {
        json!({"version": "2.0", "type": "REQUEST", "routeArn": format!("{API}/$default/{method}")})
    }

    fn answer(scopes: &[&str]) -> Answer {
        answer_to(rest_api(), scopes, HttpApiResponse::default())
    }

    fn answer_to(event: Value, scopes: &[&str], http_api_response: HttpApiResponse) -> Answer {
        let record = TokenRecord {
            id: TokenId::new("tokenid001"),
            key_id: ApiKeyId::new("x5k3eopvub"),
            principal_id: "alice".into(),
            scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
            created_date: Timestamp::from_seconds(1),
            expires: None,
        };
        let question = Question::decode(event).unwrap();
        of(&record, &KeyValue::known(KEY_VALUE.into()), &question, http_api_response).unwrap()
    }

    #[test]
    fn a_token_without_scopes_reaches_the_whole_stage() {
        insta::assert_json_snapshot!(answer(&[]), @r#"
        {
          "principalId": "alice",
          "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
              {
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/*/*"
              }
            ]
          },
          "context": {
            "apiKeyId": "x5k3eopvub",
            "tokenId": "tokenid001"
          },
          "usageIdentifierKey": "a-value-of-20-characters"
        }
        "#);
    }

    #[test]
    fn each_scope_is_a_statement() {
        insta::assert_json_snapshot!(answer(&["GET/pets/*", "*/toys"]), @r#"
        {
          "principalId": "alice",
          "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
              {
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets/*"
              },
              {
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/*/toys"
              }
            ]
          },
          "context": {
            "apiKeyId": "x5k3eopvub",
            "scopes": "GET/pets/* */toys",
            "tokenId": "tokenid001"
          },
          "usageIdentifierKey": "a-value-of-20-characters"
        }
        "#);
    }

    #[test]
    fn a_policy_for_an_http_api_is_over_its_stage_and_names_no_key() {
        for (event, response) in [
            (http_api_v1(), HttpApiResponse::Simple),
            (http_api_v1(), HttpApiResponse::Iam),
            (http_api_v2("GET/pets/1"), HttpApiResponse::Iam),
        ] {
            let answer = serde_json::to_value(answer_to(event, &["GET/pets/*", "*/toys"], response)).unwrap();
            let allow = |resource: String| json!({"Action": INVOKE, "Effect": "Allow", "Resource": resource});
            let expected = json!({
                "principalId": "alice",
                "policyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        allow(format!("{API}/$default/GET/pets/*")),
                        allow(format!("{API}/$default/*/toys")),
                    ],
                },
                "context": {"apiKeyId": "x5k3eopvub", "scopes": "GET/pets/* */toys", "tokenId": "tokenid001"},
            });
            assert_eq!(answer, expected);
        }
    }

    /// `$` alone makes no policy variable.
    #[test]
    fn a_policy_over_the_default_stage_allows_what_is_in_it() {
        let Answer::Policy(answer) = answer_to(http_api_v1(), &[], HttpApiResponse::Iam) else {
            panic!("not a policy");
        };
        for (method, verdict) in [
            ("$default/GET/", Verdict::Allow),
            ("$default/DELETE/pets/1", Verdict::Allow),
            ("test/GET/pets/1", Verdict::ImplicitDeny),
        ] {
            assert_eq!(answer.policy_document.evaluate(INVOKE, &format!("{API}/{method}")), verdict, "{method}");
        }
    }

    #[test]
    fn a_simple_answer_allows_and_tells_who_it_is_but_no_key() {
        let answer = answer_to(http_api_v2("GET/"), &[], HttpApiResponse::Simple);
        let context = json!({"apiKeyId": "x5k3eopvub", "principalId": "alice", "tokenId": "tokenid001"});
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"isAuthorized": true, "context": context}));
    }

    #[test]
    fn a_simple_answer_holds_the_scopes_against_the_route_that_is_called() {
        let scopes = ["GET/pets/*", "*/toys"];
        for (method, is_authorized) in [
            ("GET/pets/1", true),
            ("GET/pets/1/toys", true),
            ("DELETE/toys", true),
            ("DELETE/pets/1", false),
            ("GET/pets", false),
            ("GET/toys/1", false),
            ("GET/", false),
        ] {
            let answer = answer_to(http_api_v2(method), &scopes, HttpApiResponse::Simple);
            let answer = serde_json::to_value(answer).unwrap();
            assert_eq!(answer["isAuthorized"], is_authorized, "{method}");
            // Whom it refuses it says nothing of.
            let expected = is_authorized.then(|| json!("GET/pets/* */toys"));
            assert_eq!(answer.get("context").map(|context| context["scopes"].clone()), expected, "{method}");
        }
    }
}

//! What API Gateway is told of a valid token.

use std::collections::BTreeMap;

use keyplan_domain::key::{ApiKeyId, KeyValue};
use keyplan_domain::policy::{INVOKE, PolicyDocument, Verdict};
use keyplan_domain::token::Scope;
use keyplan_wire::{AuthorizerAnswer, ContextValue, SimpleAuthorizerAnswer};
use serde::Serialize;

use crate::event::{Asker, Question};
use crate::{AuthorizerError, HttpApiResponse};

/// An answer in the form that whoever asks expects.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A policy over the stage.
    Policy(AuthorizerAnswer),
    /// Whether the one route that is called may be.
    Simple(SimpleAuthorizerAnswer),
}

impl Answer {
    /// Whether it lets through what was asked about.
    pub(crate) fn allows(&self, question: &Question) -> bool {
        match self {
            Self::Simple(answer) => answer.is_authorized,
            Self::Policy(answer) => question
                .method()
                .is_ok_and(|method| answer.policy_document.evaluate(INVOKE, &method.to_string()) == Verdict::Allow),
        }
    }
}

/// What a valid token lets its holder do.
#[derive(Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) principal_id: &'a str,
    pub(crate) key_id: &'a ApiKeyId,
    pub(crate) key_value: &'a KeyValue,
    /// What it reaches of the stage; all, if `None`.
    pub(crate) scopes: Option<&'a [Scope]>,
    /// What else the backend is told.
    pub(crate) context: BTreeMap<String, ContextValue>,
}

/// The answer for a grant: a policy over the whole stage or, if the token has
/// scopes, over what these name of it, if anything. Its `context` has the
/// grant's own, `apiKeyId` and, separated by blanks, `scopes`; in a simple answer
/// `principalId` too, which has no other place there.
///
/// The key's value is for REST APIs alone: HTTP APIs have no usage plans, and
/// would hand it to whoever reads their logs.
///
/// # Errors
/// When a scope is too long to be a policy's resource.
pub(crate) fn of(
    grant: Grant<'_>,
    question: &Question,
    http_api_response: HttpApiResponse,
) -> Result<Answer, AuthorizerError> {
    let method = question.method()?;
    let policy_document = match grant.scopes {
        None => PolicyDocument::allow([method.stage.all_methods()]),
        // A policy must speak of something.
        Some([]) => PolicyDocument::deny([method.stage.all_methods()]),
        Some(scopes) => PolicyDocument::allow(scopes.iter().map(|scope| method.stage.methods(scope.as_str()))),
    }?;
    let principal_id = grant.principal_id.to_owned();
    let mut context = grant.context;
    context.insert("apiKeyId".to_owned(), grant.key_id.as_str().into());
    if let Some(scopes) = grant.scopes {
        let scopes: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
        context.insert("scopes".to_owned(), scopes.join(" ").into());
    }
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
        (Asker::RestApi, _) => Some(grant.key_value.clone()),
    };
    Ok(Answer::Policy(AuthorizerAnswer { principal_id, policy_document, context, usage_identifier_key }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const API: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123";
    const KEY_VALUE: &str = "a-value-of-20-characters";

    fn rest_api() -> Value {
        json!({"type": "TOKEN", "methodArn": format!("{API}/test/GET/request")})
    }

    fn http_api_v1() -> Value {
        json!({
            "version": "1.0", "type": "REQUEST", "methodArn": format!("{API}/$default/GET/pets/1"), "httpMethod": "GET",
            "requestContext": {"httpMethod": "GET", "identity": {}},
        })
    }

    /// A call of `method`, which is a verb and a path.
    fn http_api_v2(method: &str) -> Value {
        json!({
            "version": "2.0", "type": "REQUEST", "routeArn": format!("{API}/$default/{method}"),
            "requestContext": {"http": {"method": "GET"}, "timeEpoch": 1},
        })
    }

    fn answer(scopes: &[&str]) -> Answer {
        answer_to(rest_api(), scopes, HttpApiResponse::default())
    }

    fn answer_to(event: Value, scopes: &[&str], http_api_response: HttpApiResponse) -> Answer {
        let scopes: Vec<Scope> = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
        grant_to(event, Some(scopes.as_slice()).filter(|scopes| !scopes.is_empty()), http_api_response)
    }

    fn grant_to(event: Value, scopes: Option<&[Scope]>, http_api_response: HttpApiResponse) -> Answer {
        let grant = Grant {
            principal_id: "alice",
            key_id: &ApiKeyId::new("x5k3eopvub"),
            key_value: &KeyValue::known(KEY_VALUE.into()),
            scopes,
            context: BTreeMap::from([("tokenId".to_owned(), "tokenid001".into())]),
        };
        of(grant, &Question::decode(event).unwrap(), http_api_response).unwrap()
    }

    #[test]
    fn a_token_whose_scopes_mean_nothing_reaches_nothing() {
        let answer = serde_json::to_value(grant_to(rest_api(), Some(&[]), HttpApiResponse::Simple)).unwrap();
        let denied = json!({"Action": INVOKE, "Effect": "Deny", "Resource": format!("{API}/test/*/*")});
        assert_eq!(answer["policyDocument"]["Statement"], json!([denied]));
        let simple = grant_to(http_api_v2("GET/pets"), Some(&[]), HttpApiResponse::Simple);
        assert_eq!(serde_json::to_value(simple).unwrap(), json!({"isAuthorized": false}));
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

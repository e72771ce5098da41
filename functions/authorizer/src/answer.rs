//! What API Gateway is told of a valid token.

use std::collections::BTreeMap;

use keyplan_domain::arn::StageArn;
use keyplan_domain::key::KeyValue;
use keyplan_domain::policy::PolicyDocument;
use keyplan_domain::token::{Scope, TokenRecord};
use keyplan_wire::AuthorizerAnswer;

use crate::AuthorizerError;

/// The answer for a token that reaches the whole stage or, if it has scopes,
/// what these name of it. Its `context` is what the look-up told anyway:
/// `apiKeyId`, `tokenId` and, separated by blanks, `scopes`.
///
/// # Errors
/// When a scope is too long to be a policy's resource.
pub(crate) fn of(
    record: &TokenRecord,
    key_value: &KeyValue,
    stage: StageArn<'_>,
) -> Result<AuthorizerAnswer, AuthorizerError> {
    let resources: Vec<String> = if record.scopes.is_empty() {
        vec![stage.all_methods()]
    } else {
        record.scopes.iter().map(|scope| stage.methods(scope.as_str())).collect()
    };
    let mut context = BTreeMap::from([
        ("apiKeyId".to_owned(), record.key_id.as_str().into()),
        ("tokenId".to_owned(), record.id.as_str().into()),
    ]);
    if !record.scopes.is_empty() {
        let scopes: Vec<&str> = record.scopes.iter().map(Scope::as_str).collect();
        context.insert("scopes".to_owned(), scopes.join(" ").into());
    }
    Ok(AuthorizerAnswer {
        principal_id: record.principal_id.clone(),
        policy_document: PolicyDocument::allow(resources)?,
        context,
        usage_identifier_key: Some(key_value.clone()),
    })
}

#[cfg(test)]
mod tests {
    use keyplan_domain::key::ApiKeyId;
    use keyplan_domain::time::Timestamp;
    use keyplan_domain::token::TokenId;

    use super::*;

    const STAGE: StageArn<'static> = StageArn {
        partition: "aws",
        region: "us-east-1",
        account_id: "123456789012",
        api_id: "abcdef123",
        stage: "test",
    };

    fn answer(scopes: &[&str]) -> AuthorizerAnswer {
        let record = TokenRecord {
            id: TokenId::new("tokenid001"),
            key_id: ApiKeyId::new("x5k3eopvub"),
            principal_id: "alice".into(),
            scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
            created_date: Timestamp::from_seconds(1),
            expires: None,
        };
        of(&record, &KeyValue::known("a-value-of-20-characters".into()), STAGE).unwrap()
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
}

//! API keys, the tokens that stand for them, and the subjects that they stand for.

use keyplan_domain::key::{ApiKey, ApiKeyId, KeyValue};
use keyplan_domain::subject::SubjectRecord;
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::{Scope, Token, TokenRecord};
use serde::{Deserialize, Serialize};

use crate::omission::{Shown, Tags, text};

/// The body of CreateApiKey.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiKeyInput {
    /// May be absent.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// False when absent.
    pub enabled: Option<bool>,
    /// Of old accounts' interest; new ones always get distinct ids.
    pub generate_distinct_id: Option<bool>,
    /// Generated when absent or empty.
    pub value: Option<KeyValue>,
    /// The predecessor of usage plans.
    pub stage_keys: Option<Vec<StageKey>>,
    /// An AWS Marketplace customer.
    pub customer_id: Option<String>,
    /// Resource tags.
    pub tags: Option<Tags>,
}

/// A stage as keys named it before there were usage plans.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageKey {
    /// The API.
    pub rest_api_id: Option<String>,
    /// Its stage.
    pub stage_name: Option<String>,
}

/// `ApiKey`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyAnswer<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a KeyValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    enabled: bool,
    created_date: i64,
    last_updated_date: i64,
    stage_keys: [&'a str; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a Tags>,
}

impl<'a> ApiKeyAnswer<'a> {
    /// The answer that shows `key`, with its value only where one is given.
    #[must_use]
    pub fn new(key: &'a ApiKey, value: Option<&'a KeyValue>, shown: Shown) -> Self {
        Self {
            id: key.id.as_str(),
            value,
            name: text(key.name.as_ref()),
            customer_id: text(key.customer_id.as_ref()),
            description: text(key.description.as_ref()),
            enabled: key.enabled,
            created_date: key.created_date.as_seconds(),
            last_updated_date: key.last_updated_date.as_seconds(),
            stage_keys: [],
            tags: shown.tags(&key.tags),
        }
    }
}

/// `ApiKeyIds`: the answer to ImportApiKeys.
#[derive(Clone, Debug, Serialize)]
pub struct ApiKeyIdsAnswer<'a> {
    /// Keys that were made or overwritten, in the order of the file.
    pub ids: &'a [ApiKeyId],
    /// Why rows were left out.
    pub warnings: &'a [String],
}

/// The body of `POST /apikeys/{id}/tokens`, which is Keyplan's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateTokenInput {
    /// Who holds the token: `principalId` of the authorizer's answer.
    pub principal_id: Option<String>,
    /// What it may reach; all, when absent.
    pub scopes: Option<Vec<String>>,
    /// Seconds since the epoch from which on it is refused; never, when absent.
    pub expires_at: Option<i64>,
}

/// The body of a token's rotation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateTokenInput {
    /// Seconds for which the token goes on beside the new one; an hour, when
    /// absent.
    pub overlap_seconds: Option<i64>,
    /// Seconds since the epoch from which on the new one is refused; when absent, it
    /// lives for as long as the old one was to.
    pub expires_at: Option<i64>,
}

/// A token in an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenAnswer<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<ExposedToken<'a>>,
    principal_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<&'a [Scope]>,
    created_date: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_date: Option<i64>,
}

impl<'a> TokenAnswer<'a> {
    /// The answer to the issue of a token: the only one that shows it.
    #[must_use]
    pub fn issued(record: &'a TokenRecord, token: &'a Token) -> Self {
        Self { token: Some(ExposedToken(token)), ..Self::listed(record, None) }
    }

    /// A token in a list, and when it was last used.
    #[must_use]
    pub fn listed(record: &'a TokenRecord, last_used: Option<Timestamp>) -> Self {
        Self {
            id: record.id.as_str(),
            token: None,
            principal_id: &record.principal_id,
            scopes: (!record.scopes.is_empty()).then_some(&record.scopes),
            created_date: record.created_date.as_seconds(),
            expires_at: record.expires.map(Timestamp::as_seconds),
            last_used_date: last_used.map(Timestamp::as_seconds),
        }
    }
}

#[derive(Clone, Debug)]
struct ExposedToken<'a>(&'a Token);

impl Serialize for ExposedToken<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

/// The body of `POST /apikeys/{id}/subjects`, which is Keyplan's own.
#[derive(Clone, Debug, Deserialize)]
pub struct CreateSubjectInput {
    /// Who vouches for the subject: the claim `iss`.
    pub issuer: Option<String>,
    /// As the issuer names it: the claim `sub`.
    pub subject: Option<String>,
}

/// A subject in an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectAnswer<'a> {
    id: &'a str,
    issuer: &'a str,
    subject: &'a str,
    created_date: i64,
}

impl<'a> From<&'a SubjectRecord> for SubjectAnswer<'a> {
    fn from(record: &'a SubjectRecord) -> Self {
        Self {
            id: record.id.as_str(),
            issuer: &record.issuer,
            subject: &record.subject,
            created_date: record.created_date.as_seconds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use keyplan_domain::subject::Subject;
    use keyplan_domain::token::TokenId;
    use serde_json::json;

    use super::*;

    fn key() -> ApiKey {
        ApiKey {
            id: ApiKeyId::new("abcdefghij"),
            name: Some("k".into()),
            description: None,
            customer_id: None,
            enabled: false,
            created_date: Timestamp::from_seconds(1_695_700_000),
            last_updated_date: Timestamp::from_seconds(1_695_700_000),
            tags: Tags::new(),
        }
    }

    #[test]
    fn a_created_key_is_shown_as_recorded() {
        let value = KeyValue::known("x".repeat(40));
        insta::assert_json_snapshot!(ApiKeyAnswer::new(&key(), Some(&value), Shown::CreatedOrListed), @r#"
        {
          "id": "abcdefghij",
          "value": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
          "name": "k",
          "enabled": false,
          "createdDate": 1695700000,
          "lastUpdatedDate": 1695700000,
          "stageKeys": []
        }
        "#);
    }

    #[test]
    fn a_key_shown_alone_has_tags_even_if_empty_and_no_empty_strings() {
        let key = ApiKey { name: Some(String::new()), ..key() };
        insta::assert_json_snapshot!(ApiKeyAnswer::new(&key, None, Shown::Alone), @r#"
        {
          "id": "abcdefghij",
          "enabled": false,
          "createdDate": 1695700000,
          "lastUpdatedDate": 1695700000,
          "stageKeys": [],
          "tags": {}
        }
        "#);
    }

    #[test]
    fn a_token_is_shown_when_it_is_issued_and_never_again() {
        let token = Token::from_entropy([7; 32]);
        let record = TokenRecord {
            id: TokenId::new("tttttttttt"),
            key_id: ApiKeyId::new("abcdefghij"),
            principal_id: "alice".into(),
            scopes: vec![Scope::parse("GET/pets/*").unwrap()],
            created_date: Timestamp::from_seconds(1),
            expires: Some(Timestamp::from_seconds(2)),
        };
        let listed = json!({
            "id": "tttttttttt", "principalId": "alice", "scopes": ["GET/pets/*"], "createdDate": 1, "expiresAt": 2
        });
        assert_eq!(serde_json::to_value(TokenAnswer::listed(&record, None)).unwrap(), listed);
        let used = serde_json::to_value(TokenAnswer::listed(&record, Some(Timestamp::from_seconds(5)))).unwrap();
        assert_eq!(used["lastUsedDate"], 5);
        let issued = serde_json::to_value(TokenAnswer::issued(&record, &token)).unwrap();
        assert_eq!(issued["token"], token.expose());
        assert_eq!(issued.as_object().unwrap().len(), listed.as_object().unwrap().len() + 1);
    }

    #[test]
    fn a_subject_is_shown_without_its_key() {
        let alice = Subject::new("https://issuer.example/", "alice").unwrap();
        let record = SubjectRecord::new(alice, ApiKeyId::new("abcdefghij"), Timestamp::from_seconds(1));
        let shown = serde_json::to_value(SubjectAnswer::from(&record)).unwrap();
        let expected = json!({
            "id": record.id, "issuer": "https://issuer.example/", "subject": "alice", "createdDate": 1
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn input_prints_without_the_value() {
        let input: CreateApiKeyInput = crate::input::from_json(br#"{"value":"a-secret-of-20-characters"}"#).unwrap();
        assert!(!format!("{input:?}").contains("a-secret"));
    }
}

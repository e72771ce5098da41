use serde::{Deserialize, Serialize};

use super::TokenId;
use crate::key::ApiKeyId;
use crate::route::VERBS;
use crate::time::Timestamp;

/// What is kept of an issued token, and shown when tokens are listed. Neither
/// the token nor the value of its key is part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRecord {
    /// By which the token is revoked.
    pub id: TokenId,
    /// The key that the token stands for.
    pub key_id: ApiKeyId,
    /// Who holds it: `principalId` of the authorizer's answer.
    pub principal_id: String,
    /// What it may reach of a stage; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// When it was issued.
    pub created_date: Timestamp,
    /// From when on it is refused; never, if absent. Not named as the tables'
    /// `expiresAt`, which counts seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl TokenRecord {
    /// Whether the token is refused for its age.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// A pattern of methods within whatever stage is called: `VERB/path`, the path
/// without its first slash. `*` stands for any characters, as a verb for any
/// verb, and `?` for one: `GET/pets/*`, `*/pets`, `GET/` for the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// Why a string is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// No slash, or an unknown verb before it.
    #[error("a scope has the form VERB/path, its verb one of * and {}", VERBS.join(", "))]
    Verb,
    /// A second slash first, blanks, control characters, characters beyond
    /// ASCII or a policy variable.
    #[error("the path of a scope has no slash first and consists of visible ASCII characters without ${{")]
    Path,
    /// Too long to be part of a policy's resource.
    #[error("a scope has at most {} characters", Scope::MAX_LENGTH)]
    TooLong,
}

impl Scope {
    /// Characters of a scope. With the longest stage of any region before it
    /// a resource still stays under the 512 that a policy allows.
    pub const MAX_LENGTH: usize = 256;

    /// Takes a scope that a caller wants a token limited to.
    ///
    /// # Errors
    /// When it names no methods of a stage.
    pub fn parse(scope: &str) -> Result<Self, InvalidScope> {
        let (verb, path) = scope.split_once('/').ok_or(InvalidScope::Verb)?;
        if verb != "*" && !VERBS.contains(&verb) {
            return Err(InvalidScope::Verb);
        }
        let visible = path.bytes().all(|byte| byte.is_ascii_graphic());
        if path.starts_with('/') || path.contains("${") || !visible {
            return Err(InvalidScope::Path);
        }
        if scope.len() > Self::MAX_LENGTH {
            return Err(InvalidScope::TooLong);
        }
        Ok(Self(scope.to_owned()))
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(scope: String) -> Result<Self, InvalidScope> {
        Self::parse(&scope)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arn::StageArn;
    use crate::policy::MAX_RESOURCE_LENGTH;

    fn record(expires: Option<Timestamp>) -> TokenRecord {
        TokenRecord {
            id: TokenId::new("abcdefghij"),
            key_id: ApiKeyId::new("x5k3eopvub"),
            principal_id: "alice".to_owned(),
            scopes: Vec::new(),
            created_date: Timestamp::from_seconds(1),
            expires,
        }
    }

    #[test]
    fn a_record_holds_nothing_secret_and_nothing_unset() {
        assert_eq!(
            serde_json::to_value(record(None)).unwrap(),
            json!({"id": "abcdefghij", "keyId": "x5k3eopvub", "principalId": "alice", "createdDate": 1_000_000_000})
        );
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let mut written = record(Some(Timestamp::from_seconds(2)));
        written.scopes = vec![Scope::parse("GET/pets/*").unwrap(), Scope::parse("*/toys").unwrap()];
        let json = serde_json::to_value(&written).unwrap();
        assert_eq!(json["scopes"], json!(["GET/pets/*", "*/toys"]));
        assert_eq!(serde_json::from_value::<TokenRecord>(json).unwrap(), written);
    }

    #[test]
    fn a_record_with_a_broken_scope_is_refused_when_read() {
        let mut json = serde_json::to_value(record(None)).unwrap();
        json["scopes"] = json!(["pets"]);
        assert!(serde_json::from_value::<TokenRecord>(json).is_err());
    }

    #[test]
    fn a_token_is_refused_from_the_very_moment_it_expires() {
        let expires = Timestamp::from_nanos(1_000);
        assert!(!record(Some(expires)).is_expired(Timestamp::from_nanos(999)));
        assert!(record(Some(expires)).is_expired(Timestamp::from_nanos(1_000)));
        assert!(!record(None).is_expired(Timestamp::from_nanos(i64::MAX)));
    }

    #[test]
    fn a_scope_names_a_verb_and_a_path() {
        for scope in ["GET/", "GET/pets", "*/*", "*/", "DELETE/pets/*/toys?", "GET/a%20b"] {
            assert_eq!(Scope::parse(scope).unwrap().as_str(), scope);
        }
        for scope in ["", "GET", "/pets", "get/pets", "ANY/pets", "G*/pets", "GET,PUT/pets", " GET/pets"] {
            assert_eq!(Scope::parse(scope), Err(InvalidScope::Verb), "{scope}");
        }
        for scope in ["GET//pets", "GET/a b", "GET/\u{e9}", "GET/a\n", "GET/${aws:username}"] {
            assert_eq!(Scope::parse(scope), Err(InvalidScope::Path), "{scope}");
        }
    }

    #[test]
    fn a_scope_always_fits_into_a_policy() {
        let longest = Scope::parse(&format!("GET/{}", "x".repeat(Scope::MAX_LENGTH - 4))).unwrap();
        let too_long = format!("{}x", longest.as_str());
        assert_eq!(Scope::parse(&too_long), Err(InvalidScope::TooLong));
        let stage = "s".repeat(128);
        let stage = StageArn {
            partition: "aws-us-gov",
            region: "ap-southeast-99",
            account_id: "123456789012",
            api_id: "abcdef1234",
            stage: &stage,
        };
        assert!(stage.methods(longest.as_str()).len() <= MAX_RESOURCE_LENGTH);
    }
}

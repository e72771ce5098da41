//! Subjects: whom an issuer of JSON Web Tokens vouches for, and the API key that
//! stands for each.
//!
//! A subject is the claim `iss` and the one by which that issuer's users are told
//! apart, mostly `sub`, together: neither says anything without the other. Each
//! has one key at the most; a key may have many. Neither claim is secret, but a
//! subject is looked up by a digest, since it may be longer than an item's key, or
//! hold whatever separates the parts of one.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The id of a subject, by which it is listed under its key and removed.
pub use crate::id::SubjectId;
use crate::key::{ApiKeyId, hex};
use crate::time::Timestamp;

/// Whom an issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    issuer: String,
    subject: String,
}

/// Why two strings are no subject. What was given is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubject {
    /// For the issuer.
    #[error("the issuer {0}")]
    Issuer(InvalidPart),
    /// For the issuer's subject.
    #[error("the subject {0}")]
    Subject(InvalidPart),
}

/// What is wrong with one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPart {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// There is more than this many bytes.
    #[error("has more than {0} bytes")]
    TooLong(usize),
    /// A control character is in it.
    #[error("holds a control character")]
    Control,
}

impl Subject {
    /// Bytes of an issuer, at the most.
    pub const MAX_ISSUER: usize = 512;
    /// Bytes of a subject, at the most.
    pub const MAX_SUBJECT: usize = 1_024;

    /// Takes an issuer and a subject of his. They are compared character by
    /// character, as RFC 7519 ("StringOrURI") has it: nothing is trimmed, folded
    /// or normalised.
    ///
    /// # Errors
    /// When either is empty, too long or holds a control character.
    pub fn new(issuer: &str, subject: &str) -> Result<Self, InvalidSubject> {
        check(issuer, Self::MAX_ISSUER).map_err(InvalidSubject::Issuer)?;
        check(subject, Self::MAX_SUBJECT).map_err(InvalidSubject::Subject)?;
        Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned() })
    }

    /// Who vouches: the claim `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// For whom: the claim `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What the subject is kept and looked up by.
    #[must_use]
    pub fn hash(&self) -> SubjectHash {
        SubjectHash(hex(&digest(&self.issuer, &self.subject)))
    }

    /// The subject's id: it follows from the subject.
    #[must_use]
    pub fn id(&self) -> SubjectId {
        SubjectId::from_digest(&digest(&self.issuer, &self.subject))
    }
}

fn check(part: &str, max: usize) -> Result<(), InvalidPart> {
    if part.is_empty() {
        return Err(InvalidPart::Empty);
    }
    if part.len() > max {
        return Err(InvalidPart::TooLong(max));
    }
    if part.chars().any(char::is_control) { Err(InvalidPart::Control) } else { Ok(()) }
}

/// SHA-256 of an issuer, a NUL and a subject, in 64 lower-case hexadecimal digits.
/// No two subjects are written alike, since neither part holds a NUL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubjectHash(String);

impl SubjectHash {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn digest(issuer: &str, subject: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [issuer.as_bytes(), &[0], subject.as_bytes()] {
        digest.update(part);
    }
    digest.finalize().into()
}

/// What is kept of a subject that has a key, and shown when subjects are listed.
/// The value of the key is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectRecord {
    /// By which the subject is removed from its key.
    pub id: SubjectId,
    /// The key that stands for the subject.
    pub key_id: ApiKeyId,
    /// Who vouches for the subject.
    pub issuer: String,
    /// As the issuer names it.
    pub subject: String,
    /// From when on the key stands for it.
    pub created_date: Timestamp,
}

impl SubjectRecord {
    /// That `key_id` stands for `subject` from `created_date` on.
    #[must_use]
    pub fn new(subject: Subject, key_id: ApiKeyId, created_date: Timestamp) -> Self {
        Self { id: subject.id(), key_id, issuer: subject.issuer, subject: subject.subject, created_date }
    }

    /// What the subject is kept and looked up by.
    #[must_use]
    pub fn hash(&self) -> SubjectHash {
        SubjectHash(hex(&digest(&self.issuer, &self.subject)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn alice() -> Subject {
        Subject::new("https://issuer.example/", "auth0|alice").unwrap()
    }

    #[test]
    fn whatever_is_no_subject_is_refused() {
        let (issuer, subject) = ("i".repeat(512), "s".repeat(1_024));
        assert!(Subject::new(&issuer, &subject).is_ok());
        for (issuer, subject, because) in [
            ("", "alice", InvalidSubject::Issuer(InvalidPart::Empty)),
            (&format!("{issuer}i"), "alice", InvalidSubject::Issuer(InvalidPart::TooLong(512))),
            // 256 characters and 513 bytes.
            (&format!("i{}", "é".repeat(256)), "alice", InvalidSubject::Issuer(InvalidPart::TooLong(512))),
            ("a\nb", "alice", InvalidSubject::Issuer(InvalidPart::Control)),
            ("a\0b", "alice", InvalidSubject::Issuer(InvalidPart::Control)),
            ("issuer", "", InvalidSubject::Subject(InvalidPart::Empty)),
            ("issuer", &format!("{subject}s"), InvalidSubject::Subject(InvalidPart::TooLong(1_024))),
            ("issuer", "a\u{85}", InvalidSubject::Subject(InvalidPart::Control)),
            ("issuer", "\0", InvalidSubject::Subject(InvalidPart::Control)),
        ] {
            assert_eq!(Subject::new(issuer, subject), Err(because), "{issuer:?} {subject:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_not_with_what() {
        let refused = Subject::new("issuer", "secret\n").unwrap_err();
        assert_eq!(refused.to_string(), "the subject holds a control character");
        let refused = Subject::new(&"i".repeat(513), "alice").unwrap_err();
        assert_eq!(refused.to_string(), "the issuer has more than 512 bytes");
    }

    #[test]
    fn nothing_is_trimmed_or_folded() {
        let spaced = Subject::new(" i ", " Alice ").unwrap();
        assert_eq!((spaced.issuer(), spaced.subject()), (" i ", " Alice "));
        assert_ne!(spaced.hash(), Subject::new("i", "Alice").unwrap().hash());
    }

    /// The digits were worked out apart from this code.
    #[test]
    fn a_subject_is_kept_by_the_sha_256_of_both_parts_with_a_nul_between() {
        let expected = "4c316c9136d16574662bcf06631b5dd0e445e7d68c2167353b3820904ac0956a";
        assert_eq!(alice().hash().as_str(), expected);
        assert_eq!(alice().hash().to_string(), expected);
    }

    #[test]
    fn an_id_follows_from_the_subject_alone() {
        assert_eq!(alice().id().as_str().len(), 10);
        assert_eq!(alice().id(), Subject::new("https://issuer.example/", "auth0|alice").unwrap().id());
        assert_ne!(alice().id(), Subject::new("https://issuer.example", "auth0|alice").unwrap().id());
    }

    #[test]
    fn a_record_holds_what_it_was_made_of_and_nothing_secret() {
        let record = SubjectRecord::new(alice(), ApiKeyId::new("x5k3eopvub"), Timestamp::from_seconds(1));
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(
            json,
            json!({
                "id": alice().id(), "keyId": "x5k3eopvub", "issuer": "https://issuer.example/",
                "subject": "auth0|alice", "createdDate": 1_000_000_000
            })
        );
        assert_eq!(serde_json::from_value::<SubjectRecord>(json).unwrap(), record);
        assert_eq!(record.hash(), alice().hash());
    }

    proptest! {
        /// However the same characters are divided.
        #[test]
        fn subjects_that_differ_are_kept_apart(text in "[a-z|/: #]{3,20}", first in 1..19usize, second in 1..19usize) {
            prop_assume!(first != second && first < text.len() && second < text.len());
            let divided = |at| {
                let (issuer, subject) = text.split_at(at);
                Subject::new(issuer, subject).unwrap().hash()
            };
            prop_assert_ne!(divided(first), divided(second));
        }
    }
}

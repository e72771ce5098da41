//! API keys and their secret values.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use crate::id::ApiKeyId;
use crate::id::UsagePlanId;
use crate::time::Timestamp;

/// An API key without its value: what lists show and what configuration holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The key's id, by which plans and callers of the control plane name it.
    pub id: ApiKeyId,
    /// Up to 1,024 characters; names need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Up to 125,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The AWS Marketplace customer, an opaque label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// A disabled key is refused like an unknown one. New keys are disabled
    /// unless the caller says otherwise.
    pub enabled: bool,
    /// When the key was made.
    pub created_date: Timestamp,
    /// When the key last changed.
    pub last_updated_date: Timestamp,
    /// Resource tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// What the data plane needs of a key, found by the hash of its value: one
/// small item, with nothing secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyByValue {
    /// The key that has this value.
    pub key_id: ApiKeyId,
    /// Whether the key may be used.
    pub enabled: bool,
    /// The plans the key is in, first attached first; at most [`MAX_PLANS_PER_KEY`].
    pub plan_ids: Vec<UsagePlanId>,
}

/// A key as a file of keys tells it: what is made of a value that no key has,
/// and what becomes of the key that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedKey {
    /// As [`ApiKey::name`].
    pub name: Option<String>,
    /// As [`ApiKey::description`].
    pub description: Option<String>,
    /// Whether the key may be used from then on.
    pub enabled: bool,
    /// By which the key is known: two keys are the same if they have one value.
    pub value: KeyValue,
    /// The plans it is put into, none of them twice; it stays in those it is in.
    pub usage_plan_ids: Vec<UsagePlanId>,
}

/// Usage plans one key may be in
/// (API Gateway quotas, "Usage plans per API key").
pub const MAX_PLANS_PER_KEY: usize = 10;

/// The secret value of an API key: 20 to 128 characters. Prints as
/// `KeyValue(..)` and compares in constant time.
#[derive(Clone)]
pub struct KeyValue(SecretString);

/// Why a string cannot be the value of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyValue {
    /// Fewer than 20 characters.
    #[error("API Key value should be at least 20 characters")]
    TooShort,
    /// More than 128 characters.
    #[error("API Key value exceeds maximum size of 128 characters")]
    TooLong,
}

impl KeyValue {
    /// Characters in a generated value.
    pub const GENERATED_LENGTH: usize = 40;
    const MIN_LENGTH: usize = 20;
    const MAX_LENGTH: usize = 128;

    /// A value chosen by the caller of CreateApiKey.
    ///
    /// # Errors
    /// When it has fewer than 20 or more than 128 characters.
    pub fn parse(value: &str) -> Result<Self, InvalidKeyValue> {
        let length = value.chars().count();
        if length < Self::MIN_LENGTH {
            Err(InvalidKeyValue::TooShort)
        } else if length > Self::MAX_LENGTH {
            Err(InvalidKeyValue::TooLong)
        } else {
            Ok(Self(value.into()))
        }
    }

    /// A new value of 40 letters and digits. `entropy` is random bytes; a byte
    /// that would make some characters likelier than others is passed over.
    ///
    /// Returns `None` when `entropy` runs out first: call again with more.
    /// 80 bytes fall short less than once in 10^30.
    #[must_use]
    pub fn generate(entropy: &[u8]) -> Option<Self> {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        const FAIR: usize = (256 / ALPHABET.len()) * ALPHABET.len();
        let value: String = entropy
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < FAIR)
            .take(Self::GENERATED_LENGTH)
            .map(|byte| char::from(ALPHABET[byte % ALPHABET.len()]))
            .collect();
        (value.len() == Self::GENERATED_LENGTH).then(|| Self(value.into()))
    }

    /// A value that is already some key's, read back from where it is kept.
    #[must_use]
    pub fn known(value: String) -> Self {
        Self(value.into())
    }

    /// The characters themselves: for the one answer that shows them.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the value is looked up by.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.expose())
    }
}

impl PartialEq for KeyValue {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for KeyValue {}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyValue(..)")
    }
}

impl Serialize for KeyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for KeyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::known)
    }
}

/// SHA-256 of a presented key value, shown in lower-case hexadecimal. Keys are
/// found by it, so that no comparison against a secret takes place and none is
/// read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a value as presented.
    #[must_use]
    pub fn of(value: &str) -> Self {
        Self(Sha256::digest(value.as_bytes()).into())
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 0xf] {
            hex.extend(char::from_digit(u32::from(nibble), 16));
        }
        hex
    })
}

/// Whether a presented value has the shape of a key's id (ten lower-case
/// letters and digits), a common mistake: values have at least 20 characters.
#[must_use]
pub fn looks_like_key_id(presented: &str) -> bool {
    presented.len() == ApiKeyId::LENGTH
        && presented.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_20_to_128_characters() {
        assert_eq!(KeyValue::parse(&"a".repeat(19)), Err(InvalidKeyValue::TooShort));
        assert!(KeyValue::parse(&"a".repeat(20)).is_ok());
        assert!(KeyValue::parse(&"é".repeat(128)).is_ok());
        assert_eq!(KeyValue::parse(&"a".repeat(129)), Err(InvalidKeyValue::TooLong));
    }

    #[test]
    fn a_value_prints_as_redacted() {
        let value = KeyValue::known("a-secret-of-20-characters".into());
        assert_eq!(format!("{value:?}"), "KeyValue(..)");
    }

    #[test]
    fn a_generated_value_has_40_letters_and_digits() {
        let entropy: Vec<u8> = (0..80u8).map(|n| n.wrapping_mul(37)).collect();
        let value = KeyValue::generate(&entropy).unwrap();
        assert_eq!(value.expose().len(), 40);
        assert!(value.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn too_little_entropy_makes_no_value() {
        assert_eq!(KeyValue::generate(&[255; 80]), None);
    }

    #[test]
    fn a_value_is_looked_up_by_its_sha_256() {
        assert_eq!(KeyHash::of("abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn an_id_given_for_a_value_is_recognised() {
        assert!(looks_like_key_id("x5k3eopvub"));
        assert!(!looks_like_key_id("X5k3eopvub"));
        assert!(!looks_like_key_id("x5k3eopvub0"));
    }
}

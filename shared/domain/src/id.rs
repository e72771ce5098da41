//! Identifiers, each a type of its own, so that a key's id is never taken for
//! a plan's or for a key's value.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Characters in a generated identifier.
            pub const LENGTH: usize = $length;

            /// Takes an identifier as a caller or a table gave it; whether it
            /// names anything is found out by looking it up.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// A new identifier of lower-case letters and digits, one of
            /// `entropy`'s bytes a character.
            #[must_use]
            pub fn generate(entropy: [u8; $length]) -> Self {
                Self(entropy.iter().map(|byte| character(*byte)).collect())
            }

            /// The identifier that follows from a digest: from its first bytes.
            #[must_use]
            pub fn from_digest(digest: &[u8; 32]) -> Self {
                Self(digest.iter().take(Self::LENGTH).map(|byte| character(*byte)).collect())
            }

            /// The identifier's characters.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

fn character(byte: u8) -> char {
    char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])
}

identifier!(
    /// The id of an API key: ten lower-case letters and digits. Never its value.
    ApiKeyId,
    10
);
identifier!(
    /// The id of a usage plan: six lower-case letters and digits.
    UsagePlanId,
    6
);
identifier!(
    /// The id of a REST API: ten lower-case letters and digits.
    RestApiId,
    10
);
identifier!(
    /// The id of a thing within a REST API (a resource other than the root, an
    /// authorizer, a deployment): six lower-case letters and digits.
    PartId,
    6
);
identifier!(
    /// The id of a token: ten lower-case letters and digits.
    TokenId,
    10
);
identifier!(
    /// The id of a subject among those of its key: ten lower-case letters and
    /// digits.
    SubjectId,
    10
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_id_is_of_lower_case_letters_and_digits() {
        let id = ApiKeyId::generate([0, 25, 26, 35, 36, 71, 100, 200, 254, 255]);
        assert_eq!(id.as_str().len(), ApiKeyId::LENGTH);
        assert!(id.as_str().bytes().all(|b| ALPHABET.contains(&b)));
        assert!(id.as_str().starts_with("az09a9"));
    }

    #[test]
    fn an_id_of_a_digest_is_that_of_its_first_bytes() {
        let mut digest = [7; 32];
        digest[..10].copy_from_slice(&[0, 25, 26, 35, 36, 71, 100, 200, 254, 255]);
        assert_eq!(TokenId::from_digest(&digest), TokenId::generate([0, 25, 26, 35, 36, 71, 100, 200, 254, 255]));
    }
}

//! The signature algorithms of RFC 7518 that prove something to whoever holds
//! a public key, and EdDSA of RFC 8037. There is no `none` and no HMAC to
//! choose: a public key can never be taken for a secret.

use std::fmt;

use p521::ecdsa::signature::Verifier;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
};
use serde::de::{self, IntoDeserializer};
use serde::{Deserialize, Serialize};

use super::jwk::PublicKey;

/// The `alg` of a token's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519, also by its name of RFC 9864.
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
    ];

    /// The one of that name, if it is one of these.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::deserialize(IntoDeserializer::<de::value::Error>::into_deserializer(name)).ok()
    }

    /// Whether `key` is of the kind that it takes: no key serves an algorithm of
    /// another kind (RFC 8725, 3.1).
    pub(super) fn takes(self, key: &PublicKey) -> bool {
        match key {
            PublicKey::Rsa(_) => self.rsa().is_some(),
            PublicKey::P256(_) => self == Self::ES256,
            PublicKey::P384(_) => self == Self::ES384,
            PublicKey::P521(_) => self == Self::ES512,
            PublicKey::Ed25519(_) => self == Self::EdDSA,
        }
    }

    /// Whether `signature` over `message` was made with the private half of `key`.
    pub(super) fn verifies(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        let by_curve = |curve: &'static EcdsaVerificationAlgorithm, point: &[u8]| {
            UnparsedPublicKey::new(curve, point).verify(message, signature).is_ok()
        };
        match (self, key) {
            (Self::ES256, PublicKey::P256(point)) => by_curve(&ECDSA_P256_SHA256_FIXED, point),
            (Self::ES384, PublicKey::P384(point)) => by_curve(&ECDSA_P384_SHA384_FIXED, point),
            (Self::ES512, PublicKey::P521(key)) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            (Self::EdDSA, PublicKey::Ed25519(point)) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok()
            }
            (algorithm, PublicKey::Rsa(key)) => {
                algorithm.rsa().is_some_and(|parameters| key.verify(parameters, message, signature).is_ok())
            }
            _ => false,
        }
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::RS256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Self::RS384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Self::RS512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            Self::PS256 => Some(&RSA_PSS_2048_8192_SHA256),
            Self::PS384 => Some(&RSA_PSS_2048_8192_SHA384),
            Self::PS512 => Some(&RSA_PSS_2048_8192_SHA512),
            Self::ES256 | Self::ES384 | Self::ES512 | Self::EdDSA => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

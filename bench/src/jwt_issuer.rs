//! Issuers of JWTs, each with one key.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::api::Error;

/// Who vouches, and for whom.
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const SUBJECT: &str = "auth0|7d4f1c0a9b8e";

/// 2100-01-01.
const EXPIRES: i64 = 4_102_444_800;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Es256,
    Rs256,
}

pub(crate) struct JwtIssuer {
    algorithm: Algorithm,
    key: SigningKey,
    random: SystemRandom,
}

enum SigningKey {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

/// A token, and what its signature is over.
pub(crate) struct Signed {
    pub(crate) token: String,
    message_length: usize,
    signature: Vec<u8>,
}

impl JwtIssuer {
    /// One with a new key.
    pub(crate) async fn make(algorithm: Algorithm) -> Result<Self, Error> {
        let random = SystemRandom::new();
        let key = match algorithm {
            Algorithm::Es256 => {
                let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map_err(|_| "no key was made")?;
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
                SigningKey::Es256(key.map_err(rejected)?)
            }
            Algorithm::Rs256 => {
                // Which of the two it is depends on OpenSSL's version.
                let document = rsa_key().await?;
                let key = RsaKeyPair::from_pkcs8(&document).or_else(|_| RsaKeyPair::from_der(&document));
                SigningKey::Rs256(key.map_err(rejected)?)
            }
        };
        Ok(Self { algorithm, key, random })
    }

    /// Its rules, as the authorizer takes them.
    pub(crate) fn rules(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let key = match &self.key {
            SigningKey::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": "1", "x": encode(x), "y": encode(y)})
            }
            SigningKey::Rs256(key) => {
                let RsaPublicKeyComponents { n, e } = components(key);
                json!({"kty": "RSA", "kid": "1", "n": encode(&n), "e": encode(&e)})
            }
        };
        json!([{"issuer": ISSUER, "audiences": ["pets"], "jwks": {"keys": [key]}}])
    }

    /// The `n`-th token, with the claims that an access token has.
    pub(crate) fn token(&self, n: usize) -> Result<Signed, Error> {
        let name = if self.algorithm == Algorithm::Es256 { "ES256" } else { "RS256" };
        let header = json!({"alg": name, "kid": "1", "typ": "at+jwt"}).to_string();
        let claims = json!({
            "iss": ISSUER, "aud": "pets", "sub": SUBJECT, "iat": 1_767_225_600, "exp": EXPIRES, "client_id": "web",
            "jti": format!("5f0c1f6e-6f0f-4a0e-9c5e-{n:012}"), "scope": "openid profile email",
        });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = match &self.key {
            SigningKey::Es256(key) => {
                key.sign(&self.random, message.as_bytes()).map_err(|_| "not signed")?.as_ref().to_vec()
            }
            SigningKey::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &self.random, message.as_bytes(), &mut signature)
                    .map_err(|_| "not signed")?;
                signature
            }
        };
        let token = format!("{message}.{}", encode(&signature));
        Ok(Signed { token, message_length: message.len(), signature })
    }

    /// Whether the library that both use takes its signature.
    pub(crate) fn verifier(&self) -> impl Fn(&Signed) -> bool {
        let rsa = match &self.key {
            SigningKey::Rs256(key) => Some(components(key)),
            SigningKey::Es256(_) => None,
        };
        let point = match &self.key {
            SigningKey::Es256(key) => key.public_key().as_ref().to_vec(),
            SigningKey::Rs256(_) => Vec::new(),
        };
        move |signed| {
            let message = &signed.token.as_bytes()[..signed.message_length];
            match &rsa {
                Some(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, &signed.signature).is_ok(),
                None => {
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).verify(message, &signed.signature).is_ok()
                }
            }
        }
    }
}

fn rejected(error: ring::error::KeyRejected) -> Error {
    error.to_string().into()
}

fn components(key: &RsaKeyPair) -> RsaPublicKeyComponents<Vec<u8>> {
    key.public_key().into()
}

/// By OpenSSL, since ring makes none.
async fn rsa_key() -> Result<Vec<u8>, Error> {
    const ARGUMENTS: [&str; 7] =
        ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"];
    let made = Command::new("openssl").args(ARGUMENTS).output().await.map_err(|error| format!("openssl: {error}"))?;
    if made.status.success() { Ok(made.stdout) } else { Err("openssl makes no RSA key".into()) }
}

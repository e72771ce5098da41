//! The public keys of an issuer: a JWK Set of RFC 7517.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::RsaPublicKeyComponents;
use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;

/// Keys of one set that are looked at: those beyond are as if they were not there.
const MAX_KEYS: usize = 100;

/// The keys of a set that can verify signatures, in its order.
#[derive(Debug, Default)]
pub(crate) struct JwkSet {
    keys: Vec<Jwk>,
}

/// Why a document is no JWK Set.
#[derive(Debug, thiserror::Error)]
pub enum InvalidJwkSet {
    /// No JSON object with `keys`.
    #[error("a JWK Set is an object with an array `keys`: {0}")]
    Form(#[from] serde_json::Error),
    /// Nothing in it can verify what is asked of it.
    #[error("the JWK Set has no key that can verify a signature")]
    NoKey,
}

#[derive(Debug)]
struct Jwk {
    kid: Option<String>,
    /// The only algorithm it is meant for, if it says so.
    algorithm: Option<Algorithm>,
    key: PublicKey,
}

/// A key, in the form that its verification takes.
#[derive(Debug)]
pub(super) enum PublicKey {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// The uncompressed point of SEC 1.
    P256(Vec<u8>),
    /// The same.
    P384(Vec<u8>),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Ed25519(Vec<u8>),
}

/// The members of RFC 7517 and 7518 that are of interest. One that is of
/// another type makes the key none, and not the whole set.
#[derive(Deserialize)]
struct RawJwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct RawJwkSet {
    keys: Vec<Value>,
}

impl JwkSet {
    /// Reads a set. Keys of other kinds, for other uses, or malformed ones are
    /// passed over, as RFC 7517 (5) says.
    ///
    /// # Errors
    /// When it is no set, or nothing in it can be used.
    pub(super) fn parse(document: &[u8]) -> Result<Self, InvalidJwkSet> {
        let raw: RawJwkSet = serde_json::from_slice(document)?;
        Self::of(raw.keys)
    }

    /// As [`parse`](Self::parse), of a document that is JSON already.
    ///
    /// # Errors
    /// The same.
    pub(super) fn from_value(document: Value) -> Result<Self, InvalidJwkSet> {
        let raw: RawJwkSet = serde_json::from_value(document)?;
        Self::of(raw.keys)
    }

    fn of(raw: Vec<Value>) -> Result<Self, InvalidJwkSet> {
        let keys: Vec<_> = raw.into_iter().take(MAX_KEYS).filter_map(Jwk::of).collect();
        if keys.is_empty() { Err(InvalidJwkSet::NoKey) } else { Ok(Self { keys }) }
    }

    /// The keys that may have signed a token of this header: those of its `kid`
    /// or, where it names none, all that are of the algorithm's kind.
    pub(super) fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &PublicKey> {
        self.keys
            .iter()
            .filter(move |jwk| kid.is_none() || jwk.kid.as_deref() == kid)
            .filter(move |jwk| jwk.algorithm.is_none_or(|only| only == algorithm) && algorithm.takes(&jwk.key))
            .map(|jwk| &jwk.key)
    }
}

impl Jwk {
    fn of(raw: Value) -> Option<Self> {
        let raw: RawJwk = serde_json::from_value(raw).ok()?;
        let is_for_signatures = raw.r#use.as_deref().is_none_or(|used| used == "sig")
            && raw.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !is_for_signatures {
            return None;
        }
        let algorithm = match &raw.alg {
            // An algorithm that is not known here is not one to guess at.
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        Some(Self { algorithm, key: PublicKey::of(&raw)?, kid: raw.kid })
    }
}

impl PublicKey {
    fn of(raw: &RawJwk) -> Option<Self> {
        let bytes = |member: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(member.as_ref()?).ok();
        let point = |size: usize| {
            let (x, y) = (bytes(&raw.x)?, bytes(&raw.y)?);
            // RFC 7518, 6.2.1.2: coordinates are of the curve's full size.
            (x.len() == size && y.len() == size).then(|| [&[0x04], x.as_slice(), y.as_slice()].concat())
        };
        match (raw.kty.as_str(), raw.crv.as_deref()) {
            ("RSA", _) => {
                let n = without_zeros(bytes(&raw.n)?);
                let e = without_zeros(bytes(&raw.e)?);
                let bits = (n.len() * 8).checked_sub(usize::try_from(n.first()?.leading_zeros()).ok()?)?;
                (2048..=8192).contains(&bits).then_some(Self::Rsa(RsaPublicKeyComponents { n, e }))
            }
            ("EC", Some("P-256")) => point(32).map(Self::P256),
            ("EC", Some("P-384")) => point(48).map(Self::P384),
            ("EC", Some("P-521")) => {
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point(66)?).ok()?;
                Some(Self::P521(Box::new(key)))
            }
            ("OKP", Some("Ed25519")) => {
                let x = bytes(&raw.x)?;
                (x.len() == 32).then_some(Self::Ed25519(x))
            }
            _ => None,
        }
    }
}

/// Some issuers put a zero before a number, as ASN.1 does; RFC 7518 (2) says
/// that they must not.
fn without_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::issuer::with;
    use super::*;

    fn ed25519(members: &Value) -> Value {
        with(json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode([7; 32])}), members)
    }

    fn rsa(bits: usize) -> Value {
        let n = BASE64_URL_SAFE_NO_PAD.encode(vec![0xff; bits / 8]);
        json!({"kty": "RSA", "n": n, "e": "AQAB"})
    }

    fn usable(key: Value) -> bool {
        JwkSet::from_value(json!({"keys": [key]})).is_ok()
    }

    #[test]
    fn a_set_is_an_object_with_keys() {
        for document in ["", "null", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": null}"#] {
            assert!(matches!(JwkSet::parse(document.as_bytes()), Err(InvalidJwkSet::Form(_))), "{document}");
        }
        assert!(matches!(JwkSet::parse(br#"{"keys": []}"#), Err(InvalidJwkSet::NoKey)));
    }

    #[test]
    fn only_keys_for_signatures_are_used() {
        for members in [
            json!({}),
            json!({"use": "sig"}),
            json!({"key_ops": ["verify"]}),
            json!({"alg": "EdDSA"}),
            json!({"alg": "Ed25519"}),
        ] {
            assert!(usable(ed25519(&members)), "{members}");
        }
        for members in [
            json!({"use": "enc"}),
            json!({"key_ops": ["sign"]}),
            json!({"key_ops": []}),
            json!({"alg": "HS256"}),
            json!({"alg": "none"}),
            json!({"crv": "X25519"}),
            json!({"crv": null}),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kty": 1}),
            json!({"kid": 1}),
            json!({"x": BASE64_URL_SAFE_NO_PAD.encode([7; 31])}),
            json!({"x": "+/=="}),
        ] {
            assert!(!usable(ed25519(&members)), "{members}");
        }
    }

    #[test]
    fn what_is_no_key_does_not_spoil_the_others() {
        let set = JwkSet::from_value(json!({"keys": [1, null, {"kty": "oct"}, ed25519(&json!({"kid": "a"}))]}));
        assert_eq!(set.unwrap().candidates(Some("a"), Algorithm::EdDSA).count(), 1);
    }

    #[test]
    fn rsa_keys_are_neither_too_short_nor_too_long() {
        assert!(usable(rsa(2048)) && usable(rsa(4096)) && usable(rsa(8192)));
        assert!(!usable(rsa(1024)) && !usable(rsa(2040)) && !usable(rsa(8200)) && !usable(rsa(0)));
    }

    #[test]
    fn points_are_of_the_curves_size() {
        let of = |curve: &str, size: usize| {
            let coordinate = BASE64_URL_SAFE_NO_PAD.encode(vec![1; size]);
            json!({"kty": "EC", "crv": curve, "x": coordinate, "y": coordinate})
        };
        assert!(usable(of("P-256", 32)) && usable(of("P-384", 48)));
        assert!(!usable(of("P-256", 48)) && !usable(of("P-384", 32)) && !usable(of("secp256k1", 32)));
        // Of the right size, and not on the curve.
        assert!(!usable(of("P-521", 66)));
    }

    #[test]
    fn a_key_serves_its_kid_its_algorithm_and_no_other_kind() {
        let keys = json!([
            ed25519(&json!({"kid": "a"})),
            ed25519(&json!({"kid": "b"})),
            ed25519(&json!({})),
            {"kty": "RSA", "kid": "a", "alg": "PS256", "n": rsa(2048)["n"], "e": "AQAB"},
        ]);
        let set = JwkSet::from_value(json!({"keys": keys})).unwrap();
        let count = |kid, algorithm| set.candidates(kid, algorithm).count();
        assert_eq!(count(Some("a"), Algorithm::EdDSA), 1);
        assert_eq!(count(Some("c"), Algorithm::EdDSA), 0);
        assert_eq!(count(None, Algorithm::EdDSA), 3);
        assert_eq!(count(Some("a"), Algorithm::PS256), 1);
        assert_eq!(count(Some("a"), Algorithm::RS256), 0, "the key says what it is for");
        assert_eq!(count(Some("a"), Algorithm::ES256), 0);
    }

    #[test]
    fn a_set_without_end_is_looked_at_in_part() {
        let keys = vec![ed25519(&json!({})); MAX_KEYS + 1];
        let set = JwkSet::from_value(json!({"keys": keys})).unwrap();
        assert_eq!(set.candidates(None, Algorithm::EdDSA).count(), MAX_KEYS);
    }
}

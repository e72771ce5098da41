//! The compact serialisation of RFC 7515, taken apart and not yet believed.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::JwtRejection;
use super::algorithm::Algorithm;

/// Bytes of a token. API Gateway lets a request have 10,240 bytes of headers.
pub(super) const MAX_BYTES: usize = 8_192;

/// A token's parts, decoded.
#[derive(Debug)]
pub(super) struct Compact<'a> {
    pub(super) header: Header,
    pub(super) claims: Map<String, Value>,
    pub(super) signature: Vec<u8>,
    /// What the signature is over.
    pub(super) signed: &'a str,
}

/// The members of a header that count. Keys that a token brings along (`jwk`,
/// `jku`, `x5c`, `x5u`) are none of them: whoever made it may have made these.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
}

#[derive(Deserialize)]
struct RawHeader {
    alg: Value,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

impl<'a> Compact<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, JwtRejection> {
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtRejection::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtRejection::Form)?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtRejection::Form);
        let raw: RawHeader = serde_json::from_slice(&decode(header)?).map_err(|_| JwtRejection::Form)?;
        // Nothing that a token may call critical is understood here.
        if raw.crit {
            return Err(JwtRejection::Critical);
        }
        let algorithm = raw.alg.as_str().and_then(Algorithm::named).ok_or(JwtRejection::Algorithm)?;
        Ok(Self {
            header: Header { algorithm, kid: raw.kid, typ: raw.typ },
            claims: serde_json::from_slice(&decode(claims)?).map_err(|_| JwtRejection::Form)?,
            signature: decode(signature)?,
            signed,
        })
    }
}

/// Whether a member is there, be it null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
        format!("{}.{}.c2ln", encode(header), encode(claims))
    }

    fn rejection(token: &str) -> JwtRejection {
        Compact::parse(token).unwrap_err()
    }

    #[test]
    fn a_token_is_taken_apart() {
        let token = token(r#"{"alg":"ES256","kid":"k","typ":"JWT","jku":"https://evil.example"}"#, r#"{"iss":"i"}"#);
        let compact = Compact::parse(&token).unwrap();
        assert_eq!(compact.header.algorithm, Algorithm::ES256);
        assert_eq!((compact.header.kid.as_deref(), compact.header.typ.as_deref()), (Some("k"), Some("JWT")));
        assert_eq!(compact.claims["iss"], "i");
        assert_eq!(compact.signature, b"sig");
        assert_eq!(format!("{}.c2ln", compact.signed), token);
    }

    #[test]
    fn what_is_not_three_parts_of_base64url_is_no_token() {
        let good = token(r#"{"alg":"ES256"}"#, "{}");
        assert!(Compact::parse(&good).is_ok());
        for wrong in [
            "",
            ".",
            "..",
            "...",
            "a.b",
            "a.b.c",
            &good.replace(".c2ln", ""),
            &format!("{good}."),
            &format!("{good}.a.b"),
            &format!("{good}="),
            &format!(" {good}"),
            &good.replace("c2ln", "c2l+"),
            &good.replace("c2ln", "c2lm\u{e9}"),
            // Bits left over that are not zero: another spelling of the same bytes.
            &good.replace("c2ln", "c2lnZh"),
            &token("[]", "{}"),
            &token("null", "{}"),
            &token("{}", "{}"),
            &token(r#"{"alg":"ES256"}"#, "[]"),
            &token(r#"{"alg":"ES256"}"#, "null"),
            &token(r#"{"alg":"ES256","alg":"none"}"#, "{}"),
            &token(r#"{"alg":"ES256","kid":1}"#, "{}"),
            &token(r#"{"alg":"ES256","typ":[]}"#, "{}"),
            &token(r#"{"alg":"ES256"} x"#, "{}"),
            &token(r#"{"alg":"ES256"}"#, "{} {}"),
        ] {
            assert_eq!(rejection(wrong), JwtRejection::Form, "{wrong}");
        }
    }

    #[test]
    fn there_is_no_algorithm_none_and_no_hmac() {
        for alg in [
            r#""none""#,
            r#""None""#,
            r#""NONE""#,
            r#""HS256""#,
            r#""HS384""#,
            r#""HS512""#,
            r#""es256""#,
            r#""ES256K""#,
            r#""RSA-OAEP""#,
            r#""dir""#,
            r#""""#,
            "null",
            "1",
            r#"["ES256"]"#,
            r#"{"ES256":null}"#,
        ] {
            assert_eq!(rejection(&token(&format!(r#"{{"alg":{alg}}}"#), "{}")), JwtRejection::Algorithm, "{alg}");
        }
    }

    #[test]
    fn nothing_is_taken_for_critical() {
        for crit in ["[]", r#"["b64"]"#, "null", r#""exp""#] {
            let header = format!(r#"{{"alg":"ES256","crit":{crit}}}"#);
            assert_eq!(rejection(&token(&header, "{}")), JwtRejection::Critical, "{crit}");
        }
    }
}

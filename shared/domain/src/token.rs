//! Opaque tokens: what a client holds instead of an API key where the key
//! source is the authorizer.
//!
//! A token is `kp_`, 32 random letters and digits, and 6 more that are the
//! CRC-32 of those 32 in base 62, most significant first: GitHub's format,
//! which secret scanners can recognise and verify offline. A mistyped or
//! invented token is told without any I/O; the checksum is no secret and
//! protects nothing else. Only the SHA-256 of a token is ever kept.

mod checksum;
mod record;

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::key::hex;
pub use record::{InvalidScope, Scope, TokenRecord};

/// The id of a token, by which it is listed and revoked.
pub use crate::id::TokenId;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret token, well formed. Prints as `Token(..)` and compares in constant
/// time.
#[derive(Clone)]
pub struct Token(SecretString);

/// Why a string is no token. What was presented is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not of [`Token::LENGTH`] characters.
    #[error("a token has {} characters", Token::LENGTH)]
    Length,
    /// Not beginning with [`Token::PREFIX`].
    #[error("a token begins with {}", Token::PREFIX)]
    Prefix,
    /// Something other than letters and digits after the prefix.
    #[error("a token consists of letters and digits")]
    Alphabet,
    /// Mistyped, or made up.
    #[error("the token's checksum is wrong")]
    Checksum,
}

impl Token {
    /// How every token begins.
    pub const PREFIX: &'static str = "kp_";
    /// Characters, which are bytes too.
    pub const LENGTH: usize = Self::PREFIX.len() + Self::BODY_LENGTH + checksum::LENGTH;
    const BODY_LENGTH: usize = 32;

    /// A new token out of 256 random bits. Its 32 characters are the last
    /// digits of that number in base 62: 190.5 bits, none likelier than
    /// another by more than 1 in 2^65.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 32]) -> Self {
        let mut number = entropy;
        let body: String =
            (0..Self::BODY_LENGTH).map(|_| char::from(ALPHABET[usize::from(divide(&mut number, 62))])).collect();
        let checksum = checksum::of(&body);
        Self(format!("{}{body}{checksum}", Self::PREFIX).into())
    }

    /// Takes a token as presented, its scheme already removed
    /// (see [`bearer`]).
    ///
    /// # Errors
    /// When it is not well formed or its checksum is wrong. Whether it was ever
    /// issued is found out by looking up its [`hash`](Self::hash).
    pub fn parse(presented: &str) -> Result<Self, TokenError> {
        if presented.len() != Self::LENGTH {
            return Err(TokenError::Length);
        }
        let rest = presented.strip_prefix(Self::PREFIX).ok_or(TokenError::Prefix)?;
        if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(TokenError::Alphabet);
        }
        let (body, checksum) = rest.split_at_checked(Self::BODY_LENGTH).ok_or(TokenError::Length)?;
        if checksum::of(body) != checksum {
            return Err(TokenError::Checksum);
        }
        Ok(Self(presented.into()))
    }

    /// The characters themselves: for the one answer that shows them.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the token is kept and looked up by.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(hex(&self.digest()))
    }

    /// The token's id. It follows from the token, so that whoever finds a
    /// leaked one can tell which to revoke; nothing follows from it.
    #[must_use]
    pub fn id(&self) -> TokenId {
        TokenId::from_digest(&self.digest())
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.expose().as_bytes()).into()
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// SHA-256 of a token, in 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

impl TokenHash {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bare credential of an `Authorization` header: the scheme `Bearer`, in
/// any case, and blanks around are removed. Empty when nothing else was there.
#[must_use]
pub fn bearer(header: &str) -> &str {
    const SCHEME: &str = "Bearer";
    let header = header.trim();
    match header.split_at_checked(SCHEME.len()) {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case(SCHEME) && (rest.is_empty() || rest.starts_with([' ', '\t'])) =>
        {
            rest.trim_start()
        }
        _ => header,
    }
}

/// Divides a big-endian number in place and returns the remainder.
fn divide(number: &mut [u8; 32], divisor: u8) -> u8 {
    let divisor = u16::from(divisor);
    number.iter_mut().fold(0, |remainder, digit| {
        let dividend = u16::from_be_bytes([remainder, *digit]);
        [_, *digit] = (dividend / divisor).to_be_bytes();
        let [_, remainder] = (dividend % divisor).to_be_bytes();
        remainder
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> Token {
        Token::from_entropy(*b"an example, and no secret at all")
    }

    #[test]
    fn a_token_has_the_documented_form() {
        let token = token();
        assert_eq!(token.expose().len(), 41);
        assert!(token.expose().starts_with("kp_"));
        assert!(token.expose()[3..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    /// The digits were worked out apart from this code.
    #[test]
    fn entropy_is_written_in_base_62_least_digit_first() {
        let mut entropy = [0; 32];
        entropy[30..].copy_from_slice(&[1, 0]);
        let token = Token::from_entropy(entropy);
        assert_eq!(&token.expose()[..35], "kp_84000000000000000000000000000000");
        let most = Token::from_entropy([255; 32]);
        assert_ne!(&most.expose()[..35], &token.expose()[..35]);
    }

    #[test]
    fn a_token_prints_as_redacted() {
        assert_eq!(format!("{:?}", token()), "Token(..)");
    }

    #[test]
    fn a_token_is_kept_by_its_sha_256() {
        let token = token();
        let expected = hex(&Sha256::digest(token.expose()));
        assert_eq!(token.hash().to_string(), expected);
        assert_eq!(token.hash().as_str().len(), 64);
    }

    #[test]
    fn an_id_follows_from_the_token_alone() {
        let token = token();
        let id = token.id();
        assert_eq!(id.as_str().len(), 10);
        assert_eq!(Token::parse(token.expose()).unwrap().id(), id);
        assert_ne!(Token::from_entropy([7; 32]).id(), id);
    }

    #[test]
    fn whatever_is_no_token_is_refused() {
        let token = token();
        let good = token.expose();
        for (presented, because) in [
            (String::new(), TokenError::Length),
            (good[..40].to_owned(), TokenError::Length),
            (format!("{good}0"), TokenError::Length),
            (format!("{good} "), TokenError::Length),
            ("kp_".repeat(1_000_000), TokenError::Length),
            (good.replacen("kp_", "KP_", 1), TokenError::Prefix),
            (format!("gh{}", &good[2..]), TokenError::Prefix),
            (format!("{}-{}", &good[..10], &good[11..]), TokenError::Alphabet),
            (format!("{}é{}", &good[..10], &good[12..]), TokenError::Alphabet),
            (format!("kp_{}", "0".repeat(38)), TokenError::Checksum),
        ] {
            assert_eq!(Token::parse(&presented), Err(because));
        }
    }

    proptest! {
        #[test]
        fn every_new_token_is_well_formed(entropy: [u8; 32]) {
            let token = Token::from_entropy(entropy);
            prop_assert_eq!(Token::parse(token.expose()), Ok(token.clone()));
        }

        #[test]
        fn one_wrong_character_is_always_noticed(entropy: [u8; 32], at in 3..41usize, by in 1..62usize) {
            let mut wrong = Token::from_entropy(entropy).expose().to_owned().into_bytes();
            let digit = ALPHABET.iter().position(|character| *character == wrong[at]).unwrap();
            wrong[at] = ALPHABET[(digit + by) % 62];
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert_eq!(Token::parse(&wrong), Err(TokenError::Checksum));
        }

        #[test]
        fn two_characters_exchanged_are_always_noticed(entropy: [u8; 32], at in 3..34usize) {
            let token = Token::from_entropy(entropy);
            let mut wrong = token.expose().to_owned().into_bytes();
            prop_assume!(wrong[at] != wrong[at + 1]);
            wrong.swap(at, at + 1);
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert_eq!(Token::parse(&wrong), Err(TokenError::Checksum));
        }
    }

    #[test]
    fn the_scheme_is_removed_in_any_case() {
        for header in ["Bearer x", "bearer x", "BEARER  x ", " Bearer\tx", "x", " x "] {
            assert_eq!(bearer(header), "x", "{header:?}");
        }
    }

    #[test]
    fn what_only_looks_like_the_scheme_stays() {
        for header in ["Bearerx", "Basic x", "Bearer", "bear", "Bearé x", "Bearer: x"] {
            let expected = if header == "Bearer" { "" } else { header };
            assert_eq!(bearer(header), expected, "{header:?}");
        }
        assert_eq!(bearer(""), "");
        assert_eq!(bearer("Bearer  "), "");
        assert_eq!(bearer("Bearer Bearer x"), "Bearer x");
    }
}

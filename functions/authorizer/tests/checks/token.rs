use keyplan_domain::token::{Token, TokenError, bearer};

/// Any text as an `Authorization` header: what is a token is so in every
/// spelling of the header and prints redacted, and all else is refused in words
/// that repeat nothing of it.
pub(crate) fn check(header: &str) {
    let presented = bearer(header);
    assert!(header.contains(presented));
    match Token::parse(presented) {
        Ok(token) => accepted(presented, &token),
        Err(refusal) => {
            let known = [TokenError::Length, TokenError::Prefix, TokenError::Alphabet, TokenError::Checksum];
            assert!(known.contains(&refusal));
        }
    }
}

fn accepted(presented: &str, token: &Token) {
    assert_eq!(token.expose(), presented);
    assert_eq!(presented.len(), Token::LENGTH);
    assert_eq!(format!("{token:?}"), "Token(..)");
    for header in [format!("Bearer {presented}"), format!("bEARER\t {presented} "), format!(" {presented}")] {
        assert_eq!(bearer(&header), presented, "{header:?}");
    }
    let again = Token::parse(presented);
    assert!(again.as_ref() == Ok(token));
    assert!(again.is_ok_and(|again| again.hash() == token.hash() && again.id() == token.id()));
    // CRC-32 sees every change of a single character.
    for at in 0..presented.len() {
        let mut mistyped = presented.to_owned();
        mistyped.replace_range(at..=at, if presented.as_bytes()[at] == b'a' { "b" } else { "a" });
        assert!(Token::parse(&mistyped).is_err(), "mistyped at {at}");
    }
}

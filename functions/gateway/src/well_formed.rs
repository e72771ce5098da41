//! Whether a request's address is one that can be read.

use keyplan_domain::refusal::Refusal;
use percent_encoding::percent_decode_str;

use crate::request::Request;

/// Refuses a path or a query that is not percent-encoded text, as API Gateway
/// does: a `%` without its two digits, bytes that are no UTF-8, NUL.
pub(crate) fn check(request: &Request) -> Result<(), Refusal> {
    const REASON: &str = "the path or the query is no percent-encoded text";
    let is_well_formed = is_encoded_text(&request.path) && is_encoded_text(&request.query);
    if is_well_formed { Ok(()) } else { Err(Refusal::BadRequest { reason: REASON }) }
}

fn is_encoded_text(text: &str) -> bool {
    if !text.contains('%') {
        return true;
    }
    let is_whole = |rest: &str| matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    text.split('%').skip(1).all(is_whole)
        && percent_decode_str(text).decode_utf8().is_ok_and(|decoded| !decoded.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;

    #[test]
    fn an_address_is_percent_encoded_text() {
        for good in ["/", "/a?b=c", "/%25%20?q=%C3%A9", "/%2e%2E%2f", "/\u{e9}?%0a", "/%F0%9F%90%88"] {
            assert_eq!(check(&request("GET", good)), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_a_bad_request() {
        for bad in ["%", "%4", "%zz", "%%", "%%41", "%u0041", "%-1", "%00", "%ff", "%c3", "%c0%af", "%ed%a0%80"] {
            for target in [format!("/{bad}"), format!("/{bad}/x"), format!("/?q={bad}"), format!("/?{bad}=1")] {
                assert!(matches!(check(&request("GET", &target)), Err(Refusal::BadRequest { .. })), "{target}");
            }
        }
    }
}

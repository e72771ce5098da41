//! The formats that draft 4 names, and which texts the library of API Gateway takes
//! for them; where it goes by another library, in that one's terms.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::pattern::is_pattern;

#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    DateTime,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Regex,
    Uri,
}

impl Format {
    /// What others mean is nothing.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" => Self::DateTime,
            "email" => Self::Email,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "regex" => Self::Regex,
            "uri" => Self::Uri,
            _ => return None,
        })
    }

    pub(super) fn describes(self, text: &str) -> bool {
        match self {
            Self::DateTime => is_date_time(text).is_some(),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Regex => is_pattern(text),
            Self::Uri => is_uri(text),
        }
    }
}

/// RFC 3339, without leap seconds and with at most twelve digits of a fraction; and
/// the offset may lack its colon or its minutes, as ISO 8601 allows.
fn is_date_time(text: &str) -> Option<()> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    let month = after(&mut rest, b'-', 2)?;
    let day = after(&mut rest, b'-', 2)?;
    let is_leap_year = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if is_leap_year => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let hour = after(&mut rest, b'T', 2)?;
    let minute = after(&mut rest, b':', 2)?;
    let second = after(&mut rest, b':', 2)?;
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = fraction.get(digits..).filter(|_| (1..=12).contains(&digits))?;
    }
    match rest {
        [b'Z' | b'z'] => Some(()),
        [b'+' | b'-', offset @ ..] => {
            let (hours, minutes) = offset.split_at_checked(2)?;
            let mut minutes = minutes.strip_prefix(b":").unwrap_or(minutes);
            let hours = number(&mut &*hours, 2)?;
            let minutes = if offset.len() == 2 { 0 } else { number(&mut minutes, 2).filter(|_| minutes.is_empty())? };
            (hours < 24 && minutes < 60).then_some(())
        }
        _ => None,
    }
}

fn number(rest: &mut &[u8], digits: usize) -> Option<u32> {
    let (number, others) = rest.split_at_checked(digits)?;
    *rest = others;
    number.iter().try_fold(0, |value, byte| Some(value * 10 + char::from(*byte).to_digit(10)?))
}

fn after(rest: &mut &[u8], letter: u8, digits: usize) -> Option<u32> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    if first.eq_ignore_ascii_case(&letter) { number(rest, digits) } else { None }
}

/// An `addr-spec` of RFC 5322 without comments.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    let is_local = match local.strip_prefix('"').and_then(|local| local.strip_suffix('"')) {
        Some(quoted) => is_quoted(quoted),
        None => local.split('.').all(is_atom),
    };
    let is_domain = match domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        Some(literal) => match literal.split_at_checked(5) {
            Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => address.parse::<Ipv6Addr>().is_ok(),
            _ => literal.parse::<Ipv4Addr>().is_ok(),
        },
        None => domain.len() <= 253 && domain.split('.').all(|label| is_label(label, b"-")),
    };
    is_local && is_domain
}

fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_fine = match byte {
            b'\\' => bytes.next().is_some_and(|byte| matches!(byte, b' '..=b'~')),
            b'"' => false,
            byte => matches!(byte, b' '..=b'~'),
        };
        if !is_fine {
            return false;
        }
    }
    true
}

/// As Guava's `InternetDomainName` has it: labels may have underscores and letters of
/// any script, and the last one starts with no digit.
fn is_hostname(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut labels = text.rsplit('.');
    text.chars().count() <= 253
        && text.split('.').count() <= 127
        && labels.clone().all(|label| is_label(label, b"-_"))
        && labels.next().is_some_and(|last| !last.starts_with(|first: char| first.is_ascii_digit()))
}

/// A label of letters, digits and, other than at its ends, of some punctuation.
fn is_label(label: &str, punctuation: &[u8]) -> bool {
    let bytes = label.as_bytes();
    let is_inner = |byte: &u8| punctuation.contains(byte);
    (1..=63).contains(&label.chars().count())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || is_inner(byte) || !byte.is_ascii())
        && ![bytes.first(), bytes.last()].into_iter().flatten().any(is_inner)
}

/// As `java.net.URI` parses it: absolute or relative, and characters beyond ASCII
/// stand for themselves.
fn is_uri(text: &str) -> bool {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let first_segment = rest.split('/').next().unwrap_or_default();
    let hierarchy = match first_segment.split_once(':') {
        Some((scheme, first_segment)) => {
            let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            let after = &rest[scheme.len() + 1..];
            if !is_scheme || (after.is_empty() && first_segment.is_empty() && query.is_empty()) {
                return false;
            }
            after
        }
        None => rest,
    };
    let (authority, path) = match hierarchy.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", hierarchy),
    };
    let is_nothing = hierarchy.starts_with("//") && authority.is_empty() && path.is_empty();
    !is_nothing
        && is_authority(authority)
        && is_made_of(path, b"/:@")
        && [query, fragment].iter().all(|part| is_made_of(part, b"/?:@[]"))
}

fn is_authority(authority: &str) -> bool {
    let (user, server) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (is_host, port) = match server.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (host, port) = server.split_at(server.find(':').unwrap_or(server.len()));
            (is_made_of(host, b""), port)
        }
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    is_host && is_made_of(user, b":") && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a part of a URI consists of what any part may have and of some others.
fn is_made_of(part: &str, others: &[u8]) -> bool {
    let mut chars = part.chars();
    while let Some(char) = chars.next() {
        let is_fine = match char {
            '%' => (0..2).all(|_| chars.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            char if char.is_ascii() => {
                let byte = char as u8;
                byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte) || others.contains(&byte)
            }
            char => !char.is_control() && !char.is_whitespace(),
        };
        if !is_fine {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;

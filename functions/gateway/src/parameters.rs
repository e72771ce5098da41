//! A request's parameters as API Gateway hands them on: headers and query by
//! name, with one value or with all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::HeaderName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::{Request, tracing_header};

/// Values by name, in the order in which they were sent.
pub(crate) type MultiMap<'a> = BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>;

/// Each name with its last value: the one that counts where one is asked for.
pub(crate) fn last_values<'a>(all: &'a MultiMap<'a>) -> BTreeMap<&'a str, &'a str> {
    all.iter().filter_map(|(name, values)| Some((name.as_ref(), values.last()?.as_ref()))).collect()
}

/// The parameters of a raw query, decoded, `+` as a space.
pub(crate) fn query(raw: &str) -> MultiMap<'_> {
    let mut parameters = MultiMap::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.entry(form_decoded(name)).or_default().push(form_decoded(value));
    }
    parameters
}

/// The value of one query parameter: the last, as above.
pub(crate) fn query_parameter<'a>(raw: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    query_values(raw, wanted).next_back()
}

/// All values of one query parameter, as they were sent.
pub(crate) fn query_values<'a>(raw: &'a str, wanted: &str) -> impl DoubleEndedIterator<Item = Cow<'a, str>> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(move |(name, _)| form_decoded(name) == wanted)
        .map(|(_, value)| form_decoded(value))
}

pub(crate) fn form_decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        Cow::Owned(percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned())
    } else {
        percent_decode(text.as_bytes()).decode_utf8_lossy()
    }
}

/// What stands unencoded in a part of a path or a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A part of a path or a query, percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Headers that concern one connection and not the request: API Gateway hands
/// none of them on.
const OF_THE_CONNECTION: [&str; 2] = ["connection", "content-length"];

/// The headers as a Lambda function gets them. The address of the client is
/// among them, and what it is traced by, as API Gateway adds them.
pub(crate) fn headers(request: &Request) -> MultiMap<'_> {
    let headers = &request.headers;
    let mut named: MultiMap<'_> = headers
        .keys()
        .filter(|name| !OF_THE_CONNECTION.contains(&name.as_str()))
        .map(|name| {
            let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            (customary(name), values.collect())
        })
        .collect();
    named.entry("X-Forwarded-For".into()).or_insert_with(|| vec![request.source_ip.as_str().into()]);
    if let Some(header) = tracing_header::passed_on(request) {
        named.insert("X-Amzn-Trace-Id".into(), vec![header.into()]);
    }
    named
}

/// A header's name in the case that API Gateway's clients know it by. The case
/// as sent is lost in [`HeaderMap`]; standard headers are written the customary
/// way, others in lower case.
fn customary(name: &HeaderName) -> Cow<'_, str> {
    const STANDARD: [&str; 27] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-type",
        "cookie",
        "date",
        "expect",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "origin",
        "pragma",
        "range",
        "referer",
        "user-agent",
        "via",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    ];
    let name = name.as_str();
    if !STANDARD.contains(&name) {
        return Cow::Borrowed(name);
    }
    let mut first = true;
    let capitalised = name.chars().map(|letter| {
        let written = if first { letter.to_ascii_uppercase() } else { letter };
        first = letter == '-';
        written
    });
    Cow::Owned(capitalised.collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::testing::request;

    #[test]
    fn a_query_is_decoded_and_its_last_value_counts() {
        let all = query("price=10&price=20&email=test%2Balias@gmail.com&plus=a+b&flag&=x");
        let last = last_values(&all);
        assert_eq!(last["price"], "20");
        assert_eq!(all["price"], ["10", "20"]);
        assert_eq!(last["email"], "test+alias@gmail.com");
        assert_eq!(last["plus"], "a b");
        assert_eq!(last["flag"], "");
        assert_eq!(query_parameter("price=10&pri%63e=20", "price").as_deref(), Some("20"));
        assert_eq!(query_parameter("price=10", "cost"), None);
        assert!(query("").is_empty());
    }

    #[test]
    fn headers_are_named_the_customary_way() {
        let mut sent = request("GET", "/");
        sent.source_ip = "192.0.2.1".into();
        for (name, value) in [
            ("user-agent", "curl/8"),
            ("x-tenant", "a"),
            ("x-tenant", "b"),
            ("x-amzn-trace-id", "Root=1"),
            ("connection", "close"),
            ("content-length", "7"),
        ] {
            sent.headers.append(name, HeaderValue::from_static(value));
        }
        let named = headers(&sent);
        let names: Vec<_> = named.keys().map(AsRef::as_ref).collect();
        assert_eq!(names, ["User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "x-tenant"]);
        assert_eq!(named["x-tenant"], ["a", "b"]);
        assert_eq!(named["X-Forwarded-For"], ["192.0.2.1"]);
    }
}

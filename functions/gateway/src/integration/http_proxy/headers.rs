use std::collections::BTreeMap;

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, header};
use keyplan_domain::refusal::Refusal;
use keyplan_domain::template::{Expression, Reference, Unsupported};

use crate::exchange::Exchange;
use crate::request::text;
use crate::tracing_header;

/// Headers of one connection, which end with it (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

const API_ID: HeaderName = HeaderName::from_static("x-amzn-apigateway-api-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// `integration.request.header.{name}`: headers in the place of the client's of
/// that name. All others of the client's are passed on as they came.
pub(super) struct HeaderMappings(Vec<(HeaderName, Expression)>);

impl HeaderMappings {
    pub(super) fn compile(mappings: &BTreeMap<String, String>) -> Result<Self, &'static str> {
        mappings
            .iter()
            .filter_map(|(name, expression)| Some((name.strip_prefix("integration.request.header.")?, expression)))
            .map(|(name, text)| {
                let name: HeaderName = name.parse().map_err(|_| "a mapping to a header that can have no such name")?;
                let expression = Expression::compile(text).map_err(|Unsupported(what)| what)?;
                check(&name, &expression)?;
                Ok((name, expression))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The headers that the backend gets.
    pub(super) fn of(&self, exchange: &Exchange<'_>) -> Result<HeaderMap, Refusal> {
        let mut headers = end_to_end(exchange.request.headers.clone());
        for name in [HOST, CONTENT_LENGTH, EXPECT] {
            headers.remove(name);
        }
        add_client(&mut headers, &exchange.request.source_ip);
        if let Ok(api) = HeaderValue::from_str(exchange.stage.deployment.id.as_str()) {
            headers.insert(API_ID, api);
        }
        if let Some(Ok(header)) = tracing_header::passed_on(exchange.request).map(HeaderValue::from_str) {
            headers.insert(tracing_header::NAME, header);
        }
        for (name, expression) in &self.0 {
            let Some(value) = expression.evaluate(exchange) else { continue };
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| Refusal::BadRequest { reason: "a parameter cannot be the value of a header" })?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

/// A caller chooses neither the virtual host of a backend nor how the
/// connection to it works.
fn check(name: &HeaderName, expression: &Expression) -> Result<(), &'static str> {
    let is_owners = matches!(expression, Expression::Literal(_) | Expression::Value(Reference::StageVariable(_)));
    if *name == HOST && !is_owners {
        return Err("a mapping of something of the request's to the header Host");
    }
    if HOP_BY_HOP.contains(name) || *name == CONTENT_LENGTH || *name == EXPECT {
        return Err("a mapping to a header of the connection");
    }
    Ok(())
}

/// `headers` without those of the connection, whether by their nature or since
/// `Connection` names them.
pub(super) fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(text)
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
    headers
}

/// Adds the client's address at the end of `X-Forwarded-For`, unless the front
/// has done so.
fn add_client(headers: &mut HeaderMap, source_ip: &str) {
    let listed: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(text).collect();
    let listed = listed.join(", ");
    if !listed.is_empty() && listed.rsplit(',').next().is_some_and(|last| last.trim() == source_ip) {
        return;
    }
    let all = if listed.is_empty() { source_ip.to_owned() } else { format!("{listed}, {source_ip}") };
    if let Ok(all) = HeaderValue::from_str(&all) {
        headers.insert(FORWARDED_FOR, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Placed, function, open_method, request, snapshot, strings};

    fn sent(mappings: &[(&str, &str)], headers: &[(&str, &str)]) -> Vec<String> {
        let request =
            headers.iter().fold(request("GET", "/pets/7"), |request, (name, value)| request.with(name, value));
        let placed = Placed::new(request, snapshot(open_method(function("f")), Vec::new()), &[("host", "internal")]);
        let mappings = HeaderMappings::compile(&strings(mappings)).unwrap();
        let sent = mappings.of(&placed.exchange()).unwrap();
        let mut lines: Vec<_> =
            sent.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    #[test]
    fn headers_are_passed_on_but_for_those_of_the_connection() {
        let headers = [
            ("host", "api.example.com"),
            ("connection", "close, X-Secret-Hop"),
            ("x-secret-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "Basic eDp5"),
            ("content-length", "9"),
            ("expect", "100-continue"),
            ("x-many", "1"),
            ("x-many", "2"),
            ("authorization", "Bearer t"),
        ];
        assert_eq!(
            sent(&[], &headers),
            [
                "authorization: Bearer t",
                "x-amzn-apigateway-api-id: abcdefghij",
                "x-forwarded-for: 192.0.2.1",
                "x-many: 1",
                "x-many: 2",
            ]
        );
    }

    #[test]
    fn the_clients_address_comes_last_and_once() {
        let of = |listed: &str| sent(&[], &[("x-forwarded-for", listed)])[1].clone();
        assert_eq!(of("198.51.100.7"), "x-forwarded-for: 198.51.100.7, 192.0.2.1");
        assert_eq!(of("198.51.100.7, 192.0.2.1"), "x-forwarded-for: 198.51.100.7, 192.0.2.1");
    }

    #[test]
    fn a_mapped_header_takes_the_place_of_the_clients() {
        let mappings = [
            ("integration.request.header.x-tenant", "method.request.path.petId"),
            ("integration.request.header.Host", "stageVariables.host"),
            ("integration.request.header.x-kept", "method.request.header.absent"),
        ];
        assert_eq!(
            sent(&mappings, &[("x-tenant", "forged"), ("x-kept", "yes")]),
            [
                "host: internal",
                "x-amzn-apigateway-api-id: abcdefghij",
                "x-forwarded-for: 192.0.2.1",
                "x-kept: yes",
                "x-tenant: 7",
            ]
        );
    }

    #[test]
    fn a_caller_chooses_neither_host_nor_connection() {
        for (name, expression) in [
            ("Host", "method.request.header.x"),
            ("Host", "context.domainName"),
            ("connection", "'close'"),
            ("Transfer-Encoding", "'chunked'"),
            ("content-length", "'0'"),
            ("a b", "'x'"),
        ] {
            let mappings = strings(&[(&format!("integration.request.header.{name}"), expression)]);
            assert!(HeaderMappings::compile(&mappings).is_err(), "{name}");
        }
    }
}

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Uri;
use http::uri::Authority;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::template::{Expression, Location, Reference, Unsupported};
use percent_encoding::percent_decode_str;

use super::query::QueryMappings;
use crate::exchange::Exchange;
use crate::{parameters, stage_variables};

/// Where a backend is: an integration's URI, with the values of its path.
///
/// Stage variables may stand anywhere in it; they are the owner's. Variables
/// in braces are filled from the request and so never reach the authority.
pub(super) struct Target {
    uri: StageUri,
    /// `integration.request.path.{name}`
    values: BTreeMap<String, Expression>,
}

enum StageUri {
    Fixed(Template),
    PerStage(String),
}

/// A URI taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Template {
    /// `https://example.com`
    origin: String,
    path: Vec<Piece>,
    query: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

const NO_URI: &str = "an integration whose URI is no HTTP address";

impl Target {
    pub(super) fn compile(uri: &str, mappings: &BTreeMap<String, String>) -> Result<Self, &'static str> {
        let uri = if stage_variables::are_in(uri) {
            StageUri::PerStage(uri.to_owned())
        } else {
            StageUri::Fixed(Template::parse(uri).ok_or(NO_URI)?)
        };
        let values = mappings
            .iter()
            .filter_map(|(name, expression)| Some((name.strip_prefix("integration.request.path.")?, expression)))
            .map(|(name, text)| Ok((name.to_owned(), Expression::compile(text).map_err(|Unsupported(what)| what)?)))
            .collect::<Result<_, &'static str>>()?;
        Ok(Self { uri, values })
    }

    /// The address to call for a request.
    pub(super) fn uri(&self, exchange: &Exchange<'_>, mapped: &QueryMappings) -> Result<Uri, Refusal> {
        const NOT_VALID: Refusal = Refusal::BadRequest { reason: "a parameter cannot be part of the backend's URI" };
        let resolved;
        let template = match &self.uri {
            StageUri::Fixed(template) => template,
            StageUri::PerStage(uri) => {
                let uri = stage_variables::replaced(uri, &exchange.stage.stage.variables);
                resolved = Template::parse(&uri).ok_or(Refusal::IntegrationNotInvoked {
                    reason: "the integration's URI is no HTTP address with these stage variables",
                })?;
                &resolved
            }
        };
        let mut uri = template.origin.clone();
        for piece in &template.path {
            match piece {
                Piece::Text(text) => uri.push_str(text),
                Piece::Variable(name) => uri.push_str(&self.value(name, exchange)?),
            }
        }
        let mut query = String::new();
        for piece in &template.query {
            match piece {
                Piece::Text(text) => query.push_str(text),
                Piece::Variable(name) => query.push_str(&self.value(name, exchange)?),
            }
        }
        mapped.add_to(&mut query, exchange);
        if !query.is_empty() {
            uri.push('?');
            uri.push_str(&query);
        }
        uri.parse().map_err(|_| NOT_VALID)
    }

    /// What stands for a variable, encoded as a part of a path.
    fn value<'v>(&'v self, name: &str, exchange: &'v Exchange<'_>) -> Result<Cow<'v, str>, Refusal> {
        const NO_VALUE: Refusal =
            Refusal::IntegrationNotInvoked { reason: "a variable of the integration's URI has no value" };
        let expression = self.values.get(name).ok_or(NO_VALUE)?;
        let value = expression.evaluate(exchange).ok_or(NO_VALUE)?;
        let encoded = match expression {
            // The owner's, or as the client encoded it.
            Expression::Literal(_) | Expression::Value(Reference::StageVariable(_)) => return Ok(value),
            Expression::Value(Reference::Parameter(Location::Path, _)) => value,
            _ => Cow::Owned(parameters::encoded(&value)),
        };
        if climbs(&encoded) {
            return Err(Refusal::BadRequest { reason: "a path parameter that leads out of the backend's path" });
        }
        Ok(encoded)
    }
}

/// Whether a value has `..` for a segment, in whatever spelling: it would reach
/// what the owner's path in front of it does not name.
fn climbs(value: &str) -> bool {
    let decoded = percent_decode_str(value).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|segment| segment == "..")
}

impl Template {
    fn parse(uri: &str) -> Option<Self> {
        let uri = uri.split('#').next()?;
        let (scheme, rest) = uri.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // No user, which would be a secret in the configuration.
        if authority.contains(['{', '}', '@']) || authority.parse::<Authority>().ok()?.host().is_empty() {
            return None;
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = if path.is_empty() { "/" } else { path };
        Some(Self { origin: format!("{scheme}://{authority}"), path: pieces(path)?, query: pieces(query)? })
    }
}

/// Text and `{variables}` in turn.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if name.is_empty() || before.contains('}') {
            return None;
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Variable(name.strip_suffix('+').unwrap_or(name).to_owned()));
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Placed, function, open_method, request, snapshot, strings};

    fn uri(template: &str, mappings: &[(&str, &str)], target: &str) -> Result<String, Refusal> {
        let mappings = strings(mappings);
        let compiled = Target::compile(template, &mappings).unwrap();
        let mapped = QueryMappings::compile(&mappings).unwrap();
        let request = request("GET", target).with("x-tenant", "a/b c");
        let variables = [("host", "example.com"), ("base", "v1/x")];
        let placed = Placed::new(request, snapshot(open_method(function("f")), Vec::new()), &variables);
        compiled.uri(&placed.exchange(), &mapped).map(|uri| uri.to_string())
    }

    const PET: (&str, &str) = ("integration.request.path.id", "method.request.path.petId");

    #[test]
    fn variables_of_the_path_are_filled_and_the_query_is_passed_on() {
        assert_eq!(uri("http://example.com", &[], "/pets/7").unwrap(), "http://example.com/");
        assert_eq!(
            uri("https://example.com:8443/v1/{id}/toys?fixed=1", &[PET], "/pets/a%20b?x=1&x=2&y=%2F").unwrap(),
            "https://example.com:8443/v1/a%20b/toys?fixed=1&x=1&x=2&y=%2F"
        );
        let tenant = ("integration.request.path.id", "method.request.header.x-tenant");
        assert_eq!(uri("http://example.com/{id}", &[tenant], "/pets/7").unwrap(), "http://example.com/a%2Fb%20c");
    }

    #[test]
    fn stage_variables_stand_anywhere() {
        let template = "https://${stageVariables.host}/${stageVariables.base}/{id}";
        assert_eq!(uri(template, &[PET], "/pets/7").unwrap(), "https://example.com/v1/x/7");
        let missing = uri("https://${stageVariables.none}/", &[], "/pets/7");
        assert!(matches!(missing, Err(Refusal::IntegrationNotInvoked { .. })));
    }

    #[test]
    fn a_variable_without_a_value_calls_nobody() {
        let unmapped = uri("http://example.com/{id}", &[], "/pets/7");
        assert!(matches!(unmapped, Err(Refusal::IntegrationNotInvoked { .. })));
    }

    #[test]
    fn no_parameter_leads_out_of_the_path_in_front_of_it() {
        for climbing in ["..", "%2e%2e", "a%2F..%2Fb", "%2E./x".split('/').next().unwrap(), "..%5Cx"] {
            let refused = uri("http://example.com/users/{id}", &[PET], &format!("/pets/{climbing}"));
            let is_refused = matches!(refused, Err(Refusal::BadRequest { .. }));
            // `%2E.` is two dots as well.
            assert!(is_refused, "{climbing}: {refused:?}");
        }
        assert!(uri("http://example.com/users/{id}", &[PET], "/pets/a..b").is_ok());
    }

    #[test]
    fn no_parameter_reaches_the_authority() {
        for wrong in [
            "http://{id}.example.com/",
            "http://{id}/",
            "http://user:secret@example.com/",
            "http:///x",
            "ftp://example.com",
            "example.com",
            "http://example.com/{",
            "http://example.com/{}",
            "http://example.com/}",
            "",
        ] {
            assert!(Target::compile(wrong, &strings(&[PET])).is_err(), "{wrong}");
        }
    }
}

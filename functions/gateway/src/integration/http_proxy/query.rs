use std::collections::BTreeMap;

use keyplan_domain::template::{Expression, Unsupported};

use crate::exchange::Exchange;
use crate::parameters;

/// `integration.request.querystring.{name}`: parameters in the place of the
/// client's of that name. All others of the client's are passed on as they came.
pub(super) struct QueryMappings(BTreeMap<String, Expression>);

impl QueryMappings {
    pub(super) fn compile(mappings: &BTreeMap<String, String>) -> Result<Self, &'static str> {
        mappings
            .iter()
            .filter_map(|(name, expression)| Some((name.strip_prefix("integration.request.querystring.")?, expression)))
            .map(|(name, text)| Ok((name.to_owned(), Expression::compile(text).map_err(|Unsupported(what)| what)?)))
            .collect::<Result<_, &'static str>>()
            .map(Self)
    }

    /// Adds to `query` what a request brings along and what is mapped.
    pub(super) fn add_to(&self, query: &mut String, exchange: &Exchange<'_>) {
        let mapped: Vec<_> =
            self.0.iter().filter_map(|(name, expression)| Some((name, expression.evaluate(exchange)?))).collect();
        for pair in exchange.request.query.split('&').filter(|pair| !pair.is_empty()) {
            let name = parameters::form_decoded(pair.split_once('=').map_or(pair, |(name, _)| name));
            if mapped.iter().all(|(replaced, _)| **replaced != *name) {
                join(query, pair);
            }
        }
        for (name, value) in mapped {
            join(query, &format!("{}={}", parameters::encoded(name), parameters::encoded(&value)));
        }
    }
}

fn join(query: &mut String, pair: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(pair);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Placed, function, open_method, request, snapshot, strings};

    #[test]
    fn a_mapped_parameter_takes_the_place_of_the_clients() {
        let mappings = strings(&[
            ("integration.request.querystring.tenant", "method.request.header.x-tenant"),
            ("integration.request.querystring.a b", "'&'"),
            ("integration.request.querystring.absent", "method.request.header.absent"),
            ("integration.request.header.other", "'x'"),
        ]);
        let request = request("GET", "/pets/7?tenan%74=evil&flag&absent=kept&x=1&x=2").with("x-tenant", "t&1");
        let placed = Placed::new(request, snapshot(open_method(function("f")), Vec::new()), &[]);
        let mut query = "fixed=1".to_owned();
        QueryMappings::compile(&mappings).unwrap().add_to(&mut query, &placed.exchange());
        assert_eq!(query, "fixed=1&flag&absent=kept&x=1&x=2&a%20b=%26&tenant=t%261");
    }
}

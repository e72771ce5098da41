use std::collections::BTreeMap;

use keyplan_domain::refusal::Refusal;
use percent_encoding::percent_decode_str;

use crate::exchange::Exchange;
use crate::parameters;

/// The parameters that a request must carry, in the order of their names.
pub(super) struct RequiredParameters(Vec<Required>);

struct Required {
    name: String,
    place: Place,
}

enum Place {
    Header,
    Query,
    Path,
}

impl RequiredParameters {
    /// Those that a method marks as required among its `requestParameters`.
    pub(super) fn of(request_parameters: &BTreeMap<String, bool>) -> Self {
        let required = request_parameters.iter().filter(|(_, required)| **required);
        let mut named: Vec<Required> = required.filter_map(|(parameter, _)| Required::parse(parameter)).collect();
        named.sort_by(|a, b| a.name.cmp(&b.name));
        Self(named)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all are there. One of nothing but blanks counts as missing
    /// (developer guide, "Request validation": "included and not blank").
    pub(super) fn check(&self, exchange: &Exchange<'_>) -> Result<(), Refusal> {
        let missing = self.0.iter().filter(|required| !required.is_in(exchange));
        let names: Vec<String> = missing.map(|required| required.name.clone()).collect();
        if names.is_empty() { Ok(()) } else { Err(Refusal::ParametersMissing { names }) }
    }
}

impl Required {
    /// `method.request.{place}.{name}`; the control plane has checked what it took.
    fn parse(parameter: &str) -> Option<Self> {
        let (place, name) = parameter.strip_prefix("method.request.")?.split_once('.')?;
        let place = match place {
            "header" | "multivalueheader" => Place::Header,
            "querystring" | "multivaluequerystring" => Place::Query,
            "path" => Place::Path,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), place })
    }

    /// Of several values one that is not blank is enough.
    fn is_in(&self, exchange: &Exchange<'_>) -> bool {
        let name = self.name.as_str();
        match self.place {
            Place::Header => {
                let values = exchange.request.headers.get_all(name).iter();
                values.into_iter().any(|value| !value.as_bytes().trim_ascii().is_empty())
            }
            Place::Query => {
                let mut values = parameters::query_values(&exchange.request.query, name);
                values.any(|value| !value.trim().is_empty())
            }
            Place::Path => {
                let value = exchange.route.as_ref().and_then(|route| route.path_parameters.get(name));
                value.is_some_and(|value| !percent_decode_str(value).decode_utf8_lossy().trim().is_empty())
            }
        }
    }
}

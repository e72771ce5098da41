use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use keyplan_domain::api::{GatewayResponse, GatewayResponseType};

use super::built_in::BuiltIn;
use crate::exchange::Exchange;
use keyplan_domain::template::{Expression, Reference, Template, Values, json_escaped};

/// The gateway responses that a deployment customises.
pub(crate) struct GatewayResponses(BTreeMap<GatewayResponseType, Customised>);

/// One of them, its templates taken apart.
pub(super) struct Customised {
    status: Option<StatusCode>,
    headers: Vec<(HeaderName, Expression)>,
    /// By media type, in alphabetical order.
    templates: Vec<(String, HeaderValue, Template)>,
}

/// A customised answer.
pub(super) struct Rendered {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What a gateway response says that has no template of its own.
const DEFAULT_TEMPLATE: &str = "{\"message\":$context.error.messageString}";

impl GatewayResponses {
    /// What cannot be read of a response is left out of it: the control plane
    /// has checked what it took.
    pub(crate) fn compile(responses: &[GatewayResponse]) -> Self {
        Self(responses.iter().map(|response| (response.response_type, Customised::compile(response))).collect())
    }

    /// What stands in for a built-in answer: the response of its type, else the
    /// default of its class.
    pub(super) fn customised(&self, built_in: &BuiltIn<'_>) -> Option<&Customised> {
        let kind = built_in.kind?;
        let default = if built_in.status.is_client_error() {
            GatewayResponseType::Default4xx
        } else {
            GatewayResponseType::Default5xx
        };
        self.0.get(&kind).or_else(|| self.0.get(&default))
    }
}

impl Customised {
    fn compile(response: &GatewayResponse) -> Self {
        let headers = response.response_parameters.iter().filter_map(|(target, expression)| {
            let name = target.strip_prefix("gatewayresponse.header.")?.parse().ok()?;
            Some((name, Expression::compile(expression).ok()?))
        });
        let templates = response.response_templates.iter().filter_map(|(media_type, text)| {
            Some((media_type.clone(), HeaderValue::from_str(media_type).ok()?, Template::plain(text)))
        });
        let mut templates: Vec<_> = templates.collect();
        if templates.is_empty() {
            let media_type = HeaderValue::from_static("application/json");
            templates.push(("application/json".to_owned(), media_type, Template::plain(DEFAULT_TEMPLATE)));
        }
        Self {
            status: response.status_code.as_deref().and_then(|status| status.parse().ok()),
            headers: headers.collect(),
            templates,
        }
    }

    pub(super) fn status(&self, built_in: &BuiltIn<'_>) -> StatusCode {
        self.status.unwrap_or(built_in.status)
    }

    pub(super) fn render(&self, built_in: &BuiltIn<'_>, exchange: &Exchange<'_>) -> Rendered {
        let values = Refused { built_in, exchange };
        let of = |wanted: &str| self.templates.iter().find(|(media_type, ..)| media_type == wanted);
        let template = exchange
            .request
            .first_accepted()
            .and_then(of)
            .or_else(|| of("application/json"))
            .or_else(|| self.templates.first());
        let mut headers = HeaderMap::new();
        let mut body = Bytes::new();
        if let Some((_, media_type, template)) = template {
            headers.insert(CONTENT_TYPE, media_type.clone());
            body = template.render(&values);
        }
        for (name, expression) in &self.headers {
            let value = expression.evaluate(&values).and_then(|value| HeaderValue::from_str(&value).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        Rendered { headers, body }
    }
}

/// A refused request: besides what any knows, `$context.error`.
struct Refused<'r> {
    built_in: &'r BuiltIn<'r>,
    exchange: &'r Exchange<'r>,
}

impl Values for Refused<'_> {
    fn value(&self, reference: &Reference) -> Option<Cow<'_, str>> {
        let Reference::Context(name) = reference else {
            return self.exchange.value(reference);
        };
        match name.as_str() {
            "error.message" => Some(Cow::Borrowed(self.built_in.message.as_deref().unwrap_or("null"))),
            "error.messageString" => Some(match self.built_in.message.as_deref() {
                Some(message) => format!("\"{}\"", json_escaped(message)).into(),
                None => "null".into(),
            }),
            // Templates have it in quotes, as real answers show.
            "error.validationErrorString" => Some(json_escaped(self.built_in.validation_errors?).into()),
            "error.responseType" => self.built_in.kind.map(|kind| Cow::Borrowed(kind.as_str())),
            _ => self.exchange.variable(name),
        }
    }
}

use std::cell::LazyCell;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use keyplan_domain::api;
use regex_lite::Regex;

use crate::Response;
use crate::exchange::Exchange;
use keyplan_domain::template::{Expression, Template, Unsupported};

/// How the answers of a backend become the method's: `integrationResponses`.
pub(super) struct IntegrationResponses(Vec<IntegrationResponse>);

struct IntegrationResponse {
    /// Matches all of the backend's status; `None` takes what no other does.
    pattern: Option<Regex>,
    status: StatusCode,
    headers: Vec<(HeaderName, Expression)>,
    /// By media type, in alphabetical order.
    templates: Vec<(String, HeaderValue, Template)>,
}

impl IntegrationResponses {
    pub(super) fn compile(integration: &api::Integration) -> Result<Self, &'static str> {
        integration.integration_responses.values().map(IntegrationResponse::compile).collect::<Result<_, _>>().map(Self)
    }

    /// The answer to a backend's `status`; `None` when no response is for it.
    pub(super) fn answer(&self, status: u16, exchange: &Exchange<'_>) -> Option<Response> {
        // Most methods have one response, without a pattern.
        let text = LazyCell::new(|| status.to_string());
        let by_pattern =
            |response: &&IntegrationResponse| response.pattern.as_ref().is_some_and(|pattern| pattern.is_match(&text));
        let chosen =
            self.0.iter().find(by_pattern).or_else(|| self.0.iter().find(|response| response.pattern.is_none()))?;
        Some(chosen.render(exchange))
    }
}

impl IntegrationResponse {
    fn compile(response: &api::IntegrationResponse) -> Result<Self, &'static str> {
        let pattern = match response.selection_pattern.as_deref() {
            None | Some("") => None,
            Some(pattern) => Some(
                Regex::new(&format!(r"\A(?:{pattern})\z"))
                    .map_err(|_| "a selection pattern that is not one that can be evaluated")?,
            ),
        };
        let status = response.status_code.parse().map_err(|_| "an integration response without a status")?;
        let headers = response
            .response_parameters
            .iter()
            .map(|(target, expression)| {
                let name = target.strip_prefix("method.response.header.").and_then(|name| name.parse().ok());
                let name = name.ok_or("a response parameter that is no header")?;
                Ok((name, Expression::compile(expression).map_err(|Unsupported(what)| what)?))
            })
            .collect::<Result<_, &'static str>>()?;
        let templates = response
            .response_templates
            .iter()
            .map(|(media_type, text)| {
                let value = HeaderValue::from_str(media_type).map_err(|_| "a template's media type that is none")?;
                let text = text.as_deref().unwrap_or_default();
                Ok((media_type.clone(), value, Template::mapping(text).map_err(|Unsupported(what)| what)?))
            })
            .collect::<Result<_, &'static str>>()?;
        Ok(Self { pattern, status, headers, templates })
    }

    fn render(&self, exchange: &Exchange<'_>) -> Response {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let template = self.template(exchange.request.first_accepted());
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 3);
        headers.insert(CONTENT_TYPE, template.map_or(JSON, |(_, media_type, _)| media_type.clone()));
        for (name, expression) in &self.headers {
            let value = expression.evaluate(exchange).and_then(|value| HeaderValue::from_str(&value).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        let mut response =
            Response::new(template.map(|(.., template)| template.render(exchange).into()).unwrap_or_default());
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }

    /// The template of the accepted media type, else that of JSON, else the first.
    fn template(&self, accepted: Option<&str>) -> Option<&(String, HeaderValue, Template)> {
        let of = |wanted: &str| self.templates.iter().find(|(media_type, ..)| media_type == wanted);
        accepted.and_then(of).or_else(|| of("application/json")).or_else(|| self.templates.first())
    }
}

//! `HTTP_PROXY`: a backend of the owner's that gets the request as it came and
//! whose answer is passed on as it comes (developer guide, "HTTP integrations
//! for REST APIs").

mod answer;
mod headers;
mod query;
mod target;

use std::time::Duration;

use http_body_util::Full;
use keyplan_domain::api;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::route::ANY;

use crate::Response;
use crate::exchange::Exchange;
use crate::http_client::{HttpClient, HttpError};
use headers::HeaderMappings;
use query::QueryMappings;
use target::Target;

pub(crate) struct HttpProxy {
    /// The verb of the call; `None` is the client's.
    verb: Option<http::Method>,
    target: Target,
    query: QueryMappings,
    headers: HeaderMappings,
    time_out: Duration,
}

impl HttpProxy {
    pub(super) fn compile(integration: &api::Integration) -> Result<Self, &'static str> {
        let verb = match integration.http_method.as_deref() {
            None => return Err("an HTTP_PROXY integration without a method"),
            Some(ANY) => None,
            Some(verb) => Some(verb.parse().map_err(|_| "an HTTP_PROXY integration of an unknown method")?),
        };
        let mappings = &integration.request_parameters;
        Ok(Self {
            verb,
            target: Target::compile(integration.uri.as_deref().unwrap_or_default(), mappings)?,
            query: QueryMappings::compile(mappings)?,
            headers: HeaderMappings::compile(mappings)?,
            time_out: Duration::from_millis(integration.timeout_in_millis.into()),
        })
    }

    pub(super) async fn call(&self, exchange: &Exchange<'_>, http: &HttpClient) -> Result<Response, Refusal> {
        let mut request = http::Request::new(Full::new(exchange.request.body.clone()));
        *request.method_mut() = self.verb.clone().unwrap_or_else(|| exchange.request.method.clone());
        *request.uri_mut() = self.target.uri(exchange, &self.query)?;
        *request.headers_mut() = self.headers.of(exchange)?;
        match http.send(request, self.time_out).await {
            Ok(answer) => answer::passed_on(answer, self.time_out),
            Err(error) => Err(refusal(&error, exchange)),
        }
    }
}

fn refusal(error: &HttpError, exchange: &Exchange<'_>) -> Refusal {
    if let HttpError::Unreachable(cause) = error {
        // The cause tells a refused connection from a certificate that does not
        // hold; of the request there is nothing in it.
        let cause = std::iter::successors(std::error::Error::source(cause), |error| error.source()).last();
        tracing::warn!(x_amzn_request_id = exchange.ids.request, cause = cause.map(ToString::to_string), "{error}");
    }
    match error {
        HttpError::TimedOut => Refusal::IntegrationTimedOut,
        HttpError::Unreachable(_) => Refusal::IntegrationUnreachable { reason: "the backend cannot be reached" },
        HttpError::NameUnknown => {
            Refusal::IntegrationNotInvoked { reason: "the name in the integration's URI has no address" }
        }
        HttpError::AddressRefused => Refusal::IntegrationNotInvoked {
            reason: "the integration's URI leads to an address that is not public nor one of ALLOWED_PRIVATE_CIDRS",
        },
        HttpError::NoRoots => Refusal::Internal { reason: "the root certificates cannot be read" },
    }
}

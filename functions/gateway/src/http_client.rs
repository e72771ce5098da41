//! Backends over HTTP: one client with its pool of connections, certificates
//! verified, redirects never followed, and an address rule that is held
//! against what a name resolves to, at the moment of connecting.

mod address_rule;
mod resolver;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub use address_rule::AddressRule;
use resolver::{ResolveError, Resolver};

/// How long an unused connection is kept. A backend that has closed it
/// meanwhile would cost the next caller an error.
const IDLE: Duration = Duration::from_secs(20);

/// The answer of a backend, its body still arriving.
pub(crate) type Answer = http::Response<hyper::body::Incoming>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nothing is at that name.
    #[error("the backend's name has no address")]
    NameUnknown,
    /// All that is at that name may not be reached.
    #[error("the backend's address is not a public one")]
    AddressRefused,
    /// The connection was refused or broke, or its certificate does not hold.
    #[error("the backend cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// The system's root certificates cannot be read.
    #[error("no certificate can be verified")]
    NoRoots,
    /// It took too long.
    #[error("the backend did not answer in time")]
    TimedOut,
}

/// Calls backends. It is built when it is first used: most gateways have no
/// HTTP integration, and reading root certificates takes its time.
#[derive(Debug)]
pub(crate) struct HttpClient {
    rule: Arc<AddressRule>,
    client: OnceLock<Option<Pool>>,
}

type Pool = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

impl HttpClient {
    pub(crate) fn new(rule: AddressRule) -> Self {
        Self { rule: Arc::new(rule), client: OnceLock::new() }
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        request: http::Request<Full<Bytes>>,
        time_out: Duration,
    ) -> Result<Answer, HttpError> {
        // An address in place of a name is never resolved.
        let host = request.uri().host().unwrap_or_default();
        let literal: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        if literal.is_some_and(|address| !self.rule.permits(address)) {
            return Err(HttpError::AddressRefused);
        }
        let client = self.client.get_or_init(|| self.build()).as_ref().ok_or(HttpError::NoRoots)?;
        match tokio::time::timeout(time_out, client.request(request)).await {
            Err(_) => Err(HttpError::TimedOut),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(match resolver::error_in(&error) {
                Some(ResolveError::Unknown) => HttpError::NameUnknown,
                Some(ResolveError::Refused) => HttpError::AddressRefused,
                None => HttpError::Unreachable(error),
            }),
        }
    }

    fn build(&self) -> Option<Pool> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(self.rule.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .inspect_err(|error| tracing::error!(%error, "the root certificates cannot be read"))
            .ok()?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        Some(
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .build(connector),
        )
    }
}

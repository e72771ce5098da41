//! HTTP for the clients of AWS: made by the first request, then shared.

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// A client with TLS and one without, each with its pool of connections, which
/// clones share.
#[derive(Clone, Debug)]
pub(crate) struct HttpClients {
    https: SharedHttpClient,
    http: SharedHttpClient,
}

impl Default for HttpClients {
    fn default() -> Self {
        let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        Self {
            https: SharedHttpClient::new(OnFirstUse(https)),
            http: SharedHttpClient::new(OnFirstUse(Builder::new().build_http())),
        }
    }
}

impl HttpClients {
    /// The one for an endpoint. Plain HTTP addresses get the one without TLS,
    /// which need not read root certificates.
    pub(crate) fn to(&self, endpoint_url: Option<&str>) -> SharedHttpClient {
        let is_plain = endpoint_url.is_some_and(|url| url.starts_with("http://"));
        if is_plain { self.http.clone() } else { self.https.clone() }
    }
}

/// Leaves out what the SDK does when a client is made: a connector that is
/// thrown away, so that root certificates are read by then. It costs each client
/// milliseconds at start, whether it is ever used or not; a function's warm-up
/// reads them once for all.
#[derive(Debug)]
struct OnFirstUse(SharedHttpClient);

impl HttpClient for OnFirstUse {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

//! Fetching an issuer's documents: bounded in time and size, certificates
//! verified, no redirect followed.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How long a document may take. A caller waits for it.
const TIME_OUT: Duration = Duration::from_secs(3);

/// Bytes of a document; JWK Sets have some thousand.
const MAX_BYTES: usize = 262_144;

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It took too long.
    #[error("there was no answer within {} s", TIME_OUT.as_secs())]
    TimedOut,
    /// The connection was refused or broke, or its certificate does not hold.
    #[error("the address cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// Another answer than 200: redirects are not followed.
    #[error("the answer was {0}")]
    Status(StatusCode),
    /// The answer broke off or is too long.
    #[error("the answer broke off or has more than {MAX_BYTES} bytes")]
    Body,
    /// The system's root certificates cannot be read.
    #[error("no certificate can be verified")]
    NoRoots,
}

/// Fetches documents. Its client is built when it is first used: where keys are
/// given, none is, and reading root certificates takes its time.
#[derive(Debug, Default)]
pub(super) struct Fetcher(OnceLock<Option<Pool>>);

type Pool = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

impl Fetcher {
    pub(super) async fn get(&self, address: &Uri) -> Result<Bytes, FetchError> {
        let client = self.0.get_or_init(build).as_ref().ok_or(FetchError::NoRoots)?;
        tokio::time::timeout(TIME_OUT, get(client, address)).await.map_err(|_| FetchError::TimedOut)?
    }
}

async fn get(client: &Pool, address: &Uri) -> Result<Bytes, FetchError> {
    let answer = client.get(address.clone()).await.map_err(FetchError::Unreachable)?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    Ok(body.map_err(|_| FetchError::Body)?.to_bytes())
}

fn build() -> Option<Pool> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let tls = HttpsConnectorBuilder::new()
        .with_native_roots()
        .inspect_err(|error| tracing::error!(%error, "the root certificates cannot be read"))
        .ok()?;
    // Nothing is kept open: minutes pass between two fetches, and a function may
    // be frozen meanwhile.
    let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
    Some(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

/// An address that keys may come from: `https`, or `http` on this machine.
pub(super) fn address(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let is_local = matches!(uri.host()?, "localhost" | "127.0.0.1" | "[::1]");
    match uri.scheme_str()? {
        "https" => Some(uri),
        "http" if is_local => Some(uri),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for fine in
            ["https://issuer.example/jwks", "http://127.0.0.1:8080/jwks", "http://localhost/", "http://[::1]:1/"]
        {
            assert!(address(fine).is_some(), "{fine}");
        }
        for wrong in ["", "/jwks", "issuer.example", "http://issuer.example", "file:///etc/passwd", "ftp://localhost/"]
        {
            assert!(address(wrong).is_none(), "{wrong}");
        }
    }
}

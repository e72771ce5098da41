//! The data-plane address: HTTP in, the gateway, HTTP out.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Version;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::service::service_fn;
use keyplan_gateway::{Gateway, MAX_BODY_BYTES, Request};
use tokio::net::TcpListener;

use crate::http_server;

/// Bytes of a body that is too large which are still read, so that its sender
/// gets to read the answer.
const MAX_DISCARDED_BYTES: usize = 10 * MAX_BODY_BYTES;
/// How long the next piece of a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Serves `gateway` until `shutdown`, then finishes what has begun.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway, shutdown: impl Future<Output = ()>) {
    let service_of = |peer: SocketAddr| {
        let gateway = gateway.clone();
        // Spelt once for a connection.
        let source_ip = peer.ip().to_canonical().to_string();
        service_fn(move |request| {
            let (gateway, source_ip) = (gateway.clone(), source_ip.clone());
            async move {
                let response = match decode(request, source_ip).await {
                    Ok(request) => gateway.handle(request).await,
                    Err(malformed) => gateway.refuse_malformed(malformed.reason()),
                };
                Ok::<_, Infallible>(response)
            }
        })
    };
    http_server::serve(listener, service_of, shutdown).await;
}

/// What is no request, though it began like one.
enum Malformed {
    /// It has no host, several, or one that cannot be (RFC 9112, section 3.2).
    Host,
    /// The body ended before its announced end, or is not chunked as it says.
    BodyCutShort,
}

impl Malformed {
    fn reason(&self) -> &'static str {
        match self {
            Self::Host => "the Host is missing, repeated or none",
            Self::BodyCutShort => "the body is not as it was announced",
        }
    }
}

async fn decode(request: http::Request<Incoming>, source_ip: String) -> Result<Request, Malformed> {
    let (parts, body) = request.into_parts();
    let named = host(&parts)?;
    let host = match parts.uri.authority() {
        Some(authority) if is_host(authority) => Some(authority.to_string()),
        Some(_) => return Err(Malformed::Host),
        None => named.map(str::to_owned),
    };
    Ok(Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: read(body).await?,
        host,
        source_ip,
        request_id: None,
        protocol: Cow::Borrowed(if parts.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" }),
        tracing_header: None,
        method: parts.method,
        headers: parts.headers,
    })
}

/// The host that the header names; HTTP/1.0 may do without.
fn host(parts: &Parts) -> Result<Option<&str>, Malformed> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| Malformed::Host)?,
        (None, None) if parts.version == Version::HTTP_10 => return Ok(None),
        _ => return Err(Malformed::Host),
    };
    if host.is_empty() || host.parse().is_ok_and(|host| is_host(&host)) { Ok(Some(host)) } else { Err(Malformed::Host) }
}

/// Whether it is a host and perhaps a port, without a user.
fn is_host(authority: &Authority) -> bool {
    let has_port = authority.as_str().len() > authority.host().len();
    !authority.as_str().contains('@') && (!has_port || authority.port_u16().is_some())
}

/// The body, or more than the gateway takes of one that is too large.
async fn read(mut body: Incoming) -> Result<Bytes, Malformed> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let mut read = BytesMut::new();
    let mut total = 0_usize;
    while let Some(frame) = next_frame(&mut body).await? {
        let Ok(data) = frame.map_err(|_| Malformed::BodyCutShort)?.into_data() else { continue };
        if read.len() <= MAX_BODY_BYTES {
            read.extend_from_slice(&data);
        }
        total = total.saturating_add(data.len());
        if total > MAX_DISCARDED_BYTES {
            break;
        }
    }
    Ok(read.freeze())
}

/// Whoever announces a body must send it: a connection that waits for one holds
/// memory.
async fn next_frame(body: &mut Incoming) -> Result<Option<Result<Frame<Bytes>, hyper::Error>>, Malformed> {
    tokio::time::timeout(BODY_PATIENCE, body.frame()).await.map_err(|_| Malformed::BodyCutShort)
}

#[cfg(test)]
mod tests;

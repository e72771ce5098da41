//! The data-plane address: HTTP in, the gateway, HTTP out.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use keyplan_gateway::{Gateway, MAX_BODY_BYTES, Request, Response};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a request's head beyond which hyper itself answers 431. The gateway
/// refuses far smaller ones in API Gateway's words.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Bytes of a body that is too large which are still read, so that its sender
/// gets to read the answer.
const MAX_DISCARDED_BYTES: usize = 10 * MAX_BODY_BYTES;
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Serves `gateway` until `shutdown`, then finishes what has begun.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway, shutdown: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => serve_connection(stream, peer, gateway.clone(), connections.watcher()),
            Err(error) => {
                // Too many open files, as a rule: some will be closed.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

fn serve_connection(stream: TcpStream, peer: SocketAddr, gateway: Gateway, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let gateway = gateway.clone();
        async move {
            let response = match decode(request, peer).await {
                Ok(request) => gateway.handle(request).await,
                Err(BodyCutShort) => bad_request(),
            };
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Whoever has nothing more to send may still want to read.
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let connection = watcher.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
}

/// The body ended before its announced end, or is not chunked as it says.
struct BodyCutShort;

async fn decode(request: http::Request<Incoming>, peer: SocketAddr) -> Result<Request, BodyCutShort> {
    let (parts, body) = request.into_parts();
    let host = match parts.uri.authority() {
        Some(authority) => Some(authority.to_string()),
        None => parts.headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned),
    };
    Ok(Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: read(body).await?,
        host,
        source_ip: peer.ip().to_canonical().to_string(),
        request_id: None,
        protocol: Cow::Borrowed(if parts.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" }),
        method: parts.method,
        headers: parts.headers,
    })
}

/// The body, or more than the gateway takes of one that is too large.
async fn read(mut body: Incoming) -> Result<Bytes, BodyCutShort> {
    let mut read = BytesMut::new();
    let mut total = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyCutShort)?.into_data() else { continue };
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

fn bad_request() -> Response {
    let mut response = Response::new(Bytes::from_static(br#"{"message":"Bad Request"}"#).into());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static("BadRequestException"));
    response
}

#[cfg(test)]
mod tests;

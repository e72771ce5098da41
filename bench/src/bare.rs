//! What a server costs that decides nothing: hyper, set up as the local stack
//! sets it up, in a process of its own, always with the same answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Stdio;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::api::BODY;
use crate::local::LocalError;
use crate::process::Process;

/// The flag that has this program be the server.
pub(crate) const FLAG: &str = "--bare-server";

/// The server, as a process.
pub(crate) struct Bare {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) async fn start() -> Result<Self, LocalError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(FLAG).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or(LocalError::NotReady)?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let address = line.and_then(|line| line.parse().ok()).ok_or(LocalError::NotReady)?;
        Ok(Self { child, address })
    }

    /// What Linux says of it.
    pub(crate) fn process(&self) -> Result<Process, LocalError> {
        self.child.id().map(Process).ok_or(LocalError::NotReady)
    }
}

/// Serves on a free port, which it prints, until it is killed.
pub(crate) async fn serve() -> std::io::Result<()> {
    use std::io::Write;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout().lock(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve_connection(stream));
    }
}

async fn serve_connection(stream: TcpStream) {
    let service = service_fn(|_| async { Ok::<_, Infallible>(answer()) });
    // Whoever hangs up has seen enough.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(true)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// As long as the gateway's, header by header.
fn answer() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("29b92bf0-4905-4cf0-8e3f-d84e6a5f7eb3"));
    headers.insert("x-amz-apigw-id", HeaderValue::from_static("8fwoQYF1CUyd-Q0="));
    response
}

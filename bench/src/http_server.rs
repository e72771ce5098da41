//! An HTTP server in this very process, set up as the local stack's is.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Listens for as long as it lives.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    listening: JoinHandle<()>,
}

impl Server {
    /// Answers every request by `answer`, on a free port.
    pub(crate) async fn start<A, F>(answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answer.clone();
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async { Ok::<_, Infallible>(answer.await) }
                });
                let _ = stream.set_nodelay(true);
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .half_close(true)
                    .serve_connection(TokioIo::new(stream), service);
                // Whoever hangs up has seen enough.
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        });
        Ok(Self { address, listening })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

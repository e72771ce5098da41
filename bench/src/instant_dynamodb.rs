//! A DynamoDB that costs next to nothing: whatever it is asked, it answers the
//! same item at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full};

use crate::http_server::Server;

pub(crate) struct InstantDynamodb {
    server: Server,
    asked: Arc<AtomicU64>,
}

impl InstantDynamodb {
    /// `answer` is the JSON of a GetItem's answer.
    pub(crate) async fn start(answer: Bytes) -> io::Result<Self> {
        let asked = Arc::new(AtomicU64::new(0));
        let counter = asked.clone();
        let server = Server::start(move |request| {
            let (counter, answer) = (counter.clone(), answer.clone());
            async move {
                // Read, so that the connection can go on.
                let _ = request.into_body().collect().await;
                counter.fetch_add(1, Ordering::Relaxed);
                let mut response = Response::new(Full::new(answer));
                let json = HeaderValue::from_static("application/x-amz-json-1.0");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
        })
        .await?;
        Ok(Self { server, asked })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Requests since this was last called.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

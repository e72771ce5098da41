use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use keyplan_domain::refusal::Refusal;
use tokio::time::{Instant, Sleep};

use super::headers::end_to_end;
use crate::Response;
use crate::body::{Body, BodyError};
use crate::http_client::Answer;
use crate::integration::remapped;
use crate::limits::MAX_BODY_BYTES;

/// A backend's answer as the client gets it: its status, its headers, and its
/// body as it arrives.
pub(super) fn passed_on(answer: Answer, time_out: Duration) -> Result<Response, Refusal> {
    let (mut parts, body) = answer.into_parts();
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(Refusal::IntegrationFailed { reason: "the backend's answer is larger than 10 MB" });
    }
    let mut headers = HeaderMap::with_capacity(parts.headers.len());
    for (name, value) in &end_to_end(parts.headers) {
        if let Some(name) = remapped::header(name) {
            headers.append(name, value.clone());
        }
    }
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    parts.headers = headers;
    parts.version = http::Version::default();
    Ok(Response::from_parts(parts, Body::arriving(Arriving::new(body, time_out))))
}

/// A body that must go on arriving, and end within what an answer may hold.
struct Arriving {
    body: Incoming,
    left: usize,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Arriving {
    fn new(body: Incoming, patience: Duration) -> Self {
        Self { body, left: MAX_BODY_BYTES, patience, deadline: Box::pin(tokio::time::sleep(patience)) }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(context) else {
            ready!(self.deadline.as_mut().poll(context));
            return Poll::Ready(Some(Err(BodyError::TimedOut)));
        };
        let frame = match next {
            None => return Poll::Ready(None),
            Some(Err(_)) => return Poll::Ready(Some(Err(BodyError::CutShort))),
            Some(Ok(frame)) => frame,
        };
        let length = frame.data_ref().map_or(0, Buf::remaining);
        let Some(left) = self.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        };
        self.left = left;
        let deadline = Instant::now() + self.patience;
        self.deadline.as_mut().reset(deadline);
        Poll::Ready(Some(Ok(frame)))
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll(context);
        if let Poll::Ready(Some(Err(error))) = &polled {
            tracing::warn!(%error, "an answer that has begun is broken off");
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

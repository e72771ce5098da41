//! The body of an answer: whole in memory, or still arriving from a backend.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// The body of a [`Response`](crate::Response).
#[derive(Debug)]
pub struct Body(Inner);

#[derive(Debug)]
enum Inner {
    Whole(Bytes),
    Arriving(UnsyncBoxBody<Bytes, BodyError>),
}

/// Why a body that was arriving has no end. Its answer has begun by then, so
/// all that is left is to break it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The backend broke off.
    #[error("the backend's answer was cut short")]
    CutShort,
    /// Nothing came for as long as the integration may take.
    #[error("the backend's answer stopped arriving")]
    TimedOut,
    /// It is larger than an answer may be.
    #[error("the backend's answer is too large")]
    TooLarge,
}

impl Body {
    /// A body that arrives piece by piece.
    pub(crate) fn arriving(body: impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self(Inner::Arriving(body.boxed_unsync()))
    }

    /// A body that is there as a whole.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &Bytes {
        match &self.0 {
            Inner::Whole(bytes) => bytes,
            Inner::Arriving(_) => panic!("the body is still arriving"),
        }
    }

    /// All of it, once it has arrived.
    ///
    /// # Errors
    /// When it does not end, or is longer than `limit` bytes.
    pub async fn collect(self, limit: usize) -> Result<Bytes, BodyError> {
        match self.0 {
            Inner::Whole(bytes) if bytes.len() <= limit => Ok(bytes),
            Inner::Whole(_) => Err(BodyError::TooLarge),
            Inner::Arriving(body) => match Limited::new(body, limit).collect().await {
                Ok(collected) => Ok(collected.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
                Err(error) => Err(error.downcast().map_or(BodyError::CutShort, |error| *error)),
            },
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Whole(bytes))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Arriving(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(bytes) => bytes.is_empty(),
            Inner::Arriving(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Arriving(body) => body.size_hint(),
        }
    }
}

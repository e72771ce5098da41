//! The data plane: one HTTP request in, API Gateway's answer out.
//!
//! [`Gateway`] serves requests however they arrive; [`event`] reads and writes
//! the events of the four Lambda front ends. `pipeline` is the order in which
//! a request is decided upon, `configuration` all that is read for it, and
//! `answer` the only place that turns a refusal into what the caller sees.
//!
//! Configuration is read through caches and never written. A failure of a
//! table refuses the request with a 500. In an outage what was read before
//! stands in, and [`Settings::on_failure`] says whom it lets through.

#![warn(missing_docs)]

mod address;
mod admission;
mod answer;
mod authorizer;
mod body;
mod by_media_type;
mod configuration;
mod deployed;
pub mod event;
mod exchange;
mod function;
mod http_client;
mod inspect;
mod integration;
mod key;
mod limits;
mod parameters;
mod pipeline;
mod proxy_event;
mod rate_limit;
mod request;
mod settings;
mod stage_variables;
mod validation;
mod well_formed;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_sdk_lambda::Client;
use keyplan_store::Store;
use keyplan_store::clock::Clock;

pub use body::{Body, BodyError};
pub use event::EventError;
pub use function::lambda_client;
pub use http_client::AddressRule;
pub use inspect::{ExplainCall, Explanation, InspectError, Inspector, TestCall, TestedAuthorizer, TestedMethod};
pub use limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES};
use pipeline::Pipeline;
pub use pipeline::{Decisions, Placed};
pub use request::Request;
pub use settings::{DefaultTarget, Environment, InvalidEnvironment, Settings};

/// The answer to a request.
pub type Response = http::Response<Body>;

/// Serves requests to REST APIs; cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pipeline: Arc<Pipeline>,
}

impl Gateway {
    /// A gateway over the configuration and meters of `store`, which invokes
    /// functions through `lambda`. No request is sent.
    #[must_use]
    pub fn new(settings: Settings, store: Store, lambda: Client, clock: Arc<dyn Clock>) -> Self {
        Self { pipeline: Arc::new(Pipeline::new(settings, store, lambda, clock)) }
    }

    /// Reads ahead what the first request needs whatever it is, and opens the
    /// connection for the rest: for a function's start, to which Lambda gives a
    /// whole processor. A failure is for the first request to find out, and a
    /// second is all that is waited for.
    pub async fn warm_up(&self) {
        self.pipeline.warm_up().await;
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Response {
        self.pipeline.handle(&request).await
    }

    /// Finds the stage that a request is for, so that it can be decided upon
    /// without being answered; `None` where a call would be refused before that.
    pub async fn place<'r>(&'r self, request: &'r Request) -> Option<Placed<'r>> {
        self.pipeline.placed(request).await
    }

    /// Answers what is no request that could be handled, such as one that breaks
    /// off; `reason` is for the log.
    #[must_use]
    pub fn refuse_malformed(&self, reason: &'static str) -> Response {
        answer::refuse_malformed(reason)
    }

    /// Answers the event of a Lambda front end in that front end's form.
    ///
    /// # Errors
    /// When the event is none that carries an HTTP request.
    pub async fn handle_event(&self, event: serde_json::Value) -> Result<serde_json::Value, EventError> {
        let (request, form) = event::decode(event)?;
        let response = self.handle(request).await;
        Ok(event::encode(answer::collected(response).await, form))
    }

    /// Forgets stages, keys, plans and what they used, so that the next request
    /// reads them again. What authorizers answered is kept for its own time.
    pub fn drop_caches(&self) {
        self.pipeline.drop_caches();
    }
}

//! The control plane, wire-compatible with `aws apigateway`.
//!
//! Requests pass one gate, which verifies their signature over what was sent
//! ([`sigv4`]), then a router that knows every operation of API Gateway's: each
//! is carried out or refused by name. Handlers decode, call and encode; what a
//! request may ask for is decided by pure functions beside them, and by the
//! store in one transaction. No error repeats a key's value, a token or a
//! secret.

#![warn(missing_docs)]

mod answer;
pub mod apis;
pub mod credentials;
mod extract;
pub mod keys;
pub mod lambda;
pub mod plans;
mod refused;
pub mod sigv4;
mod tagging;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use keyplan_domain::time::Timestamp;
use keyplan_gateway::Inspector;
use keyplan_store::Store;
use keyplan_store::clock::Clock;

use credentials::Credentials;
use sigv4::{Gate, Verifier};

/// What the control plane is told about where it runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The AWS region, for which requests must be signed and which ARNs name.
    pub region: String,
    /// The AWS account, which error messages name.
    pub account_id: String,
}

/// What all operations share; cheap to clone.
#[derive(Clone, Debug)]
pub struct Admin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    store: Store,
    clock: Arc<dyn Clock>,
    credentials: Credentials,
}

impl Admin {
    /// The control plane over `store`. `clock` dates what is made and says
    /// which quota period it is; signatures go by the machine's own.
    #[must_use]
    pub fn new(settings: Settings, store: Store, clock: Arc<dyn Clock>, credentials: Credentials) -> Self {
        Self { inner: Arc::new(Inner { settings, store, clock, credentials }) }
    }

    fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Puts the gate before `routes`.
    fn gated(&self, routes: Router<Self>) -> Router {
        let Inner { settings, credentials, .. } = &*self.inner;
        let gate = Gate::new(Verifier::new(credentials.clone(), &settings.region, sigv4::SERVICE));
        let routes = routes
            .fallback(answer::no_such_operation)
            .method_not_allowed_fallback(answer::no_such_operation)
            .layer(DefaultBodyLimit::disable())
            .with_state(self.clone());
        Router::new().fallback_service(routes).layer(middleware::from_fn_with_state(gate, sigv4::admit))
    }
}

/// The whole control plane. What is about the data plane is told by `inspector`.
pub fn router(admin: &Admin, inspector: &Inspector) -> Router {
    admin.gated(apis::routes(inspector).merge(keys::routes()).merge(plans::routes()))
}

//! The control address: the control plane of API Gateway, Lambda's Invoke API
//! and the clock, each behind its signature.

mod clock_route;
mod service;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use keyplan_admin::Admin;
use keyplan_admin::credentials::Credentials;
use keyplan_admin::sigv4::{self, Gate, Verifier};
use keyplan_authorizer::Authorizer;
use keyplan_gateway::{Gateway, Inspector};
use tower::ServiceExt;

pub(crate) use self::clock_route::ClockControl;
pub(crate) use self::service::serve;
use crate::lambda::{self, Lambda};

/// What is behind the control address.
pub(crate) struct Control {
    pub(crate) admin: Admin,
    pub(crate) inspector: Inspector,
    pub(crate) lambda: Lambda,
    pub(crate) clock: ClockControl,
    pub(crate) caches: Caches,
    pub(crate) credentials: Credentials,
    pub(crate) region: String,
}

/// What this process remembers of its tables.
#[derive(Clone)]
pub(crate) struct Caches {
    pub(crate) gateway: Gateway,
    pub(crate) authorizer: Arc<Authorizer>,
}

/// The parts, each of which answers whatever it is given.
#[derive(Clone)]
struct Routers {
    lambda: Router,
    clock: Router,
    admin: Router,
}

impl Control {
    pub(crate) fn router(self) -> Router {
        let gate = |routes: Router, service| {
            let gate = Gate::new(Verifier::new(self.credentials.clone(), &self.region, service));
            // Around all of it: what is no route must be signed for as well.
            Router::new().fallback_service(routes).layer(middleware::from_fn_with_state(gate, sigv4::admit))
        };
        let change_at_once =
            |routes: Router| routes.layer(middleware::from_fn_with_state(self.caches.clone(), act_at_once));
        let routers = Routers {
            lambda: gate(lambda::router(self.lambda), "lambda"),
            clock: change_at_once(gate(clock_route::router(self.clock), sigv4::SERVICE)),
            admin: change_at_once(keyplan_admin::router(&self.admin, &self.inspector)),
        };
        Router::new().fallback(dispatch).with_state(routers)
    }
}

/// Chosen by hand: a path must reach its part as it was signed, and axum would
/// hand a prefix's wildcard on as a parameter.
async fn dispatch(State(routers): State<Routers>, request: Request) -> Response {
    let path = request.uri().path();
    let router = if path.starts_with(lambda::PATH_PREFIX) {
        routers.lambda
    } else if path.strip_suffix('/').unwrap_or(path) == clock_route::PATH {
        routers.clock
    } else {
        routers.admin
    };
    let Ok(response) = router.oneshot(request).await;
    response
}

/// Has a change act on the very next request. A caller who hangs up does not
/// leave it half-made.
async fn act_at_once(State(caches): State<Caches>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let change = tokio::spawn(async move {
        let response = next.run(request).await;
        caches.gateway.drop_caches();
        caches.authorizer.drop_caches();
        response
    });
    change.await.unwrap_or_else(|_| {
        tracing::error!("an operation of the control plane panicked");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

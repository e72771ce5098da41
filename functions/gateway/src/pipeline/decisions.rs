//! What the pipeline does between a request's authorizer and its integration,
//! alone: finding its key and plan, and spending a token of every limit. It is
//! what the gateway adds to a backend's own work, and so what benchmarks time.

use std::sync::Arc;

use super::{Pipeline, route};
use crate::deployed::{DeployedMethod, DeployedStage};
use crate::exchange::Exchange;
use crate::request::{Request, RequestIds};

/// A request that has found its stage.
pub struct Placed<'r> {
    pipeline: &'r Pipeline,
    request: &'r Request,
    ids: RequestIds,
    stage: Arc<DeployedStage>,
    path: &'r str,
}

/// Decisions upon one request, as though it came again each time and its
/// authorizer had passed it. Each spends what a call spends.
pub struct Decisions<'p> {
    pipeline: &'p Pipeline,
    method: &'p DeployedMethod,
    exchange: Exchange<'p>,
}

impl Pipeline {
    /// `None` where a call would be refused before it has a stage.
    pub(crate) async fn placed<'r>(&'r self, request: &'r Request) -> Option<Placed<'r>> {
        let (stage, path) = self.place(request, self.clock.now()).await.ok()?;
        Some(Placed { pipeline: self, request, ids: RequestIds::of(request), stage, path })
    }
}

impl Placed<'_> {
    /// Decisions upon the request; `None` where no method serves it.
    #[must_use]
    pub fn decisions(&self) -> Option<Decisions<'_>> {
        let Self { pipeline, request, ids, stage, path } = self;
        let mut exchange = pipeline.exchange(request, ids, stage, path, pipeline.clock.now());
        let method = route(&mut exchange).ok()?;
        Some(Decisions { pipeline, method, exchange })
    }
}

impl Decisions<'_> {
    /// Whether its key and all limits let the request through now.
    pub async fn admits(&mut self) -> bool {
        let Self { pipeline, method, exchange } = self;
        exchange.received = pipeline.clock.now();
        pipeline.admission.admit(&pipeline.configuration, method, exchange).await.is_ok()
    }
}

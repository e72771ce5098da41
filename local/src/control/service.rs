use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::http_server;

/// Serves the control address until `shutdown`, then finishes what has begun.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    http_server::serve(listener, |_| TowerToHyperService::new(router.clone()), shutdown).await;
}

//! The gateway as a Lambda function.

// A request's future is nested more deeply than the 128 that compilers take.
#![recursion_limit = "256"]

use std::process::ExitCode;
use std::sync::Arc;

use keyplan_gateway::{Environment, Gateway, lambda_client};
use keyplan_store::Store;
use keyplan_store::clock::SystemClock;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    match runtime().map_err(Error::from).and_then(|runtime| runtime.block_on(serve())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

/// One thread where Lambda hands over one event at a time: a second would only
/// have to be woken.
fn runtime() -> std::io::Result<Runtime> {
    let is_concurrent = std::env::var_os("AWS_LAMBDA_MAX_CONCURRENCY").is_some();
    let mut builder = if is_concurrent { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().build()
}

async fn serve() -> Result<(), Error> {
    let environment = Environment::read()?;
    let store = Store::new(environment.connection.dynamodb(), environment.tables);
    let lambda = lambda_client(&environment.connection, environment.lambda_endpoint_url.as_deref());
    let gateway = Gateway::new(environment.settings, store, lambda, Arc::new(SystemClock));
    gateway.warm_up().await;
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<Value>| {
        let gateway = gateway.clone();
        async move { gateway.handle_event(event.payload).await }
    }))
    .await
}

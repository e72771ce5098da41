//! The gateway as a Lambda function.

use std::process::ExitCode;
use std::sync::Arc;

use keyplan_gateway::{Environment, Gateway, lambda_client};
use keyplan_store::clock::SystemClock;
use keyplan_store::{Store, keys};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    let environment = Environment::read()?;
    let store = Store::new(environment.connection.dynamodb(), environment.tables);
    store.warm_up(&keys::no_plan()).await;
    let lambda = lambda_client(&environment.connection, environment.lambda_endpoint_url.as_deref());
    let gateway = Gateway::new(environment.settings, store, lambda, Arc::new(SystemClock));
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<Value>| {
        let gateway = gateway.clone();
        async move { gateway.handle_event(event.payload).await }
    }))
    .await
}

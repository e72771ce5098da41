//! The gateway as a Lambda function.

// A request's future is nested more deeply than the 128 that compilers take.
#![recursion_limit = "256"]

use std::process::ExitCode;
use std::sync::Arc;

use keyplan_gateway::{Environment, Gateway, lambda_client};
use keyplan_store::Store;
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_telemetry::{Metrics, Reporter, logging};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let started = logging::start().map_err(Error::from);
    logging::ended(started.and_then(|()| runtime()?.block_on(serve())))
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
    let metrics = Metrics::default();
    let reporter = Reporter::from_env(metrics.clone())?;
    let store = Store::new(environment.connection.dynamodb(), environment.tables).counting_in(metrics);
    let lambda = lambda_client(&environment.connection, environment.lambda_endpoint_url.as_deref());
    let gateway = Gateway::new(environment.settings, store, lambda, Arc::new(SystemClock));
    gateway.warm_up().await;
    reporter.write_at_the_end(|| SystemClock.now());
    lambda_runtime::run_concurrent(service_fn(move |LambdaEvent { payload, context }: LambdaEvent<Value>| {
        let (gateway, reporter) = (gateway.clone(), reporter.clone());
        async move {
            let answer = gateway.handle_event(payload, context.xray_trace_id).await;
            reporter.invocation_ended(SystemClock.now());
            answer
        }
    }))
    .await
}

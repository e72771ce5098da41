//! The gateway as a Lambda function.

use std::process::ExitCode;
use std::sync::Arc;

use keyplan_gateway::{Environment, Gateway, lambda_client};
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_store::{Store, keys};
use keyplan_telemetry::{Metrics, Reporter, logging};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> ExitCode {
    logging::ended(serve().await)
}

async fn serve() -> Result<(), Error> {
    logging::start()?;
    let environment = Environment::read()?;
    let metrics = Metrics::default();
    let reporter = Reporter::from_env(metrics.clone())?;
    let store = Store::new(environment.connection.dynamodb(), environment.tables).counting_in(metrics);
    store.warm_up(&keys::no_plan()).await;
    let lambda = lambda_client(&environment.connection, environment.lambda_endpoint_url.as_deref());
    let gateway = Gateway::new(environment.settings, store, lambda, Arc::new(SystemClock));
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

//! The authorizer as a Lambda function.

use std::process::ExitCode;
use std::sync::Arc;

use keyplan_authorizer::{Authorizer, Settings};
use keyplan_store::clock::{Clock, SystemClock};
use keyplan_store::{Store, keys};
use keyplan_telemetry::{Metrics, Reporter, logging};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Where the runtime logs every error at level ERROR: a refused token too. What else
/// fails the authorizer logs itself.
const LOGGED_ALREADY: &str = "lambda_runtime::layers::panic";

fn main() -> ExitCode {
    let started = logging::start_but_for(&[LOGGED_ALREADY]).map_err(Error::from);
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "the function panicked")));
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
    let settings = Settings::from_env()?;
    let metrics = Metrics::default();
    let reporter = Reporter::from_env(metrics.clone())?;
    let store = Store::new(settings.connection.dynamodb(), settings.tables).counting_in(metrics);
    store.warm_up(&keys::no_token()).await;
    let authorizer = Authorizer::with_cache_ttl(store, Arc::new(SystemClock), settings.cache_ttl)
        .answering_http_apis(settings.http_api_response)
        .trusting(settings.issuers)?;
    let authorizer = Arc::new(authorizer);
    reporter.write_at_the_end(|| SystemClock.now());
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<Value>| {
        let (authorizer, reporter) = (authorizer.clone(), reporter.clone());
        async move {
            let answer = authorizer.handle(event.payload).await;
            reporter.invocation_ended(SystemClock.now());
            answer
        }
    }))
    .await
}

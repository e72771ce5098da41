//! The authorizer as a Lambda function.

use std::process::ExitCode;
use std::sync::Arc;

use keyplan_authorizer::{Authorizer, Settings};
use keyplan_store::clock::SystemClock;
use keyplan_store::{Store, keys};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

/// Where the runtime logs every error at level ERROR, which alarms count: a refused
/// token too. What else fails the authorizer logs itself.
const LOGGED_ALREADY: &str = "lambda_runtime::layers::panic";

fn main() -> ExitCode {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::new(format!("{level},{LOGGED_ALREADY}=off"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "the function panicked")));
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
    let settings = Settings::from_env()?;
    let store = Store::new(settings.connection.dynamodb(), settings.tables);
    store.warm_up(&keys::no_token()).await;
    let authorizer = Authorizer::with_cache_ttl(store, Arc::new(SystemClock), settings.cache_ttl)
        .answering_http_apis(settings.http_api_response)
        .trusting(settings.issuers)?;
    let authorizer = Arc::new(authorizer);
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<Value>| {
        let authorizer = authorizer.clone();
        async move { authorizer.handle(event.payload).await }
    }))
    .await
}

//! The authorizer as a Lambda function.

use std::process::ExitCode;
use std::sync::Arc;

use keyplan_authorizer::{Authorizer, Settings};
use keyplan_store::clock::SystemClock;
use keyplan_store::{Store, keys};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing_subscriber::EnvFilter;

// One event at a time: a second thread would only have to be woken.
#[tokio::main(flavor = "current_thread")]
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
    let settings = Settings::from_env()?;
    let store = Store::new(settings.connection.dynamodb(), settings.tables);
    store.warm_up(&keys::no_token()).await;
    let authorizer = Authorizer::with_cache_ttl(store, Arc::new(SystemClock), settings.cache_ttl)
        .answering_http_apis(settings.http_api_response)
        .trusting(settings.issuers)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| authorizer.handle(event.payload))).await
}

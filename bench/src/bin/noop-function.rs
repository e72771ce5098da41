//! What a Lambda function in Rust costs that does nothing, in a program of its
//! own: it reads its event as the authorizer does, and answers an empty object.

use std::io;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// Serves until it is killed, on a runtime like the authorizer's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let nothing = |_: LambdaEvent<Value>| async { Ok::<_, Error>(json!({})) };
    lambda_runtime::run(service_fn(nothing)).await.map_err(io::Error::other)
}

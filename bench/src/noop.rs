//! What a Lambda function in Rust costs that does nothing, in a process of its
//! own: it reads its event as the authorizer does, and answers an empty object.

use std::io;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// The flag that has this program be the function.
pub(crate) const FLAG: &str = "--noop-function";

/// Serves until it is killed, on a runtime like the authorizer's.
pub(crate) fn serve() -> io::Result<()> {
    let nothing = |_: LambdaEvent<Value>| async { Ok::<_, Error>(json!({})) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(lambda_runtime::run(service_fn(nothing))).map_err(io::Error::other)
}

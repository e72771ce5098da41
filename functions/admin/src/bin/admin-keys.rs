//! The part of the control plane below `keyplan_admin::keys`, as a Lambda function.

use std::process::ExitCode;

// One event at a time: a second thread would only have to be woken.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    keyplan_admin::lambda::main(|admin| Ok(keyplan_admin::keys::router(admin))).await
}

//! The part of the control plane below `keyplan_admin::keys`, as a Lambda function.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    keyplan_admin::lambda::main(|admin| Ok(keyplan_admin::keys::router(admin))).await
}

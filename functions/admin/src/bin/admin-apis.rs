//! The part of the control plane below `keyplan_admin::apis`, as a Lambda function.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    keyplan_admin::lambda::main(keyplan_admin::lambda::apis).await
}

//! The part of the control plane below `keyplan_admin::plans`, as a Lambda function.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    keyplan_admin::lambda::main(|admin| Ok(keyplan_admin::plans::router(admin))).await
}

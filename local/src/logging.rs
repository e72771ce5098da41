use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// What is logged where neither `KEYPLAN_LOG` nor `RUST_LOG` says otherwise.
const DEFAULT: &str = "warn,keyplan=info,local=info";

/// DynamoDB's requests hold key values: at its finest levels dynoxide would log
/// them, and at `warn` every failed condition, which are no failures here.
const NEVER: &str = "dynoxide=error";

/// Sends logs to stderr.
pub(crate) fn start() {
    let wanted = ["KEYPLAN_LOG", "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok());
    let mut filter = EnvFilter::new(wanted.as_deref().filter(|wanted| !wanted.is_empty()).unwrap_or(DEFAULT));
    if let Ok(never) = NEVER.parse() {
        filter = filter.add_directive(never);
    }
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}

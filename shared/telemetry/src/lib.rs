//! What functions tell of themselves: lines of the log, and metrics.
//!
//! [`logging`] sends logs to stderr, as Lambda's own settings want them.
//! [`Metrics`] gathers, and a [`Reporter`] writes what was gathered to stdout,
//! one line in some seconds, in CloudWatch's embedded metric format. Whoever
//! makes no reporter writes none. All names are in [`Counter`] and
//! [`Distribution`]; the template's dashboard and alarms know the same.
//!
//! Nothing of a caller's is in a metric: names and numbers are all there is.

#![warn(missing_docs)]

mod embedded;
mod json_line;
pub mod logging;
mod metrics;
mod names;
mod reporter;

pub use metrics::Metrics;
pub use names::{Counter, Distribution};
pub use reporter::Reporter;

/// A variable whose value it cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {expected}")]
pub struct MalformedVariable {
    /// The variable.
    pub name: &'static str,
    /// What it may be.
    pub expected: &'static str,
}

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

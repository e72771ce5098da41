use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged where neither `KEYPLAN_LOG` nor `RUST_LOG` says otherwise.
const DEFAULT: &str = "warn,keyplan=info,local=info";

/// Sends logs to stderr.
pub(crate) fn start() {
    let wanted = ["KEYPLAN_LOG", "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok());
    let wanted = wanted.as_deref().filter(|wanted| !wanted.is_empty()).unwrap_or(DEFAULT);
    let (filter, malformed) = match Targets::from_str(wanted) {
        Ok(filter) => (filter, None),
        Err(error) => (Targets::from_str(DEFAULT).unwrap_or_default(), Some(error)),
    };
    let filter = filter.and(filter_fn(may_be_logged));
    let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    if let Some(error) = malformed {
        tracing::warn!(%error, wanted, "KEYPLAN_LOG and RUST_LOG must be like {DEFAULT}, which is taken instead");
    }
}

/// Whatever is asked for: at their finest level the SDK and dynoxide log
/// bodies, with key values in them, and dynoxide warns of every condition that
/// does not hold, which is no failure here.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let is_ours = ["keyplan", "local"].iter().any(|name| metadata.target().starts_with(name));
    let is_dynoxide = metadata.target().starts_with("dynoxide");
    let most = if is_dynoxide { Level::ERROR } else { Level::DEBUG };
    is_ours || *metadata.level() <= most
}

//! Logs of a function: lines on stderr, JSON or text.
//!
//! Lambda tells a function how it wants them by `AWS_LAMBDA_LOG_FORMAT` and
//! `AWS_LAMBDA_LOG_LEVEL` (Lambda Developer Guide, "Using Lambda advanced logging
//! controls with custom runtimes"). `RUST_LOG` refines the level, for single
//! targets or for all: Lambda always names a level where the format is JSON, so
//! that nothing else could count. It cannot bring back what Lambda drops, which is
//! whatever is below its own level.
//!
//! Whatever is asked for, other crates' lines of level TRACE are left out: these
//! hold events and bodies, and with them keys and tokens.

use std::fmt::Display;
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::json_line::{JsonLine, RequestIds};
use crate::{MalformedVariable, variable};

const LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";
const FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
const FILTER: &str = "RUST_LOG";

/// The span in which `lambda_runtime` puts an invocation with its request id:
/// lines of whatever level name it.
const INVOCATIONS: &str = "lambda_runtime::layers::trace";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Text,
}

/// Why there are no logs as they are wanted.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `RUST_LOG` is no filter.
    #[error(transparent)]
    Malformed(#[from] MalformedVariable),
    /// Somebody else has begun to log.
    #[error("logging has begun already")]
    Begun(#[from] TryInitError),
}

/// Begins to log as the environment says.
///
/// `RUST_LOG` is the operator's, so one that is malformed is an error, which can
/// be logged by then. The others are Lambda's own, which may come to know more than
/// is known here: an unknown value is told of by a warning and keeps no function
/// from running.
///
/// # Errors
/// When `RUST_LOG` is no filter.
pub fn start() -> Result<(), LoggingError> {
    start_but_for(&[])
}

/// As [`start`], without the lines of some targets.
///
/// # Errors
/// When `RUST_LOG` is no filter.
pub fn start_but_for(targets: &[&str]) -> Result<(), LoggingError> {
    let format = variable(FORMAT);
    let level = variable(LEVEL);
    let wanted = level.as_deref().map_or(Some(LevelFilter::INFO), parse_level);
    let filter = filter(wanted.unwrap_or(LevelFilter::INFO), variable(FILTER).as_deref());
    let (filter, malformed) = match filter {
        Ok(filter) => (filter, None),
        Err(malformed) => (Targets::new().with_default(LevelFilter::INFO), Some(malformed)),
    };
    let known = format.as_deref().map_or(Some(Format::Json), parse_format);
    let off = targets.iter().map(|target| (*target, LevelFilter::OFF));
    begin(known.unwrap_or(Format::Json), filter.with_targets(off))?;
    for (name, value, expected) in [
        (LEVEL, level.filter(|_| wanted.is_none()), "TRACE, DEBUG, INFO, WARN, ERROR or FATAL: it is taken for INFO"),
        (FORMAT, format.filter(|_| known.is_none()), "JSON or Text: it is taken for JSON"),
    ] {
        if let Some(value) = value {
            tracing::warn!(name, value, expected, "a variable of Lambda's is not known");
        }
    }
    malformed.map_or(Ok(()), |malformed| Err(malformed.into()))
}

/// How a function's process ends; why it cannot run is its last line.
pub fn ended(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

fn begin(format: Format, filter: Targets) -> Result<(), TryInitError> {
    // With the hint, what is below the filter's own level costs a comparison.
    let filter = filter.and(filter_fn(holds_no_bodies).with_max_level_hint(LevelFilter::TRACE));
    let lines = fmt::layer().with_ansi(false).with_writer(std::io::stderr);
    match format {
        Format::Json => {
            let lines = RequestIds.and_then(lines.event_format(JsonLine));
            tracing_subscriber::registry().with(lines.with_filter(filter)).try_init()
        }
        Format::Text => tracing_subscriber::registry().with(lines.with_filter(filter)).try_init(),
    }
}

/// By targets alone: filters by spans and their fields would bring an engine for
/// regular expressions into every function.
fn filter(level: LevelFilter, refined: Option<&str>) -> Result<Targets, MalformedVariable> {
    // What comes later counts for what it names.
    let directives = refined.map_or_else(|| level.to_string(), |refined| format!("{level},{refined}"));
    let filter: Targets = directives.parse().map_err(|_| MalformedVariable {
        name: FILTER,
        expected: "a level or target=level, or several separated by commas: info,keyplan_gateway=debug",
    })?;
    Ok(filter.with_target(INVOCATIONS, LevelFilter::INFO))
}

/// Lambda's levels; FATAL has none here, and errors are nearest to it.
fn parse_level(text: &str) -> Option<LevelFilter> {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" => Some(LevelFilter::TRACE),
        "DEBUG" => Some(LevelFilter::DEBUG),
        "INFO" => Some(LevelFilter::INFO),
        "WARN" => Some(LevelFilter::WARN),
        "ERROR" | "FATAL" => Some(LevelFilter::ERROR),
        _ => None,
    }
}

fn parse_format(text: &str) -> Option<Format> {
    match text.to_ascii_uppercase().as_str() {
        "JSON" => Some(Format::Json),
        "TEXT" => Some(Format::Text),
        _ => None,
    }
}

fn holds_no_bodies(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("keyplan") || *metadata.level() < Level::TRACE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_formats_are_lambdas() {
        for (text, level) in [
            ("TRACE", LevelFilter::TRACE),
            ("Debug", LevelFilter::DEBUG),
            ("INFO", LevelFilter::INFO),
            ("warn", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("FATAL", LevelFilter::ERROR),
        ] {
            assert_eq!(parse_level(text), Some(level), "{text}");
        }
        assert_eq!([parse_level(""), parse_level("LOUD"), parse_level("2")], [None; 3]);
        assert_eq!([parse_format("JSON"), parse_format("Text")], [Some(Format::Json), Some(Format::Text)]);
        assert_eq!(parse_format("XML"), None);
    }

    #[test]
    fn rust_log_refines_lambdas_level() {
        let at = |refined, target, level| filter(LevelFilter::WARN, refined).unwrap().would_enable(target, &level);
        for (refined, target, level, is_enabled) in [
            (None, "keyplan_store", Level::WARN, true),
            (None, "keyplan_store", Level::INFO, false),
            (None, INVOCATIONS, Level::INFO, true),
            (Some("keyplan_gateway=debug"), "keyplan_gateway::pipeline", Level::DEBUG, true),
            (Some("keyplan_gateway=debug"), "keyplan_store", Level::INFO, false),
            (Some("debug"), "keyplan_store", Level::DEBUG, true),
            (Some("off"), "keyplan_store", Level::ERROR, false),
            (Some("off"), INVOCATIONS, Level::INFO, true),
        ] {
            assert_eq!(at(refined, target, level), is_enabled, "{refined:?}, {target}, {level}");
        }
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        let refused = filter(LevelFilter::INFO, Some("keyplan=loud")).unwrap_err().to_string();
        assert!(refused.starts_with("RUST_LOG must be a level or target=level"), "{refused}");
    }
}

//! When metrics are told: nothing runs between invocations, so at the end of
//! one.
//!
//! An environment that ends loses what it gathered since its last line, which is
//! less than [`INTERVAL`] of work. Lambda announces the end by SIGTERM to those
//! alone who have registered an extension, which costs every start a call and a
//! connection: none is registered here. Where the signal comes all the same,
//! since somebody else's extension is there, nothing is lost.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::embedded::{self, Namespace};
use crate::{MalformedVariable, Metrics, variable};

/// The least time from one line to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// That no line was written yet, in [`Inner::last`].
const NEVER: i64 = i64::MIN;

/// Writes what was gathered to stdout; cheap to clone.
#[derive(Clone, Debug)]
pub struct Reporter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// `None`: nothing is written.
    namespace: Option<Namespace>,
    metrics: Metrics,
    /// When a line was last due, in nanoseconds since the Unix epoch.
    last: AtomicI64,
}

impl Reporter {
    /// One that writes metrics of the namespace that `METRICS_NAMESPACE` names,
    /// and none where it is not set.
    ///
    /// # Errors
    /// When it is set to what is no namespace.
    pub fn from_env(metrics: Metrics) -> Result<Self, MalformedVariable> {
        let namespace = variable("METRICS_NAMESPACE").map(|text| Namespace::parse(&text)).transpose()?;
        Ok(Self::new(namespace, metrics))
    }

    fn new(namespace: Option<Namespace>, metrics: Metrics) -> Self {
        Self { inner: Arc::new(Inner { namespace, metrics, last: AtomicI64::new(NEVER) }) }
    }

    /// Writes what was gathered, unless that was done in the last 10 s: a function
    /// that is rarely invoked tells of each invocation at once.
    pub fn invocation_ended(&self, now: Timestamp) {
        if self.is_due(now) {
            write(&self.lines(now));
        }
    }

    /// Writes what was gathered as soon as the process is told to end by
    /// SIGTERM, and ends it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn write_at_the_end(&self, now: impl Fn() -> Timestamp + Send + 'static) {
        if self.inner.namespace.is_none() {
            return;
        }
        let mut terminate = match signal(SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(error) => return tracing::warn!(%error, "SIGTERM cannot be waited for"),
        };
        let reporter = self.clone();
        tokio::spawn(async move {
            if terminate.recv().await.is_some() {
                write(&reporter.lines(now()));
                std::process::exit(0);
            }
        });
    }

    /// Of several who ask at once, one is told so.
    fn is_due(&self, now: Timestamp) -> bool {
        let last = self.inner.last.load(Ordering::Relaxed);
        let is_young =
            (0..INTERVAL.as_nanos().cast_signed()).contains(&(i128::from(now.as_nanos()) - i128::from(last)));
        !is_young
            && self.inner.namespace.is_some()
            && self.inner.last.compare_exchange(last, now.as_nanos(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn lines(&self, now: Timestamp) -> String {
        let Some(namespace) = &self.inner.namespace else { return String::new() };
        let documents = embedded::documents(namespace, &self.inner.metrics.take(), now);
        documents.into_iter().map(|document| document + "\n").collect()
    }
}

/// Nobody is left to be told of a failure.
fn write(lines: &str) {
    if !lines.is_empty() {
        let mut out = io::stdout().lock();
        let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counter;

    const START: Timestamp = Timestamp::from_seconds(1_795_694_400);

    fn after(milliseconds: u64) -> Timestamp {
        START.plus(Duration::from_millis(milliseconds))
    }

    fn reporter() -> Reporter {
        Reporter::new(Namespace::parse("Keyplan/test").ok(), Metrics::default())
    }

    #[test]
    fn the_first_invocation_is_told_of_at_once_and_then_one_in_ten_seconds() {
        let reporter = reporter();
        let due = [0, 1, 9_999, 10_000, 10_001, 19_999, 3_600_000].map(|at| reporter.is_due(after(at)));
        assert_eq!(due, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_from_being_told() {
        let reporter = reporter();
        assert!(reporter.is_due(after(3_600_000)));
        assert!(reporter.is_due(after(0)));
    }

    #[test]
    fn what_is_not_due_is_told_later() {
        let reporter = reporter();
        reporter.inner.metrics.count(Counter::MeterWrites);
        assert_eq!(reporter.lines(START).matches("\"MeterWrites\":1").count(), 1);
        reporter.inner.metrics.count(Counter::MeterWrites);
        reporter.inner.metrics.count(Counter::MeterWrites);
        let lines = reporter.lines(START);
        assert!(lines.contains("\"MeterWrites\":2") && lines.ends_with("}\n"), "{lines}");
        assert_eq!(reporter.lines(START), "");
    }

    #[test]
    fn without_a_namespace_nothing_is_told() {
        let reporter = Reporter::new(None, Metrics::default());
        reporter.inner.metrics.count(Counter::MeterWrites);
        assert!(!reporter.is_due(START));
        assert_eq!(reporter.lines(START), "");
    }
}

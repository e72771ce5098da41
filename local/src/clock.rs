//! The clock that tests can move.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use keyplan_store::clock::{Clock, SystemClock};

/// The machine's clock, and how many seconds it was moved ahead. It never goes
/// back.
#[derive(Debug, Default)]
pub(crate) struct LocalClock {
    seconds_ahead: AtomicU64,
}

/// The clock would leave the years that a [`Timestamp`] can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock cannot be moved beyond the year 2260")]
pub(crate) struct OutOfRange;

/// 2261-01-01: a period that has begun before it also ends before time does.
const END: Timestamp = Timestamp::from_seconds(9_183_110_400);

impl LocalClock {
    /// How far ahead of the machine's clock it would be after `by` more seconds.
    pub(crate) fn ahead_after(&self, by: u64) -> Result<u64, OutOfRange> {
        let ahead = self.seconds_ahead.load(Ordering::Acquire).checked_add(by).ok_or(OutOfRange)?;
        let now = SystemClock.now().plus(Duration::from_secs(ahead));
        if now < END { Ok(ahead) } else { Err(OutOfRange) }
    }

    /// Has the clock run `seconds` ahead of the machine's, or stay where it is
    /// if it is further already.
    pub(crate) fn run_ahead(&self, seconds: u64) {
        self.seconds_ahead.fetch_max(seconds, Ordering::AcqRel);
    }
}

impl Clock for LocalClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_secs(self.seconds_ahead.load(Ordering::Acquire)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_runs_ahead_and_never_goes_back() {
        let clock = LocalClock::default();
        let before = SystemClock.now();
        clock.run_ahead(100);
        clock.run_ahead(60);
        assert!(clock.now() >= before.plus(Duration::from_secs(100)));
        assert_eq!(clock.ahead_after(5), Ok(105));
    }

    #[test]
    fn the_clock_cannot_run_out_of_years() {
        let clock = LocalClock::default();
        for too_far in [u64::MAX, 9_183_110_400] {
            assert_eq!(clock.ahead_after(too_far), Err(OutOfRange));
        }
        clock.run_ahead(1);
        assert_eq!(clock.ahead_after(u64::MAX), Err(OutOfRange));
    }
}

//! Whether a bucket's tokens are taken as fast as they return.
//!
//! Who asks a shared table sees the bucket as others left it, and by the time the
//! answer comes another token may have returned. Where that takes longer than a
//! token does, no answer ever proves a refusal: each shows a token that, by now,
//! could be had, and that somebody else has by the time it is asked for. The count
//! of admissions tells what the bucket's state does not. Where about as many were
//! admitted as tokens returned, whoever found the bucket empty when it asked has
//! lost to others all that there was. Where fewer were, it only asked too early for
//! what others had done since, and is to ask again.

use std::time::Duration;

use crate::throttle::Gcra;
use crate::time::Timestamp;

/// Time over which admissions are compared with what returns, before it is begun
/// anew.
const WINDOW: Duration = Duration::from_millis(500);

/// Time for which they are compared at least.
const PATIENCE: Duration = Duration::from_millis(50);

/// A meter's count, as seen over some time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    /// First and last.
    seen: Option<[Seen; 2]>,
    /// What was true of the time before: it is until more is seen.
    was_exhausted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Timestamp,
    counted: u64,
}

impl Flow {
    /// Notes that so many were counted on its day by a moment, under this throttle.
    /// Answers may come out of turn: an earlier one tells nothing new.
    pub fn see(&mut self, at: Timestamp, counted: u64, gcra: Gcra) {
        let seen = Seen { at, counted };
        let Some([first, last]) = self.seen.filter(|[first, _]| first.at.date() == at.date()) else {
            *self = Self { seen: Some([seen, seen]), was_exhausted: false };
            return;
        };
        let last = Seen { at: at.max(last.at), counted: counted.max(last.counted) };
        self.seen = Some([first, last]);
        if at.since(first.at) >= WINDOW {
            *self = Self { seen: Some([last, last]), was_exhausted: self.is_exhausted(gcra) };
        }
    }

    /// Whether about as many were admitted as tokens returned: four of five, since
    /// none is taken in the very moment in which it returns.
    #[must_use]
    pub fn is_exhausted(&self, gcra: Gcra) -> bool {
        let Some([first, last]) = self.seen else { return false };
        let time = last.at.since(first.at);
        if time < PATIENCE {
            return self.was_exhausted;
        }
        let returned = u64::from(gcra.returning_within(time));
        (last.counted - first.counted).saturating_mul(5) >= returned.saturating_mul(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::throttle::ThrottleSettings;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn gcra() -> Gcra {
        ThrottleSettings { burst_limit: 10, rate_limit: 1_000.0 }.into()
    }

    /// Whether it is exhausted after this time, at so many admissions a second.
    fn is_exhausted(millis: u64, rate: u64) -> bool {
        let mut flow = Flow::default();
        for passed in 0..=millis {
            flow.see(NOON.plus(Duration::from_millis(passed)), 7 + rate * passed / 1_000, gcra());
        }
        flow.is_exhausted(gcra())
    }

    #[test]
    fn a_bucket_is_exhausted_while_all_that_returns_is_taken() {
        assert!(is_exhausted(50, 1_000));
        assert!(is_exhausted(499, 1_000));
        assert!(is_exhausted(520, 1_000), "so it was before");
        assert!(is_exhausted(400, 800));
        assert!(!is_exhausted(400, 790));
        assert!(!is_exhausted(520, 790));
    }

    #[test]
    fn nothing_is_known_at_first_of_another_day_or_after_a_long_time() {
        assert!(!is_exhausted(49, 5_000));
        let mut flow = Flow::default();
        for (seconds, counted) in [(0, 900), (1, 2_000)] {
            flow.see(NOON.plus(Duration::from_secs(seconds)), counted, gcra());
        }
        assert!(flow.is_exhausted(gcra()));
        let mut next_day = flow;
        next_day.see(NOON.plus(Duration::from_secs(43_200)), 5, gcra());
        assert!(!next_day.is_exhausted(gcra()));
        flow.see(NOON.plus(Duration::from_secs(60)), 2_100, gcra());
        assert!(!flow.is_exhausted(gcra()));
    }

    #[test]
    fn what_is_told_out_of_turn_changes_nothing() {
        let mut flow = Flow::default();
        for (millis, counted) in [(0, 0), (100, 100), (60, 60), (90, 95)] {
            flow.see(NOON.plus(Duration::from_millis(millis)), counted, gcra());
        }
        assert!(flow.is_exhausted(gcra()));
    }
}

//! How much a process is asked for under a key, by the requests that came lately.

use std::time::Duration;

use crate::lease::{Moment, at_pace};

/// Time for which requests are counted before they are counted anew.
const WINDOW: Duration = Duration::from_millis(500);

/// Time for which refusals must outnumber admissions before that is taken for
/// more than a bucket that is empty for a moment.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// Requests that came since a moment: the first refusal, or a grant that was
/// [`WINDOW`] after that or after another one.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Demand {
    from: Option<Moment>,
    admitted: u32,
    refused: u32,
    /// What was true of those before: it is until these tell more.
    was_beyond_twice_the_rate: bool,
}

impl Demand {
    /// Counts from `now`, if nothing is counted yet.
    pub(super) fn begin(&mut self, now: Moment) {
        self.from.get_or_insert(now);
    }

    pub(super) fn admitted(&mut self) {
        self.admitted = self.admitted.saturating_add(1);
    }

    pub(super) fn refused(&mut self, now: Moment) {
        if self.refused == 0 && !self.was_beyond_twice_the_rate {
            *self = Self { from: Some(now), ..Self::default() };
        }
        self.refused = self.refused.saturating_add(1);
    }

    /// Tokens were granted as of `now`.
    pub(super) fn granted(&mut self, now: Moment) {
        if self.from.is_none_or(|from| now.since(from) >= WINDOW) {
            let was_beyond_twice_the_rate = self.is_beyond_twice_the_rate(now);
            *self = Self { from: Some(now), was_beyond_twice_the_rate, ..Self::default() };
        }
    }

    /// Whether more requests are refused than admitted, for some time.
    pub(super) fn is_beyond_twice_the_rate(&self, now: Moment) -> bool {
        match self.from {
            Some(from) if now.since(from) >= PATIENCE => self.refused > self.admitted,
            _ => self.was_beyond_twice_the_rate,
        }
    }

    /// Requests that will come within `time`, at the pace of those that came.
    pub(super) fn within(&self, time: Duration, now: Moment) -> u32 {
        let came = self.admitted.saturating_add(self.refused);
        self.from.map_or(1, |from| at_pace(came, now.since(from), time, f64::floor))
    }
}

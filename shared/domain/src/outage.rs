//! Whether a table is out, told by how calls to it end; and what becomes of
//! metered requests while it is.
//!
//! Three failures in a row within two seconds are an outage. From then on nobody
//! calls but a probe, once a second, to find out whether it is over; the first
//! call that succeeds ends it. Nothing here reads a clock or calls anybody.
//!
//! *In a row*: no call that succeeds ends between them, and none of them began
//! before the last success, since what hung while the table was out says nothing
//! of the table once it is back. *Within two seconds*: of the time between them.
//! What a call waited for its answer does not count, or a table that hangs would
//! never be out to a process with one caller.

use std::time::Duration;

use crate::admission::Limits;
use crate::lease::Moment;

/// How long it may be, without the calls themselves, from the first of three
/// failures to the third.
pub const WITHIN: Duration = Duration::from_secs(2);

/// How often a table that is out is probed.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// What one process knows of a table's state.
#[derive(Clone, Copy, Debug)]
pub struct Availability {
    state: State,
    /// When a call last succeeded.
    succeeded: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Up {
        /// The end of the last failure, if the last call failed.
        failed: Option<Moment>,
        /// What lay between that and the failure before it, if two failed.
        gap: Option<Duration>,
    },
    Out {
        since: Moment,
        /// When it was last probed, or last failed.
        probed: Moment,
    },
}

/// An outage begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It begins with this call.
    Began,
    /// It ends with this call.
    Ended {
        /// After how long.
        lasted: Duration,
    },
}

const UP: State = State::Up { failed: None, gap: None };

impl Default for Availability {
    fn default() -> Self {
        Self { state: UP, succeeded: None }
    }
}

impl Availability {
    /// Whether the table is out.
    #[must_use]
    pub fn is_out(&self) -> bool {
        matches!(self.state, State::Out { .. })
    }

    /// Whether the table is to be probed now: it is out, and was neither probed
    /// nor seen to fail for [`PROBE_INTERVAL`]. Whoever is told so probes it.
    pub fn wants_probe(&mut self, now: Moment) -> bool {
        match &mut self.state {
            State::Out { probed, .. } if now.since(*probed) >= PROBE_INTERVAL => {
                *probed = now;
                true
            }
            State::Out { .. } | State::Up { .. } => false,
        }
    }

    /// Notes that a call which began at `began` has failed, `now`.
    pub fn failed(&mut self, began: Moment, now: Moment) -> Option<Turn> {
        if self.succeeded.is_some_and(|succeeded| began.monotonic < succeeded.monotonic) {
            return None;
        }
        match &mut self.state {
            State::Out { probed, .. } => {
                *probed = now;
                None
            }
            State::Up { failed, gap } => {
                let between = failed.map(|failed| began.since(failed));
                if let (Some(before), Some(between)) = (*gap, between)
                    && before.saturating_add(between) <= WITHIN
                {
                    self.state = State::Out { since: now, probed: now };
                    return Some(Turn::Began);
                }
                (*failed, *gap) = (Some(now), between);
                None
            }
        }
    }

    /// Notes that the table has answered a call, `now`.
    pub fn succeeded(&mut self, now: Moment) -> Option<Turn> {
        self.succeeded = Some(now);
        match std::mem::replace(&mut self.state, UP) {
            State::Up { .. } => None,
            State::Out { since, .. } => Some(Turn::Ended { lasted: now.since(since) }),
        }
    }
}

/// What becomes of metered requests while the meters cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// A plan with a quota refuses, since a quota that nobody counts is none. A
    /// plan with throttles alone admits by what this process knows of them, and
    /// one without limits admits.
    #[default]
    ByLimits,
    /// Every plan admits by what this process knows.
    Open,
    /// Every plan refuses.
    Closed,
}

impl OnFailure {
    /// Whether a request under `limits` is decided upon by what this process
    /// knows; otherwise it is refused.
    #[must_use]
    pub fn decides_locally(self, limits: &Limits) -> bool {
        match self {
            Self::ByLimits => limits.quota.is_none(),
            Self::Open => true,
            Self::Closed => false,
        }
    }
}

/// It is neither `open` nor `closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected open or closed")]
pub struct UnknownOnFailure;

impl std::str::FromStr for OnFailure {
    type Err = UnknownOnFailure;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            _ => Err(UnknownOnFailure),
        }
    }
}

#[cfg(test)]
mod tests;

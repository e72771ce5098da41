//! How large what is explored is, and how it begins.

use std::num::NonZeroU32;
use std::time::Duration;

use super::process::{Fault, Setting};
use crate::admission::Limits;
use crate::quota::QuotaPeriod;
use crate::time::Timestamp;

/// What is explored.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    /// Versions of the plan, one after the other.
    pub(super) plans: Vec<Limits>,
    /// Tokens that a lease has at most; 1 is strict.
    pub(super) cap: NonZeroU32,
    /// By how much each process's clock is ahead, in nanoseconds.
    pub(super) skews: Vec<i64>,
    pub(super) start: Timestamp,
    /// Tokens counted at the start, and owed to the throttle's bucket.
    pub(super) spent: u32,
    /// Tokens among them that each process has in a lease.
    pub(super) held: u32,
    /// By which time may pass.
    pub(super) ticks: Vec<Duration>,
    /// By how many nanoseconds a clock may be set.
    pub(super) jump: i64,
    /// What an operator may set to remain.
    pub(super) remaining: i64,
    pub(super) is_impatient: bool,
    pub(super) fault: Option<Fault>,
    pub(super) most: Budget,
}

/// How often what may happen.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Budget {
    pub(super) requests: u8,
    pub(super) ticks: u8,
    pub(super) losses: u8,
    pub(super) crashes: u8,
    pub(super) changes: u8,
    pub(super) grants: u8,
    pub(super) jumps: u8,
}

impl Scenario {
    /// By how much clocks differ, in nanoseconds.
    pub(super) fn spread(&self) -> i64 {
        self.skews.iter().max().unwrap() - self.skews.iter().min().unwrap()
    }

    /// Whether nothing goes wrong or changes, so that every refusal has its reason.
    pub(super) fn is_smooth(&self) -> bool {
        let Budget { losses, crashes, changes, grants, jumps, .. } = self.most;
        [losses, crashes, changes, grants, jumps] == [0; 5] && self.spread() == 0
    }

    pub(super) fn setting(&self) -> Setting {
        Setting { cap: self.cap, is_impatient: self.is_impatient, fault: self.fault }
    }

    /// Whether no count outlasts a day.
    pub(super) fn is_daily(&self) -> bool {
        self.plans.iter().all(|limits| limits.quota.is_none_or(|quota| quota.period == QuotaPeriod::Day))
    }
}

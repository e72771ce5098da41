//! The table: one meter, changed by one write at a time.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::admission::write::{Form, Held, Spending};
use crate::admission::{Limits, MeterState};
use crate::throttle::Bucket;
use crate::time::Timestamp;

/// What it holds of the meter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Table {
    pub(super) bucket: Option<Bucket>,
    /// Counts of quotas, by the first day of their period.
    pub(super) counts: BTreeMap<Date, i64>,
    /// Tokens counted by day, and what the day's last write left.
    pub(super) days: BTreeMap<Date, (u64, Option<i64>)>,
}

impl Table {
    /// The state that limits are decided on.
    pub(super) fn state(&self, limits: &Limits, now: Timestamp) -> MeterState {
        let counted = limits.quota.and_then(|quota| self.counts.get(&quota.window(now).first_day));
        MeterState { bucket: self.bucket, methods: BTreeMap::new(), used: counted.copied().unwrap_or_default() }
    }

    /// Carries out a write, if its condition holds.
    pub(super) fn write(&mut self, spending: &Spending<'_>, form: &Form<'_>) -> bool {
        let today = spending.now.date();
        let (day, remaining) = self.days.get(&today).copied().unwrap_or_default();
        let held = Held { state: self.state(spending.limits, spending.now), day, remaining };
        let Some(held) = spending.apply(form, &held) else { return false };
        self.bucket = held.state.bucket;
        if let Some(quota) = spending.limits.quota {
            self.counts.insert(quota.window_of_day(today).first_day, held.state.used);
        }
        self.days.insert(today, (held.day, held.remaining));
        true
    }

    /// An operator sets what remains.
    pub(super) fn set_remaining(&mut self, limits: &Limits, remaining: i64, now: Timestamp) {
        let Some(quota) = limits.quota else { return };
        self.counts.insert(quota.window(now).first_day, i64::from(quota.limit) - remaining);
        self.days.entry(now.date()).or_default().1 = Some(remaining);
    }
}

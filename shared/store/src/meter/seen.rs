//! What this process saw of meters: it decides the form of the next write, and
//! proves refusals; never an admission.

use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::admission::flow::Flow;
use keyplan_domain::admission::write::Busy;
use keyplan_domain::admission::{Denied, Limits, Verdict};
use keyplan_domain::left::Reading;
use keyplan_domain::time::Timestamp;

use super::{Meter, MeterItem, ONE, Refused};
use crate::keys::Key;

/// A meter as it was seen last, and how it was met.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) item: Arc<MeterItem>,
    pub(super) at: Timestamp,
    pub(super) traffic: Traffic,
    flow: Flow,
}

/// How first tries met the plan's bucket lately, not those that put them right,
/// which come later for the time they are made at: up by one where it was busy,
/// down by one where it was idle. Others use it too, so that one which was idle
/// when it was seen is busy by now as a rule, if it was busy most of the time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic(u8);

impl Traffic {
    const MOST: u8 = 7;

    fn met(self, is_busy: bool) -> Self {
        if is_busy { Self(self.0.saturating_add(1).min(Self::MOST)) } else { Self(self.0.saturating_sub(1)) }
    }

    fn is_busy(self) -> bool {
        self.0 > Self::MOST / 2
    }

    /// A first guess, put right by how the bucket was met before.
    pub(super) fn foresee(self, busy: Busy, limits: &Limits) -> Busy {
        Busy { plan: busy.plan || limits.throttle.is_some() && self.is_busy(), ..busy }
    }
}

impl Seen {
    pub(super) fn is_fresh(&self, now: Timestamp, life: Duration) -> bool {
        self.at <= now && now.since(self.at) < life
    }
}

impl Meter {
    /// The refusal that what was seen proves, if it does, to a process that
    /// holds `counted` tokens of the quota.
    pub(super) fn proof(&self, seen: &Seen, limits: &Limits, now: Timestamp, counted: u32) -> Option<Refused> {
        if seen.is_fresh(now, self.proves_for) { refusal(&seen.item, limits, now, counted) } else { None }
    }

    /// The refusal of a request that found the bucket empty when it asked, where
    /// others take all that returns: to ask again would be to lose again. Nothing
    /// is known so of a method's bucket, since its admissions are not counted alone.
    pub(super) fn exhausted(&self, at: &Key, item: &MeterItem, limits: &Limits, asked: Timestamp) -> Option<Refused> {
        let gcra = limits.throttle.filter(|_| limits.method.is_none())?;
        if !self.seen.get(at)?.flow.is_exhausted(gcra) {
            return None;
        }
        refusal(item, limits, asked, 0).filter(|refused| matches!(refused.denied, Denied::Throttled { .. }))
    }

    pub(super) fn remember(&self, at: &Key, item: MeterItem, limits: &Limits, now: Timestamp) -> Arc<MeterItem> {
        self.remember_met(at, item, limits, now, None)
    }

    /// The same, where a write has shown whether the bucket was busy before it.
    pub(super) fn remember_met(
        &self,
        at: &Key,
        item: MeterItem,
        limits: &Limits,
        now: Timestamp,
        met: Option<bool>,
    ) -> Arc<MeterItem> {
        let (before, mut flow) = self.seen.get(at).map(|seen| (seen.traffic, seen.flow)).unwrap_or_default();
        let traffic = met.map_or(before, |is_busy| before.met(is_busy));
        if let Some(gcra) = limits.throttle {
            flow.see(now, item.used_on(now.date()), gcra);
        }
        let item = Arc::new(item);
        self.seen.insert(at.clone(), Seen { item: item.clone(), at: now, traffic, flow });
        item
    }
}

/// The refusal that a state proves. One that is outdated proves nothing and is
/// repaired by the next write.
pub(super) fn refusal(item: &MeterItem, limits: &Limits, now: Timestamp, counted: u32) -> Option<Refused> {
    let mut state = item.state(limits, now);
    state.used = state.used.saturating_sub(i64::from(counted));
    match limits.decide(&state, now, ONE) {
        Verdict::Denied(denied) => {
            let reading = Reading { limits: *limits, state, at: now };
            Some(Refused::without_a_write(denied, reading))
        }
        Verdict::Admitted(_) | Verdict::Outdated(_) => None,
    }
}

//! What was admitted in an outage and is not counted in the table yet.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyplan_domain::quota::QuotaSettings;
use keyplan_domain::time::Timestamp;

use crate::entropy;
use crate::keys::Key;

/// Meters for which counts are kept at once.
pub const KEPT: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Unsettled {
    counts: Mutex<Counts>,
    /// Whether there is something to count or to tell: asked by every
    /// request, without the lock.
    has_some: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    meters: HashMap<Key, VecDeque<Batch>>,
    /// Requests counted in the table since this was last told.
    settled: u64,
    /// Requests that there was no room to count.
    uncounted: u64,
}

/// Requests that are counted by one write: of one meter, day and quota.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// When the last of them was admitted.
    pub(super) at: Timestamp,
    pub(super) quota: Option<QuotaSettings>,
    pub(super) tokens: u32,
    /// What tells the write from others, once it may have been sent. From then on
    /// the batch does not grow.
    pub(super) id: Option<String>,
}

/// Batches that are being counted. What is left when it is dropped goes back.
#[derive(Debug)]
pub(super) struct Settling<'u> {
    unsettled: &'u Unsettled,
    meter: Key,
    batches: VecDeque<Batch>,
}

/// The lock, by which requests are decided upon one after the other.
pub(super) struct Locked<'u> {
    counts: MutexGuard<'u, Counts>,
    has_some: &'u AtomicBool,
}

impl Unsettled {
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked { counts: self.counts.lock().unwrap_or_else(PoisonError::into_inner), has_some: &self.has_some }
    }

    pub(super) fn is_over(&self) -> bool {
        !self.has_some.load(Ordering::Acquire)
    }

    pub(super) fn meters(&self) -> Vec<Key> {
        self.lock().counts.meters.keys().cloned().collect()
    }

    /// Takes what is to be counted for a meter, if anything is.
    pub(super) fn take(&self, meter: &Key) -> Option<Settling<'_>> {
        let mut locked = self.lock();
        let batches = locked.counts.meters.remove(meter)?;
        locked.note();
        Some(Settling { unsettled: self, meter: meter.clone(), batches })
    }

    /// How many requests were counted, and how many cannot be, since this was
    /// last asked.
    pub(super) fn tell(&self) -> (u64, u64) {
        let mut locked = self.lock();
        let told = (std::mem::take(&mut locked.counts.settled), std::mem::take(&mut locked.counts.uncounted));
        locked.note();
        told
    }
}

impl Locked<'_> {
    /// Notes that a request was admitted at `now` under `quota`.
    pub(super) fn admitted(&mut self, meter: &Key, quota: Option<QuotaSettings>, now: Timestamp) {
        let counts = &mut *self.counts;
        if counts.meters.len() >= KEPT && !counts.meters.contains_key(meter) {
            counts.uncounted = counts.uncounted.saturating_add(1);
            self.note();
            return;
        }
        let batches = counts.meters.entry(meter.clone()).or_default();
        let is_of = |batch: &&mut Batch| batch.id.is_none() && batch.quota == quota && batch.at.date() == now.date();
        match batches.back_mut().filter(is_of) {
            Some(batch) => {
                batch.tokens = batch.tokens.saturating_add(1);
                batch.at = batch.at.max(now);
            }
            None => batches.push_back(Batch { at: now, quota, tokens: 1, id: None }),
        }
        self.note();
    }

    fn note(&self) {
        let Counts { meters, settled, uncounted } = &*self.counts;
        self.has_some.store(!meters.is_empty() || *settled > 0 || *uncounted > 0, Ordering::Release);
    }
}

impl Settling<'_> {
    /// The next batch to be written. It stays the next until it is settled.
    pub(super) fn next(&mut self) -> Option<&Batch> {
        let batch = self.batches.front_mut()?;
        batch.id.get_or_insert_with(entropy::part_id);
        Some(batch)
    }

    /// Notes that the next batch is counted.
    pub(super) fn is_settled(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            let mut locked = self.unsettled.lock();
            locked.counts.settled = locked.counts.settled.saturating_add(batch.tokens.into());
            locked.note();
        }
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if self.batches.is_empty() {
            return;
        }
        let mut locked = self.unsettled.lock();
        let batches = locked.counts.meters.entry(self.meter.clone()).or_default();
        // What was admitted meanwhile comes after it.
        self.batches.append(batches);
        std::mem::swap(batches, &mut self.batches);
        locked.note();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn meter(name: &str) -> Key {
        Key { pk: name.into(), sk: "METER".into() }
    }

    fn batches(unsettled: &Unsettled, of: &str) -> Vec<(u32, bool)> {
        let locked = unsettled.lock();
        let batches = locked.counts.meters.get(&meter(of)).into_iter().flatten();
        batches.map(|batch| (batch.tokens, batch.id.is_some())).collect()
    }

    #[test]
    fn what_is_not_settled_goes_back_before_what_came_meanwhile() {
        let unsettled = Unsettled::default();
        for _ in 0..3 {
            unsettled.lock().admitted(&meter("a"), None, NOON);
        }
        let mut settling = unsettled.take(&meter("a")).unwrap();
        assert!(unsettled.take(&meter("a")).is_none());
        let id = settling.next().unwrap().id.clone();
        unsettled.lock().admitted(&meter("a"), None, NOON);
        drop(settling);
        // What may have been written is not mixed with what was not.
        assert_eq!(batches(&unsettled, "a"), [(3, true), (1, false)]);
        let mut settling = unsettled.take(&meter("a")).unwrap();
        assert_eq!(settling.next().unwrap().id, id);
        settling.is_settled();
        assert_eq!(settling.next().unwrap().tokens, 1);
        settling.is_settled();
        assert!(settling.next().is_none());
        drop(settling);
        assert!(!unsettled.is_over() && unsettled.meters().is_empty());
        assert_eq!(unsettled.tell(), (4, 0));
        assert!(unsettled.is_over());
    }

    #[test]
    fn each_day_and_each_quota_is_counted_by_itself() {
        let unsettled = Unsettled::default();
        let quota = QuotaSettings { limit: 9, offset: 0, period: keyplan_domain::quota::QuotaPeriod::Day };
        let tomorrow = Timestamp::at_start_of(NOON.date().tomorrow().unwrap());
        for (quota, at) in [(None, NOON), (None, NOON), (Some(quota), NOON), (Some(quota), tomorrow)] {
            unsettled.lock().admitted(&meter("a"), quota, at);
        }
        assert_eq!(batches(&unsettled, "a"), [(2, false), (1, false), (1, false)]);
    }

    #[test]
    fn what_there_is_no_room_for_is_told() {
        let unsettled = Unsettled::default();
        for key in 0..=KEPT {
            unsettled.lock().admitted(&meter(&key.to_string()), None, NOON);
        }
        unsettled.lock().admitted(&meter("0"), None, NOON);
        assert_eq!((unsettled.meters().len(), unsettled.tell()), (KEPT, (0, 1)));
        assert_eq!(batches(&unsettled, "0"), [(2, false)]);
    }
}

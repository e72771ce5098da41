//! What was counted and not yet told.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::names::{Counter, Distribution};

/// Gathers what happens; cheap to clone, and all clones are one. To count takes
/// one atomic addition. A value of a distribution takes a lock, and so belongs
/// beside something that takes longer, such as a call over the network.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    gathering: Arc<Gathering>,
}

#[derive(Debug, Default)]
struct Gathering {
    counts: [AtomicU64; Counter::ALL.len()],
    values: [Mutex<Values>; Distribution::ALL.len()],
}

/// How often each value was met: bounded by how many different ones there are.
type Values = BTreeMap<u64, u64>;

/// What was gathered until a moment, and is gathered no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gathered {
    /// Those above zero.
    pub(crate) counts: BTreeMap<Counter, u64>,
    /// Those with any value.
    pub(crate) values: BTreeMap<Distribution, Values>,
}

impl Metrics {
    /// Counts one.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts `number`.
    pub fn add(&self, counter: Counter, number: u64) {
        if let Some(count) = self.gathering.counts.get(counter.index()) {
            count.fetch_add(number, Ordering::Relaxed);
        }
    }

    /// Notes a value, in the distribution's unit.
    pub fn observe(&self, distribution: Distribution, value: u64) {
        if let Some(values) = self.gathering.values.get(distribution.index()) {
            *values.lock().unwrap_or_else(PoisonError::into_inner).entry(value).or_default() += 1;
        }
    }

    /// What was counted of one and not yet told.
    #[must_use]
    pub fn counted(&self, counter: Counter) -> u64 {
        self.gathering.counts.get(counter.index()).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Takes what was gathered. Whatever comes meanwhile is there for the next.
    pub(crate) fn take(&self) -> Gathered {
        let counts = Counter::ALL.iter().zip(&self.gathering.counts);
        let counts = counts.map(|(counter, count)| (*counter, count.swap(0, Ordering::Relaxed)));
        let values = Distribution::ALL.iter().zip(&self.gathering.values);
        let values = values.map(|(distribution, values)| {
            (*distribution, mem::take(&mut *values.lock().unwrap_or_else(PoisonError::into_inner)))
        });
        Gathered {
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            values: values.filter(|(_, values)| !values.is_empty()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_taken_is_taken_once() {
        let metrics = Metrics::default();
        let clone = metrics.clone();
        clone.count(Counter::AdmittedRequests);
        clone.add(Counter::AdmittedRequests, 2);
        clone.observe(Distribution::LeaseSize, 10);
        clone.observe(Distribution::LeaseSize, 10);
        let gathered = metrics.take();
        assert_eq!(gathered.counts, BTreeMap::from([(Counter::AdmittedRequests, 3)]));
        assert_eq!(gathered.values, BTreeMap::from([(Distribution::LeaseSize, BTreeMap::from([(10, 2)]))]));
        assert_eq!(metrics.take(), Gathered::default());
    }

    #[test]
    fn every_metric_has_a_place() {
        let metrics = Metrics::default();
        Counter::ALL.iter().for_each(|counter| metrics.count(*counter));
        Distribution::ALL.iter().for_each(|distribution| metrics.observe(*distribution, 1));
        let gathered = metrics.take();
        assert_eq!(gathered.counts.len(), Counter::ALL.len());
        assert_eq!(gathered.values.len(), Distribution::ALL.len());
    }

    /// One thing that a thread may note.
    #[derive(Clone, Debug)]
    enum Noted {
        Count(usize, u64),
        Value(usize, u64),
    }

    fn noted() -> impl Strategy<Value = Noted> {
        prop_oneof![
            (0..Counter::ALL.len(), 0_u64..1_000).prop_map(|(counter, number)| Noted::Count(counter, number)),
            (0..Distribution::ALL.len(), 0_u64..5).prop_map(|(distribution, value)| Noted::Value(distribution, value)),
        ]
    }

    fn note(metrics: &Metrics, noted: &Noted) {
        match noted {
            Noted::Count(counter, number) => metrics.add(Counter::ALL[*counter], *number),
            Noted::Value(distribution, value) => metrics.observe(Distribution::ALL[*distribution], *value),
        }
    }

    fn sum(all: &[Gathered]) -> Gathered {
        let mut sum = Gathered::default();
        for gathered in all {
            for (counter, count) in &gathered.counts {
                *sum.counts.entry(*counter).or_default() += count;
            }
            for (distribution, values) in &gathered.values {
                for (value, times) in values {
                    *sum.values.entry(*distribution).or_default().entry(*value).or_default() += times;
                }
            }
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_is_lost_or_doubled_while_threads_note_and_others_take(
            threads in prop::collection::vec(prop::collection::vec(noted(), 0..300), 1..5),
        ) {
            let alone = Metrics::default();
            threads.iter().flatten().for_each(|noted| note(&alone, noted));
            let metrics = Metrics::default();
            let is_over = AtomicBool::new(false);
            let taken = std::thread::scope(|scope| {
                let takers: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            let mut taken = Vec::new();
                            while !is_over.load(Ordering::Acquire) {
                                taken.push(metrics.take());
                            }
                            taken
                        })
                    })
                    .collect();
                let metrics = &metrics;
                let noting: Vec<_> = threads
                    .iter()
                    .map(|all| scope.spawn(move || all.iter().for_each(|noted| note(metrics, noted))))
                    .collect();
                noting.into_iter().for_each(|thread| thread.join().unwrap());
                is_over.store(true, Ordering::Release);
                let mut taken: Vec<_> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
                taken.push(metrics.take());
                taken
            });
            prop_assert_eq!(sum(&taken), alone.take());
        }
    }
}

//! A bounded cache in front of the tables: entries live for a time told by the
//! caller's clock, and one look-up serves all who ask at once. Where a look-up
//! fails, the entry that it was to replace may stand in for some time longer.

use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use keyplan_telemetry::{Counter, Metrics};
use quick_cache::sync::Cache;

/// Entries at once for which it is known what became of their look-up. Of one
/// that is forgotten, two may be made at once.
const RENEWALS: usize = 1_000;

/// Values by key, each kept for the same time. What a table does not hold is a
/// value like any other (`Option`), so that unknown keys cost one look-up too.
#[derive(Debug)]
pub struct TtlCache<K, V> {
    entries: Cache<K, Entry<V>>,
    ttl: Duration,
    generation: AtomicU64,
    /// Look-ups for entries whose time is over, which stay where they are.
    renewals: Cache<K, Arc<Renewal>>,
    lookups: Option<Lookups>,
}

/// Where it is counted what a cache is asked for.
#[derive(Clone, Debug)]
pub struct Lookups {
    /// What counts.
    pub metrics: Metrics,
    /// As what it counts an entry that is there, and fresh.
    pub hits: Counter,
    /// As what it counts one that must be looked up.
    pub misses: Counter,
}

/// What goes on for an entry whose time is over.
#[derive(Debug, Default)]
struct Renewal {
    /// Held by whoever looks up.
    looking_up: Arc<tokio::sync::Mutex<()>>,
    /// Whether a look-up failed: others do not wait for the next.
    has_failed: AtomicBool,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    value: V,
    loaded: Timestamp,
    generation: u64,
}

impl<K: Eq + Hash + Clone, V: Clone> TtlCache<K, V> {
    /// At most `capacity` entries of `ttl` each; a `ttl` of zero keeps nothing.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self {
            entries: Cache::new(capacity),
            ttl,
            generation: AtomicU64::new(0),
            renewals: Cache::new(RENEWALS),
            lookups: None,
        }
    }

    /// The same cache, which counts what it is asked for.
    #[must_use]
    pub fn counting(self, lookups: Lookups) -> Self {
        Self { lookups: Some(lookups), ..self }
    }

    /// The entry of `key`, or what `load` gives. Errors are not kept.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get_or_load<E, F>(&self, key: &K, now: Timestamp, load: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        match self.counted(self.get(key, now)) {
            Some(value) => Ok(value),
            // Boxed, since a look-up's future is of some kilobytes, which every
            // request would otherwise copy to find that it need not look up.
            None => Box::pin(self.load(key, now, load)).await,
        }
    }

    async fn load<E, F>(&self, key: &K, now: Timestamp, load: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        loop {
            match self.entries.get_value_or_guard_async(key).await {
                Ok(entry) if self.is_fresh(&entry, now) => return Ok(entry.value),
                Ok(stale) => {
                    // Another task may have replaced it since.
                    self.entries
                        .remove_if(key, |entry| entry.loaded == stale.loaded && entry.generation == stale.generation);
                }
                Err(place) => {
                    // Read before loading: what is loaded while the cache is
                    // cleared may be what it was cleared of.
                    let generation = self.generation.load(Ordering::Acquire);
                    let value = load().await?;
                    // A place that was taken meanwhile is the same look-up's.
                    let _ = place.insert(Entry { value: value.clone(), loaded: now, generation });
                    return Ok(value);
                }
            }
        }
    }

    /// The entry of `key`, if it is fresh.
    #[must_use]
    pub fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        self.entries.get(key).filter(|entry| self.is_fresh(entry, now)).map(|entry| entry.value)
    }

    fn counted(&self, entry: Option<V>) -> Option<V> {
        if let Some(Lookups { metrics, hits, misses }) = &self.lookups {
            metrics.count(if entry.is_some() { *hits } else { *misses });
        }
        entry
    }

    /// Forgets everything, look-ups under way included.
    pub fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.entries.clear();
        self.renewals.clear();
    }

    fn is_current(&self, entry: &Entry<V>) -> bool {
        entry.generation == self.generation.load(Ordering::Acquire)
    }

    fn is_fresh(&self, entry: &Entry<V>, now: Timestamp) -> bool {
        now.since(entry.loaded) < self.ttl && self.is_current(entry)
    }
}

impl<K: Eq + Hash + Clone, T: Clone> TtlCache<K, Option<T>> {
    /// As [`TtlCache::get_or_load`], but where `load` fails with an error that
    /// `excused` names, the last value stands in, if it is no older than its time
    /// and `outlives` together. That nothing was there stands in for nothing, nor
    /// does what the cache was cleared of, nor anything if its time is zero.
    ///
    /// `load` is told whether a value could stand in. While one does, whoever
    /// looks it up again is the only one who waits for that. Where the cache is
    /// cleared meanwhile, nothing stands in any more, and it is called once more.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get_or_outdated<E, F>(
        &self,
        key: &K,
        now: Timestamp,
        outlives: Duration,
        excused: impl Fn(&E) -> bool,
        load: impl Fn(bool) -> F,
    ) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        match self.counted(self.get(key, now)) {
            Some(value) => Ok(value),
            None => Box::pin(self.renew(key, now, outlives, excused, load)).await,
        }
    }

    async fn renew<E, F>(
        &self,
        key: &K,
        now: Timestamp,
        outlives: Duration,
        excused: impl Fn(&E) -> bool,
        load: impl Fn(bool) -> F,
    ) -> Result<Option<T>, E>
    where
        F: Future<Output = Result<Option<T>, E>>,
    {
        let (renewal, outdated, _looking_up) = loop {
            let Some(outdated) = self.outdated(key, now, outlives) else {
                return self.load(key, now, || load(false)).await;
            };
            let Ok(renewal) = self.renewals.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
            match renewal.looking_up.clone().try_lock_owned() {
                Ok(looking_up) => break (renewal, outdated, looking_up),
                Err(_) if renewal.has_failed.load(Ordering::Acquire) => return Ok(outdated.value),
                Err(_) => drop(renewal.looking_up.lock().await),
            }
            if let Some(value) = self.get(key, now) {
                return Ok(value);
            }
            if renewal.has_failed.load(Ordering::Acquire)
                && let Some(outdated) = self.outdated(key, now, outlives)
            {
                return Ok(outdated.value);
            }
        };
        if let Some(value) = self.get(key, now) {
            return Ok(value);
        }
        let generation = self.generation.load(Ordering::Acquire);
        match load(true).await {
            Ok(value) => {
                self.entries.insert(key.clone(), Entry { value: value.clone(), loaded: now, generation });
                self.renewals.remove(key);
                Ok(value)
            }
            Err(error) if excused(&error) && self.is_current(&outdated) => {
                renewal.has_failed.store(true, Ordering::Release);
                Ok(outdated.value)
            }
            // It may have given up sooner than where nothing stands in.
            Err(error) if excused(&error) => self.load(key, now, || load(false)).await,
            Err(error) => Err(error),
        }
    }

    /// An entry that is there, and is not too old to stand in.
    fn outdated(&self, key: &K, now: Timestamp, outlives: Duration) -> Option<Entry<Option<T>>> {
        let is_young = |entry: &Entry<Option<T>>| now.since(entry.loaded) < self.ttl.saturating_add(outlives);
        let stands_in = |entry: &Entry<Option<T>>| entry.value.is_some() && self.is_current(entry) && is_young(entry);
        self.entries.get(key).filter(|entry| !self.ttl.is_zero() && stands_in(entry))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    async fn load(cache: &TtlCache<&'static str, u32>, now: Timestamp, value: u32) -> u32 {
        cache.get_or_load(&"key", now, || async { Ok::<_, Infallible>(value) }).await.unwrap()
    }

    #[tokio::test]
    async fn an_entry_is_kept_for_its_time_and_no_longer() {
        let cache = TtlCache::new(10, Duration::from_secs(5));
        assert_eq!(load(&cache, at(0), 1).await, 1);
        assert_eq!(load(&cache, at(4), 2).await, 1);
        assert_eq!(load(&cache, at(5), 3).await, 3);
    }

    #[tokio::test]
    async fn hits_and_misses_are_counted() {
        let (hits, misses) = (Counter::TokenCacheHits, Counter::TokenCacheMisses);
        let metrics = Metrics::default();
        let lookups = Lookups { metrics: metrics.clone(), hits, misses };
        let cache = TtlCache::new(10, Duration::from_secs(5)).counting(lookups);
        for now in [0, 1, 4, 5] {
            load(&cache, at(now), 1).await;
        }
        assert_eq!((metrics.counted(hits), metrics.counted(misses)), (2, 2));
    }

    #[tokio::test]
    async fn a_cleared_cache_loads_again() {
        let cache = TtlCache::new(10, Duration::from_secs(5));
        load(&cache, at(0), 1).await;
        cache.clear();
        assert_eq!(load(&cache, at(0), 2).await, 2);
    }

    #[tokio::test]
    async fn what_was_loaded_while_clearing_serves_only_those_who_asked() {
        let cache = TtlCache::new(10, Duration::from_secs(5));
        let loaded = cache
            .get_or_load(&"key", at(0), || async {
                cache.clear();
                Ok::<_, Infallible>(1)
            })
            .await;
        assert_eq!(loaded, Ok(1));
        assert_eq!(load(&cache, at(0), 2).await, 2);
    }

    #[tokio::test]
    async fn a_time_to_live_of_zero_keeps_nothing() {
        let cache = TtlCache::new(10, Duration::ZERO);
        load(&cache, at(0), 1).await;
        assert_eq!(load(&cache, at(0), 2).await, 2);
    }

    #[tokio::test]
    async fn one_look_up_serves_all_who_ask_at_once() {
        let cache = std::sync::Arc::new(TtlCache::new(10, Duration::from_secs(5)));
        let look_ups = std::sync::Arc::new(AtomicU32::new(0));
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let (cache, look_ups) = (cache.clone(), look_ups.clone());
                tokio::spawn(async move {
                    let load = || async {
                        look_ups.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                        Ok::<_, Infallible>(7)
                    };
                    cache.get_or_load(&"key", at(0), load).await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(7));
        }
        assert_eq!(look_ups.load(Ordering::Relaxed), 1);
    }

    const MINUTE: Duration = Duration::from_secs(60);

    type Words = TtlCache<&'static str, Option<u32>>;

    /// A look-up that fails with `Err(excused)`.
    async fn outdated(cache: &Words, now: Timestamp, found: Result<Option<u32>, bool>) -> Result<Option<u32>, bool> {
        cache.get_or_outdated(&"key", now, MINUTE, |excused| *excused, |_| async move { found }).await
    }

    fn words(ttl: u64) -> Words {
        TtlCache::new(10, Duration::from_secs(ttl))
    }

    #[tokio::test]
    async fn where_a_look_up_fails_the_last_value_stands_in_for_a_while() {
        let cache = words(5);
        assert_eq!(outdated(&cache, at(0), Err(true)).await, Err(true));
        assert_eq!(outdated(&cache, at(0), Ok(Some(1))).await, Ok(Some(1)));
        assert_eq!(outdated(&cache, at(5), Err(true)).await, Ok(Some(1)));
        assert_eq!(outdated(&cache, at(5), Err(false)).await, Err(false));
        assert_eq!(outdated(&cache, at(64), Err(true)).await, Ok(Some(1)));
        assert_eq!(outdated(&cache, at(65), Err(true)).await, Err(true));
    }

    #[tokio::test]
    async fn a_value_that_stands_in_is_replaced_by_the_next_look_up_that_succeeds() {
        let cache = words(5);
        outdated(&cache, at(0), Ok(Some(1))).await.unwrap();
        outdated(&cache, at(5), Err(true)).await.unwrap();
        assert_eq!(outdated(&cache, at(6), Ok(Some(2))).await, Ok(Some(2)));
        assert_eq!(outdated(&cache, at(10), Err(false)).await, Ok(Some(2)), "fresh");
        assert_eq!(outdated(&cache, at(11), Ok(None)).await, Ok(None));
        assert_eq!(outdated(&cache, at(12), Err(false)).await, Ok(None), "fresh");
    }

    #[tokio::test]
    async fn what_was_cleared_was_not_there_or_is_not_kept_stands_in_for_nothing() {
        let cleared = words(5);
        outdated(&cleared, at(0), Ok(Some(1))).await.unwrap();
        cleared.clear();
        assert_eq!(outdated(&cleared, at(5), Err(true)).await, Err(true));
        let absent = words(5);
        outdated(&absent, at(0), Ok(None)).await.unwrap();
        assert_eq!(outdated(&absent, at(5), Err(true)).await, Err(true));
        let unkept = words(0);
        outdated(&unkept, at(0), Ok(Some(1))).await.unwrap();
        assert_eq!(outdated(&unkept, at(0), Err(true)).await, Err(true));
        let clearing = words(5);
        outdated(&clearing, at(0), Ok(Some(1))).await.unwrap();
        let load = |_| async {
            clearing.clear();
            Err(true)
        };
        assert_eq!(clearing.get_or_outdated(&"key", at(5), MINUTE, |_| true, load).await, Err(true));
    }

    #[tokio::test]
    async fn where_what_would_stand_in_is_cleared_meanwhile_it_is_looked_up_with_patience() {
        let cache = words(5);
        outdated(&cache, at(0), Ok(Some(1))).await.unwrap();
        let load = |stands_in: bool| {
            cache.clear();
            async move { if stands_in { Err(true) } else { Ok(Some(2)) } }
        };
        assert_eq!(cache.get_or_outdated(&"key", at(5), MINUTE, |excused| *excused, load).await, Ok(Some(2)));
    }

    /// A look-up that is under way until it is told to fail.
    struct Hanging {
        asked: AtomicU32,
        fails: tokio::sync::Semaphore,
    }

    impl Hanging {
        async fn look_up(self: Arc<Self>, cache: Arc<Words>) -> Result<Option<u32>, bool> {
            let hanging = &self;
            let load = |stands_in: bool| async move {
                assert!(stands_in);
                hanging.asked.fetch_add(1, Ordering::SeqCst);
                let _permit = hanging.fails.acquire().await;
                Err(true)
            };
            cache.get_or_outdated(&"key", at(5), MINUTE, |excused| *excused, load).await
        }
    }

    #[tokio::test]
    async fn only_one_waits_for_a_look_up_of_what_failed_before() {
        let cache = Arc::new(words(5));
        outdated(&cache, at(0), Ok(Some(1))).await.unwrap();
        let hanging = Arc::new(Hanging { asked: AtomicU32::new(0), fails: tokio::sync::Semaphore::new(0) });
        let waiting: Vec<_> = (0..8).map(|_| tokio::spawn(hanging.clone().look_up(cache.clone()))).collect();
        while hanging.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        hanging.fails.add_permits(1);
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Ok(Some(1)));
        }
        hanging.fails.forget_permits(1);
        let asked = hanging.asked.load(Ordering::SeqCst);
        assert_eq!(asked, 1);
        let one = tokio::spawn(hanging.clone().look_up(cache.clone()));
        while hanging.asked.load(Ordering::SeqCst) == asked {
            tokio::task::yield_now().await;
        }
        for _ in 0..8 {
            assert_eq!(hanging.clone().look_up(cache.clone()).await, Ok(Some(1)));
        }
        assert_eq!(hanging.asked.load(Ordering::SeqCst), asked + 1);
        hanging.fails.add_permits(1);
        assert_eq!(one.await.unwrap(), Ok(Some(1)));
    }
}

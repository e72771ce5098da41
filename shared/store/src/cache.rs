//! A bounded cache in front of the tables: entries live for a time told by the
//! caller's clock, and one look-up serves all who ask at once.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use quick_cache::sync::Cache;

/// Values by key, each kept for the same time. What a table does not hold is a
/// value like any other (`Option`), so that unknown keys cost one look-up too.
#[derive(Debug)]
pub struct TtlCache<K, V> {
    entries: Cache<K, Entry<V>>,
    ttl: Duration,
    generation: AtomicU64,
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
        Self { entries: Cache::new(capacity), ttl, generation: AtomicU64::new(0) }
    }

    /// The entry of `key`, or what `load` gives. Errors are not kept.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get_or_load<E, F>(&self, key: &K, now: Timestamp, load: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        match self.get(key, now) {
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

    /// Forgets everything, look-ups under way included.
    pub fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.entries.clear();
    }

    fn is_fresh(&self, entry: &Entry<V>, now: Timestamp) -> bool {
        now.since(entry.loaded) < self.ttl && entry.generation == self.generation.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
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
}

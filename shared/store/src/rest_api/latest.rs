//! The APIs that a process has read or written last, so that one which has not
//! changed since need not be read again: that is seen from its own item alone.

use std::sync::Arc;

use keyplan_domain::id::RestApiId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::contents::Contents;

/// Bytes of items that are kept so; they take about twice as many in memory.
const BYTES: u64 = 32 * 1024 * 1024;
/// APIs of some ordinary size, for the cache to begin with.
const APIS: usize = 64;

/// By API. What is older than what the table holds stays until it is replaced,
/// since it does no harm.
#[derive(Debug)]
pub(crate) struct Latest(Cache<RestApiId, Arc<Contents>, Bytes>);

impl Default for Latest {
    fn default() -> Self {
        Self(Cache::with_weighter(APIS, BYTES, Bytes))
    }
}

impl Latest {
    pub(crate) fn get(&self, id: &RestApiId) -> Option<Arc<Contents>> {
        self.0.get(id)
    }

    /// Keeps what is whole, if it can be known again, which is by its seal.
    pub(crate) fn keep(&self, contents: &Arc<Contents>) {
        if contents.seal.is_some() {
            self.0.insert(contents.definition.api.id.clone(), Arc::clone(contents));
        }
    }
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<RestApiId, Arc<Contents>> for Bytes {
    fn weight(&self, _: &RestApiId, contents: &Arc<Contents>) -> u64 {
        contents.bytes as u64
    }
}

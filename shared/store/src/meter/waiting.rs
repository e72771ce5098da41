//! Requests of one process that wait for one another's write.

use std::sync::atomic::{AtomicU32, Ordering};

use super::write::OPERATION;
use crate::StoreError;

/// Counts a request among those that wait, while it does.
pub(super) struct Waiting<'a> {
    all: &'a AtomicU32,
    /// Those that came earlier.
    pub(super) before: u32,
}

impl<'a> Waiting<'a> {
    pub(super) fn at(all: &'a AtomicU32) -> Self {
        Self { all, before: all.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the failure of a write is to those that waited for it.
pub(super) fn in_vain() -> StoreError {
    let detail = "the write that this one waited for failed".to_owned();
    StoreError::Unavailable { operation: OPERATION, detail }
}

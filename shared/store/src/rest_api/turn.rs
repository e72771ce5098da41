//! Edits of one API by one process: one after another, since each is conditional
//! on what the one before it wrote. Those of other processes race.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use keyplan_domain::id::RestApiId;
use tokio::sync::{Mutex, MutexGuard};

/// APIs that may be edited at once without some waiting for others' edits.
const TURNS: usize = 64;
/// What one waits at the most: where the table hangs, nobody should wait for all
/// who came before.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    /// Waits for one's turn, for a while. `None`: it is a race then, as with other
    /// processes.
    pub(crate) async fn take(&self, id: &RestApiId) -> Option<MutexGuard<'_, ()>> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
        let turn = self.0.get(usize::try_from(hash % TURNS as u64).ok()?)?;
        tokio::time::timeout(PATIENCE, turn.lock()).await.ok()
    }
}

//! A file full of keys, as `local --data` keeps them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use dynoxide::Database;
use keyplan_domain::time::Timestamp;
use keyplan_store::{CreateKeyError, Store, entropy};
use tokio::task::JoinSet;

use crate::api;
use crate::dynamodb::Served;
use crate::progress;

/// Keys made by one opening of the file: dynoxide goes through the transactions
/// of its last ten minutes at each new one.
const KEYS_AT_A_TIME: u32 = 10_000;
const WRITERS: u32 = 32;

/// Makes one of so many keys, which are in no plan.
pub(crate) async fn make(directory: &Path, count: u32) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = directory.join("keys");
    let name = path.to_str().ok_or("the temporary directory has no name in UTF-8")?;
    for first in (0..count).step_by(KEYS_AT_A_TIME as usize) {
        let database = Database::new(name)?;
        database.disable_bulk_loading()?;
        let served = Served::start(database).await?;
        let store = served.store().await?;
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (store, numbers) = (store.clone(), first + writer..count.min(first + KEYS_AT_A_TIME));
            let write = async move { make_keys(&store, numbers).await.map_err(|error| error.to_string()) };
            writers.spawn(write);
        }
        while let Some(written) = writers.join_next().await {
            written??;
        }
        served.stop().await;
        progress::say(format_args!("  {} of {count} keys made", count.min(first + KEYS_AT_A_TIME)));
    }
    Ok(path)
}

/// What one writer makes: every [`WRITERS`]th of `numbers`.
async fn make_keys(store: &Store, numbers: Range<u32>) -> Result<(), CreateKeyError> {
    for number in numbers.step_by(WRITERS as usize) {
        let created = Timestamp::from_seconds(1_795_435_200 + i64::from(number));
        store.create_api_key(&api::key(created, true), &entropy::key_value()).await?;
    }
    Ok(())
}

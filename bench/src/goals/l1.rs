use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::Database;
use keyplan_domain::key::ApiKey;
use keyplan_domain::time::Timestamp;
use keyplan_store::{CreateKeyError, Store, entropy};
use tokio::task::JoinSet;

use crate::dynamodb::Served;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::local::{LocalError, Program};
use crate::progress;
use crate::series::Series;

const KEYS: u32 = 100_000;
/// Keys made by one opening of the file: dynoxide goes through the transactions
/// of its last ten minutes at each new one.
const KEYS_AT_A_TIME: u32 = 10_000;
const WRITERS: u32 = 32;
const REPEATS: u32 = 7;
/// What a process still does after its ready line is over by then.
const UNTIL_IDLE: Duration = Duration::from_secs(1);

/// The two figures of one way to start the stack.
#[derive(Default)]
struct Starts {
    ready_seconds: Series,
    resident_megabytes: Series,
}

/// Start and size of a stack in memory, and of one with a file full of keys, in turns.
pub(super) async fn measure() -> Vec<Figure> {
    let measured = run().await.map_err(|error| error.to_string());
    let [empty, full] = match measured {
        Ok(starts) => starts.map(Ok),
        Err(reason) => [Err(reason.clone()), Err(reason)],
    };
    let kept = format!("with {KEYS} keys in --data");
    let [ready, resident] = figures(["ready", "resident when idle"], [1.0, 40.0], empty, "in memory");
    // Keys in a file may cost twice as much, and no more.
    let [ready_kept, resident_kept] =
        figures(["ready, 100,000 keys", "resident, 100,000 keys"], [2.0, 80.0], full, &kept);
    vec![ready, resident, ready_kept, resident_kept]
}

fn figures(names: [&'static str; 2], bounds: [f64; 2], starts: Result<Starts, String>, which: &str) -> [Figure; 2] {
    let [ready, resident] = match starts {
        Ok(starts) => [starts.ready_seconds, starts.resident_megabytes]
            .map(|series| Outcome::Measured { series, summary: Summary::Median }),
        Err(reason) => [reason.clone(), reason].map(|reason| Outcome::NotMeasured { reason }),
    };
    let figure = |measure, bound: fn(f64) -> Bound, limit, unit, outcome, how: &str| Figure {
        id: "L1",
        measure,
        target: Target { bound: bound(limit), unit },
        outcome,
        how: format!("release `local` {which}, {how}"),
    };
    let bound = if which == "in memory" { Bound::Under } else { Bound::AtMost };
    [
        figure(names[0], bound, bounds[0], "s", ready, "warm, from its start to its ready line"),
        figure(names[1], bound, bounds[1], "MB", resident, "VmRSS 1 s after its ready line"),
    ]
}

async fn run() -> Result<[Starts; 2], Box<dyn std::error::Error>> {
    let program = Program::find().await?;
    let directory = tempfile::tempdir()?;
    let file = file_of_keys(directory.path()).await?;
    // The first start of each reads programs and files from the disk.
    for data in [None, Some(&*file)] {
        program.start(data).await?.stop().await?;
    }
    let mut starts = [Starts::default(), Starts::default()];
    for repeat in 1..=REPEATS {
        progress::say(format_args!("  start {repeat} of {REPEATS}"));
        for (starts, data) in starts.iter_mut().zip([None, Some(&*file)]) {
            starts.take(&program, data).await?;
        }
    }
    Ok(starts)
}

impl Starts {
    async fn take(&mut self, program: &Program, data: Option<&Path>) -> Result<(), LocalError> {
        let running = program.start(data).await?;
        tokio::time::sleep(UNTIL_IDLE).await;
        self.ready_seconds.push(running.ready_after.as_secs_f64());
        self.resident_megabytes.push(running.resident_megabytes()?);
        Ok(running.stop().await?)
    }
}

/// Makes a file as `local --data` keeps it.
async fn file_of_keys(directory: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = directory.join("keys");
    let name = path.to_str().ok_or("the temporary directory has no name in UTF-8")?;
    for first in (0..KEYS).step_by(KEYS_AT_A_TIME as usize) {
        let database = Database::new(name)?;
        database.disable_bulk_loading()?;
        let served = Served::start(database).await?;
        let store = served.store().await?;
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (store, numbers) = (store.clone(), first + writer..first + KEYS_AT_A_TIME);
            let write = async move { make_keys(&store, numbers).await.map_err(|error| error.to_string()) };
            writers.spawn(write);
        }
        while let Some(written) = writers.join_next().await {
            written??;
        }
        served.stop().await;
        progress::say(format_args!("  {} of {KEYS} keys made", first + KEYS_AT_A_TIME));
    }
    Ok(path)
}

/// What one writer makes: every [`WRITERS`]th of `numbers`.
async fn make_keys(store: &Store, numbers: Range<u32>) -> Result<(), CreateKeyError> {
    for number in numbers.step_by(WRITERS as usize) {
        let created = Timestamp::from_seconds(1_795_435_200 + i64::from(number));
        let key = ApiKey {
            id: entropy::api_key_id(),
            name: Some(format!("key {number}")),
            description: None,
            customer_id: None,
            enabled: true,
            created_date: created,
            last_updated_date: created,
            tags: BTreeMap::new(),
        };
        store.create_api_key(&key, &entropy::key_value()).await?;
    }
    Ok(())
}

use std::num::NonZeroU32;

use dynoxide::Database;
use keyplan_store::atomicity::Race;

use crate::dynamodb::Served;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::progress;
use crate::series::Series;

const RUNS: u32 = 20;
const TASKS: u32 = 64;
const ATTEMPTS: u32 = 5;
const LIMIT: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// By how many increments each run misses its limit: none.
pub(super) async fn measure() -> Vec<Figure> {
    let outcome = match run().await {
        Ok(series) => Outcome::Measured { series, summary: Summary::Largest },
        Err(error) => Outcome::NotMeasured { reason: error.to_string() },
    };
    vec![Figure {
        id: "G0",
        measure: "increments off the limit",
        target: Target { bound: Bound::Exactly(0.0), unit: "" },
        outcome,
        how: format!("{TASKS} tasks, {ATTEMPTS} increments each under used < {LIMIT}, over HTTP"),
    }]
}

async fn run() -> Result<Series, Box<dyn std::error::Error>> {
    let served = Served::start(Database::memory()?).await?;
    let store = served.store().await?;
    let race = Race { tasks: TASKS, attempts: ATTEMPTS, limit: LIMIT };
    let mut series = Series::default();
    for run in 1..=RUNS {
        let outcome = store.race(race).await?;
        let limit = u64::from(LIMIT.get());
        let off = u64::from(outcome.admitted).abs_diff(limit).max(outcome.counted.abs_diff(limit));
        series.push(f64::from(u32::try_from(off)?));
        progress::say(format_args!("  run {run} of {RUNS}: {outcome:?}"));
    }
    served.stop().await;
    Ok(series)
}

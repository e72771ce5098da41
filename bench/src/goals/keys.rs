use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::id::UsagePlanId;

use super::c2::{BUSY, QUOTA};
use crate::api::{Api, Error};
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::key_file;
use crate::local::{Program, Running};
use crate::progress;
use crate::series::Series;
use crate::traffic::{self, Call};

const REPEATS: u32 = 7;
const CONNECTIONS: usize = 32;
const TIME: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(500);
/// Keys in the file, none of them called.
const KEYS: u32 = 100_000;
/// Keys that are called, where many are.
const CALLED: u32 = 1_000;
const PLANS: u32 = 1_000;
const RESOURCES: u32 = 1_000;
/// "No slower", as far as figures that spread this much can tell.
const NO_SLOWER: f64 = 0.95;

const MEASURES: [(&str, &str); 3] = [
    ("same key, 100,000 keys beside 1", "one key called, strict"),
    ("1,000 keys called, 101,000 keys beside 1,000", "1,000 keys called, strict"),
    ("no key, 1,000 resources beside 3", "nothing metered"),
];

/// How many requests a full stack serves for each that an empty one does.
pub(super) async fn measure() -> Vec<Figure> {
    let outcomes = match run().await {
        Ok(series) => series.map(|series| Outcome::Measured { series, summary: Summary::Median }),
        Err(error) => MEASURES.map(|_| Outcome::NotMeasured { reason: error.to_string() }),
    };
    let figure = |((measure, called), outcome)| Figure {
        id: "KEYS",
        measure,
        target: Target { bound: Bound::AtLeast(NO_SLOWER), unit: "" },
        outcome,
        how: format!(
            "requests per second, {called}; {KEYS} keys, {PLANS} plans, {RESOURCES} resources in --data beside \
             next to none; own load generator, {CONNECTIONS} connections"
        ),
    };
    MEASURES.into_iter().zip(outcomes).map(figure).collect()
}

async fn run() -> Result<[Series; 3], Error> {
    let program = Program::find().await?;
    let directory = tempfile::tempdir()?;
    let file = key_file::make(directory.path(), KEYS).await.map_err(|error| error.to_string())?;
    let full = Stack::start(&program, &file, RESOURCES).await?;
    for _ in 0..PLANS {
        full.api.plan_of_nothing().await?;
    }
    let empty = Stack::start(&program, &directory.path().join("empty"), 0).await?;

    let one = compare([&full, &empty], [full.keyed(1).await?, empty.keyed(1).await?]).await?;
    let many = compare([&full, &empty], [full.keyed(CALLED).await?, empty.keyed(CALLED).await?]).await?;
    let open = compare([&full, &empty], [full.open(), empty.open()]).await?;
    for stack in [full, empty] {
        stack.running.stop().await?;
    }
    Ok([one, many, open])
}

/// The first stack's requests per second by the second's, in turns.
async fn compare(stacks: [&Stack; 2], calls: [Arc<[Call]>; 2]) -> Result<Series, Error> {
    let mut series = Series::default();
    for repeat in 0..=REPEATS {
        let time = if repeat == 0 { WARM_UP } else { TIME };
        let full = stacks[0].serve(&calls[0], time).await?;
        let empty = stacks[1].serve(&calls[1], time).await?;
        if repeat > 0 {
            series.push(full / empty);
            progress::say(format_args!("  {repeat} of {REPEATS}: {full:.0}/s beside {empty:.0}/s"));
        }
    }
    Ok(series)
}

struct Stack {
    running: Running,
    api: Arc<Api>,
    plan: UsagePlanId,
}

impl Stack {
    async fn start(program: &Program, data: &Path, resources: u32) -> Result<Self, Error> {
        let running = program.start(Some(data)).await?;
        let api = Arc::new(Api::make(running.store(), resources).await?);
        let plan = api.plan(BUSY, QUOTA).await?;
        Ok(Self { running, api, plan })
    }

    /// Calls by so many new keys.
    async fn keyed(&self, keys: u32) -> Result<Arc<[Call]>, Error> {
        let path = self.api.path("keyed");
        let values = self.api.keys(&self.plan, keys).await?;
        Ok(values.iter().map(|value| Call::get(&path, &[("x-api-key", value.expose())], 200)).collect())
    }

    fn open(&self) -> Arc<[Call]> {
        Arc::from([Call::get(&self.api.path("open"), &[], 200)])
    }

    async fn serve(&self, calls: &Arc<[Call]>, time: Duration) -> Result<f64, Error> {
        let tally = traffic::drive(self.running.gateway, CONNECTIONS, calls, time).await?;
        if tally.unexpected + tally.dropped > 0 {
            return Err(format!("not every answer was a 200: {tally:?}").into());
        }
        Ok(tally.per_second())
    }
}

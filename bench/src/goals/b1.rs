use std::sync::Arc;
use std::time::Duration;

use keyplan_authorizer::Authorizer;
use keyplan_store::clock::SystemClock;
use serde_json::Value;

use crate::api::Error;
use crate::dynamodb;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::instant_dynamodb::InstantDynamodb;
use crate::known_token::{Form, KnownToken};
use crate::local::LocalError;
use crate::progress;
use crate::series::Series;
use crate::stopwatch::Stopwatch;

const REPEATS: u32 = 7;
const CALLS: usize = 100_000;
/// Longer than a run.
const CACHE_TTL: Duration = Duration::from_secs(3_600);

const ROWS: [(Form, &str); 3] = [
    (Form::Token, "p50, token in cache, TOKEN event"),
    (Form::Request, "p50, token in cache, REQUEST event"),
    (Form::HttpApi, "p50, token in cache, HTTP API 2.0, simple"),
];
const TARGET: Target = Target { bound: Bound::AtMost(5.0), unit: "us" };

/// The authorizer's own work: an event in, an answer out, no I/O.
pub(super) async fn measure() -> Vec<Figure> {
    let measured = run().await.map_err(|error| error.to_string());
    let outcomes = match measured {
        Ok(series) => series.map(|series| Outcome::Measured { series, summary: Summary::Median }),
        Err(reason) => ROWS.map(|_| Outcome::NotMeasured { reason: reason.clone() }),
    };
    let figures = ROWS.into_iter().zip(outcomes).map(|((form, measure), outcome)| Figure {
        id: "B1",
        measure,
        target: TARGET,
        outcome,
        how: format!("{CALLS} calls in process, one after the other, by an event {form}, from a JSON value to bytes"),
    });
    figures.collect()
}

async fn run() -> Result<[Series; ROWS.len()], Error> {
    if cfg!(debug_assertions) {
        return Err(LocalError::NotReleased.into());
    }
    let known = KnownToken::make().await?;
    let dynamodb = InstantDynamodb::start(known.found_by.clone()).await?;
    let store = dynamodb::store(&dynamodb.url());
    let authorizer = Authorizer::with_cache_ttl(store, Arc::new(SystemClock), CACHE_TTL);
    let mut measured = ROWS.map(|_| Series::default());
    for repeat in 0..=REPEATS {
        for ((form, _), series) in ROWS.iter().zip(&mut measured) {
            let p50 = p50(&authorizer, &known.event(*form)).await?;
            // The first only warms up.
            if repeat > 0 {
                series.push(p50);
            }
        }
        progress::say(format_args!("  {repeat} of {REPEATS}"));
    }
    match dynamodb.asked() {
        1 => Ok(measured),
        asked => Err(format!("the token was not in cache: {asked} look-ups").into()),
    }
}

/// Microseconds of a call; the copy that the call consumes is made beforehand.
async fn p50(authorizer: &Authorizer, event: &Value) -> Result<f64, Error> {
    let mut took = Series::default();
    for _ in 0..CALLS {
        let event = event.clone();
        let stopwatch = Stopwatch::start();
        let answer = serde_json::to_vec(&authorizer.handle(event).await?)?;
        took.push(stopwatch.elapsed().as_secs_f64() * 1e6);
        drop(answer);
    }
    took.median().ok_or_else(|| "no calls".into())
}

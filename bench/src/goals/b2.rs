use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::api::Error;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::function::Built;
use crate::instant_dynamodb::InstantDynamodb;
use crate::known_token::{Form, KnownToken};
use crate::local::LocalError;
use crate::runtime_api::Function;
use crate::series::Series;
use crate::{function, progress};

const REPEATS: u32 = 7;
const INVOCATIONS: u32 = 10_000;
/// Seconds, longer than a run.
const CACHE_TTL: &str = "3600";

#[derive(Default)]
struct Beside {
    ratio: Series,
    authorizer: Spent,
    noop: Spent,
}

/// Of one function; medians of these are told beside the ratio.
#[derive(Default)]
struct Spent {
    p50_micros: Series,
    /// Of its process, for one invocation.
    cpu_micros: Series,
}

/// The authorizer's process beside one that does nothing.
pub(super) async fn measure() -> Vec<Figure> {
    let mut how = format!(
        "p50 of {INVOCATIONS} invocations each by a Runtime API stand-in, by turns; a Rust function of lambda_runtime \
         that answers {{}}; the token in cache, a TOKEN event"
    );
    let outcome = match run().await {
        Ok(Beside { ratio, authorizer, noop }) => {
            how.push_str(&format!("; {authorizer} beside {noop}"));
            Outcome::Measured { series: ratio, summary: Summary::Median }
        }
        Err(error) => Outcome::NotMeasured { reason: error.to_string() },
    };
    let target = Target { bound: Bound::AtMost(1.25), unit: "" };
    vec![Figure { id: "B2", measure: "of a function that does nothing", target, outcome, how }]
}

async fn run() -> Result<Beside, Error> {
    let known = KnownToken::make().await?;
    let dynamodb = InstantDynamodb::start(known.found_by.clone()).await?;
    let mut authorizer = authorizer(&dynamodb, CACHE_TTL).await?;
    let mut noop = Function::start(Built::over(&dynamodb.url(), function::NOTHING).await?.command()).await?;
    let event = Bytes::from(known.event(Form::Token).to_string());
    known.expect_in(&authorizer.answer(&event).await?)?;
    // Its start has opened the connection, and the first invocation looked the token up.
    dynamodb.asked();
    let mut beside = Beside::default();
    for repeat in 0..=REPEATS {
        let (mut ours, mut theirs) = (Series::default(), Series::default());
        let before = [cpu_time(&authorizer)?, cpu_time(&noop)?];
        // One of each in turn: whatever else the machine does is done to both.
        // By the hundred, spread was larger than the difference.
        for _ in 0..INVOCATIONS {
            noop.repeat(&event, 1, &mut theirs).await?;
            authorizer.repeat(&event, 1, &mut ours).await?;
        }
        let cpu = [cpu_time(&authorizer)? - before[0], cpu_time(&noop)? - before[1]];
        let p50 = [ours.median(), theirs.median()].map(|median| median.unwrap_or(f64::NAN));
        // The first only warms up.
        if repeat > 0 {
            beside.ratio.push(p50[0] / p50[1]);
            for ((spent, p50), cpu) in [&mut beside.authorizer, &mut beside.noop].into_iter().zip(p50).zip(cpu) {
                spent.p50_micros.push(p50);
                spent.cpu_micros.push(cpu.as_secs_f64() * 1e6 / f64::from(INVOCATIONS));
            }
        }
        progress::say(format_args!("  {repeat} of {REPEATS}"));
    }
    match dynamodb.asked() {
        0 => Ok(beside),
        asked => Err(format!("the token was not in cache: {asked} look-ups").into()),
    }
}

fn cpu_time(function: &Function) -> Result<Duration, LocalError> {
    function.process()?.cpu_time().ok_or(LocalError::NoProc)
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, cpu] = [&self.p50_micros, &self.cpu_micros].map(|series| series.median().unwrap_or(0.0));
        write!(f, "{p50:.0} us at {cpu:.0} us of processor")
    }
}

/// The release `authorizer`, over a DynamoDB.
pub(super) async fn authorizer(dynamodb: &InstantDynamodb, cache_ttl_seconds: &str) -> Result<Function, Error> {
    let mut command = Built::over(&dynamodb.url(), "authorizer").await?.command();
    command.env("TOKEN_CACHE_TTL_SECONDS", cache_ttl_seconds);
    Function::start(command).await
}

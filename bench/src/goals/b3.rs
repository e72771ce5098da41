use bytes::Bytes;
use serde_json::Value;

use super::b2;
use crate::api::Error;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::instant_dynamodb::InstantDynamodb;
use crate::known_token::{Form, KnownToken};
use crate::runtime_api::Function;
use crate::series::Series;
use crate::{dynamodb, progress, python};

const REPEATS: u32 = 7;
const INVOCATIONS: u32 = 1_000;
/// Invocations of one function before it is the other's turn: of one each, as
/// after a pause, when others have used the processor's caches; and of many, with
/// each in its stride.
const ROWS: [(u32, &str); 2] =
    [(1, "times as fast as Python with boto3, by turns"), (100, "times as fast as Python with boto3, in turns of 100")];
const NOTHING_KEPT: &str = "0";

#[derive(Default)]
struct Beside {
    times_faster: Series,
    authorizer_micros: Series,
    python_micros: Series,
}

/// The authorizer's process with its one read beside Python and boto3.
pub(super) async fn measure() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (turn, measure) in ROWS {
        let mut how = format!(
            "p50 of {INVOCATIONS} invocations each by a Runtime API stand-in, one GetItem each of a DynamoDB that \
             answers at once; bench/boto3_authorizer.py under awslambdaric, whose answer is the same"
        );
        let outcome = match run(turn).await {
            Ok(Beside { times_faster, authorizer_micros, python_micros }) => {
                let [ours, theirs] = [authorizer_micros, python_micros].map(|series| series.median().unwrap_or(0.0));
                how.push_str(&format!("; {ours:.0} us beside {theirs:.0} us"));
                Outcome::Measured { series: times_faster, summary: Summary::Median }
            }
            Err(error) => Outcome::NotMeasured { reason: error.to_string() },
        };
        figures.push(Figure {
            id: "B3",
            measure,
            target: Target { bound: Bound::AtLeast(4.0), unit: "" },
            outcome,
            how,
        });
    }
    figures
}

async fn run(turn: u32) -> Result<Beside, Error> {
    let known = KnownToken::make().await?;
    let dynamodb = InstantDynamodb::start(known.found_by.clone()).await?;
    let mut python = boto3_authorizer(&dynamodb).await?;
    let mut authorizer = b2::authorizer(&dynamodb, NOTHING_KEPT).await?;
    let event = Bytes::from(known.event(Form::Token).to_string());
    let (ours, theirs) = (authorizer.answer(&event).await?, python.answer(&event).await?);
    known.expect_in(&ours)?;
    if serde_json::from_slice::<Value>(&ours)? != serde_json::from_slice::<Value>(&theirs)? {
        return Err("the Python authorizer answers something else".into());
    }
    let mut beside = Beside::default();
    for repeat in 0..=REPEATS {
        let (mut ours, mut theirs) = (Series::default(), Series::default());
        dynamodb.asked();
        for _ in 0..INVOCATIONS / turn {
            python.repeat(&event, turn, &mut theirs).await?;
            authorizer.repeat(&event, turn, &mut ours).await?;
        }
        let asked = dynamodb.asked();
        if asked != u64::from(2 * INVOCATIONS) {
            return Err(format!("{asked} reads for {} invocations", 2 * INVOCATIONS).into());
        }
        let (Some(ours), Some(theirs)) = (ours.median(), theirs.median()) else { continue };
        // The first only warms up.
        if repeat > 0 {
            beside.times_faster.push(theirs / ours);
            beside.authorizer_micros.push(ours);
            beside.python_micros.push(theirs);
        }
        progress::say(format_args!("  {repeat} of {REPEATS}"));
    }
    Ok(beside)
}

async fn boto3_authorizer(dynamodb: &InstantDynamodb) -> Result<Function, Error> {
    let mut command = python::boto3_authorizer(&python::find().await?);
    dynamodb::environment(&mut command, &dynamodb.url());
    Function::start(command).await
}

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::api::Error;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::function::Built;
use crate::instant_dynamodb::InstantDynamodb;
use crate::known_token::KnownToken;
use crate::runtime_api::Function;
use crate::series::Series;
use crate::{dynamodb, function, progress, python};

const REPEATS: u32 = 10;
/// Of each, by turns, in a repeat.
const STARTS: u32 = 5;

/// What is started, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contender {
    Nothing,
    Authorizer,
    Gateway,
    Python,
}

use Contender::{Authorizer, Gateway, Nothing, Python};

const ALL: [Contender; 4] = [Nothing, Authorizer, Gateway, Python];

/// Whose time is divided by whose, and what that should be.
const ROWS: [(&str, Contender, Contender, Bound); 4] = [
    ("authorizer, of a function that does nothing", Authorizer, Nothing, Bound::AtMost(2.0)),
    ("gateway, of a function that does nothing", Gateway, Nothing, Bound::AtMost(2.0)),
    ("authorizer, times as fast as Python with boto3", Python, Authorizer, Bound::AtLeast(50.0)),
    ("gateway, times as fast as Python with boto3", Python, Gateway, Bound::AtLeast(50.0)),
];

/// Milliseconds of each contender's starts: a repeat's median.
type Starts = [Series; ALL.len()];

/// From a function's start to its asking for the first event.
pub(super) async fn measure() -> Vec<Figure> {
    let python = python::find().await.map_err(|error| error.to_string());
    let measured = run(python.as_deref().ok()).await.map_err(|error| error.to_string());
    let figures = ROWS.into_iter().map(|(measure, above, below, bound)| {
        let mut how = format!(
            "{} starts each, by turns, from the call that starts the process to its first GET .../invocation/next of a \
             Runtime API stand-in; a DynamoDB that answers at once; medians of {STARTS}",
            REPEATS * STARTS
        );
        let outcome = match (&measured, &python) {
            (Err(reason), _) => Outcome::NotMeasured { reason: reason.clone() },
            (Ok(_), Err(reason)) if above == Python => Outcome::NotMeasured { reason: reason.clone() },
            (Ok(starts), _) => {
                let [above, below] = [above, below].map(|contender| &starts[contender as usize]);
                let [this, that] = [above, below].map(|series| series.median().unwrap_or(0.0));
                how.push_str(&format!("; {this:.1} ms over {that:.1} ms"));
                Outcome::Measured { series: above.over(below), summary: Summary::Median }
            }
        };
        Figure { id: "A1", measure, target: Target { bound, unit: "" }, outcome, how }
    });
    figures.collect()
}

async fn run(python: Option<&Path>) -> Result<Starts, Error> {
    let known = KnownToken::make().await?;
    let dynamodb = InstantDynamodb::start(known.found_by.clone()).await?;
    let programs = Programs {
        nothing: Built::over(&dynamodb.url(), function::NOTHING).await?,
        authorizer: Built::over(&dynamodb.url(), "authorizer").await?,
        gateway: Built::over(&dynamodb.url(), "gateway").await?,
        python: python.map(Path::to_owned),
        dynamodb: dynamodb.url(),
    };
    let mut starts = Starts::default();
    for repeat in 0..=REPEATS {
        let mut these = Starts::default();
        for _ in 0..STARTS {
            for contender in ALL {
                let Some(command) = programs.command(contender) else { continue };
                these[contender as usize].push(start(command).await?.as_secs_f64() * 1e3);
            }
        }
        for (all, these) in starts.iter_mut().zip(these) {
            // The first only reads programs from the disk.
            if let Some(median) = these.median().filter(|_| repeat > 0) {
                all.push(median);
            }
        }
        progress::say(format_args!("  {repeat} of {REPEATS}"));
    }
    Ok(starts)
}

/// One start, and the end.
async fn start(command: Command) -> Result<Duration, Error> {
    let mut function = Function::start(command).await?;
    let ready = function.ready().await?;
    function.stop().await?;
    Ok(ready)
}

struct Programs {
    nothing: Built,
    authorizer: Built,
    gateway: Built,
    python: Option<PathBuf>,
    dynamodb: String,
}

impl Programs {
    /// `None` where there is no such program.
    fn command(&self, contender: Contender) -> Option<Command> {
        match contender {
            Nothing => Some(self.nothing.command()),
            Authorizer => Some(self.authorizer.command()),
            Gateway => Some(self.gateway.command()),
            Python => self.python.as_deref().map(|python| {
                let mut command = python::boto3_authorizer(python);
                dynamodb::environment(&mut command, &self.dynamodb);
                command
            }),
        }
    }
}

use std::path::Path;
use std::time::Duration;

use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::key_file;
use crate::local::{LocalError, Program};
use crate::progress;
use crate::series::Series;

const KEYS: u32 = 100_000;
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
    let file = key_file::make(directory.path(), KEYS).await?;
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

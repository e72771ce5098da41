use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::api::Error;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::function::Built;
use crate::instant_dynamodb::InstantDynamodb;
use crate::known_token::KnownToken;
use crate::progress;
use crate::runtime_api::Function;
use crate::series::Series;
use crate::traffic::count;

const REPEATS: u32 = 5;
const ROWS: [(&str, &str); 2] = [
    ("authorizer", "authorizer, of ~/.aws and instance metadata"),
    ("gateway", "gateway, of ~/.aws and instance metadata"),
];
/// Instance metadata's addresses (EC2 user guide, "Access instance metadata").
const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];
/// What strace writes last of a process that was killed.
const END: &str = "+++ killed by";
const PATIENCE: Duration = Duration::from_secs(10);

/// What a function looks for before it asks for its first event.
pub(super) async fn measure() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (program, measure) in ROWS {
        let outcome = match run(program).await {
            Ok(series) => Outcome::Measured { series, summary: Summary::Largest },
            Err(error) => Outcome::NotMeasured { reason: error.to_string() },
        };
        figures.push(Figure {
            id: "A3",
            measure,
            target: Target { bound: Bound::Exactly(0.0), unit: "" },
            outcome,
            how: "calls that name a path with .aws or connect to instance metadata, by strace of all threads from the \
                  start to the first GET .../invocation/next; with a HOME that has .aws/config and .aws/credentials"
                .into(),
        });
    }
    figures
}

async fn run(program: &'static str) -> Result<Series, Error> {
    Command::new("strace").arg("-V").output().await.map_err(|error| format!("strace does not run: {error}"))?;
    let known = KnownToken::make().await?;
    let dynamodb = InstantDynamodb::start(known.found_by.clone()).await?;
    let built = Built::over(&dynamodb.url(), program).await?;
    let home = tempfile::tempdir()?;
    let aws = home.path().join(".aws");
    fs::create_dir(&aws)?;
    fs::write(aws.join("config"), "[default]\nregion = us-east-1\n")?;
    fs::write(aws.join("credentials"), "[default]\naws_access_key_id = bench\naws_secret_access_key = bench\n")?;
    let mut series = Series::default();
    for repeat in 1..=REPEATS {
        let trace = traced(&built, home.path()).await?;
        // Without it nothing was traced: every function connects to the Runtime API.
        if !trace.lines().any(|line| line.contains("connect(") && line.contains("127.0.0.1")) {
            return Err("strace has not seen the function connect to the Runtime API".into());
        }
        let touches = |line: &&str| {
            line.contains(".aws") || line.contains("connect(") && METADATA.iter().any(|address| line.contains(address))
        };
        series.push(count(trace.lines().filter(touches).count().try_into()?));
        progress::say(format_args!("  {program}, {repeat} of {REPEATS}"));
    }
    Ok(series)
}

/// What strace writes of one start.
async fn traced(built: &Built, home: &Path) -> Result<String, Error> {
    let file = home.join("trace");
    let mut strace = Command::new("strace");
    // With -D the function is this process's child, and strace ends with it.
    strace.args(["-D", "-f", "-e", "trace=%file,connect", "-o"]).arg(&file);
    let mut command = built.command_by(strace);
    command.env("HOME", home);
    let mut function = Function::start(command).await?;
    function.ready().await?;
    function.stop().await?;
    let end = async {
        loop {
            let trace = fs::read_to_string(&file)?;
            if trace.contains(END) {
                return Ok::<_, Error>(trace);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, end).await.map_err(|_| "strace does not end")?
}

//! Measures Keyplan's performance goals and says which hold: `bench`.

mod api;
mod bare;
mod cpu_cap;
mod dynamodb;
mod figure;
mod function;
mod goals;
mod http_server;
mod in_process;
mod instant_dynamodb;
mod jwt_issuer;
mod key_file;
mod known_key;
mod known_token;
mod local;
mod machine;
mod many_keys;
mod process;
mod progress;
mod python;
mod report;
mod runtime_api;
mod series;
mod stopwatch;
mod tls;
mod traffic;
mod under_tls;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use machine::Machine;
use report::Report;

/// Measures the performance goals and prints a table: id, goal, figure,
/// whether the goal holds, spread, how it was measured.
#[derive(Parser)]
#[command(name = "bench", version)]
struct Flags {
    /// Measure only these
    #[arg(long, value_name = "ID[,ID]", value_delimiter = ',', value_parser = PossibleValuesParser::new(goals::ids()))]
    only: Vec<String>,

    /// Also write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Be the server that others are measured beside
    #[arg(long, hide = true)]
    bare_server: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> io::Result<()> {
    if flags.bare_server {
        return bare::serve().await;
    }
    // Opened first: nobody should wait for figures that cannot be written.
    let json = flags.json.as_ref().map(File::create).transpose().map_err(|error| {
        let path = flags.json.unwrap_or_default();
        io::Error::new(error.kind(), format!("--json {}: {error}", path.display()))
    })?;
    let chosen = goals::all().filter(|goal| flags.only.is_empty() || flags.only.iter().any(|id| id == goal.id()));
    let mut figures = Vec::new();
    for goal in chosen {
        progress::say(format_args!("{}: {}", goal.id(), goal.subject()));
        figures.extend(goal.measure().await);
    }
    let report = Report { machine: Machine::this(), figures };
    report.print(&mut io::stdout().lock())?;
    match json {
        Some(file) => report.write_json(file),
        None => Ok(()),
    }
}

//! Keyplan in one process, on a DynamoDB of its own: `local`.

mod clock;
mod control;
mod data_plane;
mod demo;
mod dynamodb;
mod flags;
mod lambda;
mod logging;
mod stack;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use flags::Flags;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    logging::start();
    match terminal::run(flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&error);
            ExitCode::FAILURE
        }
    }
}

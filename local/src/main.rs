//! Keyplan in one process, on a DynamoDB of its own: `local`.

// The future of a request is nested deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod clock;
mod control;
mod data_plane;
mod demo;
mod dynamodb;
mod flags;
mod http_server;
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

//! What the one who starts the program sees of it, and how it is ended.

use std::fmt::Display;
use std::io::{self, Write};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::flags::Flags;
use crate::stack::{Stack, StartError};

/// Starts everything, says so, and ends it when asked to.
pub(crate) async fn run(flags: Flags) -> Result<(), StartError> {
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    let mut terminate = listen_for(SignalKind::terminate())?;
    let end = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::pin!(end);
    let stack = tokio::select! {
        started = Stack::start(flags) => started?,
        () = &mut end => return Ok(()),
    };
    print(stack.ready_line());
    stack.demo_commands().iter().for_each(print);
    end.await;
    stack.stop().await;
    Ok(())
}

/// Says on stderr why the program ends.
pub(crate) fn complain(error: &StartError) {
    let _ = writeln!(io::stderr(), "error: {error}");
}

fn listen_for(kind: SignalKind) -> Result<Signal, StartError> {
    signal(kind).map_err(StartError::Signals)
}

/// One line on stdout. Nobody may be reading any more; that is no reason to end.
fn print(line: impl Display) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

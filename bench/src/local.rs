//! The local stack as a process of its own.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use keyplan_store::Store;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::dynamodb;
use crate::process::Process;
use crate::progress;
use crate::stopwatch::Stopwatch;

/// Why there is no local stack to measure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    #[error("bench was not built with --release, so its figures would mean nothing")]
    NotReleased,
    #[error("there is no program `{program}` beside bench: cargo build --release --bin {program}")]
    NotBuilt { program: &'static str },
    #[error("`{program}` was not built: cargo build ended with {status}")]
    BuildFailed { program: &'static str, status: std::process::ExitStatus },
    #[error("`local` ended before it was ready")]
    NotReady,
    #[error("`local` was not ready within {} s", PATIENCE.as_secs())]
    TooSlow,
    #[error("what a process uses can be read on Linux only")]
    NoProc,
    #[error(transparent)]
    Io(#[from] io::Error),
}

const PATIENCE: Duration = Duration::from_secs(60);

/// The path of one of the workspace's programs, up to date: the one beside this
/// program. Under `cargo run` it is built first, since cargo builds only what it
/// runs.
pub(crate) async fn built(program: &'static str) -> Result<PathBuf, LocalError> {
    if cfg!(debug_assertions) {
        return Err(LocalError::NotReleased);
    }
    if let Some(cargo) = std::env::var_os("CARGO") {
        progress::say(format_args!("  building `{program}`, if need be"));
        let status = Command::new(cargo).args(["build", "--quiet", "--release", "--bin", program]).status().await?;
        if !status.success() {
            return Err(LocalError::BuildFailed { program, status });
        }
    }
    let path = std::env::current_exe()?.with_file_name(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() { Ok(path) } else { Err(LocalError::NotBuilt { program }) }
}

/// The program `local`, up to date.
pub(crate) struct Program(PathBuf);

impl Program {
    pub(crate) async fn find() -> Result<Self, LocalError> {
        Ok(Self(built("local").await?))
    }

    /// Starts it on free ports and waits for its ready line.
    pub(crate) async fn start(&self, data: Option<&Path>) -> Result<Running, LocalError> {
        self.start_with(data, &[]).await
    }

    /// The same, with more flags.
    pub(crate) async fn start_with(&self, data: Option<&Path>, flags: &[&str]) -> Result<Running, LocalError> {
        let mut command = Command::new(&self.0);
        for address in ["--control", "--gateway", "--dynamodb"] {
            command.args([address, "127.0.0.1:0"]);
        }
        if let Some(data) = data {
            command.arg("--data").arg(data);
        }
        command.args(flags);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let stopwatch = Stopwatch::start();
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or(LocalError::NotReady)?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.map_err(|_| LocalError::TooSlow)??;
        let ready_after = stopwatch.elapsed();
        match first {
            Some(line) if line.starts_with("ready ") => Running::of(child, ready_after, &line),
            _ => Err(LocalError::NotReady),
        }
    }
}

/// A local stack that is ready.
pub(crate) struct Running {
    child: Child,
    /// From its start to its ready line.
    pub(crate) ready_after: Duration,
    /// Of its data plane.
    pub(crate) gateway: SocketAddr,
    dynamodb: String,
}

impl Running {
    fn of(child: Child, ready_after: Duration, ready_line: &str) -> Result<Self, LocalError> {
        let url =
            |part: &str| ready_line.split(' ').find_map(|word| word.strip_prefix(part)).ok_or(LocalError::NotReady);
        let gateway = url("gateway=http://")?.parse().map_err(|_| LocalError::NotReady)?;
        let dynamodb = url("dynamodb=")?.to_owned();
        Ok(Self { child, ready_after, gateway, dynamodb })
    }

    /// Its tables.
    pub(crate) fn store(&self) -> Store {
        dynamodb::store(&self.dynamodb)
    }

    /// Megabytes of memory that it holds right now.
    pub(crate) fn resident_megabytes(&self) -> Result<f64, LocalError> {
        self.process()?.resident_megabytes().ok_or(LocalError::NoProc)
    }

    /// What Linux says of it.
    pub(crate) fn process(&self) -> Result<Process, LocalError> {
        self.child.id().map(Process).ok_or(LocalError::NotReady)
    }

    /// Kills it, which loses nothing.
    pub(crate) async fn stop(mut self) -> io::Result<()> {
        self.child.kill().await
    }
}

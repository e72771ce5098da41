//! The workspace's functions as programs, in the environment that Lambda gives them.

use std::path::PathBuf;

use tokio::process::Command;

use crate::dynamodb;
use crate::local::{self, LocalError};

/// The function that does nothing, which others are measured beside.
pub(crate) const NOTHING: &str = "noop-function";

/// A function that is built, over a DynamoDB.
pub(crate) struct Built {
    path: PathBuf,
    dynamodb: String,
}

impl Built {
    /// The release build of `program`, up to date, over the DynamoDB at that URL.
    pub(crate) async fn over(dynamodb: &str, program: &'static str) -> Result<Self, LocalError> {
        Ok(Self { path: local::built(program).await?, dynamodb: dynamodb.to_owned() })
    }

    /// What starts it; of this process's environment it sees nothing.
    pub(crate) fn command(&self) -> Command {
        self.with_environment(Command::new(&self.path))
    }

    /// What has another program start it, after that program's arguments.
    pub(crate) fn command_by(&self, mut tracer: Command) -> Command {
        tracer.arg(&self.path);
        self.with_environment(tracer)
    }

    fn with_environment(&self, mut command: Command) -> Command {
        dynamodb::environment(command.env_clear(), &self.dynamodb);
        command
    }
}

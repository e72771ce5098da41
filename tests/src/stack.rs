//! The local stack as a child process.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyplan_domain::time::Timestamp;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{Answer, AwsError, Call, Lambda, aws_cli, binaries};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `local`, on free ports; killed when it is dropped.
#[derive(Debug)]
pub struct Stack {
    /// The control plane's address.
    pub control: String,
    /// The data plane's address.
    pub gateway: String,
    /// DynamoDB's address.
    pub dynamodb: String,
    /// The line in which it said so.
    pub ready_line: String,
    child: Child,
    /// In a mutex, so that threads can share the stack.
    printed: Mutex<Receiver<String>>,
    log: NamedTempFile,
}

impl Stack {
    /// A stack that keeps everything in memory.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A stack that finds functions at another Lambda.
    #[must_use]
    pub fn over(lambda: &Lambda) -> Self {
        Self::with(&["--lambda-endpoint", &lambda.url])
    }

    /// A stack with more flags, once it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn with(flags: &[&str]) -> Self {
        Self::with_variables(&[], flags)
    }

    /// A stack with more flags and more environment variables, once it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn with_variables(variables: &[(&str, &str)], flags: &[&str]) -> Self {
        let log = NamedTempFile::new().expect("a temporary file");
        let mut child = command(flags)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("the temporary file opens again"))
            .spawn()
            .expect("the local stack starts");
        let printed = Mutex::new(lines(child.stdout.take().expect("stdout is piped")));
        let mut stack = Self {
            control: String::new(),
            gateway: String::new(),
            dynamodb: String::new(),
            ready_line: String::new(),
            child,
            printed,
            log,
        };
        let Some(ready_line) = stack.next_line(PATIENCE) else {
            panic!("the local stack does not become ready");
        };
        let address = |name: &str| {
            let named = ready_line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            named.unwrap_or_else(|| panic!("no address of {name} in {ready_line:?}")).to_owned()
        };
        (stack.control, stack.gateway, stack.dynamodb) = (address("control"), address("gateway"), address("dynamodb"));
        stack.ready_line = ready_line;
        stack
    }

    /// What `local` says to flags that it cannot start with.
    ///
    /// # Panics
    /// When it starts all the same.
    #[must_use]
    pub fn refused(flags: &[&str]) -> Output {
        let log = NamedTempFile::new().expect("a temporary file");
        let mut child = command(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("the temporary file opens again"))
            .spawn()
            .expect("the local stack starts");
        let first = lines(child.stdout.take().expect("stdout is piped")).recv_timeout(PATIENCE);
        if let Ok(line) = first.as_ref()
            && line.starts_with("ready ")
        {
            let _ = child.kill();
            panic!("the local stack starts with {flags:?}");
        }
        let status = child.wait().expect("a child's end is told");
        let stderr = std::fs::read(log.path()).expect("the log can be read");
        Output { status, stdout: first.unwrap_or_default().into_bytes(), stderr }
    }

    /// `aws {command}` against the control plane.
    ///
    /// # Errors
    /// When the command fails.
    pub fn try_aws(&self, command: &str) -> Result<Value, AwsError> {
        aws_cli::run(&self.control, command)
    }

    /// `aws {command}` against the control plane, which succeeds.
    ///
    /// # Panics
    /// When it fails.
    pub fn aws(&self, command: &str) -> Value {
        self.try_aws(command).unwrap_or_else(|error| panic!("aws {command}: {}", error.message))
    }

    /// The invoke URL of a path of a stage.
    #[must_use]
    pub fn url(&self, api_id: &str, stage: &str, path: &str) -> String {
        format!("{}/{api_id}/{stage}{path}", self.gateway)
    }

    /// A signed call to the control plane, for what the AWS CLI has no command.
    #[must_use]
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        let call = Call::new(method, format!("{}{path}", self.control));
        let call = if body.is_null() { call } else { call.json(body) };
        call.signed_for("apigateway").send()
    }

    /// Moves the stack's clock and tells what it then says, in seconds of the epoch.
    ///
    /// # Panics
    /// When the clock is not moved.
    pub fn advance(&self, seconds: i64) -> i64 {
        let answer = self.control("POST", "/_keyplan/clock", &json!({"advanceSeconds": seconds}));
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()["now"].as_i64().expect("the clock tells whole seconds")
    }

    /// Moves the stack's clock to the next noon and tells the date, so that no
    /// day ends during a test.
    #[must_use]
    pub fn advance_to_noon(&self) -> String {
        const DAY: i64 = 86_400;
        let now = self.advance(0);
        let noon = self.advance((DAY / 2 - now).rem_euclid(DAY));
        Timestamp::from_seconds(noon).date().to_string()
    }

    /// The next line that it prints on stdout, if one comes within `patience`.
    #[must_use]
    pub fn next_line(&self, patience: Duration) -> Option<String> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience).ok()
    }

    /// What it has logged up to now.
    #[must_use]
    pub fn logged(&self) -> String {
        let mut logged = String::new();
        let read = File::open(self.log.path()).and_then(|mut log| log.read_to_string(&mut logged));
        read.map(|_| logged).unwrap_or_default()
    }

    /// Ends it by SIGKILL, while it does whatever it does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends it a signal (`INT`, `TERM`, `KILL`) and waits for its end.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    #[must_use]
    pub fn end_by(mut self, signal: &str) -> ExitStatus {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &process]).status().expect("kill starts");
        assert!(sent.success(), "{signal} is not sent");
        self.child.wait().expect("a child's end is told")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the local stack logged:\n{}", self.logged());
        }
    }
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(binaries::path("local"));
    for flag in ["--control", "--gateway", "--dynamodb"] {
        if !flags.contains(&flag) {
            command.args([flag, "127.0.0.1:0"]);
        }
    }
    command.args(flags).env_remove("RUST_LOG").env("KEYPLAN_LOG", "warn,keyplan=info,local=info");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
    }
    command
}

fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

//! The stock AWS CLI, run as a user types it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::binaries;

/// What the CLI says when a command fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// Its last words on stderr.
    pub message: String,
}

/// Runs `aws {command} --endpoint-url {endpoint}` in a shell, so that quoting
/// is what it is at a prompt, by `local:local`. The answer is `null` when the
/// command prints nothing.
///
/// # Errors
/// When the command fails.
///
/// # Panics
/// When there is no AWS CLI.
pub fn run(endpoint: &str, command: &str) -> Result<Value, AwsError> {
    run_as(endpoint, ("local", "local"), command)
}

/// [`run`], by other credentials.
///
/// # Errors
/// When the command fails.
pub fn run_as(endpoint: &str, (id, secret): (&str, &str), command: &str) -> Result<Value, AwsError> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!(r#""$AWS" {command} --endpoint-url "$ENDPOINT""#)])
        .env("AWS", program())
        .env("ENDPOINT", endpoint)
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    let printed = printed_by(&mut shell)?;
    if printed.trim().is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("aws {command} printed no JSON ({error}): {printed}")))
}

/// Runs a script that calls `aws`, with `variables` and by `local:local`, and
/// tells what it prints.
///
/// # Errors
/// When it fails.
///
/// # Panics
/// When it cannot be run, or there is no AWS CLI.
pub fn script(script: &Path, variables: &[(&str, &str)]) -> Result<String, AwsError> {
    let mut path = program().parent().unwrap_or(Path::new("")).as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(script);
    command
        .env("PATH", path)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .envs(variables.iter().copied());
    printed_by(&mut command)
}

/// What a command prints that calls the AWS CLI, which finds nothing of whoever
/// runs the tests.
fn printed_by(command: &mut Command) -> Result<String, AwsError> {
    let output = command
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_PROFILE")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_OUTPUT", "json")
        .env("AWS_PAGER", "")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("a command starts");
    if !output.status.success() {
        return Err(AwsError { message: String::from_utf8_lossy(&output.stderr).trim().to_owned() });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `aws lambda invoke` of a function: what it tells, and the payload that the
/// function answered with (`null` if there is none).
///
/// # Panics
/// When there is no place for the files that go in and out.
pub fn lambda_invoke(endpoint: &str, function: &str, payload: &Value) -> (Result<Value, AwsError>, Value) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (input, output) = (directory.path().join("payload.json"), directory.path().join("answer.json"));
    std::fs::write(&input, payload.to_string()).expect("the payload is written");
    let command =
        format!("lambda invoke --function-name {function} --payload fileb://{} {}", input.display(), output.display());
    let told = run(endpoint, &command);
    let answer = std::fs::read_to_string(&output).unwrap_or_default();
    (told, serde_json::from_str(&answer).unwrap_or_default())
}

/// The Python beside the AWS CLI, which has the packages of `check` too.
pub(crate) fn python() -> PathBuf {
    let beside = program().with_file_name("python");
    if beside.is_file() { beside } else { "python3".into() }
}

/// `KEYPLAN_AWS_CLI`, else the one that `check` installs in the project, else
/// the one on the `PATH`.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("KEYPLAN_AWS_CLI") {
            return program.into();
        }
        let installed = binaries::workspace().join(".tools/python/bin/aws");
        let program = if installed.is_file() { installed } else { "aws".into() };
        let works = Command::new(&program).arg("--version").output().is_ok_and(|output| output.status.success());
        assert!(
            works,
            "these tests run the AWS CLI and there is none: run ./check once, which installs it, or \
             `pip install awscli`, or name one in KEYPLAN_AWS_CLI"
        );
        program
    })
}

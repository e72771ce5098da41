//! A Python that has AWS's runtime for Lambda and boto3.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::api::Error;
use crate::progress;

/// Names an interpreter that has the packages already.
const VARIABLE: &str = "KEYPLAN_BENCH_PYTHON";
const REQUIREMENTS: &str = include_str!("../requirements.txt");
/// Where the functions in Python are.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The interpreter that the environment names, or one of a virtual environment
/// beside this program, which is made if need be: for that it takes `python3`
/// with venv, and PyPI.
pub(crate) async fn find() -> Result<PathBuf, Error> {
    if let Some(python) = std::env::var_os(VARIABLE) {
        let python = PathBuf::from(python);
        let imports = Command::new(&python).args(["-c", "import awslambdaric, boto3"]).output().await;
        return match imports {
            Ok(output) if output.status.success() => Ok(python),
            Ok(_) => Err(format!("{VARIABLE} names a Python without awslambdaric and boto3").into()),
            Err(error) => Err(format!("{VARIABLE} names no Python: {error}").into()),
        };
    }
    let home = std::env::current_exe()?.with_file_name("bench-python");
    let (python, stamp) = (home.join("bin/python"), home.join("installed"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(python);
    }
    progress::say(format_args!("  installing bench/requirements.txt into {}", home.display()));
    run("python3", &["-m", "venv", "--clear"], &home).await?;
    let requirements = Path::new(FOLDER).join("requirements.txt");
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(&python, &install, &requirements).await?;
    std::fs::write(stamp, REQUIREMENTS)?;
    Ok(python)
}

/// What starts the authorizer of this folder under AWS's runtime, without this
/// process's environment.
pub(crate) fn boto3_authorizer(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "awslambdaric", "boto3_authorizer.handler"]).current_dir(FOLDER);
    // As on Lambda, its modules come compiled, and nothing is written beside it.
    command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

async fn run(program: impl AsRef<Path>, arguments: &[&str], last: &Path) -> Result<(), Error> {
    let program = program.as_ref();
    let does_not_run = |reason: &str| {
        let arguments = arguments.join(" ");
        format!("`{} {arguments} {}` fails: {reason}", program.display(), last.display())
    };
    let output = Command::new(program).args(arguments).arg(last).output().await;
    let output = output.map_err(|error| does_not_run(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let last_line = told.lines().rev().find(|line| !line.trim().is_empty());
    Err(does_not_run(last_line.unwrap_or("it does not say why")).into())
}

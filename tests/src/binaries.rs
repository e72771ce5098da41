//! Where the workspace's own binaries are.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The workspace's root.
#[must_use]
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The path of a binary, as it now is in the sources.
///
/// Cargo builds a package's tests but not the binaries of other packages, so
/// they are built here, once per test program and in its own profile; when they
/// are up to date already that costs half a second. `KEYPLAN_BIN_DIR` names a
/// directory that has them, and nothing is built then.
///
/// # Panics
/// When they cannot be built.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let path = DIRECTORY.get_or_init(directory).join(name);
    assert!(path.is_file(), "there is no binary {}", path.display());
    path
}

fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("KEYPLAN_BIN_DIR") {
        return directory.into();
    }
    // target/{profile}/deps/{this test program}
    let program = std::env::current_exe().expect("a program knows where it is");
    let directory = program.ancestors().nth(2).expect("test programs are in target/{profile}/deps").to_owned();
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--workspace", "--bins", "--profile", profile]).current_dir(workspace());
    // Cargo tells a test of which package it is. Build scripts that ask for
    // that, as ring's does, would run again here and once more in the next
    // build, and half of the workspace after them.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            build.env_remove(name);
        }
    }
    let status = build.status().expect("cargo starts");
    assert!(status.success(), "the workspace's binaries cannot be built");
    directory
}

"""Every crate depends only on what its layer may, by `cargo tree`.

A crate that is not named here fails, so that a new one states its layer.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

FUNCTIONS = {"keyplan-authorizer", "keyplan-gateway", "keyplan-admin"}
SHARED = {"keyplan-domain", "keyplan-wire", "keyplan-store", "keyplan-telemetry"}

# The workspace's crates that each may name, in whatever kind of dependency.
MAY_NAME = {
    "keyplan-domain": set(),
    "keyplan-wire": {"keyplan-domain"},
    "keyplan-telemetry": {"keyplan-domain"},
    "keyplan-store": {"keyplan-domain", "keyplan-telemetry"},
    "keyplan-authorizer": SHARED,
    "keyplan-gateway": SHARED,
    # Methods and authorizers are tested by the data plane's own code.
    "keyplan-admin": SHARED | {"keyplan-gateway"},
    "keyplan-local": SHARED | FUNCTIONS,
    "keyplan-tests": SHARED | FUNCTIONS | {"keyplan-local"},
    "keyplan-bench": SHARED | FUNCTIONS | {"keyplan-local", "keyplan-tests"},
}

# No runtime, no network, no AWS, no clock of a process: pure computation.
IMPURE = r"aws-.*|aws_.*|lambda_.*|tokio|tokio-.*|async-.*|futures.*|h2|http|http-.*|hyper|hyper-.*|axum|tower|tracing.*"
# A database belongs to the local stack, never into a function.
EMBEDDED = r"dynoxide.*|rusqlite|libsqlite3-sys"

# What may be nowhere below a crate, through normal and build dependencies.
NEVER_BELOW = {
    "keyplan-domain": IMPURE,
    "keyplan-wire": IMPURE,
    "keyplan-telemetry": EMBEDDED + r"|axum|aws-.*|aws_.*|lambda_.*|hyper|hyper-.*",
    "keyplan-store": EMBEDDED + r"|axum|lambda_.*|aws-sdk-lambda",
    "keyplan-authorizer": EMBEDDED + r"|axum|aws-sdk-lambda",
    "keyplan-gateway": EMBEDDED + r"|axum",
    "keyplan-admin": EMBEDDED,
}

# Crates that only these may name, in whatever kind of dependency. Tests and
# benchmarks look at DynamoDB itself, to prove what it does.
NAMED_ONLY_BY = {
    "aws-sdk-dynamodb": {"keyplan-store", "keyplan-tests", "keyplan-bench"},
    # A client of the control plane, to test it.
    "aws-sdk-apigateway": {"keyplan-tests"},
}


def main() -> int:
    crates = [package_name(Path(member)) for member in workspace_members()]
    problems = [problem for crate in crates for problem in problems_of(crate)]
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{len(crates)} crates, each within its layer")
    return 1 if problems else 0


def problems_of(crate: str) -> list[str]:
    if crate not in MAY_NAME:
        return [f"{crate}: checks/layers.py does not say what it may depend on"]
    problems = []
    named = dependencies(crate, "normal,build,dev", "--depth=1")
    for other in sorted(named):
        if other.startswith("keyplan-") and other not in MAY_NAME[crate]:
            problems.append(f"{crate}: may not name {other}")
        if crate not in NAMED_ONLY_BY.get(other, {crate}):
            problems.append(f"{crate}: only {', '.join(sorted(NAMED_ONLY_BY[other]))} may name {other}")
    never = NEVER_BELOW.get(crate)
    if never:
        below = dependencies(crate, "normal,build")
        problems += [f"{crate}: {other} may not be below it" for other in sorted(below) if re.fullmatch(never, other)]
    return problems


def dependencies(crate: str, kinds: str, *options: str) -> set[str]:
    """Names of what `cargo tree` shows under `crate`."""
    command = ["cargo", "tree", "--locked", "--package", crate, "--edges", kinds]
    command += ["--target", "all", "--prefix", "none", "--format", "{p}", *options]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in shown.splitlines() if line} - {crate}


def workspace_members() -> list[str]:
    return tomllib.loads(Path("Cargo.toml").read_text())["workspace"]["members"]


def package_name(folder: Path) -> str:
    return tomllib.loads((folder / "Cargo.toml").read_text())["package"]["name"]


if __name__ == "__main__":
    sys.exit(main())

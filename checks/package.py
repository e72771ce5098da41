"""Every function as Lambda gets it: built by cargo-lambda and by SAM for the
processor that the templates ask for, and small enough to start fast."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from documented import OPERATE
from resolved import of_type
from template import BINARIES, report, translate

ARM = "arm64"
TARGET = "aarch64-unknown-linux-gnu"
# A larger one takes longer to fetch at each cold start.
LIMIT = 3_000_000
# Whoever would deploy; nothing is sent.
NOBODY = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
TEMPLATES = [Path("template.yaml"), Path("functions/authorizer/template.yaml")]


def main() -> int:
    architecture = ARM if can_build_for_arm() else "x86_64"
    if architecture != ARM:
        print(f"the target {TARGET} is not installed (rustup target add {TARGET}), so all is built for {architecture} instead, and no size is held to its limit")
    build(architecture)
    zips = [(binary, (target() / "lambda" / binary / "bootstrap.zip").stat().st_size) for binary in BINARIES.values()]
    problems = []
    for binary, size in zips:
        print(f"{binary:<12} {size / 1e6:.2f} MB zipped, {architecture}")
        # Code for x86-64 is larger, and not what the templates deploy.
        if architecture == ARM and size > LIMIT:
            problems.append(f"{binary}: more than {LIMIT / 1e6:.0f} MB zipped")
    for template in TEMPLATES:
        problems += built_by_sam(template, architecture)
    problems += deployed()
    return report(problems, "cargo-lambda and SAM build every function, and each can be deployed as documented")


def can_build_for_arm() -> bool:
    libraries = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", TARGET], check=True, capture_output=True, text=True
    )
    return Path(libraries.stdout.strip()).is_dir()


def build(architecture: str):
    """What `cargo lambda deploy` would upload: all at once, since the last step
    of each keeps one processor busy for a minute."""
    command = ["cargo", "lambda", "build", "--quiet", "--locked", "--release", "--output-format", "zip"]
    for binary in BINARIES.values():
        command += ["--bin", binary]
    subprocess.run([*command, *(["--arm64"] if architecture == ARM else [])], check=True)


def built_by_sam(template: Path, architecture: str):
    """What of a template's functions `sam build` does not bring about."""
    for_here = template.read_text().replace(f"Architectures: [{ARM}]", f"Architectures: [{architecture}]")
    # Beside the template, whose paths are relative.
    with tempfile.NamedTemporaryFile("w", dir=template.parent, suffix=".yaml") as copy, tempfile.TemporaryDirectory() as built:
        copy.write(for_here)
        copy.flush()
        subprocess.run(["sam", "build", "--template-file", copy.name, "--build-dir", built], check=True)
        for name in re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function$", for_here, re.MULTILINE):
            binary = Path(built, name, "bootstrap")
            if not binary.is_file():
                yield f"{template}: sam build makes no {name}"
            elif machine(binary) != architecture:
                yield f"{template}: sam build makes {name} for {machine(binary)}"


def deployed():
    """What is wrong with the documented commands, of which cargo-lambda says what
    it would do."""
    functions = of_type(translate(TEMPLATES[0])["Resources"], "AWS::Lambda::Function")
    commands = [line.split() for line in re.findall(r"^cargo lambda deploy .*$", OPERATE.read_text(), re.MULTILINE)]
    by_binary = {command[3]: command for command in commands}
    if len(commands) != len(by_binary) or set(by_binary) != set(BINARIES.values()):
        yield f"{OPERATE}: deploys other functions than there are"
        return
    uses = {}
    for function, binary in BINARIES.items():
        command = [word.replace("$role", "arn:aws:iam::123456789012:role/role") for word in by_binary[binary]]
        wanted = functions[function]
        said = subprocess.run([*command, "--dry"], env=os.environ | NOBODY, capture_output=True, text=True)
        if said.returncode != 0 or f"timeout: Some(Timeout({wanted['Timeout']}))" not in said.stdout:
            yield f"{OPERATE}: {' '.join(command)}: {said.stdout}{said.stderr}"
        uses.setdefault(command[command.index("--env-file") + 1], []).append(set(wanted["Environment"]["Variables"]))
    for file, of_functions in uses.items():
        told = set(re.findall(r"^(\w+)=", Path(file).read_text(), re.MULTILINE))
        if told != set.union(*of_functions):
            yield f"{file}: has other variables than the template: {sorted(told ^ set.union(*of_functions))}"


def machine(binary: Path) -> str:
    """The architecture of an ELF file, in Lambda's words."""
    e_machine = int.from_bytes(binary.read_bytes()[18:20], "little")
    return {0xB7: ARM, 0x3E: "x86_64"}.get(e_machine, hex(e_machine))


def target() -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", "target"))


if __name__ == "__main__":
    sys.exit(main())

"""Runs the commands of the documents that it is given, one after the other.

A comment before each ```sh block says what becomes of it; a block without one
fails, so that no command goes unchecked unawares:

    <!-- check: run -->              runs, by `bash -eu`, in the project's folder
    <!-- check: start -->            starts the local stack and waits until it is
                                     ready; what was started before ends first
    <!-- check: also start: TEXT --> starts one more server, ready when it prints TEXT
    <!-- check: skip: REASON -->     is not run

Servers and variables last until the next `start`, or the end of the document. A
line `curl ... # 403` must print that status last.
"""

import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import expected_status
from server import Server

TIMEOUT = 300


class Block(NamedTuple):
    where: str
    action: str
    detail: str
    text: str


def main(documents: list[str]) -> int | str:
    for document in documents:
        blocks = blocks_of(document)
        ran = run_all(blocks)
        print(f"{document}: {ran} of {len(blocks)} blocks ran")
        if not ran:
            return f"{document} has no block to run"
    return 0


def run_all(blocks: list[Block]) -> int:
    ran = 0
    environment = dict(os.environ)
    with ExitStack() as servers:
        for block in blocks:
            print(f"{block.where}: {block.action} {block.detail}".rstrip(), flush=True)
            match block.action:
                case "start":
                    servers.close()
                    environment = dict(os.environ)
                    servers.enter_context(Server(block.text, ready="ready control=", environment=environment))
                case "also start":
                    server = Server(block.text, ready=block.detail, loud=True, environment=environment)
                    servers.enter_context(server)
                case "run":
                    environment = run(block, environment)
                    ran += 1
    return ran


def blocks_of(document: str) -> list[Block]:
    blocks = []
    text = Path(document).read_text()
    for match in re.finditer(r"^```sh[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        before = text[: match.start()].rstrip()
        line = text.count("\n", 0, match.start()) + 1
        where = f"{document}:{line}"
        marker = re.fullmatch(r"<!-- check: (run|start|also start|skip)(?:: (.+))? -->", before.rpartition("\n")[2])
        if marker is None:
            sys.exit(f"{where}: no comment before this block says how it is checked")
        action, detail = marker[1], marker[2] or ""
        if (action in ("also start", "skip")) != bool(detail):
            sys.exit(f"{where}: '{action}' {'tells no' if not detail else 'takes no'} reason or text")
        blocks.append(Block(where, action, detail, match[1]))
    return blocks


def run(block: Block, environment: dict[str, str]) -> dict[str, str]:
    """Runs the block's lines; the environment that they leave."""
    for part in parts_of(block):
        if isinstance(part, expected_status.ExpectedStatus):
            wrong = part.run(environment)
            if wrong:
                sys.exit(f"{block.where}: {part.command}: {wrong}")
        else:
            environment = run_script(block, part, environment)
    return environment


def parts_of(block: Block) -> list[str | expected_status.ExpectedStatus]:
    """The block cut at the lines whose status is compared."""
    parts, script = [], []
    for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
        expected = expected_status.parse(line)
        if expected:
            parts += ["\n".join(script), expected]
            script = []
        elif re.search(r"# [1-5]\d\d$", line):
            sys.exit(f"{block.where}: a status is compared for curl alone: {line}")
        else:
            script.append(line)
    return [part for part in [*parts, "\n".join(script)] if part]


def run_script(block: Block, script: str, environment: dict[str, str]) -> dict[str, str]:
    with tempfile.NamedTemporaryFile() as left:
        # Exported, whatever is assigned reaches the next part.
        whole = f"set -a\n{script}\nenv -0 >{left.name}"
        shell = ["bash", "-eu", "-o", "pipefail", "-c", whole]
        try:
            done = subprocess.run(shell, env=environment, stdin=subprocess.DEVNULL, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            sys.exit(f"{block.where}: did not end within {TIMEOUT} s")
        if done.returncode != 0:
            sys.exit(f"{block.where}: exit code {done.returncode}")
        return dict(pair.split("=", 1) for pair in Path(left.name).read_text().split("\0") if pair)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Commands that say which HTTP status they print: `curl ... # 403`."""

import re
import subprocess
from typing import NamedTuple


class ExpectedStatus(NamedTuple):
    command: str
    status: str

    def run(self, environment: dict[str, str] | None = None) -> str | None:
        """Runs the command in a shell; what is wrong with it, if anything is."""
        shell = ["bash", "-o", "pipefail", "-c", self.command]
        done = subprocess.run(shell, capture_output=True, text=True, timeout=60, env=environment)
        printed = re.findall(r"\b[1-5]\d\d\b", done.stdout)
        if done.returncode != 0:
            return f"exit code {done.returncode}: {done.stderr.strip()}"
        if not printed or printed[-1] != self.status:
            return f"expected {self.status}, printed {done.stdout.strip()!r}"
        return None


def parse(line: str) -> ExpectedStatus | None:
    """`line` as such a command; None if it does not end in ` # NNN`."""
    match = re.fullmatch(r"(curl .*\S)\s+# ([1-5]\d\d)", line.strip())
    return ExpectedStatus(*match.groups()) if match else None

"""Runs the commands that `local --demo` prints, each as it stands."""

import re
import sys

import expected_status
from server import Server

COMMAND = "cargo run --quiet --release --bin local -- --demo"
READY = r"ready control=http://127\.0\.0\.1:4500 gateway=http://127\.0\.0\.1:4501 dynamodb=http://127\.0\.0\.1:4502"
SHOWN = {"200", "403", "429"}


def main() -> int:
    problems = []
    with Server(COMMAND, ready="ready control=") as stack:
        statuses = set()
        for line in stack.collect(quiet_for=1.0):
            if re.fullmatch(READY, line):
                continue
            expected = expected_status.parse(line)
            if expected is None:
                problems.append(f"neither the ready line nor a command with its status: {line}")
                continue
            statuses.add(expected.status)
            wrong = expected.run()
            print("ok  " if wrong is None else "FAIL", line)
            if wrong:
                problems.append(wrong)
    if not SHOWN <= statuses:
        problems.append(f"no command shows {', '.join(sorted(SHOWN - statuses))}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

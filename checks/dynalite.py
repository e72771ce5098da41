"""Tries the meter's writes on dynalite, a DynamoDB that shares nothing with the
embedded one: whether both carry out the same expressions in the same way. It
has no transactions and no time to live, and does not tell what a condition met,
so the rest of the tests are the embedded one's."""

import os
import re
import socket
import subprocess
import sys

from server import Server

TESTS = [
    ["--lib", "the_table_carries_out_a_write_as_its_form_means"],
    ["--test", "atomic"],
]


def main(dynalite: str) -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    with Server(f"exec node {dynalite} --port {port} --createTableMs 0", ready="Dynalite listening"):
        environment = {**os.environ, "DYNAMODB_ENDPOINT": endpoint}
        for test in TESTS:
            # All of the workspace, as the step `tests` has built it.
            command = ["cargo", "test", "--quiet", "--locked", "--workspace", *test]
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
            print(re.sub(r"\nrunning 0 tests\n+test result: .*\n", "", output.stdout).strip())
            if output.returncode != 0:
                return 1
            if not re.search(r"ok\. [1-9]\d* passed", output.stdout):
                print(f"no test is named so: {' '.join(test)}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

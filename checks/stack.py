"""A local stack as its user starts it: a shell command, waited for until it
says that it is ready, and ended as Ctrl-C ends it."""

import os
import queue
import signal
import subprocess
import threading
import time

READY_WITHIN = 60.0
ENDS_WITHIN = 15.0


class Stack:
    """Everything that the command prints on stdout is kept in `printed`."""

    def __init__(self, command: str, environment: dict[str, str] | None = None):
        self.command = command
        self.environment = environment
        self.printed: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> "Stack":
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {self.command}"],
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._wait_until_ready()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise SystemExit(f"{self.command}: did not end within {ENDS_WITHIN:.0f} s of SIGINT") from error
        if code != 0 and error is None:
            raise SystemExit(f"{self.command}: ended with code {code}")

    def collect(self, quiet_for: float) -> list[str]:
        """All lines so far, once none has come for `quiet_for` seconds."""
        while (line := self._next(quiet_for)) is not None:
            self.printed.append(line)
        return self.printed

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not any(line.startswith("ready ") for line in self.printed):
            line = self._next(max(0.0, deadline - time.monotonic()))
            if line is None:
                raise SystemExit(f"{self.command}: did not become ready")
            self.printed.append(line)

    def _next(self, seconds: float) -> str | None:
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}

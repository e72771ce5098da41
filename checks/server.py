"""A server as its user starts it: a shell command that is waited for until it
says that it is ready, and ended by SIGTERM."""

import os
import queue
import signal
import subprocess
import tempfile
import threading
import time

READY_WITHIN = 120.0
ENDS_WITHIN = 15.0
LOG_LINES = 50


class Server:
    """What the command prints on stdout is kept in `printed`; where `loud`,
    what it prints on stderr as well. It is ready once a line has `ready`. Its
    log, stderr, shows only when something goes wrong."""

    def __init__(self, command: str, ready: str, loud: bool = False, environment: dict[str, str] | None = None):
        self.command = command.strip()
        self.printed: list[str] = []
        self._ready = ready
        self._lines: queue.Queue[str] = queue.Queue()
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            ["bash", "-c", self.command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if loud else self._log,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "Server":
        try:
            self._wait_until_ready()
        except BaseException:
            self._kill()
            self._show_log()
            raise
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self._process.terminate()
        try:
            code = self._process.wait(ENDS_WITHIN)
            how = f"ended with code {code}"
        except subprocess.TimeoutExpired:
            code, how = None, f"did not end within {ENDS_WITHIN:.0f} s of SIGTERM"
        self._kill()
        clean = code in (0, -signal.SIGTERM)
        if error is not None or not clean:
            self._show_log()
        # What went wrong before says more than how the server ended.
        if error is None and not clean:
            raise SystemExit(f"{self.command}: {how}")

    def collect(self, quiet_for: float) -> list[str]:
        """All lines so far, once none has come for `quiet_for` seconds."""
        while (line := self._next(quiet_for)) is not None:
            self.printed.append(line)
        return self.printed

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not any(self._ready in line for line in self.printed):
            line = self._next(0.2)
            if line is not None:
                self.printed.append(line)
            elif self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("\n".join([*self.printed, f"{self.command}: did not become ready"]))

    def _next(self, seconds: float) -> str | None:
        try:
            return self._lines.get(block=seconds > 0, timeout=seconds)
        except queue.Empty:
            return None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def _kill(self) -> None:
        """Ends the command and whatever it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def _show_log(self) -> None:
        self._log.seek(0)
        said = self._log.read().splitlines()
        while (line := self._next(0)) is not None:
            said.append(line)
        for line in said[-LOG_LINES:]:
            print("   ", line)

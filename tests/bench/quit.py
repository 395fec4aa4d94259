"""`python -m tests.bench.quit [ROUNDS]`: how long the wizard takes to end, at any moment, also in the middle of an SDK call.

The real App in a real terminal walks the journey in the sandbox. At each moment the sandbox's process is stopped (SIGSTOP), so that whatever
call of the SDK is under way gets no answer, and the wizard is told to quit. The time is from the last key to the end of the process.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect
import pyte

from mi_tui.sandbox.connection import Connection, read

LIMIT = 0.5
"""Seconds."""


class Terminal:
    """mi-tui in a terminal of its own."""

    def __init__(self, home: Path) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "MI_TUI_HOME": str(home)}
        environment.pop("NO_COLOR", None)
        self.home = home
        self.process = pexpect.spawn(
            sys.executable, ["-m", "mi_tui"], env=environment, dimensions=(40, 120), timeout=20
        )
        self.screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self.screen)

    def read(self, seconds: float = 0.2) -> str:
        """Take in what is written for a while; the text on the screen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self._stream.feed(self.process.read_nonblocking(65536, timeout=0.05))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                break
        return "\n".join(self.screen.display)

    def wait(self, pattern: str, seconds: float = 120) -> None:
        """Until the screen shows something."""
        end = time.monotonic() + seconds
        while not re.search(pattern, shown := self.read()):
            if time.monotonic() > end or not self.process.isalive():
                sys.exit(f"never saw {pattern!r}:\n{shown}")

    def on(self, *patterns: str) -> None:
        """Enter leads from one step to the next."""
        for pattern in patterns:
            self.process.send("\r")
            self.wait(pattern)

    def sandbox(self) -> int:
        """The id of the sandbox's process; 0 before there is one."""
        connection: Connection | None = read(self.home / "sandbox")
        return connection.pid if connection else 0

    def quit(self) -> float:
        """Seconds until the process has ended; a run under way is asked about, and left."""
        asked = "is under way"
        self.process.send("q")
        began = time.perf_counter()
        while self.process.isalive() and time.perf_counter() - began < 10:
            if asked in self.read(0.02):
                self.process.send("\r")
                began, asked = time.perf_counter(), "no second question"
        return time.perf_counter() - began


def start(terminal: Terminal) -> None:
    """The first screen."""
    terminal.wait("Where do you want to deploy")


def opening(terminal: Terminal) -> None:
    """The sandbox is being opened."""
    start(terminal)
    terminal.process.send("\r")


def to_model(terminal: Terminal) -> None:
    """The last step before the plan."""
    start(terminal)
    terminal.on("Where shall the endpoint live", "Which identity", "Which file", "What shall the endpoint run")


def planning(terminal: Terminal) -> None:
    """The plan is being made."""
    to_model(terminal)
    terminal.on("Reading what exists")


def to_run(terminal: Terminal) -> None:
    """The run begins."""
    to_model(terminal)
    terminal.on("to create")
    terminal.wait("Deploy ")
    terminal.on("Deploying|Done")


def deploying(terminal: Terminal) -> None:
    """The first steps, side by side."""
    to_run(terminal)
    terminal.read(1.0)


def creating(terminal: Terminal) -> None:
    """The deployment is being created."""
    to_run(terminal)
    terminal.wait("running +deployment")
    terminal.read(1.0)


def to_endpoint(terminal: Terminal) -> None:
    """The endpoint answers."""
    to_run(terminal)
    terminal.wait("12 of 12 steps")
    terminal.on("Blob contains")
    terminal.wait("Succeeded")


def sending(terminal: Terminal) -> None:
    """A request is on its way, and gets no answer."""
    to_endpoint(terminal)
    os.kill(terminal.sandbox(), signal.SIGSTOP)
    terminal.process.send("\x1b[15~")
    terminal.wait("Sending")


def cleaning(terminal: Terminal) -> None:
    """The clean-up has begun."""
    to_endpoint(terminal)
    terminal.process.send("\x0e")
    terminal.wait("Ticked things go")
    terminal.on("Removing")
    terminal.read(0.5)


MOMENTS = (start, opening, planning, deploying, creating, sending, cleaning)


def measure(moment: object, home: Path) -> float:
    """Seconds to quit at this moment, with the sandbox gone silent."""
    assert callable(moment)
    terminal = Terminal(home)
    pid = 0
    try:
        moment(terminal)
        if pid := terminal.sandbox():
            os.kill(pid, signal.SIGSTOP)
        took = terminal.quit()
        if terminal.process.isalive():
            print(terminal.read())
        return took
    finally:
        if pid:
            os.kill(pid, signal.SIGCONT)
        terminal.process.close(force=True)
        environment = {**os.environ, "MI_TUI_HOME": str(home)}
        subprocess.run(
            [sys.executable, "-m", "mi_tui", "sandbox", "stop"], env=environment, capture_output=True, check=False
        )


def main(rounds: int) -> int:
    """Measure each moment and print the figures; 1 when one of them took too long."""
    late = False
    for moment in MOMENTS:
        took = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="mi-tui-quit-") as home:
                took.append(measure(moment, Path(home)))
        late |= max(took) > LIMIT
        what = (moment.__doc__ or "").rstrip(".")
        print(f"{what:46} median {statistics.median(took):.3f}  max {max(took):.3f} s  n={len(took)}", flush=True)
    return int(late)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2))

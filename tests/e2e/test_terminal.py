"""The screen in a real terminal: the whole job by keys, at the smallest size that is supported."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pexpect
import pyte
import pytest

from tests.e2e.conftest import REPOSITORY, Shell

pytestmark = pytest.mark.e2e


class Terminal:
    """mi-tui in a terminal of its own, and what a person sees there."""

    def __init__(self, shell: Shell, columns: int, rows: int) -> None:
        environment = {**shell.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment.pop("NO_COLOR")
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "mi_tui"],
            env=environment,
            dimensions=(rows, columns),
            cwd=str(REPOSITORY),
            timeout=5,
        )
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def read(self) -> str:
        """Take in what the program wrote; the text on the screen."""
        until = time.monotonic() + 1
        try:
            # Bounded: while a job runs, the program never stops writing.
            while time.monotonic() < until:
                self._stream.feed(self.process.read_nonblocking(65536, timeout=0.2))
        except (pexpect.TIMEOUT, pexpect.EOF):
            pass
        return "\n".join(self.screen.display)

    def wait_for(self, text: str, seconds: float = 90) -> str:
        """The screen, as soon as it shows `text`; the test fails when it does not."""
        deadline = time.monotonic() + seconds
        while text not in (shown := self.read()):
            assert time.monotonic() < deadline, f"never saw {text!r}:\n{shown}"
        return shown


@pytest.fixture
def terminal(shell: Shell) -> Iterator[Terminal]:
    made = Terminal(shell, 80, 24)
    yield made
    made.process.close(force=True)


def test_the_whole_job_by_keys(shell: Shell, terminal: Terminal) -> None:
    before = shell.tree()
    terminal.wait_for("Enter begins")
    terminal.process.send("i")
    terminal.wait_for("3 grants")
    terminal.process.send("\r")
    shown = terminal.wait_for("The endpoint answers")
    assert "Blob contains" in shown
    terminal.process.send("c")
    terminal.wait_for("each seen to be gone")
    terminal.process.send("q")
    terminal.process.expect(pexpect.EOF, timeout=10)
    terminal.process.wait()
    assert terminal.process.exitstatus == 0
    assert shell.tree() == before


def test_leaving_in_the_middle_takes_no_time_and_loses_nothing(shell: Shell, terminal: Terminal) -> None:
    terminal.wait_for("Enter begins")
    terminal.process.send("\r")
    terminal.wait_for("online endpoint")
    began = time.monotonic()
    terminal.process.send("q")
    terminal.process.expect(pexpect.EOF, timeout=10)
    assert terminal.process.wait() == 3
    assert time.monotonic() - began < 5, "a loaded machine is slow, but leaving does not wait for Azure"
    assert "left_running" in shell("runs", check=True).out
    assert shell("resume", "last").code == 0
    assert shell("down", "last", "--yes").code == 0

"""The screen in a real terminal: the whole job by keys, at the smallest size that is supported."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pexpect
import pytest

from tests.e2e.conftest import Shell
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.e2e


@pytest.fixture
def terminal(shell: Shell) -> Iterator[Terminal]:
    made = Terminal(shell, 80, 24)
    yield made
    made.process.close(force=True)


def to_review(terminal: Terminal) -> None:
    """From Welcome to the plan by Enter alone: the defaults of the sandbox are complete."""
    terminal.wait_for("Where do you want to deploy?")
    for question in ("Where shall the endpoint live?", "Which identity", "Which file", "What shall the endpoint run?"):
        terminal.process.send("\r")
        terminal.wait_for(question)
    terminal.process.send("\r")
    terminal.wait_for("to create")


def test_the_whole_journey_by_enter(shell: Shell, terminal: Terminal) -> None:
    before = shell.tree()
    to_review(terminal)
    terminal.wait_for("Deploy")
    terminal.process.send("\r")
    shown = terminal.wait_for("See it answer")
    terminal.wait_for("12 of 12 steps")
    assert "✗" not in shown
    terminal.process.send("\r")
    terminal.wait_for("Blob contains")
    terminal.process.send("\x0e")  # ctrl+n
    terminal.wait_for("What goes, and what stays?")
    terminal.wait_for("blob hello.txt")
    terminal.process.send("\x0e")
    terminal.wait_for("each seen to be gone")
    terminal.process.send("\x1b")
    time.sleep(1)
    terminal.read()
    terminal.process.sendcontrol("c")
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.wait()
    assert terminal.process.exitstatus == 0
    assert shell.tree() == before


@pytest.mark.slow
def test_leaving_in_the_middle_is_asked_takes_no_time_and_loses_nothing(shell: Shell, terminal: Terminal) -> None:
    to_review(terminal)
    terminal.wait_for("Deploy")
    terminal.process.send("\r")
    terminal.wait_for("of 12 steps")
    terminal.process.sendcontrol("c")
    terminal.wait_for("eave it running")
    began = time.monotonic()
    terminal.process.send("\r")
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.wait()
    assert terminal.process.exitstatus == 3
    assert time.monotonic() - began < 10, "leaving does not wait for Azure, however slow the machine"
    assert "left_running" in shell("runs", check=True).out
    resumed = shell("resume", "last")
    assert resumed.code == 0, resumed.err
    assert shell("down", "last", "--yes").code == 0


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_it_starts_and_quits(shell: Shell, columns: int, rows: int) -> None:
    terminal = Terminal(shell, columns, rows)
    terminal.wait_for("Where do you want to deploy?")
    shown = terminal.wait_for("A local Azure")
    assert "Your subscription" in shown
    terminal.process.send("q")
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.wait()
    assert terminal.process.exitstatus == 0


@pytest.mark.slow
def test_a_resize_loses_nothing(shell: Shell, terminal: Terminal) -> None:
    to_review(terminal)
    for columns, rows in ((120, 40), (40, 12), (80, 24)):
        terminal.process.setwinsize(rows, columns)
        terminal.screen.resize(rows, columns)
        time.sleep(0.3)
        terminal.read()
    terminal.wait_for("This is what will happen")

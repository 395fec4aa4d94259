"""Driving a run: what was stopped before it began anything was left, and is no fault of mi-tui."""

from __future__ import annotations

import io
import os
import sys
import threading

import pytest

from mi_tui.cli import drive as drives
from mi_tui.cli import exits
from mi_tui.cli.drive import drive
from mi_tui.model.events import RunFinished
from mi_tui.workflow import Abandoned, Stop


def test_a_run_that_was_stopped_while_it_looked_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    def work(stop: Stop) -> RunFinished:
        stop.set()
        raise Abandoned("Stopped while waiting to try again.")

    assert drive("r", work) == exits.LEFT_RUNNING
    assert "'mi-tui resume r' goes on" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="a terminal cannot be waited for with a time limit there")
def test_a_question_ends_when_the_run_is_to_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM while the question of Ctrl+C stands: nobody may ever answer it."""
    inside, outside = os.openpty()
    closes = threading.Timer(5.0, os.write, (inside, b"s\n"))
    with os.fdopen(outside) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        stop = Stop()
        stop.set()
        closes.start()
        try:
            assert drives._ask("r", io.StringIO(), stop) == "leave"
        finally:
            closes.cancel()
    os.close(inside)

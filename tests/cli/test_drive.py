"""Driving a run: what was stopped before it began anything was left, and is no fault of mi-tui."""

from __future__ import annotations

import pytest

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

"""The timeline: steps side by side, marks with words, folding, and the model of progress under it."""

from __future__ import annotations

import time

import pytest

from mi_tui.model import events
from mi_tui.model.events import Outcome, RunFinished, StepFailed, StepFinished, StepProgress, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.model.progress import RunProgress
from mi_tui.widgets.timeline import lines
from tests.screens.plans import RUN, a_plan, planned


def progress(*said: events.Event) -> RunProgress:
    made = RunProgress()
    made.take(planned(a_plan()))
    for event in said:
        made.take(event)
    return made


def started(step: str) -> StepStarted:
    return StepStarted(run=RUN, step=step, title=step)


def finished(step: str, seconds: float = 1.0, result: str = "created") -> StepFinished:
    return StepFinished(run=RUN, step=step, title=step, result=result, seconds=seconds)


def text(made: RunProgress, width: int = 60, height: int = 0, *, unicode: bool = True) -> str:
    return "\n".join(line.plain for line in lines(made, width, height, unicode=unicode))


def test_what_may_run_at_once_is_bracketed_before_it_runs() -> None:
    groups = progress().side_by_side()
    assert len({groups[step] for step in ("storage-account", "container", "blob", "endpoint", "model")}) == 1
    assert not {"effective", "deployment", "traffic", "request"} & set(groups)
    drawn = text(progress()).splitlines()
    assert "side by side" in drawn[0]
    assert drawn[1].startswith("╭ ○ waiting storage account")
    assert drawn[2].startswith("│ ○ waiting └ container")
    assert drawn[5].startswith("╰ ○ waiting model")


def test_the_bracket_tells_what_really_ran_at_once() -> None:
    made = progress()
    base = made.began = time.monotonic() - 100
    for step, began, took in (("storage-account", 0, 5), ("endpoint", 10, 5), ("model", 11, 1)):
        made.take(started(step))
        made.rows[step].began = base + began
        made.take(finished(step, took))
    groups = made.side_by_side()
    assert "storage-account" not in groups, "it was done before the endpoint began"
    assert groups["endpoint"] == groups["model"]


def test_each_state_has_a_mark_and_a_word_and_the_real_status() -> None:
    made = progress(
        started("storage-account"),
        finished("storage-account", 21),
        started("container"),
        finished("container", 1, "skipped"),
        started("endpoint"),
        StepProgress(run=RUN, step="endpoint", status="Creating", detail="[bold]x\x1b[1m"),
        started("model"),
        StepFailed(run=RUN, step="model", title="model", failure=Failure("BadArgument", "no"), seconds=2),
    )
    drawn = text(made)
    assert "✓ done    storage account" in drawn
    assert "0:21   0:22" in drawn
    assert "– skipped" in drawn
    assert "◐ running online endpoint" in drawn
    assert "Creating · [bold]x" in drawn
    assert "✗ failed  model" in drawn
    assert "BadArgument" in drawn
    assert "○ waiting" in drawn


def test_a_terminal_without_unicode_gets_twins() -> None:
    drawn = text(progress(started("endpoint")), unicode=False)
    assert drawn.isascii()
    assert "* running online endpoint" in drawn


@pytest.mark.parametrize("width", [40, 52, 76, 120])
@pytest.mark.parametrize("height", [0, 6])
def test_no_line_is_wider_than_the_screen(width: int, height: int) -> None:
    made = progress(started("storage-account"), started("endpoint"), finished("endpoint"), started("grant-storage"))
    assert all(line.cell_length <= width for line in lines(made, width, height))


def test_when_there_is_no_room_what_is_done_and_what_waits_is_folded() -> None:
    made = progress(started("storage-account"), finished("storage-account"), started("endpoint"), started("model"))
    drawn = text(made, 76, 8).splitlines()
    assert len(drawn) <= 8
    assert "✓ done    storage account" in drawn[1]
    assert any(line.startswith("╭ ◐ running online endpoint") for line in drawn)
    assert any(line.startswith("╰ ◐ running model") for line in drawn)
    assert any("7 steps: " in line for line in drawn)


def test_a_step_that_runs_when_the_run_ends_is_left() -> None:
    made = progress(started("deployment"), RunFinished(run=RUN, outcome=Outcome.LEFT_RUNNING))
    assert made.rows["deployment"].state == "left"
    assert "– left    deployment blue" in text(made)
    before = made.rows["deployment"].elapsed()
    time.sleep(0.02)
    assert made.rows["deployment"].elapsed() == before


def test_a_status_knows_since_when() -> None:
    made = progress(started("deployment"), StepProgress(run=RUN, step="deployment", status="Creating"))
    since = made.rows["deployment"].status_at
    made.take(StepProgress(run=RUN, step="deployment", status="Creating", detail="more"))
    assert made.rows["deployment"].status_at == since
    time.sleep(0.01)
    made.take(StepProgress(run=RUN, step="deployment", status="Updating"))
    assert made.rows["deployment"].status_at > since

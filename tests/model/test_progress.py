"""A run as its events tell it: rows, expected time along the longest way, bounded logs, text made harmless."""

from mi_tui.model import events
from mi_tui.model.events import Outcome
from mi_tui.model.failure import Failure
from mi_tui.model.plan import PlannedStep
from mi_tui.model.progress import RunProgress


def planned() -> RunProgress:
    progress = RunProgress()
    steps = (
        PlannedStep("a", "a", "", (), 10),
        PlannedStep("b", "b", "", (), 30),
        PlannedStep("c", "c", "", ("a", "b"), 5),
    )
    progress.take(events.Planned(run="r", target="sandbox", resources=(), grants=(), steps=steps))
    return progress


def test_expected_time_is_the_longest_way() -> None:
    assert planned().expected == 35


def test_rows_follow_the_events() -> None:
    progress = planned()
    progress.take(events.StepStarted(run="r", step="a", title="a"))
    progress.take(events.StepProgress(run="r", step="a", status="Creating\x1b[31m", detail="x"))
    assert (progress.rows["a"].state, progress.rows["a"].status) == ("running", "Creating")
    progress.take(events.StepFinished(run="r", step="a", title="a", result="created", seconds=2))
    progress.take(events.StepFailed(run="r", step="b", title="b", failure=Failure("Oops", "m"), seconds=1))
    assert [progress.rows[k].state for k in "abc"] == ["done", "failed", "waiting"]
    assert progress.done == 1
    progress.take(events.RunFinished(run="r", outcome=Outcome.FAILED))
    assert progress.outcome is Outcome.FAILED
    assert progress.ended

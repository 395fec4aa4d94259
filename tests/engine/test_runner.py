"""The runner: order, side by side, failure, stopping, resuming; with stand-in steps, since only the graph is under test here.

The real steps run against the sandbox in tests/e2e.
"""

import threading
import time
from pathlib import Path

import msgspec
import pytest

from mi_tui.engine import runner
from mi_tui.engine import steps as step_table
from mi_tui.engine.context import Context, Done, Interrupted, Pace
from mi_tui.engine.journal import Journal, RunState
from mi_tui.model.events import Event, Notice, Outcome, RunFinished, StepFailed, StepFinished, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.model.plan import PlannedStep
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session
from tests.engine.test_journal import PLAN

GRAPH = (
    PlannedStep("a", "a", ""),
    PlannedStep("b", "b", ""),
    PlannedStep("c", "c", "", ("a", "b")),
    PlannedStep("d", "d", "", ("c",)),
)


class Bench:
    """A context whose steps are the test's own functions."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self.steps = dict.fromkeys("abcd", lambda ctx, say: Done("done"))
        monkeypatch.setattr(step_table, "find", lambda step: self.steps[step])
        plan = msgspec.structs.replace(PLAN, steps=GRAPH)
        self.ctx = Context(
            "r", plan, Session(_no_credential(), "s"), Journal(folder / "j.db"), self.events.append, Pace()
        )
        self.ctx.journal.add_run("r", "sandbox", plan)

    def order(self, kind: type[Event]) -> list[str]:
        return [event.step for event in self.events if isinstance(event, kind)]


def _no_credential():
    class Never:
        def get_token(self, *scopes: str, **kwargs: object):
            raise AssertionError("a graph test must not sign in")

    return Never()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_needs_are_kept_and_the_rest_runs_side_by_side(bench: Bench) -> None:
    meet = threading.Barrier(2, timeout=5)

    def together(ctx: Context, say) -> Done:
        meet.wait()
        return Done("created", resource="/x")

    bench.steps["a"] = bench.steps["b"] = together
    end = runner.run(bench.ctx)
    assert end.outcome is Outcome.SUCCEEDED
    finished = bench.order(StepFinished)
    assert finished[2:] == ["c", "d"]
    assert set(bench.order(StepStarted)[:2]) == {"a", "b"}
    assert bench.events[-1] is end
    assert bench.ctx.journal.run("r").state is RunState.SUCCEEDED


def test_a_failure_stops_what_needs_it_but_not_what_is_under_way(bench: Bench) -> None:
    failed = threading.Event()

    def fails(ctx: Context, say) -> Done:
        failed.set()
        raise ServiceError(Failure(code="OutOfQuota", message="no cores"))

    def slow(ctx: Context, say) -> Done:
        assert failed.wait(5)
        time.sleep(0.05)
        return Done("created")

    bench.steps |= {"a": fails, "b": slow}
    end = runner.run(bench.ctx)
    assert (end.outcome, end.failure and end.failure.code) == (Outcome.FAILED, "OutOfQuota")
    assert bench.order(StepFailed) == ["a"]
    assert bench.order(StepFinished) == ["b"]
    assert bench.ctx.journal.steps("r")["a"][0] == "failed"


def test_a_step_that_breaks_is_a_failure_and_no_hang(bench: Bench) -> None:
    def breaks(ctx: Context, say) -> Done:
        raise ZeroDivisionError("oops")

    bench.steps["a"] = breaks
    end = runner.run(bench.ctx)
    assert end.outcome is Outcome.FAILED
    assert end.failure is not None
    assert "oops" in end.failure.message


@pytest.mark.parametrize(("cancelled", "outcome"), [(False, Outcome.LEFT_RUNNING), (True, Outcome.CANCELLED)])
def test_stopping_leaves_the_run_resumable(bench: Bench, cancelled: bool, outcome: Outcome) -> None:
    def waits(ctx: Context, say) -> Done:
        ctx.stop.cancelled = cancelled
        ctx.stop.set()
        raise Interrupted

    bench.steps["c"] = waits
    end = runner.run(bench.ctx)
    assert end.outcome is outcome
    assert "resume r" in end.next
    bench.ctx.stop.clear()
    bench.ctx.stop.cancelled = False
    bench.steps["c"] = lambda ctx, say: Done("done")
    bench.events.clear()
    bench.ctx.journal.take("r")
    assert runner.run(bench.ctx).outcome is Outcome.SUCCEEDED


def test_a_status_is_told_once(bench: Bench) -> None:
    def says(ctx: Context, say) -> Done:
        for status in ("Creating", "Creating", "Updating"):
            say(status, "")
        return Done("done")

    bench.steps["a"] = says
    runner.run(bench.ctx)
    assert [e.status for e in bench.events if type(e).__name__ == "StepProgress"] == ["Creating", "Updating"]
    assert isinstance(bench.events[-1], RunFinished)


def test_what_is_worth_saying_once_is_said_once(bench: Bench) -> None:
    left = [Failure(code="ServerBusy", message="busy", status=503)] * 2
    bench.ctx.pace = Pace(first_pause=0.001, longest_pause=0.001)

    def says(ctx: Context, say) -> Done:
        ctx.say_once("Azure gives no container logs.")
        if left:
            raise ServiceError(left.pop())
        return Done("done")

    bench.steps["a"] = says
    assert runner.run(bench.ctx).outcome is Outcome.SUCCEEDED
    said = [event.text for event in bench.events if isinstance(event, Notice)]
    assert said.count("Azure gives no container logs.") == 1


def test_a_journal_that_cannot_be_written_ends_the_run_instead_of_hanging_it(bench: Bench) -> None:
    def fills_the_disk(ctx: Context, say) -> Done:
        ctx.journal.close()
        raise ServiceError(Failure(code="OutOfQuota", message="no cores"))

    bench.steps["a"] = fills_the_disk
    ended: list[RunFinished] = []
    thread = threading.Thread(target=lambda: ended.append(runner.run(bench.ctx)), daemon=True)
    thread.start()
    thread.join(10)
    (end,) = ended
    assert end.outcome is Outcome.FAILED
    assert bench.order(StepStarted).count("c") == 0, "no step is begun that cannot be journalled"


@pytest.mark.parametrize(
    ("text", "response"),
    [("[1.5]", [1.5]), ("NaN", "NaN"), (f"[{10**30}.0, {10**40}]", None), ("plain", "plain"), ("", None)],
)
def test_any_answer_can_be_told_as_json(text: str, response: object) -> None:
    found = runner._response(text)
    msgspec.json.encode(found)
    if response is not None or not text:
        assert found == response

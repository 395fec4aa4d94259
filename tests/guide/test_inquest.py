"""The inquest of a run: its cause goes with the last event and is kept; what still goes on is not waited for; nothing hides the failure."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken

from mi_tui.engine import diagnosed
from mi_tui.engine.context import Context, Pace
from mi_tui.engine.journal import Journal
from mi_tui.guide import world
from mi_tui.guide.world import Sight
from mi_tui.inquest import Inquest
from mi_tui.model.diagnosis import Confidence
from mi_tui.model.events import Event, LogLine, Notice, Outcome, RunFinished, StepFailed, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.services.errors import NETWORK
from mi_tui.services.session import Session
from tests.screens.ended import RUN, plan

CRASHED = Failure("ResourceNotReady", "User container has crashed or terminated: Liveness probe failed.")
REFUSED = "requests.exceptions.HTTPError: 403: AuthorizationPermissionMismatch: AccountKey=abcdefghijkl"


class Nobody:
    """A sign-in that nobody may use."""

    def __init__(self) -> None:
        self.asked = 0

    def get_token(self, *_scopes: str, **_: object) -> AccessToken:
        self.asked += 1
        raise PermissionError("nobody is signed in")


class Run:
    """A run without Azure, whose events are told by hand."""

    def __init__(self, folder: Path, pace: Pace) -> None:
        self.journal = Journal(folder / "journal.db")
        self.told: list[Event] = []
        self.nobody = Nobody()
        made = plan(folder)
        self.journal.add_run(RUN, "azure", made)
        session = Session(self.nobody, made.place.subscription)
        self.context = Context(RUN, made, session, self.journal, self.told.append, pace)
        self.inquest = Inquest(self.context, sandbox=False)

    def fail(self, failure: Failure = CRASHED, *, finish: bool = True) -> RunFinished:
        """Let the deployment fail, and the run with it."""
        self.context.emit(LogLine(run=RUN, container="inference-server", text=REFUSED))
        self.context.emit(StepFailed(run=RUN, step="deployment", title="deployment", failure=failure, seconds=1))
        return self.finish(failure) if finish else RunFinished(run=RUN, outcome=Outcome.FAILED)

    def finish(self, failure: Failure | None) -> RunFinished:
        """The last event as it was told."""
        outcome = Outcome.FAILED if failure else Outcome.SUCCEEDED
        end = RunFinished(run=RUN, outcome=outcome, failure=failure)

        def work(context: Context) -> RunFinished:
            context.emit(end)
            return end

        told = self.inquest.over(work)
        assert told is self.told[-1]
        return told


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, Pace(look=2.0, capacity_look=0.2))


def test_the_cause_goes_with_the_last_event_and_is_kept_without_secrets(run: Run) -> None:
    end = run.fail()
    assert end.failure == CRASHED
    assert end.diagnosis is not None
    assert end.diagnosis.rule == "storage-role-missing"
    assert any(item.source == "log inference-server" for item in end.diagnosis.evidence)
    assert diagnosed.kept(run.journal, RUN) == end.diagnosis
    assert diagnosed.failure(run.journal, RUN) == CRASHED
    assert "abcdefghijkl" not in "".join(run.journal.facts(RUN).values())


def test_of_two_failures_side_by_side_the_surer_one_is_told(run: Run) -> None:
    own = "It was asked for with your own sign-in (you@contoso), not by the endpoint."
    refused = Failure("AuthorizationPermissionMismatch", "This request is not authorized.", details=(own,))
    keys_off = Failure(
        "KeyBasedAuthenticationNotPermitted",
        "This SAS token is derived from an account key, but key-based authentication is not permitted for this storage account.",
    )
    for failure in (refused, keys_off):
        run.context.emit(StepFailed(run=RUN, step="model", title="model", failure=failure, seconds=1))
    end = run.finish(refused)
    assert end.failure == keys_off
    assert end.diagnosis is not None
    assert end.diagnosis.rule == "workspace-keys-off"
    assert diagnosed.failure(run.journal, RUN) == keys_off


def test_a_run_that_goes_well_afterwards_has_no_diagnosis_any_more(run: Run) -> None:
    run.fail()
    again = Inquest(run.context, sandbox=False)
    assert again.over(lambda context: RunFinished(run=RUN, outcome=Outcome.SUCCEEDED)).diagnosis is None
    run.context.emit(RunFinished(run=RUN, outcome=Outcome.SUCCEEDED))
    assert diagnosed.kept(run.journal, RUN) is None


def test_what_is_still_under_way_is_not_waited_for(run: Run) -> None:
    run.fail(finish=False)
    told = _wait_for_a_notice(run)
    assert told.diagnosis is not None
    assert told.diagnosis.rule == "storage-role-missing"
    assert run.finish(CRASHED).diagnosis == told.diagnosis


def test_without_a_network_nobody_is_asked(run: Run) -> None:
    end = run.fail(Failure(NETWORK, "The name cannot be resolved: management.azure.com."))
    assert end.diagnosis is not None
    assert run.nobody.asked == 0


def test_a_fault_in_the_search_does_not_hide_the_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Sight:
        raise ZeroDivisionError("a fault in the search")

    monkeypatch.setattr(world, "look", broken)
    end = run.fail()
    assert end.failure == CRASHED
    assert end.diagnosis is not None
    assert end.diagnosis.confidence is Confidence.UNKNOWN
    assert "a fault in the search" in end.diagnosis.cause


def test_a_look_that_does_not_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, never = Run(tmp_path, Pace(look=0.1)), threading.Event()
    monkeypatch.setattr(world, "look", lambda *_: never.wait(60) and Sight(world.World()))
    end = run.fail()
    assert end.diagnosis is not None
    assert end.diagnosis.rule == "unknown"
    assert end.failure == CRASHED
    never.set()


def test_a_deployment_that_waits_for_a_machine_is_told_of_once_and_kept_when_it_is_left(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Sight(world.World(deployment="blue", deployment_state="Creating", capacity_points=0))
    monkeypatch.setattr(world, "look", lambda *_: seen)
    run.context.emit(StepStarted(run=RUN, step="deployment", title="deployment blue"))
    told = _wait_for_a_notice(run)
    assert "longer than usual" in told.text
    assert told.diagnosis is not None
    assert told.diagnosis.rule == "no-capacity"
    left = run.inquest.over(lambda context: RunFinished(run=RUN, outcome=Outcome.LEFT_RUNNING))
    assert left.outcome is Outcome.LEFT_RUNNING
    run.context.emit(RunFinished(run=RUN, outcome=Outcome.LEFT_RUNNING))
    assert diagnosed.kept(run.journal, RUN) == told.diagnosis
    assert sum(isinstance(event, Notice) for event in run.told) == 1


def test_a_network_failure_in_a_sandbox_that_is_gone_is_told_as_that(run: Run) -> None:
    run.context.gone = lambda: True
    end = run.fail(Failure(NETWORK, "The connection broke off."))
    assert end.failure is not None
    assert end.failure.code == "mi-tui/sandbox-died"


def _wait_for_a_notice(run: Run) -> Notice:
    for _ in range(200):
        found = [event for event in run.told if isinstance(event, Notice)]
        if found:
            return found[0]
        threading.Event().wait(0.05)
    raise AssertionError(f"nothing was told: {run.told}")


def test_a_fault_in_the_look_at_a_deployment_that_waits_is_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    broke, escaped = threading.Event(), list[object]()

    def breaks(*_: object) -> Sight:
        broke.set()
        raise ZeroDivisionError

    monkeypatch.setattr(world, "look", breaks)
    monkeypatch.setattr(threading, "excepthook", escaped.append)
    run.context.emit(StepStarted(run=RUN, step="deployment", title="deployment"))
    assert broke.wait(10)
    for thread in threading.enumerate():
        if thread.name == "capacity":
            thread.join(10)
    assert not escaped

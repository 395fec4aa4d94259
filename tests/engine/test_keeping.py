"""Keeping some of what a run made: what stays with it, and what the clean-up then says of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mi_tui.engine import cleanup
from mi_tui.engine.context import Context, Pace
from mi_tui.engine.journal import Journal, RunState, Verdict
from mi_tui.engine.removal import Kept
from mi_tui.model.events import Event, Outcome
from mi_tui.model.plan import ResourceKind
from mi_tui.services.session import Session
from tests.engine.test_runner import _no_credential
from tests.screens.ended import MADE, RUN, Faked


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A run whose things vanish when they are asked to: the order and the words are looked at, not Azure."""
    monkeypatch.setattr(cleanup, "REMOVERS", {kind: lambda job, entry, watch: True for kind in ResourceKind})
    workflow = Faked(tmp_path)
    events: list[Event] = []
    plan = workflow.journal.run(RUN).plan
    return Context(RUN, plan, Session(_no_credential(), "s"), workflow.journal, events.append, Pace())


def left(journal: Journal) -> set[str]:
    return {entry.id for entry in journal.ledger(RUN) if entry.verdict is Verdict.CREATED}


def test_what_was_kept_on_wish_is_no_failure_and_can_be_removed_later(context: Context) -> None:
    end = cleanup.clean(context, frozenset({"/acc/c/b"}))
    assert end.outcome is Outcome.SUCCEEDED
    assert end.failure is None
    assert left(context.journal) == {"/acc", "/acc/c", "/acc/c/b"} == {item.id for item in end.left}
    assert {item.why for item in end.left} == {"you kept it", "the blob that you kept needs it"}
    assert context.journal.run(RUN).state is RunState.LEFT_RUNNING, "something of it is still there"
    assert "removes what is left" in end.next

    again = cleanup.clean(context)
    assert again.outcome is Outcome.SUCCEEDED
    assert left(context.journal) == set()
    assert context.journal.run(RUN).state is RunState.REMOVED


def test_keeping_nothing_removes_everything(context: Context) -> None:
    end = cleanup.clean(context)
    assert set(end.removed) == {name_id for _, name_id, _ in MADE}
    assert context.journal.run(RUN).state is RunState.REMOVED


def test_what_others_use_is_left_and_the_run_says_so(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    context.journal.created(RUN, ResourceKind.UPLOAD, "azureml://x", "files of m", "seen")

    def used(job: object, entry: object, watch: object) -> bool:
        raise Kept("a registered model that is left uses them")

    monkeypatch.setitem(cleanup.REMOVERS, ResourceKind.UPLOAD, used)
    end = cleanup.clean(context)
    assert end.outcome is Outcome.SUCCEEDED, "it costs nothing"
    assert "others use it and it costs nothing: files of m" in end.next
    assert f"'mi-tui down {RUN}'" in end.next
    assert context.journal.run(RUN).state is RunState.PARTLY_REMOVED
    monkeypatch.setitem(cleanup.REMOVERS, ResourceKind.UPLOAD, lambda *_: True)
    assert cleanup.clean(context).next == ""
    assert context.journal.run(RUN).state is RunState.REMOVED

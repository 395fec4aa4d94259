"""Before a run goes on: the looks at what it made are told when they are slow, and left when the person leaves; and a run that breaks off
is nobody's again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from mi_tui.engine import changes, going_on, pending
from mi_tui.engine.context import Context, Pace
from mi_tui.engine.journal import Journal, RunState
from mi_tui.model.answers import IdentityKind
from mi_tui.model.events import Event, Notice, Outcome
from mi_tui.services import arm, identities
from mi_tui.services.session import Session
from tests.engine.test_runner import _no_credential
from tests.screens.plans import a_plan


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    plan = a_plan(IdentityKind.UAI)
    made = Context("r", plan, Session(_no_credential(), "s"), Journal(tmp_path / "j.db"), lambda event: None, Pace())
    made.journal.add_run("r", "sandbox", plan)
    return made


def test_a_look_that_waits_is_said_once_and_left_with_the_run(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = ctx.plan.resource("identity")
    ctx.journal.created("r", planned.kind, planned.id, planned.name, "tag")
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        if isinstance(event, Notice):
            ctx.stop.set()

    def waits(*_: object) -> None:
        for _try in range(3):
            ctx.session.operations.pause("https://management.azure.com/x", 0.1, "trying again")

    ctx.emit = tell
    monkeypatch.setattr(identities, "get", waits)
    end = going_on.go_on(ctx)
    assert [event.text for event in told if isinstance(event, Notice)] == [going_on.SLOW]
    assert end.outcome is Outcome.LEFT_RUNNING
    assert ctx.journal.run("r").state is RunState.LEFT_RUNNING


def test_what_breaks_off_leaves_the_run_to_nobody(ctx: Context) -> None:
    assert ctx.journal.run("r").owner == os.getpid()
    with pytest.raises(ZeroDivisionError), going_on.held(ctx.journal, "r"):
        raise ZeroDivisionError
    assert ctx.journal.run("r").owner == 0
    assert ctx.journal.run("r").state is RunState.LEFT_RUNNING
    ctx.journal.end_run("r", RunState.SUCCEEDED)
    with pytest.raises(ZeroDivisionError), going_on.held(ctx.journal, "r"):
        raise ZeroDivisionError
    assert ctx.journal.run("r").state is RunState.SUCCEEDED


def test_what_others_did_is_said_before_the_steps(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    ctx.emit = told.append
    ctx.stop.set()
    monkeypatch.setattr(changes, "said", lambda _: ["The identity is gone."])
    going_on.go_on(ctx)
    assert [type(event).__name__ for event in told] == ["Notice", "RunFinished"]


@pytest.mark.parametrize(
    ("code", "content", "said"),
    [
        (202, b"", "InProgress"),
        (200, b"", "Succeeded"),
        (204, b"", "Succeeded"),
        (200, b'{"status": "Failed"}', "Failed"),
    ],
)
def test_an_operation_without_a_body_is_under_way_while_azure_answers_202(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, code: int, content: bytes, said: str
) -> None:
    answer = SimpleNamespace(status_code=code, content=content, json=lambda: json.loads(content))
    monkeypatch.setattr(arm, "_send", lambda *_: answer)
    address = "management.azure.com/subscriptions/s/providers/Microsoft.Storage/locations/x/asyncoperations/1?api-version=2023-05-01"
    number = ctx.journal.begin_operation("r", "storage-account", "PUT", "/a", address)
    told: list[Event] = []
    ctx.emit = told.append
    (operation,) = ctx.journal.operations("r")
    assert pending.ask(ctx.session, operation) == said
    pending.settle(ctx)
    (operation,) = ctx.journal.operations("r")
    assert (operation.number, operation.ended is None, len(told)) == (
        number,
        said == "InProgress",
        said != "InProgress",
    )


def test_how_an_operation_failed_is_kept_without_secrets(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    error = {"code": "ResourceNotReady", "message": "The container said: AccountKey=abcdefghijkl \x1b[31mno"}
    monkeypatch.setattr(arm, "get_with_status", lambda *_: (200, {"status": "Failed", "error": error}))
    ctx.journal.begin_operation("r", "deployment", "PUT", "/a", "management.azure.com/x?api-version=1")
    told: list[Event] = []
    ctx.emit = told.append
    pending.settle(ctx)
    (operation,) = ctx.journal.operations("r")
    assert operation.outcome.startswith("Failed: ResourceNotReady: The container said:")
    for text in (operation.outcome, str(told)):
        assert "abcdefghijkl" not in text
        assert "\x1b" not in text

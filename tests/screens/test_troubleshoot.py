"""Troubleshoot: the diagnosis in front, a text from outside, and any endpoint; nothing blocks, and F2 masks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static, TextArea

from mi_tui.app import MiTui
from mi_tui.engine.journal import RunState
from mi_tui.model.diagnosis import Confidence, Diagnosis, Fix
from mi_tui.model.events import MissingGrant, Notice, Outcome, RunFinished
from mi_tui.model.failure import Failure
from mi_tui.services.errors import ServiceError
from mi_tui.widgets.card import FixLine, facts_of
from screens.examining import EndpointDialog, TextDialog
from screens.troubleshoot import TroubleshootScreen
from tests.screens.ended import PRINCIPAL, RUN, screen_text, until
from tests.screens.snapshots.world import REFUSED, enter
from tests.screens.troubled import ROLE, Troubled

FAILURE = Failure("ResourceNotReady", "User container has crashed.", raw='{"as": "it came"}')
SIZES = [(80, 24), (120, 40)]


def drive(
    workflow: Troubled,
    journey: Callable[[MiTui, Pilot[int]], Awaitable[None]],
    size: tuple[int, int],
    *,
    opened: bool = True,
) -> None:
    """Open the App on Welcome and go to Troubleshoot."""

    async def go() -> None:
        app = MiTui(workflow)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            if opened:
                enter(app, sandbox=True)
            await journey(app, pilot)

    asyncio.run(go())


def flat(app: MiTui) -> str:
    """What is drawn, without the line ends."""
    return " ".join(screen_text(app).split())


async def troubleshoot(app: MiTui, pilot: Pilot[int]) -> None:
    await pilot.press("f4")
    await until(pilot, lambda: isinstance(app.screen, TroubleshootScreen) and app.screen.is_mounted)


@pytest.mark.parametrize("size", SIZES)
def test_the_diagnosis_of_a_run_stands_in_front_and_its_first_fix_has_the_focus(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.wizard.last_failure = FAILURE
        app.wizard.progress.take(RunFinished(run="abc123", outcome=Outcome.FAILED, failure=FAILURE, diagnosis=ROLE))
        await troubleshoot(app, pilot)
        await until(pilot, lambda: isinstance(app.focused, FixLine))
        assert "refuses for want of a role" in flat(app)
        assert "Grant Storage Blob Data Reader" in flat(app)
        assert "as it came" not in flat(app).replace("The error as it came", "")
        copied: list[str] = []
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await pilot.press("y")
        await until(pilot, lambda: bool(copied))
        for words in (
            "(certain)",
            "is not held by",
            "1. Grant",
            "az role assignment create",
            "request id: 3d0c1f7a",
            FAILURE.message,
        ):
            assert words in copied[0]
        assert PRINCIPAL in copied[0]
        await pilot.press("f2")
        await until(pilot, lambda: PRINCIPAL[:8] not in flat(app))
        await pilot.press("y")
        await until(pilot, lambda: len(copied) == 2)
        assert PRINCIPAL not in copied[1]
        await pilot.press("r")
        await until(pilot, lambda: '{"as": "it came"}' in flat(app))

    drive(Troubled(tmp_path), journey, size)


def test_what_a_run_found_of_its_failure_stays_when_it_has_gone_on_since(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        wizard = app.wizard
        for end in (
            RunFinished(run="abc123", outcome=Outcome.FAILED, failure=FAILURE, diagnosis=ROLE),
            RunFinished(run="abc123", outcome=Outcome.SUCCEEDED, response=[1.0]),
        ):
            wizard._events.append(end)
            wizard.drain()
        await troubleshoot(app, pilot)
        await until(pilot, lambda: isinstance(app.focused, FixLine))
        assert "refuses for want of a role" in flat(app)
        assert isinstance(app.focused, FixLine)
        assert app.focused.fix.change is None, "the run needs it no more"

    drive(Troubled(tmp_path), journey, (120, 40))


def test_what_a_run_has_found_while_it_goes_is_there_too(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.wizard.progress.take(Notice(run="abc123", text="The deployment waits.", diagnosis=ROLE))
        await troubleshoot(app, pilot)
        await until(pilot, lambda: "refuses for want of a role" in flat(app) and isinstance(app.focused, FixLine))
        assert "the run, so far" in flat(app)
        assert isinstance(app.focused, FixLine)
        assert app.focused.fix.change is None, "its plan is changed when it has ended"

    drive(Troubled(tmp_path), journey, (120, 40))


def test_a_failure_that_no_run_told_is_diagnosed_too(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        wizard = app.wizard
        wizard._events.append(RunFinished(run="abc123", outcome=Outcome.FAILED, failure=FAILURE, diagnosis=ROLE))
        wizard.drain()
        taken = Failure("StorageAccountAlreadyTaken", "The storage account named x is already taken.", status=409)
        wizard.last_failure, wizard.plan_error = taken, ServiceError(taken)
        await troubleshoot(app, pilot)
        await until(pilot, lambda: "Why we think so" in flat(app) and isinstance(app.focused, FixLine))
        assert "is taken. It is unique among all customers" in flat(app)
        assert "What to do (on the review Enter shows what mi-tui can change itself)" in flat(app)
        assert not any(line.fix.change for line in app.screen.query(FixLine)), "the earlier run needs no such change"

    drive(Troubled(tmp_path), journey, (120, 40))


@pytest.mark.parametrize("size", SIZES)
def test_a_text_that_was_pasted_and_one_in_a_file(tmp_path: Path, size: tuple[int, int]) -> None:
    error = tmp_path / "error.txt"
    error.write_text("ModuleNotFoundError: No module named 'azure.storage'\n")

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await troubleshoot(app, pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "Paste a text" in flat(app))
        app.screen.query_one("#pasted", TextArea).load_text(
            "OutOfQuota: Container terminated due to insufficient memory.\x1b[2J"
        )
        await until(pilot, lambda: "\x1b" not in app.screen.query_one("#pasted", TextArea).text)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, TroubleshootScreen) and "needed more memory" in flat(app))
        assert "a text from outside" in flat(app)

        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        field = app.screen.query_one("#path", Input)
        field.value = str(tmp_path / "nowhere.txt")
        field.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "nowhere.txt" in screen_text(app) and app.screen.query_one("#trouble").display)
        field.value = str(error)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TroubleshootScreen) and "azure-storage-blob" in flat(app))
        await pilot.click("#last")
        await until(pilot, lambda: "Nothing has failed so far" in flat(app))

    drive(Troubled(tmp_path / "home"), journey, size)


@pytest.mark.parametrize("size", SIZES)
def test_why_an_earlier_run_failed_is_told_although_nothing_failed_since(tmp_path: Path, size: tuple[int, int]) -> None:
    workflow = Troubled(tmp_path)
    workflow.journal.end_run(RUN, RunState.FAILED)
    workflow.advice.kept = lambda record: ROLE if record.id == RUN else None  # type: ignore[method-assign]

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await troubleshoot(app, pilot)
        await until(
            pilot, lambda: f"Troubleshoot: run {RUN}, just now" in flat(app) and "for want of a role" in flat(app)
        )
        assert not app.screen.query_one("#last").display
        assert str(app.screen.query_one("#more", Static).render()).count(f"mi-tui resume {RUN} --fix N") == 1
        assert all(line.fix.change is None for line in app.screen.query(FixLine)), "the run is not at hand"
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        app.screen.query_one("#pasted", TextArea).load_text("OutOfQuota")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, TroubleshootScreen) and "a text from outside" in flat(app))
        await pilot.click("#last")
        await until(pilot, lambda: f"Troubleshoot: run {RUN}" in flat(app))

    drive(workflow, journey, size)


@pytest.mark.parametrize("size", SIZES)
def test_an_endpoint_is_picked_and_looked_at_without_the_screen_waiting_for_it(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    workflow = Troubled(tmp_path)
    workflow.seen.clear()

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await troubleshoot(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EndpointDialog) and "Contoso Dev" in flat(app))
        await pilot.press(*"dev", "enter")
        await until(pilot, lambda: "ml-new" in flat(app))
        await pilot.press(*"ml-dev", "enter")
        await until(pilot, lambda: "ep-others" in flat(app))
        await pilot.press(*"others", "enter")
        await until(pilot, lambda: "Looking at endpoint ep-others" in flat(app))
        await pilot.press("f2", "f2")
        workflow.seen.set()
        await until(pilot, lambda: "refuses for want of a role" in flat(app) and isinstance(app.focused, FixLine))
        assert isinstance(app.focused, FixLine)
        assert app.focused.fix.change is None, "a change is of a run's plan, and this is nobody's run"
        copied: list[str] = []
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await pilot.press("y")
        await until(pilot, lambda: bool(copied))
        assert "Storage Blob Data Reader on container inputs: missing" in copied[0]

    drive(workflow, journey, size)


def test_a_healthy_endpoint_is_said_to_be_so_and_what_cannot_be_listed_says_why(tmp_path: Path) -> None:
    workflow = Troubled(tmp_path)
    workflow.there = REFUSED

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.wizard.draft.subscription, app.wizard.draft.resource_group = "3f0c6a52-8d1e-4b7a-9c35-62e1d0a4b871", "rg"
        app.wizard.draft.workspace = "ml-dev"
        await troubleshoot(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: "AuthorizationFailed" in flat(app))
        workflow.there = Troubled(tmp_path / "other").there
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "ep-fine" in flat(app))
        await pilot.press(*"fine", "enter")
        await until(pilot, lambda: "nothing wrong was seen" in flat(app))
        assert "system-assigned" in flat(app)
        assert not app.screen.query(FixLine)
        assert not app.screen.query_one("#raw", Button).display

    drive(workflow, journey, (120, 40))


def test_from_welcome_with_nothing_open_the_sandbox_is_opened_first(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await troubleshoot(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: "ep-others" in flat(app))
        assert app.wizard.target is not None
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TroubleshootScreen))

    drive(Troubled(tmp_path), journey, (120, 40), opened=False)


def test_the_card_has_the_cause_in_front_and_the_fixes_under_the_numbers_that_fix_knows() -> None:
    grant = MissingGrant("ep", PRINCIPAL, "Storage Blob Data Reader", "/c", "so that it may read", "az role")
    end = RunFinished(run="abc123", outcome=Outcome.FAILED, failure=FAILURE, diagnosis=ROLE, missing_grants=(grant,))
    facts = facts_of(end, ["ErrorCode:AuthorizationPermissionMismatch"])
    assert facts.happened == ROLE.cause
    assert facts.sure == "certain"
    assert any("is not held by" in line for line in facts.why)
    assert any(FAILURE.message in line for line in facts.why)
    assert [fix.words for fix in facts.fixes[:2]] == [fix.words for fix in ROLE.fixes]
    assert facts.fixes[0].change == ROLE.fixes[0].change
    assert len(facts.fixes) == 3, "the missing grant is among the diagnosis' fixes; the last one resumes"

    unknown = Diagnosis("unknown", "No rule fits this.", Confidence.UNKNOWN, fixes=(Fix("Ask Azure's support."),))
    plain = facts_of(msgspec.structs.replace(end, diagnosis=unknown), ["ErrorCode:AuthorizationPermissionMismatch"])
    assert FAILURE.message in plain.happened
    assert not plain.sure
    assert "Grant Storage Blob Data Reader" in plain.fixes[0].words
    assert any("AuthorizationPermissionMismatch" in line for line in plain.why)

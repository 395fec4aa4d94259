"""A fix in the wizard: the failure card and Troubleshoot offer it, a dialog shows what it changes, and the run goes on in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from mi_tui.app import MiTui
from mi_tui.engine.mending.case import refused
from mi_tui.fixing import Fixing, Mended
from mi_tui.model.diagnosis import Change, ChangeKind, Confidence, Diagnosis, Fix
from mi_tui.model.draft import Stage
from mi_tui.model.events import Notice, Outcome, RunFinished, StepFailed
from mi_tui.model.failure import Failure
from mi_tui.widgets.card import FixLine
from mi_tui.workflow import Workflow
from screens.deploy import DeployScreen
from screens.mending import MendDialog, MendDraft, Repairs
from screens.review import ReviewScreen
from screens.troubleshoot import TroubleshootScreen
from tests.screens.plans import CALM, NO_QUOTA, RUN, Place_, Scripted, a_plan, drive, planned, screen_text, until
from tests.screens.test_deploy import begin, creating, flat

QUOTA = Failure("BadRequest", "Not enough quota available for Standard_DS3_v2.")
SIZE = Change(ChangeKind.INSTANCE_TYPE, ("Standard_DS2_v2",))
TAG = Change(ChangeKind.TAG, ("cost-center=",))
DIFF = ("--- conda.yaml", "+++ conda.yaml (changed)", "@@ -1 +1 @@", "-  - [red]numpy=1[/]", "+  - numpy=2")


class Failing(Scripted):
    """A run that fails with fixes, in a journal that knows it."""

    def __init__(self, home: Path, *fixes: Fix) -> None:
        super().__init__(home, a_plan())
        self.says = [
            *creating(),
            StepFailed(run=RUN, step="deployment", title="deployment blue", failure=QUOTA, seconds=3),
        ]
        found = Diagnosis("quota", "The quota is too small.", Confidence.CERTAIN, fixes=fixes)
        self.end = RunFinished(run=RUN, outcome=Outcome.FAILED, failure=QUOTA, diagnosis=found)
        self.journal.add_run(RUN, "azure", a_plan())


class Made:
    """What stands for looking at a change and for making it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[Change] = []
        self.resumed: list[Mended] = []
        self.trouble: Exception | None = None
        monkeypatch.setattr(Place_, "in_subscription", lambda place, _: place, raising=False)
        monkeypatch.setattr(Fixing, "show", self._show)
        monkeypatch.setattr(Fixing, "resume", self._resume)

    def _show(self, target: object, record: Any, change: Change, waiter: object = None) -> Mended:
        self.shown.append(change)
        if self.trouble is not None:
            raise self.trouble
        plan = record.plan
        lines = ("Instance type: Standard_DS3_v2 -> Standard_DS2_v2", "! the deployment [b]blue[/] is made again")
        return Mended(record.id, change, plan.answers, plan, lines, DIFF)

    def _resume(self, target: object, record: Any, mended: Mended, emit: Any, stop: object) -> RunFinished:
        self.resumed.append(mended)
        emit(planned(mended.plan))
        emit(Notice(run=record.id, text="Changed: the instance type"))
        end = RunFinished(run=record.id, outcome=Outcome.SUCCEEDED)
        emit(end)
        return end


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_fix_is_shown_confirmed_and_the_run_goes_on_in_place(
    tmp_path: Path, made: Made, size: tuple[int, int]
) -> None:
    flow = Failing(tmp_path, Fix("Take Standard_DS2_v2, which fits.", change=SIZE), Fix("Ask for quota.", "az x"))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        assert "1. Take Standard_DS2_v2, which fits. (enter shows the change)" in flat(app)
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, MendDialog))
        await until(app, pilot, lambda: not app.screen.query_one("#confirm", Button).disabled)
        await until(app, pilot, lambda: "-  - [red]" in screen_text(app))
        text = screen_text(app)
        assert "Instance type: Standard_DS3_v2 -> Standard_DS2_v2" in text
        assert "! the deployment [b]blue[/] is made again" in text, "text from outside is never markup"
        assert "-  - [red]numpy=1[/]" in text
        assert app.focused is app.screen.query_one("#confirm", Button)
        await pilot.press("escape")
        await until(app, pilot, lambda: isinstance(app.screen, DeployScreen))
        assert not made.resumed, "Esc leaves everything as it is"
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, MendDialog))
        await until(app, pilot, lambda: not app.screen.query_one("#confirm", Button).disabled)
        await pilot.press("enter")
        await until(app, pilot, lambda: app.wizard.progress.outcome is Outcome.SUCCEEDED)
        assert isinstance(app.screen, DeployScreen)
        await until(app, pilot, lambda: "✓ Done" in screen_text(app))
        assert [mended.change for mended in made.resumed] == [SIZE]
        assert app.wizard.run == RUN

    drive(flow, Stage.REVIEW, look, size=size)


def test_a_value_that_only_the_person_knows_is_asked_for(tmp_path: Path, made: Made) -> None:
    flow = Failing(tmp_path, Fix("Set the tag cost-center.", change=TAG))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.focused, Input))
        assert not made.shown
        await pilot.press("enter", *"4711", "enter")
        await until(app, pilot, lambda: bool(made.shown))
        assert made.shown == [Change(ChangeKind.TAG, ("cost-center=4711",))]
        await until(app, pilot, lambda: not app.screen.query_one("#confirm", Button).disabled)

    drive(flow, Stage.REVIEW, look)


def test_a_fix_that_cannot_be_says_why(tmp_path: Path, made: Made) -> None:
    flow = Failing(tmp_path, Fix("Take another size.", change=SIZE))
    made.trouble = refused("instance-type", "Standard_DS2_v2 is not listed [here].", "Take another.")

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        await pilot.press("enter")
        await until(app, pilot, lambda: "Standard_DS2_v2 is not listed [here]. Take another." in flat(app))
        assert app.screen.query_one("#confirm", Button).disabled
        await pilot.press("escape")
        await until(app, pilot, lambda: isinstance(app.screen, DeployScreen))

    drive(flow, Stage.REVIEW, look)


def test_troubleshoot_offers_the_fixes_of_the_last_run(tmp_path: Path, made: Made) -> None:
    flow = Failing(tmp_path, Fix("Ask for quota.", "az x"), Fix("Take Standard_DS2_v2.", change=SIZE))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        await pilot.press("f4")
        await until(app, pilot, lambda: isinstance(app.screen, TroubleshootScreen) and bool(app.screen.query(FixLine)))
        first, line = app.screen.query(FixLine)
        assert first.fix.change is None
        assert "2. Take Standard_DS2_v2." in flat(app), "the number that --fix knows it by"
        line.focus()
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, MendDialog))
        await until(app, pilot, lambda: not app.screen.query_one("#confirm", Button).disabled)
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, DeployScreen))
        await until(app, pilot, lambda: app.wizard.progress.outcome is Outcome.SUCCEEDED)

    drive(flow, Stage.REVIEW, look)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_review_shows_what_can_be_changed_against_a_failed_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.advice.checks = (NO_QUOTA, *CALM[1:])
    plan = msgspec.structs.replace(
        a_plan(), answers=msgspec.structs.replace(a_plan().answers, tags={"changed": "yes"}), usd_per_hour=0.085
    )
    asked: list[tuple[Change, object]] = []

    def show(_self: object, _target: object, run: str, _answers: object, change: Change, *, changed: object) -> Mended:
        asked.append((change, changed))
        return Mended(run, change, plan.answers, plan, ("Instance type: Standard_DS3_v2 -> Standard_F2s_v2",))

    monkeypatch.setattr(Fixing, "show_new", show)

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: "x repair" in screen_text(app))
        await until(app, pilot, lambda: isinstance(app.screen, ReviewScreen) and app.screen._state == "planned")
        await pilot.press("x")
        await until(app, pilot, lambda: isinstance(app.screen, Repairs) and isinstance(app.focused, FixLine))
        await until(app, pilot, lambda: "1. Quota: take Standard_F2s_v2 instead (enter shows the change)" in flat(app))
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, MendDraft))
        await until(app, pilot, lambda: not app.screen.query_one("#confirm", Button).disabled)
        assert "Instance type: Standard_DS3_v2 -> Standard_F2s_v2" in screen_text(app)
        flow.advice.checks = CALM
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, ReviewScreen))
        await until(
            app, pilot, lambda: "0.09 USD an hour" in screen_text(app) or "0.08 USD an hour" in screen_text(app)
        )
        await until(app, pilot, lambda: "x repair" not in screen_text(app))
        assert asked == [(NO_QUOTA.change, a_plan())]
        assert app.wizard.draft.tags == {"changed": "yes"}
        assert len(flow.asked) == 1, "the plan that was shown is the one that stands"
        assert not flow.runs
        await pilot.press("x")
        await until(app, pilot, lambda: "nothing that mi-tui can change" in flat(app))

    drive(flow, Stage.REVIEW, look, size=size)


def test_the_stand_ins_have_the_real_ones_shape() -> None:
    import inspect

    assert list(inspect.signature(Fixing.show).parameters) == ["self", "target", "record", "change", "waiter"]
    assert list(inspect.signature(Fixing.resume).parameters)[1:6] == ["target", "record", "mended", "emit", "stop"]
    assert issubclass(Failing, Workflow)

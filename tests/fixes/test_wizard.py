"""A fix in the wizard, against the real sandbox: the failed run's card, the dialog, and the scored answer, by keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from mi_tui.app import MiTui
from mi_tui.model.answers import Answers
from mi_tui.model.draft import Draft, Stage
from mi_tui.model.events import Outcome
from mi_tui.widgets.card import FixLine
from screens.deploy import DeployScreen
from screens.mending import MendDialog, MendDraft, Repairs
from screens.review import ReviewScreen
from tests.campaign.world import differences
from tests.e2e.conftest import environment_cache
from tests.fixes.test_fixes import answers, journey, opened_journey, own_script
from tests.scenarios.journey import Journey
from tests.screens.plans import screen_text, until

pytestmark = [pytest.mark.e2e, pytest.mark.long]

__all__ = ["environment_cache", "journey", "opened_journey"]

SECONDS = 120


def test_a_fix_by_enter_alone_ends_in_a_scored_answer(journey: Journey, tmp_path: Path) -> None:
    journey.scenario("missing-server")
    before, wanted = journey.tree(), answers(journey, tmp_path)

    asyncio.run(_by_enter(journey, wanted, lambda: None, "+name: mi-tui-scoring-2"))
    journey.down()
    assert differences(before, journey.tree()) == []


def test_a_script_that_is_mended_meanwhile_is_uploaded_by_enter_alone(journey: Journey, tmp_path: Path) -> None:
    before = journey.tree()
    wanted, script = own_script(journey, tmp_path)
    whole = script.read_text()
    script.write_text(f"{whole}\ndef init():\n    raise ValueError('on purpose')\n")
    asyncio.run(_by_enter(journey, wanted, lambda: script.write_text(whole), "~ score.py is other than it was"))
    journey.down()
    assert differences(before, journey.tree()) == []


@pytest.mark.parametrize("scenario", ["no-quota", "provider-unregistered"])
def test_a_repair_on_the_review_keeps_the_run_from_failing(journey: Journey, tmp_path: Path, scenario: str) -> None:
    journey.scenario(scenario)
    before, wanted = journey.tree(), answers(journey, tmp_path)

    async def go() -> None:
        app = MiTui(journey.workflow)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            app.wizard.target, app.wizard.draft = journey.target, Draft.of(wanted)
            app.go(Stage.REVIEW)
            await _by_keys(app, pilot)
            app.wizard.close()

    async def _by_keys(app: MiTui, pilot: Pilot[int]) -> None:
        async def sees(what: Callable[[], bool]) -> None:
            await until(app, pilot, what, SECONDS)

        await sees(lambda: app.wizard.plan is not None and not app.screen.query_one("#primary", Button).disabled)
        await sees(lambda: "checks:" in screen_text(app) and "x repair" in " ".join(screen_text(app).split()))
        await pilot.press("x")
        await sees(lambda: isinstance(app.screen, Repairs) and isinstance(app.focused, FixLine))
        await pilot.press("enter")
        await sees(lambda: isinstance(app.screen, MendDraft) and not app.screen.query_one("#confirm", Button).disabled)
        await pilot.press("enter")
        await sees(lambda: isinstance(app.screen, ReviewScreen) and not app.screen._checking.running)
        assert not app.screen._checking.failed, app.screen._checking.failed  # type: ignore[attr-defined]
        assert journey.tree() == before, "nothing was made yet"
        app.screen.query_one("#primary", Button).focus()
        await pilot.press("enter")
        await sees(lambda: app.wizard.progress.outcome is Outcome.SUCCEEDED)
        journey.runs.append(app.wizard.run)

    asyncio.run(go())
    journey.down()
    assert differences(before, journey.tree()) == []


async def _by_enter(journey: Journey, wanted: Answers, mend: Callable[[], object], says: str) -> None:
    """A run that fails, what the person does then, and the first fix."""
    app = MiTui(journey.workflow)
    async with app.run_test(size=(80, 24)) as pilot:

        async def sees(what: Callable[[], bool]) -> None:
            await until(app, pilot, what, SECONDS)

        await pilot.pause()
        app.wizard.target, app.wizard.draft = journey.target, Draft.of(wanted)
        app.go(Stage.REVIEW)
        await sees(lambda: app.wizard.plan is not None and not app.screen.query_one("#primary", Button).disabled)
        app.screen.query_one("#primary", Button).focus()
        await pilot.press("enter")
        await sees(lambda: isinstance(app.screen, DeployScreen) and isinstance(app.focused, FixLine))
        assert "enter shows the change" in screen_text(app)
        mend()
        await pilot.press("enter")
        await sees(lambda: isinstance(app.screen, MendDialog) and not app.screen.query_one("#confirm", Button).disabled)
        assert says in screen_text(app)
        await pilot.press("enter")
        await sees(lambda: app.wizard.progress.outcome is Outcome.SUCCEEDED)
        journey.runs.append(app.wizard.run)
        app.wizard.close()

"""A sign-in that ends in the middle of a run: the dialog comes up on whatever step is shown, and the run goes on or is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mi_tui.app import MiTui
from mi_tui.model import events
from mi_tui.model.draft import Stage
from mi_tui.model.events import Outcome, RunFinished
from mi_tui.model.failure import Failure
from mi_tui.workflow import Stop
from screens.signin_again import SignInAgain
from screens.signin_question import ask_in
from tests.screens.plans import RUN, Scripted, a_plan, drive, planned, screen_text, until

ENDED = Failure("AADSTS700082", "The sign-in has expired: it was not used for a long time.")


class Asking(Scripted):
    """A run that asks for a new sign-in, and ends with whether there was one."""

    answers: list[bool]

    def up(self, target: Any, run: str, plan: Any, emit: Any, stop: Stop, **_: Any) -> RunFinished:
        emit(planned(plan))
        self.answers = [target.ask_sign_in(ENDED, stop)]
        outcome = Outcome.SUCCEEDED if self.answers[0] else Outcome.LEFT_RUNNING
        end = RunFinished(run=run, outcome=outcome, response=events.now())
        emit(end)
        return end


@pytest.mark.parametrize("stage", [Stage.DEPLOY, Stage.STORAGE])
def test_the_run_goes_on_after_a_new_sign_in(tmp_path: Path, stage: Stage) -> None:
    flow = Asking(tmp_path, a_plan())

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        begin(app)
        await until(app, pilot, lambda: isinstance(app.screen, SignInAgain))
        await until(app, pilot, lambda: "AADSTS700082" in screen_text(app))
        text = screen_text(app)
        assert "az login" in text
        assert f"mi-tui resume {RUN}" in text
        await pilot.press("enter")
        await until(app, pilot, lambda: app.wizard.progress.outcome is Outcome.SUCCEEDED)
        assert flow.answers == [True]
        assert not isinstance(app.screen, SignInAgain)

    drive(flow, stage, journey)


def test_who_leaves_it_leaves_the_run_resumable(tmp_path: Path) -> None:
    flow = Asking(tmp_path, a_plan())

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        begin(app)
        await until(app, pilot, lambda: isinstance(app.screen, SignInAgain))
        await pilot.press("escape")
        await until(app, pilot, lambda: app.wizard.progress.outcome is Outcome.LEFT_RUNNING)
        assert flow.answers == [False]
        assert not isinstance(app.screen, SignInAgain)

    drive(flow, Stage.DEPLOY, journey)


def begin(app: MiTui) -> None:
    """Begin the run as the review does."""
    assert app.wizard.target is not None
    ask_in(app.wizard.target, app.wizard.questions.append)
    app.wizard.run, app.wizard.plan = RUN, a_plan()
    app.wizard.deploy()

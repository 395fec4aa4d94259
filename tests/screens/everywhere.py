"""Every step in a canned world, one after the other in one App: for what must be so on all of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mi_tui.app import MiTui
from mi_tui.model.events import Outcome, RunFinished, StepFailed
from mi_tui.model.stage import Stage
from screens.base import WizardScreen
from screens.themes import DARK
from tests.screens.asking import account, identity
from tests.screens.ended import RUN
from tests.screens.plans import a_plan
from tests.screens.snapshots.camera import Camera, Size
from tests.screens.snapshots.running import EARLY, FAILURE, LATER, LOG, MISSING, TITLES, logged, play
from tests.screens.snapshots.still import a_draft, stand_still
from tests.screens.snapshots.world import Canned, Things, enter

Look = Callable[[Camera, MiTui, WizardScreen], Awaitable[None]]


def visit(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    look: Look,
    *,
    size: Size = (80, 24),
    stages: tuple[Stage, ...] = tuple(Stage),
    theme: str = DARK.name,
    things: Things | None = None,
) -> None:
    """Go to each stage, with a run that failed in the middle, and look."""
    clock = stand_still(monkeypatch, folder)
    things = things or Things(
        identities=[identity("id-shared")],
        accounts=[account("stdata", "rg-data", shared_keys=False)],
        inside={"stdata": {"inputs": ["hello.txt"]}},
    )

    async def go() -> None:
        camera = Camera(size, folder, clock)
        plan = a_plan()
        async with camera.open(
            Canned(folder / "home", things, plan, target="azure"), draft=a_draft(), theme=theme
        ) as app:
            for stage in stages:
                enter(app)
                app.wizard.run, app.wizard.cleaning = RUN, False
                if stage is Stage.DEPLOY:
                    over = threading.Event()
                    failed = StepFailed(
                        run=RUN, step="deployment", title=TITLES["deployment"], failure=FAILURE, seconds=312
                    )
                    ended = RunFinished(run=RUN, outcome=Outcome.FAILED, failure=FAILURE, missing_grants=(MISSING,))
                    play(camera, app, plan, (*EARLY, *LATER, *logged(LOG), failed, ended), over)
                    over.set()
                    app.wizard.last_failure = FAILURE
                screen = await camera.go(stage)
                await camera.still()
                await look(camera, app, screen)

    asyncio.run(go())

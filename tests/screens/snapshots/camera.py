"""Opens the App in a canned world, brings it into a state, waits until nothing moves, and takes the picture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from mi_tui.app import MiTui
from mi_tui.model.draft import Draft, Stage
from mi_tui.widgets.section import Section
from mi_tui.workflow import Workflow
from screens import themes
from screens.base import WizardScreen
from tests.screens.snapshots.still import Clock
from tests.screens.snapshots.svg import picture, rows_of

Size = tuple[int, int]
_STILL = 2
"""For how many looks in a row nothing may have moved; in between, all that ticks has ticked."""

Scene = Callable[["Camera"], Awaitable[None]]


class Camera:
    """What a scene works with. `pictures` are the states that were taken: name -> SVG."""

    app: MiTui
    pilot: Pilot[int]

    def __init__(self, size: Size, folder: Path, clock: Clock) -> None:
        self.size = size
        self.folder = folder
        self.clock = clock
        self.pictures: dict[str, str] = {}

    @asynccontextmanager
    async def open(
        self,
        workflow: Workflow,
        stage: Stage | None = None,
        *,
        draft: Draft | None = None,
        theme: str = themes.DARK.name,
    ) -> AsyncIterator[MiTui]:
        """The App in a world, at a stage."""
        app = MiTui(workflow)
        app.theme = theme
        app.animation_level = "none"
        async with app.run_test(size=self.size, notifications=True) as pilot:
            self.app, self.pilot = app, pilot
            await pilot.pause()
            app.wizard.draft = draft or app.wizard.draft
            if stage is not None:
                await self.go(stage)
            try:
                yield app
            finally:
                app.wizard.close()

    async def go(self, stage: Stage) -> WizardScreen:
        """Show a stage."""
        self.app.go(stage)
        await self.until(lambda: isinstance(self.app.screen, WizardScreen) and self.app.screen.STAGE is stage)
        await self.pilot.pause()
        screen = self.app.screen
        assert isinstance(screen, WizardScreen)
        return screen

    def words(self) -> str:
        """What can be read now."""
        return "\n".join("".join(segment.text for segment in row) for row in rows_of(self.app))

    async def sees(self, words: str) -> None:
        """Wait until the words are there; across a line's end they would not be found."""
        await self.until(lambda: words in self.words())

    async def until(self, so: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something is so; the test fails when it never is."""
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, f"it never came to be:\n{self.words()}"
            await asyncio.sleep(0.05)

    async def take(self, state: str, words: str = "") -> None:
        """Take the picture, once `words` are there and nothing has moved for a moment."""
        if words:
            await self.sees(words)
        await self.still()
        await self._scroll()
        assert state not in self.pictures
        self.pictures[state] = picture(self.app)

    async def _scroll(self) -> None:
        """Where a step is scrolled to depends on what came first; here the beginning shows, or what has the focus."""
        screen, focused = self.app.screen, self.app.focused
        for main in screen.query("WizardScreen > #body > #main"):
            if main.max_scroll_y:
                main.scroll_to(0, 0, animate=False, force=True, immediate=True)
                if focused is not None and main in focused.ancestors:
                    screen.scroll_to_widget(focused, animate=False, force=True)
                await self.pilot.pause(0.1)

    async def unfold(self, section: str) -> None:
        """Open a row of the step, once the step stands still: where the screen scrolls to depends on what is there."""
        await self.still()
        self.app.screen.query_one(section, Section).open()

    async def still(self) -> None:
        """Wait until nothing has moved for a moment."""
        for part in (*self.app.screen.query(Input), *self.app.screen.query(TextArea)):
            part.cursor_blink = False
        still, before, end = 0, rows_of(self.app), time.monotonic() + 20
        while still < _STILL:
            assert time.monotonic() < end, f"it never stood still:\n{self.words()}"
            await self.pilot.pause(0.12)
            now = rows_of(self.app)
            still = still + 1 if now == before and not self.app.screen.query("Button.-active") else 0
            before = now

"""The command palette: what can be done depends on the screen that it was opened from."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mi_tui.model.stage import Stage
from screens.palette import Commands
from tests.screens.asking import app_at, show


def test_the_palette_has_what_can_be_done_on_each_screen(tmp_path: Path) -> None:
    async def names(stage: Stage | None) -> set[str]:
        app = app_at(stage or Stage.WELCOME, tmp_path)
        async with app.run_test(size=(100, 30)) as pilot:
            if stage is None:
                await pilot.press("f4")
            else:
                await show(pilot, stage)
            await pilot.pause()
            provider = Commands(app.screen)
            return {str(hit.prompt) async for hit in provider.discover()}

    review, deploy, trouble = (asyncio.run(names(stage)) for stage in (Stage.REVIEW, Stage.DEPLOY, None))
    assert "By hand (c)" in review
    assert "By hand (c)" not in deploy
    assert "Follow (f)" in deploy
    assert {"Raw error (r)", "Copy all (y)"} <= trouble
    assert not any(name.startswith(("Go to", "Next")) for name in trouble)

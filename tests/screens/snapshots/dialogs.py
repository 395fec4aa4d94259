"""Scenes of what stands over a step: help, keys, files, the palette, a notification."""

from __future__ import annotations

from textual.widgets import Input

from mi_tui.model.draft import Draft, Stage
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.still import a_draft
from tests.screens.snapshots.world import Canned, enter


async def dialogs(camera: Camera) -> None:
    """Over the Identity and the Endpoint step."""
    async with camera.open(Canned(camera.folder / "home"), draft=a_draft()) as app:
        enter(app)
        await camera.go(Stage.IDENTITY)
        app.screen.query_one("#kind").focus()
        await camera.pilot.press("f1")
        await camera.take("explain")
        await camera.pilot.press("escape", "question_mark")
        await camera.take("keys")
        await camera.pilot.press("escape", "ctrl+o")
        await camera.take("open")
        bad = camera.folder / "bad.yaml"
        bad.write_text("workspace:\n  subscriptoin: x\nstorage: 3\n")
        app.screen.query_one("#path", Input).value = "bad.yaml"
        await camera.pilot.press("enter")
        await camera.take("open-faults", "line 2")
        await camera.pilot.press("escape", "ctrl+s")
        await camera.take("save")
        await camera.pilot.press("escape")
        app.notify("Copied the endpoint's address.", markup=False)
        await camera.take("notification", "Copied the")
        app.clear_notifications()
        await camera.pilot.press("ctrl+p")
        await camera.take("palette", "Next (ctrl+n)")
        await camera.pilot.press("escape")
        app.wizard.draft = Draft()
        await camera.pilot.press("ctrl+s", "enter")
        await camera.take("save-faults", "not complete yet")

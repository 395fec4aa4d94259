"""What must be so on every step: Tab reaches all in order, F1 explains each, ids can be masked, any size will do, the cursor follows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widget import Widget
from textual.widgets import Button

from mi_tui.app import MiTui
from mi_tui.model.explain import explained
from mi_tui.model.stage import Stage
from mi_tui.widgets.section import Section
from screens.base import WITH_HELP, WizardScreen
from screens.help import explanation
from tests.screens.everywhere import visit
from tests.screens.snapshots.camera import Camera

GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
SIZES = ((60, 15), (30, 8), (200, 50), (12, 4), (80, 24))


def chain(screen: WizardScreen) -> list[Widget]:
    return [part for part in screen.focus_chain if part.display and not part.disabled]


async def unfold(camera: Camera, screen: WizardScreen) -> None:
    """Open the first row of the step, where it has any."""
    for section in screen.query(Section):
        if section.display:
            section.open()
            await camera.still()
            return


def test_tab_reaches_everything_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        await unfold(camera, screen)
        wanted = chain(screen)
        screen.set_focus(wanted[0])
        seen: list[Widget] = []
        for _ in wanted:
            await camera.pilot.pause()
            assert app.focused is not None
            seen.append(app.focused)
            await camera.pilot.press("tab")
        assert seen == wanted, f"{screen.STAGE}: Tab left something out, or went astray"
        assert app.focused is wanted[0], f"{screen.STAGE}: Tab does not come back to the beginning"
        assert {
            part for part in screen.query("Button, Input, TextArea, Select") if part.focusable and part.is_on_screen
        } <= set(seen)
        await camera.pilot.press("shift+tab")
        assert app.focused is wanted[-1]

    visit(tmp_path, monkeypatch, look)


def test_f1_explains_each_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        await unfold(camera, screen)
        for part in chain(screen):
            title, paragraphs = explanation(part, screen)
            assert title != "mi-tui"
            assert paragraphs
            names = [
                name
                for node in part.ancestors_with_self
                if node is not screen
                for name in (getattr(node, "explain", ""), node.id)
            ]
            # The primary button is explained by its step: it says where the step leads.
            own = part.id == "primary" or any(name and explained(str(name)) for name in names)
            assert own, f"{screen.STAGE}: {part} has no explanation of its own, only its step's"
        screen.set_focus(chain(screen)[0])
        title, _ = explanation(app.focused, screen)
        await camera.pilot.press("f1")
        await camera.sees(title)
        await camera.pilot.press("escape")

    visit(tmp_path, monkeypatch, look)


def test_ids_are_masked_on_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: set[Stage] = set()

    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        if GUID.search(camera.words()) or "you@contoso" in camera.words():
            shown.add(screen.STAGE)
        await camera.pilot.press("f2")
        for key in ("", "c", "d", "r", "l"):  # the commands, details, raw error and log of Review and Deploy
            if key and screen.STAGE in {Stage.REVIEW, Stage.DEPLOY}:
                await camera.pilot.press(key)
            await camera.still()
            words = camera.words()
            found = GUID.search(words)
            assert found is None, f"{screen.STAGE}, {key or 'at first'}: {found} is not masked"
            assert "you@contoso" not in words
        await camera.pilot.press("f2")
        await camera.still()

    visit(tmp_path, monkeypatch, look, size=(120, 40))
    assert shown >= {Stage.WORKSPACE, Stage.DEPLOY, Stage.ENDPOINT}, "there is something to be masked"


@pytest.mark.long
def test_any_size_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        for size in SIZES:
            await camera.pilot.resize_terminal(*size)
            await camera.pilot.pause(0.1)
            assert app.screen is screen
            if size == (60, 15):
                words = camera.words()
                primary = screen.query_one("#primary", Button)
                assert not primary.display or str(primary.label) in words, f"{screen.STAGE}:\n{words}"
                main = screen.query_one("#main")
                assert main.region.height >= 7, f"{screen.STAGE}: hardly room for the step itself:\n{words}"

    visit(tmp_path, monkeypatch, look)


def test_on_a_wide_screen_the_help_stays_open_and_follows_the_focus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        await camera.until(lambda: bool(screen.query("#help")))
        for part in chain(screen)[:3]:
            screen.set_focus(part)
            title, _ = explanation(part, screen)
            await camera.until(lambda title=title: str(screen.query_one("#help-title").render()) == title)
        await camera.pilot.resize_terminal(WITH_HELP - 1, 40)
        await camera.until(lambda: not screen.query_one("#help").display)
        await camera.pilot.resize_terminal(160, 40)
        await camera.until(lambda: bool(screen.query_one("#help").display))

    visit(tmp_path, monkeypatch, look, size=(160, 40))


def test_the_cursor_stands_at_what_has_the_focus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        await unfold(camera, screen)
        places = set()
        for part in chain(screen):
            screen.set_focus(part)
            await camera.pilot.pause()
            place = app.cursor_position
            places.add(place)
            assert part.region.contains_point(place), (
                f"{screen.STAGE}: {part} is at {part.region}, the cursor at {place}"
            )
        assert len(places) > len(chain(screen)) // 2, (
            "it moves with the focus; a step that scrolls may bring two to one place"
        )

    visit(tmp_path, monkeypatch, look)

"""Contrast as it is drawn: on every step, in the dark and the light theme, each text stands out from what is behind it (WCAG 2.1, AA: 4.5)."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from mi_tui.app import MiTui
from screens.base import WizardScreen
from screens.themes import DARK, LIGHT
from tests.screens.everywhere import visit
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.svg import look_of, rows_of
from tests.screens.test_everywhere import unfold
from tests.screens.test_themes import ratio


def worded(text: str) -> bool:
    """Whether there are words or numbers in it; lines and blocks need less."""
    return any(unicodedata.category(sign)[0] in "LN" for sign in text)


def faint(app: MiTui) -> set[str]:
    """The texts of the topmost screen that stand out too little, each with its colours."""
    found = set()
    for row in rows_of(app):
        for text, style, _ in row:
            if style is not None and worded(text):
                ink, paper, _ = look_of(style)
                if (had := ratio(f"#{ink}", f"#{paper}")) < 4.5:
                    found.add(f"{text.strip()!r}: #{ink} on #{paper}, {had:.1f}")
    return found


@pytest.mark.parametrize("theme", [DARK.name, pytest.param(LIGHT.name, marks=pytest.mark.long)])
def test_every_text_can_be_read(theme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: dict[str, set[str]] = {}

    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        await unfold(camera, screen)
        for number, part in enumerate(screen.focus_chain):
            screen.set_focus(part)
            await camera.pilot.pause()
            if texts := faint(app):
                wrong.setdefault(f"{screen.STAGE}, focus {number}: {part}", set()).update(texts)
        app.notify("Copied.", markup=False)
        await camera.pilot.pause(0.1)
        if texts := faint(app):
            wrong.setdefault(f"{screen.STAGE}, notification", set()).update(texts)
        app.clear_notifications()

    visit(tmp_path, monkeypatch, look, theme=theme)
    assert not wrong, "\n".join(f"{where}: {', '.join(sorted(texts))}" for where, texts in wrong.items())

"""The line of keys at the bottom, and the line at the top: what stands in them, what a click does, what has to go where there is no room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mi_tui.model.stage import Stage
from mi_tui.widgets.head import Head
from mi_tui.widgets.keybar import KeyBar
from tests.screens.asking import app_at, show


def text(widget: KeyBar | Head) -> str:
    return "".join(segment.text for segment in widget.render_line(0))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_keys_that_fit_stand_in_one_line_and_quit_at_its_end(tmp_path: Path, width: int) -> None:
    async def play() -> str:
        app = app_at(Stage.REVIEW, tmp_path)
        async with app.run_test(size=(width, 24)) as pilot:
            await show(pilot, Stage.REVIEW)
            return text(app.screen.query_one(KeyBar))

    line = asyncio.run(play())
    assert len(line) == width
    assert line.rstrip().endswith("quit")
    assert "esc back" in line
    assert "? keys" in line
    assert ("ctrl+p commands" in line) == (width >= 120)


def test_a_click_on_a_key_is_the_key_pressed(tmp_path: Path) -> None:
    async def play() -> tuple[str, str]:
        app = app_at(Stage.IDENTITY, tmp_path)
        async with app.run_test(size=(100, 30)) as pilot:
            await show(pilot, Stage.IDENTITY)
            bar = app.screen.query_one(KeyBar)
            await pilot.click(bar, offset=(text(bar).index("f1"), 0))
            await pilot.pause()
            explained = type(app.screen).__name__
            await pilot.press("escape")
            await pilot.hover(bar, offset=(text(bar).index("f1"), 0))
            return explained, str(bar.tooltip)

    explained, tip = asyncio.run(play())
    assert explained == "Explain"
    assert "Explain what has the focus" in tip


def test_who_is_signed_in_takes_the_headlines_room_and_acts_as_nothing(tmp_path: Path) -> None:
    async def play(width: int) -> str:
        app = app_at(Stage.IDENTITY, tmp_path)
        app.wizard.who = "azure · [bold]you\x1b]52;c;AAAA\x07@contoso.example · my subscription"
        async with app.run_test(size=(width, 24)) as pilot:
            await show(pilot, Stage.IDENTITY)
            return text(app.screen.query_one(Head))

    wide, narrow = asyncio.run(play(140)), asyncio.run(play(80))
    assert "Deploy an endpoint" in wide
    assert "[bold]you@contoso.example" in wide
    assert "Deploy an endpoint" not in narrow
    assert narrow.rstrip().endswith("my subscription")


@pytest.mark.parametrize(("terminal", "panel"), [("xterm-256color", "#202836"), ("linux", None)])
def test_the_first_frame_has_the_colours_of_the_theme_that_suits_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: str, panel: str | None
) -> None:
    async def play() -> str | None:
        app = app_at(Stage.WELCOME, tmp_path)
        async with app.run_test(size=(80, 24)):
            style = next(iter(app.screen.query_one(Head).render_line(0))).style
            assert style is not None
            assert style.bgcolor is not None
            return style.bgcolor.get_truecolor().hex if style.bgcolor.triplet else None

    monkeypatch.setenv("TERM", terminal)
    monkeypatch.delenv("COLORTERM", raising=False)
    assert asyncio.run(play()) == panel

"""Contrast of the themes, as WCAG 2.1 computes it."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from screens.themes import ALL, DARK, LIGHT, SIXTEEN, after, suited

INK = ("foreground", "success", "warning", "error", "accent", "text-muted", "foreground-muted", "text-warning",
       "text-error", "text-success", "text-accent", "footer-key-foreground", "footer-description-foreground")  # fmt: skip
PAPER = ("background", "surface", "panel")
BUTTONS = ("primary", "success", "warning", "error")


def luminance(color: Color) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)


def ratio(one: str, other: str) -> float:
    high, low = sorted((luminance(Color.parse(one)), luminance(Color.parse(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_ratio_is_that_of_the_standard() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("paper", PAPER)
@pytest.mark.parametrize("ink", INK)
def test_text_can_be_read(theme: Theme, ink: str, paper: str) -> None:
    colors = theme.to_color_system().generate()
    assert ratio(colors[ink], colors[paper]) >= 4.5, f"{colors[ink]} on {colors[paper]}"


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("paper", BUTTONS)
def test_buttons_and_the_row_under_the_cursor_can_be_read(theme: Theme, paper: str) -> None:
    colors = theme.to_color_system().generate()
    assert ratio(colors["button-color-foreground"], colors[paper]) >= 4.5
    assert ratio(colors["block-cursor-foreground"], colors["block-cursor-background"]) >= 4.5


def test_the_theme_of_sixteen_colours_uses_the_terminals_own() -> None:
    assert SIXTEEN.ansi
    named = (SIXTEEN.primary, SIXTEEN.success, SIXTEEN.warning, SIXTEEN.error, SIXTEEN.accent, SIXTEEN.background)
    assert all(str(color).startswith("ansi_") for color in named)


def test_f3_goes_round_through_all() -> None:
    seen = [DARK.name]
    while (following := after(seen[-1])) not in seen:
        seen.append(following)
    assert seen == [theme.name for theme in ALL]
    assert following == DARK.name
    assert after("nord") == DARK.name


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, DARK.name),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, DARK.name),
        ({"TERM": "linux"}, SIXTEEN.name),
        ({"TERM": "xterm"}, SIXTEEN.name),
        ({}, DARK.name),
    ],
)
def test_the_first_theme_suits_the_terminal(environ: dict[str, str], name: str) -> None:
    assert suited(environ) == name

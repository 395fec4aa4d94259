"""The themes: dark, light, and one for terminals with 16 colours. Each colour is a role and keeps a contrast of 4.5 (WCAG AA)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from textual.app import App
from textual.filter import Monochrome, NoColor
from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="mi-dark",
    primary="#7ab8ff",
    secondary="#9fb4d0",
    accent="#8fc7ff",
    success="#7fe0a3",
    warning="#f3c56b",
    error="#ff9a94",
    foreground="#e7ebf2",
    background="#10141b",
    surface="#171d27",
    panel="#202836",
    dark=True,
    variables={
        "text-muted": "#a3aec0",
        "foreground-muted": "#a3aec0",
        "text-disabled": "#8c98ac",
        "foreground-disabled": "#8c98ac",
        "scrollbar": "#3b4a63",
        "scrollbar-background": "#171d27",
        "scrollbar-corner-color": "#171d27",
        "text-warning": "#f3c56b",
        "text-error": "#ff9a94",
        "text-success": "#7fe0a3",
        "text-accent": "#8fc7ff",
        "button-color-foreground": "#0b1019",
        "block-cursor-foreground": "#0b1019",
        "block-cursor-blurred-background": "#26344a",
        "footer-key-foreground": "#8fc7ff",
        "footer-description-foreground": "#c6cedb",
    },
)

LIGHT = Theme(
    name="mi-light",
    primary="#0b57b0",
    secondary="#44566c",
    accent="#0a559f",
    success="#12602f",
    warning="#7d4400",
    error="#a8201a",
    foreground="#18202c",
    background="#fcfcfe",
    surface="#f1f4f9",
    panel="#e3e8f1",
    dark=False,
    variables={
        "text-muted": "#475163",
        "foreground-muted": "#475163",
        "text-disabled": "#5b6575",
        "foreground-disabled": "#5b6575",
        "scrollbar": "#8fa3c0",
        "scrollbar-background": "#e3e8f1",
        "scrollbar-corner-color": "#e3e8f1",
        "text-warning": "#7d4400",
        "text-error": "#a8201a",
        "text-success": "#12602f",
        "text-accent": "#0a559f",
        "button-color-foreground": "#ffffff",
        "block-cursor-foreground": "#ffffff",
        "footer-key-foreground": "#0a559f",
        "footer-description-foreground": "#2c3646",
    },
)

SIXTEEN = replace(BUILTIN_THEMES["ansi-dark"], name="mi-16")
"""The terminal's own colours, so that they are the person's."""

ALL = (DARK, LIGHT, SIXTEEN)


def install(app: App[int]) -> None:
    """Make the themes known, and take the one that suits the terminal."""
    for theme in ALL:
        app.register_theme(theme)
    name = suited(os.environ)
    if name == DARK.name:
        # Setting it the usual way has every style sheet parsed a second time before the first paint.
        app.set_reactive(App.theme, name)
        app.stylesheet.set_variables(app.get_css_variables())
    else:
        app.theme = name
    if app.no_color:
        # Textual chose greys, going by the theme it began with.
        app._filters = [known for known in app._filters if not isinstance(known, Monochrome)] + [NoColor()]


def suited(environ: Mapping[str, str]) -> str:
    """The theme to begin with: the dark one, or that of 16 colours where the terminal names no more, or where `NO_COLOR` wants none:
    Textual then takes out what colours are left, and weight, underline and marks remain (no-color.org)."""
    if environ.get("NO_COLOR"):
        return SIXTEEN.name
    term = environ.get("TERM", "")
    known = environ.get("COLORTERM") or "WT_SESSION" in environ or not term
    few = term in {"linux", "xterm", "vt100", "vt220", "ansi", "screen", "xterm-16color"}
    return SIXTEEN.name if few and not known else DARK.name


def after(theme: str) -> str:
    """The theme after this one."""
    order = [known.name for known in ALL]
    return order[(order.index(theme) + 1) % len(order)] if theme in order else order[0]

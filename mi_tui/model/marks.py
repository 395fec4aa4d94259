"""Marks of states and actions: one sign each, always shown with a word; and their twins for terminals without Unicode."""

from __future__ import annotations

import os
import sys

_UNICODE = {
    "done": "✓",
    "running": "◐",
    "waiting": "○",
    "warning": "▲",
    "failed": "✗",
    "skipped": "–",
    "left": "–",
    "open": "╭",
    "bar": "│",
    "close": "╰",
    "under": "└",
    "dots": "…",
    "point": "·",
    "to": "→",
}
_ASCII = {
    "done": "+",
    "running": "*",
    "waiting": ".",
    "warning": "!",
    "failed": "x",
    "skipped": "-",
    "left": "-",
    "open": "/",
    "bar": "|",
    "close": "\\",
    "under": "`",
    "dots": "...",
    "point": "-",
    "to": "->",
}


def unicode_works() -> bool:
    """Whether the terminal can be trusted with the marks: a UTF encoding, and not the kernel's own console."""
    stream = sys.__stdout__
    encoding = (getattr(stream, "encoding", None) or "ascii").lower()
    return encoding.startswith("utf") and os.environ.get("TERM") != "linux"


def marks(*, unicode: bool | None = None) -> dict[str, str]:
    """The marks by state; None looks at the terminal."""
    return _UNICODE if (unicode_works() if unicode is None else unicode) else _ASCII

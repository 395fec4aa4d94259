"""Text from outside is data: its control characters are shown, never interpreted."""

from __future__ import annotations

import codecs
import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with terminal escape sequences taken out and every other control character shown as `\\xNN`.

    Line ends are shown too, unless `lines` keeps them. Tabs become spaces.
    """
    cleaned = _ESCAPES.sub("", text).expandtabs(4)
    if not lines:
        cleaned = cleaned.replace("\n", "\\n")
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", cleaned)


def decoded(data: bytes) -> str:
    """Bytes from outside as text: UTF-8, or UTF-16 as Windows PowerShell writes what is redirected into a file. What is neither is shown so."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    beginning = data[:2_000]
    if 3 * beginning.count(0) > len(beginning):
        return data.decode("utf-16-le" if beginning[1:2] == b"\0" else "utf-16-be", "replace")
    return data.decode("utf-8-sig", "replace")


def cut(text: str, limit: int) -> str:
    """The first `limit` characters, and how many more there are: a line of a megabyte would hold the screen up. All of it where that is
    no longer."""
    short = f"{text[:limit]} … ({len(text) - limit:,} more characters)"
    return short if len(short) < len(text) else text


def clock(seconds: float) -> str:
    """A duration as m:ss, or h:mm:ss from an hour on."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


_GUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b|…)")


def masked(text: str) -> str:
    """`text` with every GUID (subscription, tenant, object ids; also one cut to its beginning) and every sign-in name masked, to be shown to a room."""
    return re.sub(r"\b[\w.+-]+@[\w.-]+\b", "•••@•••", _GUID.sub("••••••••-••••", text))

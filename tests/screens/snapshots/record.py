"""Plays the scenes, compares their pictures with the recorded ones, and records them anew."""

from __future__ import annotations

import asyncio
import difflib
from pathlib import Path

import pytest

from tests.screens.snapshots.camera import Camera, Size
from tests.screens.snapshots.scenes import SCENES
from tests.screens.snapshots.still import stand_still
from tests.screens.snapshots.svg import differing, text_of

PICTURES = Path(__file__).parent / "pictures"
NEW = Path(__file__).resolve().parents[3] / "snapshots-new"
"""Where what looks different is put: the picture as it is now, and what is different as text."""

SIZES: tuple[Size, ...] = ((80, 24), (120, 40))


def name_of(scene: str, state: str, size: Size) -> str:
    """The picture's file."""
    return f"{scene}-{state}-{size[0]}x{size[1]}.svg"


def look(scene: str, size: Size, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a scene; the test fails with what looks different."""
    pictures = film(scene, size, folder, monkeypatch)
    differences = [compare(name_of(scene, state, size), svg) for state, svg in pictures.items()]
    if found := [words for words in differences if words]:
        pytest.fail("\n\n".join((*found, f"What it looks like now: {NEW}")), pytrace=False)


def film(scene: str, size: Size, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Play a scene in a folder of its own: state -> SVG."""
    folder.mkdir(parents=True)
    camera = Camera(size, folder, stand_still(monkeypatch, folder))
    asyncio.run(SCENES[scene].play(camera))
    return camera.pictures


def compare(name: str, svg: str) -> str:
    """What is different from the recorded picture, in words; empty when nothing is. The new one is written into `NEW`."""
    recorded = PICTURES / name
    before = recorded.read_text("utf-8") if recorded.exists() else ""
    if before == svg:
        return ""
    NEW.mkdir(parents=True, exist_ok=True)
    (NEW / name).write_text(svg, "utf-8")
    old, new = text_of(before), text_of(svg)
    lines = list(difflib.unified_diff(old, new, f"recorded {name}", f"now {name}", lineterm="", n=1))
    if not before:
        lines = [f"{name} was not recorded yet."]
    elif old == new:
        rows = ", ".join(str(row + 1) for row in differing(before, svg))
        lines = [f"{name}: the same words in other colours, in rows {rows or 'none: the styles alone differ'}"]
    words = "\n".join(lines)
    (NEW / f"{name}.diff").write_text(f"{words}\n", "utf-8")
    return words

"""Where the recordings and Microsoft's OpenAPI files are: outside the repository, never copied into it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.conformance.exchange import Exchange, recorded

VARIABLE = "MI_TUI_AZURE_MATERIAL"
"""Names the folder with `recordings/` and `specs/`; otherwise `../shared/azure` beside the checkout is looked for."""


def folder() -> Path | None:
    """The folder with `recordings/` and `specs/`, or None."""
    given = os.environ.get(VARIABLE)
    place = Path(given) if given else Path(__file__).resolve().parents[2].parent / "shared" / "azure"
    return place if (place / "recordings").is_dir() and (place / "specs").is_dir() else None


def missing() -> str:
    """Why the comparison cannot be made."""
    return (
        "Azure's recorded answers and OpenAPI files are not here: they are looked for in ../shared/azure beside the checkout, "
        f"or in the folder that {VARIABLE} names."
    )


def recordings(place: Path) -> list[Exchange]:
    """Every recorded exchange."""
    return [
        recorded(entry)
        for file in sorted((place / "recordings").glob("*.json"))
        for entry in json.loads(file.read_text("utf-8"))
    ]

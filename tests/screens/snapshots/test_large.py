"""Each screen looks as it did at 120x40. Where that is meant to change: `python -m tests.screens.snapshots`, and look at what it recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.screens.snapshots.record import look
from tests.screens.snapshots.scenes import SCENES


@pytest.mark.parametrize("scene", [name for name, take in SCENES.items() if (120, 40) in take.sizes])
def test_it_looks_as_it_did(scene: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look(scene, (120, 40), tmp_path / "world", monkeypatch)

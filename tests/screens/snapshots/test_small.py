"""Each screen looks as it did at 80x24. Where that is meant to change: `python -m tests.screens.snapshots`, and look at what it recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.screens.snapshots.record import PICTURES, look
from tests.screens.snapshots.scenes import SCENES


@pytest.mark.parametrize("scene", [name for name, take in SCENES.items() if (80, 24) in take.sizes])
def test_it_looks_as_it_did(scene: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look(scene, (80, 24), tmp_path / "world", monkeypatch)


def test_no_picture_is_left_over() -> None:
    strays = [
        path.name for path in PICTURES.glob("*.svg") if not any(path.name.startswith(f"{scene}-") for scene in SCENES)
    ]
    assert strays == []

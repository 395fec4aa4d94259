"""Record the pictures: `python -m tests.screens.snapshots [SCENE ...]`. Says which are new or look different; look at those.

With `--png FOLDER` it records nothing and writes what it would into the folder, as PNG too where `rsvg-convert` is installed."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.screens.snapshots.record import PICTURES, SIZES, film, name_of
from tests.screens.snapshots.scenes import SCENES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screens.snapshots", description=__doc__)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"one of: {', '.join(SCENES)} (default: all)")
    parser.add_argument(
        "--png", metavar="FOLDER", type=Path, help="record nothing; write pictures to look at into FOLDER"
    )
    asked = parser.parse_args()
    if unknown := set(asked.scenes) - set(SCENES):
        parser.error(f"there is no scene {', '.join(sorted(unknown))}")
    target: Path = asked.png or PICTURES
    target.mkdir(parents=True, exist_ok=True)
    written: set[Path] = set()
    for scene in asked.scenes or SCENES:
        for size in SIZES:
            if size not in SCENES[scene].sizes:
                continue
            with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
                pictures = film(scene, size, Path(folder) / "world", patch)
            for state, svg in pictures.items():
                path = target / name_of(scene, state, size)
                written.add(path)
                if not path.exists() or path.read_text("utf-8") != svg:
                    sys.stdout.write(f"{'changed' if path.exists() else 'new'}: {path}\n")
                    path.write_text(svg, "utf-8")
                if asked.png and shutil.which("rsvg-convert"):
                    subprocess.run(["rsvg-convert", "-w", "1400", path, "-o", path.with_suffix(".png")], check=True)
    if not asked.scenes and not asked.png:
        for path in sorted(set(PICTURES.glob("*.svg")) - written):
            sys.stdout.write(f"gone: {path}\n")
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())

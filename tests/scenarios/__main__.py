"""`python -m tests.scenarios [NAME ...]`: go through the scenarios and print what Azure's error was in each."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from tests.scenarios.cases import CASES, run
from tests.scenarios.journey import opened


def main(names: list[str]) -> None:
    """Print a table: scenario, how the first attempt ended, how the remedy did."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "home") as journey:
        print(f"{'scenario':31} {'first attempt':30} {'remedy':9} Azure's words")
        for case in CASES:
            if names and case.scenario not in names:
                continue
            made = Path(folder) / case.scenario
            made.mkdir()
            # The SDK's pollers write dots.
            with contextlib.redirect_stdout(io.StringIO()):
                seen = run(journey, case, made)
            first = "scored" if seen.first.scored else seen.first.code or "refused by the plan"
            helped = "-" if seen.remedied is None else "scored" if seen.remedied.scored else "failed"
            words = seen.asked or seen.first.inner or seen.first.message or case.log
            print(f"{case.scenario:31} {first:30} {helped:9} {' '.join(words.split())[:150]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""`python -m tests.scenarios [--guided] [NAME ...]`: go through the scenarios and print what Azure's error was in each, or, guided, what
preflight, diagnosis and fix make of it."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from tests.scenarios.cases import CASES, Case, run
from tests.scenarios.guided import GUIDED, Guided, walk
from tests.scenarios.journey import Journey, opened


def main(names: list[str], *, guided: bool) -> None:
    """Print a table: one line a scenario."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "home") as journey:
        known = GUIDED if guided else CASES
        if guided:
            print("scenario; preflight; diagnosis; s from failure; fixes; ended")
        else:
            print(f"{'scenario':31} {'first attempt':30} {'remedy':9} Azure's words")
        for case in known:
            if names and case.scenario not in names:
                continue
            made = Path(folder) / case.scenario
            made.mkdir()
            # The SDK's pollers write dots.
            with contextlib.redirect_stdout(io.StringIO()):
                line = _guided(journey, case, made) if guided else _first(journey, case, made)
            print(line, flush=True)


def _first(journey: Journey, case: Case, folder: Path) -> str:
    """Scenario, how the first attempt ended, how the remedy did, and Azure's words."""
    seen = run(journey, case, folder)
    first = "scored" if seen.first.scored else seen.first.code or "refused by the plan"
    helped = "-" if seen.remedied is None else "scored" if seen.remedied.scored else "failed"
    words = seen.asked or seen.first.inner or seen.first.message or case.log
    return f"{case.scenario:31} {first:30} {helped:9} {' '.join(words.split())[:150]}"


def _guided(journey: Journey, case: Guided, folder: Path) -> str:
    """Scenario, what preflight caught or why it cannot, the diagnosis with its confidence and pieces of evidence, and the fixes."""
    seen = walk(journey, case, folder)
    caught = "caught: " + ", ".join(seen.failed) if seen.failed else f"no: {case.unseen}"
    found = seen.diagnosis
    told = f"{found.rule} ({found.confidence.value}, {len(found.evidence)} lines)" if found else "-"
    fixes = " + ".join([*(["by hand"] if seen.by_hand else []), *(fix.value for fix in seen.fixes)]) or "-"
    ended = "scored" if seen.scored else seen.ended[:120]
    return f"{case.scenario}; {caught}; {told}; {seen.seconds:.2f}; {fixes}; {ended}"


if __name__ == "__main__":
    words = sys.argv[1:]
    main([word for word in words if word != "--guided"], guided="--guided" in words)

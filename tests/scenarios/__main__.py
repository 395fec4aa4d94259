"""`python -m tests.scenarios [--guided | --wizard] [NAME ...]`: go through the scenarios and print what Azure's error was in each, or, guided,
what preflight, diagnosis and fix make of it; in the wizard, what a person reads on its screen and ends with. The exit code of the last is 0
where all of it holds; `--size 80x24` gives it another terminal than 120x40, `--screens FOLDER` keeps its screens as text."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

from tests.scenarios.cases import CASES, Case, run
from tests.scenarios.guided import GUIDED, Guided, walk
from tests.scenarios.journey import Journey, opened


def main(given: argparse.Namespace) -> int:
    """Print a table: one line a scenario. The exit code."""
    outside = dict(os.environ)
    holds = True
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "home") as journey:
        known = GUIDED if given.guided or given.wizard else CASES
        if given.wizard:
            print("scenario | Review's checks | diagnosis first | evidence lines | fix | ended | s to the diagnosis")
        elif given.guided:
            print("scenario; preflight; diagnosis; s from failure; fixes; ended")
        else:
            print(f"{'scenario':31} {'first attempt':30} {'remedy':9} Azure's words")
        for case in known:
            if given.names and case.scenario not in given.names:
                continue
            made = Path(folder) / case.scenario
            made.mkdir()
            if given.wizard:
                assert isinstance(case, Guided)
                keep = given.screens / case.scenario if given.screens else None
                line, fine = _wizard(journey, case, made, outside, given.size, keep)
                holds &= fine
            else:
                # The SDK's pollers write dots.
                with contextlib.redirect_stdout(io.StringIO()):
                    line = _guided(journey, case, made) if isinstance(case, Guided) else _first(journey, case, made)
            print(line, flush=True)
    return 0 if holds else 1


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


def _wizard(
    journey: Journey, case: Guided, folder: Path, outside: dict[str, str], size: tuple[int, int], keep: Path | None
) -> tuple[str, bool]:
    """What was read on the wizard's screen, with what does not hold in lines of its own; and whether all does."""
    from tests.scenarios import wizard

    seen = wizard.walk(journey, case, folder, outside, size, keep)
    checks = f"{seen.checks} ({', '.join(seen.failed)})" if seen.failed else seen.checks
    told = " ".join([*seen.steps, *seen.card.happened]) or "-"
    row = (
        case.scenario,
        checks or "-",
        f"{seen.rule or 'no rule'}: {told[:100]}" if told != "-" else told,
        str(len(seen.card.evidence)) if case.rule else "-",
        " + ".join(fix[:80] for fix in seen.fixes) or "-",
        f"{seen.ended.splitlines()[0][:120]}, nothing left" if seen.scored and not seen.left else seen.ended.partition("\n")[0][:160],
        f"{seen.seconds:.1f}" if case.rule else "-",
    )  # fmt: skip
    faults = seen.faults()
    return "\n".join([" | ".join(row), *(f"    DOES NOT HOLD: {fault}" for fault in faults)]), not faults


def _size(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    return int(columns), int(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description=__doc__)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--guided", action="store_true", help="preflight, diagnosis and fix, in one process")
    way.add_argument("--wizard", action="store_true", help="by keys, in a terminal")
    parser.add_argument("--size", type=_size, default=(120, 40), metavar="COLUMNSxROWS")
    parser.add_argument("--screens", type=Path, metavar="FOLDER")
    parser.add_argument("names", nargs="*", metavar="NAME")
    sys.exit(main(parser.parse_args()))

"""`python -m tests.bench.journey [ROUNDS]`: the main job beside the tutorial's sequential script, start-up of the sandbox, --help.

Both jobs run in the same sandbox, profile `demo`, with the scoring environment built beforehand and the same wait after grants;
each round runs one after the other, so that a slow minute of the machine hits both.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GRANT_WAIT = "2"
"""Seconds; what `up` waits in the demo profile."""


def timed(*words: str, home: Path) -> float:
    """Wall time of a command in seconds; the benchmark ends when it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mi_tui", *words],
        env={**os.environ, "MI_TUI_HOME": str(home)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}\n{done.stderr[-2000:]}")
    return took


def line(name: str, seconds: list[float]) -> None:
    """One row of figures."""
    print(
        f"{name:44} min {min(seconds):7.3f}  median {statistics.median(seconds):7.3f}  max {max(seconds):7.3f} s  n={len(seconds)}"
    )


def main(rounds: int) -> None:
    """Run everything and print the figures."""
    home = Path(tempfile.mkdtemp(prefix="mi-tui-bench-"))
    try:
        line("mi-tui --help", [timed("--help", home=home) for _ in range(max(5, rounds))])
        starts = []
        for _ in range(max(3, rounds)):
            starts.append(timed("sandbox", "start", "--profile", "demo", home=home))
            timed("sandbox", "stop", home=home)
        line("sandbox start (furnished world, ready)", starts)
        timed("sandbox", "start", "--profile", "demo", home=home)
        for kind in ("sai", "uai"):
            ours, theirs = [], []
            script = str(REPOSITORY / "tests" / "tutorial" / f"sdk_{kind}.py")
            for round_ in range(rounds + 1):
                up = timed("up", "--sandbox", "--identity", kind, "--yes", home=home)
                timed("down", "last", "--yes", home=home)
                words = ("sandbox", "run", "--", sys.executable, script, "--keep", "--grant-wait", GRANT_WAIT)
                sequential = timed(*words, home=home)
                timed("sandbox", "reset", "--yes", home=home)
                timed("sandbox", "start", "--profile", "demo", home=home)
                if round_:  # the first one builds the scoring environment
                    ours.append(up)
                    theirs.append(sequential)
            line(f"mi-tui up, {kind}", ours)
            line(f"the tutorial's script, {kind}", theirs)
            ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
            print(
                f"{'ratio up / script, pair by pair':44} min {min(ratios):7.2f}  median {statistics.median(ratios):7.2f}  max {max(ratios):7.2f}"
            )
    finally:
        timed("sandbox", "stop", home=home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

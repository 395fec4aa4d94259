"""The main job, with each kind of identity: by `mi-tui up` and `down`, and by the tutorial's scripts, which use only Azure's SDK."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.conformance.tapped import REPOSITORY, Tapped, finished

_TUTORIAL = REPOSITORY / "tests" / "tutorial"


def drive(sandbox: Tapped) -> None:
    """Run all four, two at a time. RuntimeError when one fails."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda work: work(), [
            lambda: _up_and_down(sandbox, "sai"),
            lambda: _tutorial(sandbox, "sdk_uai.py"),
            lambda: _up_and_down(sandbox, "uai"),
            lambda: _tutorial(sandbox, "sdk_sai.py"),
        ]))  # fmt: skip


def _up_and_down(sandbox: Tapped, identity: str) -> None:
    # A run is called by its name, because another one may have begun meanwhile.
    said = finished(sandbox.mi_tui("up", "--sandbox", "--identity", identity, "--yes", "--json"))
    run = next(
        line.partition('"run":"')[2] or line.partition('"run": "')[2] for line in said.splitlines() if '"run"' in line
    )
    finished(sandbox.mi_tui("down", run.partition('"')[0], "--yes"))


def _tutorial(sandbox: Tapped, script: str) -> None:
    finished(sandbox.python(str(_TUTORIAL / script), "--grant-wait", "0.5"))

"""The main job, with each kind of identity: by `mi-tui up` and `down`, and by the tutorial's scripts, which use only Azure's SDK.

The scripts run beside mi-tui, and with code of their own: Azure registers code of one content once, and who made it removes it at the
end, also from under somebody who has just found it and does not use it yet.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance.tapped import REPOSITORY, Tapped, finished

_TUTORIAL = REPOSITORY / "tests" / "tutorial"


def drive(sandbox: Tapped) -> None:
    """Run all four, two at a time. RuntimeError when one fails."""
    code = sandbox.home / "tutorial-code"
    shutil.copytree(REPOSITORY / "scoring" / "code", code)
    (code / "README.txt").write_text("The tutorial's own copy.\n")

    def mi_tui() -> None:
        for identity in ("sai", "uai"):
            _up_and_down(sandbox, identity)

    def tutorial() -> None:
        for identity in ("uai", "sai"):
            _tutorial(sandbox, f"sdk_{identity}.py", code)

    with ThreadPoolExecutor(2) as pool:
        for work in (pool.submit(mi_tui), pool.submit(tutorial)):
            work.result()


def _up_and_down(sandbox: Tapped, identity: str) -> None:
    # A run is called by its name, because another one may have begun meanwhile.
    said = finished(sandbox.mi_tui("up", "--sandbox", "--identity", identity, "--yes", "--json"))
    run = next(
        line.partition('"run":"')[2] or line.partition('"run": "')[2] for line in said.splitlines() if '"run"' in line
    )
    finished(sandbox.mi_tui("down", run.partition('"')[0], "--yes"))


def _tutorial(sandbox: Tapped, script: str, code: Path) -> None:
    finished(sandbox.python(str(_TUTORIAL / script), "--grant-wait", "0.5", "--code", str(code)))

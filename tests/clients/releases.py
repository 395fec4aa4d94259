"""Earlier releases of the SDKs on Microsoft's tutorial in the sandbox: `python -m tests.clients.releases [RELEASE ...]`, by hand.

Each release of azure-ai-ml gets an environment of its own (kept in `install.FOLDER`) with management SDKs of its time, and goes
through both scripts of `tests/tutorial`. Exit code 1 when one did not end in predictions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mi_tui.sandbox import client
from tests.clients.install import FOLDER

TUTORIAL = Path(__file__).resolve().parents[1] / "tutorial"

_SINCE = ("azure-identity", "setuptools<80", "marshmallow==3.20.2")
"""What these releases need and do not bound: marshmallow 3.24 lacks a name that they import, setuptools 80 a module."""

RELEASES = {
    "1.5.0": ("azure-mgmt-storage==20.1.0", "azure-mgmt-authorization==2.0.0", "azure-mgmt-msi==6.1.0"),
    "1.10.1": ("azure-mgmt-storage==21.1.0", "azure-mgmt-authorization==3.0.0", "azure-mgmt-msi==6.1.0"),
    "1.20.0": ("azure-mgmt-storage==22.0.0", "azure-mgmt-authorization==4.0.0", "azure-mgmt-msi==7.0.0"),
    "1.28.1": ("azure-mgmt-storage==23.0.1", "azure-mgmt-authorization==4.0.0", "azure-mgmt-msi==7.1.0"),
}


def python_of(release: str) -> Path:
    """The Python of a release's environment, made when it is not there. Raises CalledProcessError."""
    from uv import find_uv_bin

    where = FOLDER / f"azure-ai-ml=={release}"
    python = where / "bin" / "python"
    if not (where / "whole").is_file():
        subprocess.run([find_uv_bin(), "venv", "-q", "--clear", "--python", sys.executable, str(where)], check=True)
        wanted = (f"azure-ai-ml=={release}", *RELEASES[release], *_SINCE)
        subprocess.run([find_uv_bin(), "pip", "install", "-q", "--python", str(python), *wanted], check=True)
        (where / "whole").touch()
    return python


def main(releases: list[str]) -> int:
    """Print one line for each release and script."""
    unknown = set(releases) - set(RELEASES)
    if unknown:
        sys.stderr.write(f"Not known: {', '.join(sorted(unknown))}. Choose of: {', '.join(RELEASES)}.\n")
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "sandbox"
        with client.connect(home, profile="instant") as lease:
            variables = {**os.environ, **client.environment(lease.connection)}
            for release in releases or list(RELEASES):
                python = python_of(release)
                for kind in ("sai", "uai"):
                    done = subprocess.run(
                        [str(python), "-W", "ignore", str(TUTORIAL / f"sdk_{kind}.py"), "--grant-wait", "2"],
                        env=variables, capture_output=True, text=True, check=False, timeout=600,
                    )  # fmt: skip
                    failed += done.returncode != 0
                    told = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
                    sys.stdout.write(f"azure-ai-ml {release:7} {kind}  {told[-1] if told else ''}\n")
                    sys.stdout.flush()
        client.stop(home)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

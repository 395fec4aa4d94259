"""Azure's Python SDKs beyond the journeys: what the sandbox's own SDK tests do, run as they are against the tapped sandbox."""

from __future__ import annotations

from tests.conformance.tapped import REPOSITORY, Tapped, finished

_HERE = """
import sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_arm_sdk as tests
from azure.identity import EnvironmentCredential
from mi_tui.sandbox import client
connection = client.running(Path(sys.argv[2]))
credential = EnvironmentCredential()
tests.test_storage_and_identity_and_grant_come_and_go(connection, credential)
with tempfile.TemporaryDirectory() as folder:
    tests.test_workspace_and_assets(connection, credential, Path(folder))
"""


def drive(sandbox: Tapped) -> None:
    """RuntimeError when one of them fails."""
    finished(sandbox.python("-c", _HERE, str(REPOSITORY / "tests" / "sandbox"), str(sandbox.home / "sandbox")))

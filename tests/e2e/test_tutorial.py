"""Scripts that use only the Azure SDK, as Microsoft's tutorial does, run unmodified in the sandbox."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

SCRIPTS = Path(__file__).resolve().parents[1] / "tutorial"


@pytest.mark.parametrize("script", ["sdk_sai.py", "sdk_uai.py"])
def test_the_tutorials_scripts_run(shell: Shell, script: str) -> None:
    before = shell.tree()
    done = shell("sandbox", "run", "--", sys.executable, str(SCRIPTS / script), "--grant-wait", "0.5")
    assert done.code == 0, done.out + done.err
    assert len(json.loads(done.out.splitlines()[-1])) == 2
    after = shell.tree()
    assert after["role_assignments"] == before["role_assignments"]
    left = {r["type"] for r in after["resources"] if r not in before["resources"]}
    assets = {f"Microsoft.MachineLearningServices/workspaces/{kind}" for kind in ("codes", "models", "environments")}
    allowed = (
        assets | {f"{kind}/versions" for kind in assets} | {"Microsoft.Storage/storageAccounts/blobServices/containers"}
    )
    assert left <= allowed, "the tutorial forgets the registered assets and their files, and nothing else"

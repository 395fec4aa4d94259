"""Azure's JavaScript SDK against the sandbox: accounts, blobs, identities and roles in one program."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from mi_tui.sandbox import furnish
from mi_tui.sandbox.client import Connection

from . import install
from .conftest import environment


def test_the_journey_in_javascript(sandbox: Connection, tmp_path: Path) -> None:
    folder = install.node_modules()
    if folder is None:
        pytest.skip("Node or the JavaScript SDK is not installed: python -m tests.clients.install node")
    account = f"stnode{uuid.uuid4().hex[:10]}"
    script = tmp_path / "journey.js"
    shutil.copy(Path(__file__).with_name("node") / "journey.js", script)
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    done = subprocess.run(
        ["node", "--preserve-symlinks-main", str(script), account],
        env=environment(sandbox, PRINCIPAL=furnish.SERVICE_PRINCIPAL_ID), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["free"], told["state"], told["kind"]) == (True, "Succeeded", "StorageV2")
    assert account in told["listed"]
    assert told["everywhere"] >= len(told["listed"])
    assert told["keys"] == ["key1", "key2"]
    assert "from-node" in told["containers"]
    assert told["blobs"] == [["big", 9 * 1024 * 1024, {}], ["dir/a b.txt", 17_000, {"who": "node"}]]
    assert sorted(told["folders"]) == ["big", "dir/"]
    assert (told["same"], told["bigSame"], told["range"], told["missing"]) == (True, True, "héllo", False)
    assert told["denied"] == [403, "AuthorizationPermissionMismatch"]
    assert told["identity"]
    assert "id-from-node" in told["identities"]
    assert told["assignments"]
    assert told["allowed"] == 9 * 1024 * 1024
    assert account not in told["after"]
    assert told["gone"] == [404, "ResourceNotFound"]

"""@azure/storage-blob through the whole blob service: odd names, signatures, leases, copies, kinds, tags, batches."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.storage import StorageManagementClient

from mi_tui.sandbox import furnish
from mi_tui.sandbox.client import Connection

from . import install
from .conftest import environment

SCRIPT = Path(__file__).with_name("node") / "blob_walk.mjs"


def test_the_javascript_client_walks_through_the_whole_service(sandbox: Connection, tmp_path: Path) -> None:
    folder = install.node_modules()
    if folder is None:
        pytest.skip("Node or the JavaScript SDK is not installed: python -m tests.clients.install node")
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    options = {"proxies": {"https": sandbox.proxy}, "connection_verify": str(sandbox.ca_file)}
    credential = ClientSecretCredential(sandbox.tenant, sandbox.client_id, sandbox.client_secret, **options)
    storage = StorageManagementClient(credential, sandbox.subscription, **options)
    key = str(storage.storage_accounts.list_keys(sandbox.resource_group, furnish.DATA_ACCOUNT).keys_property[0].value)
    done = subprocess.run(
        ["node", SCRIPT.name, furnish.DATA_ACCOUNT, key], cwd=tmp_path, env=environment(sandbox), capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "walked"), done.stderr[-3000:].replace(key, "KEY")

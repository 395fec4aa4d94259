"""What goes wrong as in Azure: a missing grant, and how the run goes on once it is there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

GRANT = """
import sys, uuid
from azure.identity import EnvironmentCredential
from azure.mgmt.authorization import AuthorizationManagementClient
subscription, scope, principal, role = sys.argv[1:]
client = AuthorizationManagementClient(EnvironmentCredential(), subscription)
definition = next(iter(client.role_definitions.list(scope, filter=f"roleName eq '{role}'")))
properties = {"role_definition_id": definition.id, "principal_id": principal, "principal_type": "ServicePrincipal"}
client.role_assignments.create(scope, str(uuid.uuid4()), properties)
"""


def answers(shell: Shell, name: str, identity: str, *changes: tuple[str, str]) -> Path:
    """An answers file for the sandbox, changed by replacing text."""
    text = shell("answers", "--sandbox", "--identity", identity, check=True).out
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = shell.home / name
    path.write_text(text)
    return path


def examined_without_a_change(shell: Shell, end: Any, name: str, rule: str) -> None:
    """The endpoint of a failed run is diagnosed by the run and as anybody's, and nothing but reads is asked of Azure for it."""
    endpoint = end["diagnosis"]["evidence"] and shell("runs", "--json", check=True).events[0]["endpoint"]
    asked = len(shell("sandbox", "log", "--json", check=True).events)
    for words in (("last",), ("--endpoint", endpoint, "--sandbox")):
        seen = shell("diagnose", *words, "--json")
        assert seen.code == 1, seen.err
        assert seen.last["diagnoses"][0]["rule"] == rule
        assert not seen.last["healthy"]
        assert {"ok", "failed"} <= {check["status"] for check in seen.last["checks"]}
        assert any(name in check["id"] for check in seen.last["checks"])
    told = shell("diagnose", "--endpoint", endpoint, "--sandbox")
    assert "What to do:" in told.out
    assert "az role assignment create" in told.out
    for row in shell("sandbox", "log", "--json", check=True).events[asked:]:
        reads = row["method"] in {"GET", "HEAD"} or row["path"].endswith(("/getLogs", "/token"))
        assert reads, f"{row['method']} {row['path']}"
    absent = shell("diagnose", "--endpoint", "ep-nobodys", "--sandbox")
    assert absent.code == 2
    assert endpoint in absent.err


def test_a_missing_grant_fails_as_in_azure_and_resume_goes_on_once_it_is_there(shell: Shell) -> None:
    before = shell.tree()
    path = answers(shell, "skip.yaml", "sai", ("grants: make", "grants: skip"))
    up = shell("up", str(path), "--sandbox", "--yes", "--json")
    assert up.code == 1, up.out + up.err
    end = up.last
    assert end["outcome"] == "failed"
    assert end["failure"]["code"] == "ResourceNotReady"
    (missing,) = end["missing_grants"]
    assert missing["role"] == "Storage Blob Data Reader"
    assert missing["scope"].endswith("/containers/inputs")
    assert end["diagnosis"]["rule"] == "storage-role-missing"
    assert end["diagnosis"]["confidence"] == "certain"
    assert any("is not held" in item["text"] for item in end["diagnosis"]["evidence"])
    assert shell("status", end["run"], "--json", check=True).last["diagnosis"]["rule"] == "storage-role-missing"
    examined_without_a_change(shell, end, name="deployment", rule="storage-role-missing")
    log = "\n".join(event["text"] for event in up.events if event["event"] == "log")
    assert "AuthorizationPermissionMismatch" in log
    assert "exited with code 3" in log
    denied = [
        e
        for e in shell("sandbox", "log", "--json", check=True).events
        if e["code"] == "AuthorizationPermissionMismatch"
    ]
    assert denied
    assert all(e["status"] == 403 for e in denied)

    still = shell("resume", end["run"], "--json")
    assert still.code == 1, "without the grant a second try fails like the first"

    subscription = missing["scope"].split("/")[2]
    granted = shell(
        "sandbox",
        "run",
        "--",
        sys.executable,
        "-c",
        GRANT,
        subscription,
        missing["scope"],
        missing["principal_id"],
        missing["role"],
    )
    assert granted.code == 0, granted.err
    resumed = shell("resume", end["run"], "--json")
    assert resumed.code == 0, resumed.out + resumed.err
    assert resumed.last["outcome"] == "succeeded"
    assert len(resumed.last["response"]) == 2
    assert resumed.last["diagnosis"] is None
    healthy = shell("diagnose", "last")
    assert healthy.code == 0, healthy.out
    assert "nothing wrong was seen" in healthy.out
    assert shell("down", end["run"], "--yes").code == 0
    assert shell.tree() == before


def test_a_user_assigned_identity_without_acrpull_cannot_pull(shell: Shell) -> None:
    path = answers(shell, "skip-uai.yaml", "uai", ("grants: make", "grants: skip"))
    up = shell("up", str(path), "--sandbox", "--yes", "--json")
    assert up.code == 1, up.out + up.err
    assert up.last["failure"]["code"] == "BadArgument"
    assert "pull permission on the registry" in up.last["failure"]["message"]
    assert [grant["role"] for grant in up.last["missing_grants"]] == [
        "AcrPull",
        "Storage Blob Data Reader",
        "Storage Blob Data Reader",
    ]
    assert shell("down", up.last["run"], "--yes").code == 0


def test_a_script_whose_init_fails_is_told_with_its_log(shell: Shell, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "score.py").write_text(
        "def init():\n    raise RuntimeError('no such model here')\n\n\ndef run(data):\n    return data\n"
    )
    scoring = Path(__file__).resolve().parents[2] / "scoring" / "code"
    path = answers(shell, "broken.yaml", "sai", (str(scoring), str(code)))
    up = shell("up", str(path), "--sandbox", "--yes", "--json")
    assert up.code == 1, up.out + up.err
    assert up.last["failure"]["code"] == "ResourceNotReady"
    assert up.last["missing_grants"] == []
    assert "no such model here" in "\n".join(event["text"] for event in up.events if event["event"] == "log")
    assert shell("down", up.last["run"], "--yes").code == 0

"""What others do between two sittings of a run: said, planned anew on the person's word, and nothing of theirs is made in silence."""

from __future__ import annotations

import sys

import pytest

from tests.e2e.conftest import Result, Shell

pytestmark = pytest.mark.e2e

GROUP, ACCOUNT = "rg-ml-dev", "stcontosodata7c41e9"

CONTAINERS = """
import os, sys
from azure.identity import EnvironmentCredential
from azure.mgmt.storage import StorageManagementClient
what, group, account, name = sys.argv[1:]
containers = StorageManagementClient(EnvironmentCredential(), os.environ["AZURE_SUBSCRIPTION_ID"]).blob_containers
containers.create(group, account, name, {}) if what == "create" else containers.delete(group, account, name)
"""


def somebody(shell: Shell, what: str, name: str) -> None:
    shell("sandbox", "run", "--", sys.executable, "-c", CONTAINERS, what, GROUP, ACCOUNT, name, check=True)


def notices(result: Result) -> str:
    return "\n".join(event["text"] for event in result.events if event["event"] == "notice")


@pytest.mark.slow
def test_what_is_gone_is_made_again_only_where_the_run_made_it_or_is_told_to(lone_shell: Shell) -> None:
    lone_shell("sandbox", "start", "--profile", "instant", check=True)
    before = lone_shell.tree()
    somebody(lone_shell, "create", "theirs")
    text = lone_shell("answers", "--sandbox", check=True).out
    made = next(line.split(": ")[1] for line in text.splitlines() if line.strip().startswith("account: "))
    # The grants are left out: each sitting ends when the deployment fails, and nobody waits for a scored answer.
    path = lone_shell.home / "a.yaml"
    path.write_text(
        text.replace("grants: make", "grants: skip")
        .replace(made, ACCOUNT)
        .replace("container: inputs", "container: theirs")
    )
    up = lone_shell("up", str(path), "--sandbox", "--yes", "--json")
    assert up.code == 1
    assert up.last["failure"]["code"] == "ResourceNotReady"
    run = up.last["run"]

    somebody(lone_shell, "delete", "theirs")
    refused = lone_shell("resume", run, "--json")
    assert refused.code == 1
    assert refused.last["failure"]["code"] == "mi-tui/vanished"
    assert "--make-missing" in refused.last["failure"]["advice"]
    assert "The blob hello.txt is gone since this run made it; it is made again." in notices(refused)
    assert "theirs" not in str([r for r in lone_shell.tree()["resources"] if "/containers/" in r["id"]])

    told = lone_shell("resume", run, "--make-missing", "--json")
    planned = {resource["key"]: resource["action"] for resource in told.events[0]["resources"]}
    assert (planned["storage-account"], planned["container"]) == ("use", "create")
    assert told.last["failure"]["code"] == "ResourceNotReady", "as before: only the grant is missing"
    assert "theirs" in str([r for r in lone_shell.tree()["resources"] if "/containers/" in r["id"]])

    assert lone_shell("down", run, "--yes").code == 0
    assert lone_shell.tree() == before, "what the run was told to make is its own to remove"


@pytest.mark.long
def test_a_broken_leftover_is_replaced_on_the_persons_word(lone_shell: Shell) -> None:
    lone_shell("sandbox", "start", "--profile", "instant", "--scenario", "endpoint-broken-leftover", check=True)
    text = lone_shell("answers", "--sandbox", check=True).out
    name = next(line.split(": ")[1] for line in text.splitlines() if line.strip().startswith("name: ep-mi-tui"))
    path = lone_shell.home / "broken.yaml"
    path.write_text(text.replace(name, "ep-leftover"))
    plan = lone_shell("plan", str(path), "--sandbox")
    assert plan.code == 2
    assert "was never made completely" in plan.err
    assert "endpoint.replace_broken" in plan.err

    path.write_text(path.read_text().replace("replace_broken: false", "replace_broken: true"))
    planned = lone_shell("plan", str(path), "--sandbox", "--json", check=True).last
    assert {r["key"]: r["action"] for r in planned["resources"]}["endpoint"] == "replace"
    up = lone_shell("up", str(path), "--sandbox", "--yes", "--json")
    assert up.code == 0, up.out + up.err
    assert len(up.last["response"]) == 2
    assert lone_shell("down", "last", "--yes").code == 0
    assert "ep-leftover" not in str(lone_shell.tree()["resources"])

"""The main job: one command to a scored answer, with each kind of identity, and nothing left after `down`."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

# Bearer tokens, shared access signatures and account keys; ids and hashes are no secrets.
SECRET = re.compile(r"eyJ[\w-]{20,}\.|[?&]sig=(?!REDACTED|\*)[\w%]{20,}|AccountKey=[\w+/]{20,}|[\w+/]{86}==")


@pytest.mark.parametrize(("identity", "grants"), [("sai", 1), ("uai", 3)])
def test_up_answers_and_down_leaves_the_world_as_it_was(shell: Shell, identity: str, grants: int) -> None:
    before = shell.tree()
    began = time.time()

    up = shell("up", "--sandbox", "--identity", identity, "--yes", "--json", cold=True)
    assert up.code == 0, up.out + up.err
    end = up.last
    assert end["event"] == "run_finished"
    assert end["outcome"] == "succeeded"
    assert len(end["response"]) == 2
    assert all(isinstance(number, float) for number in end["response"])
    run = end["run"]
    assert all(event["run"] == run and event["event"] and event["time"] for event in up.events)
    assert not re.search(r"\.{4,}|\d+%\|", up.err), "the SDK's dots and bars reached the terminal"

    planned = up.events[0]
    made = [grant for grant in planned["grants"] if not grant["automatic"]]
    assert len(made) == grants
    during = shell.tree()
    new = [a for a in during["role_assignments"] if a not in before["role_assignments"]]
    seen = {(a["role_name"], a["scope"].lower()) for a in new}
    assert {(grant["role"], grant["scope"].lower()) for grant in made} <= seen

    principal = _principal(shell, run, identity)
    assert "Blob contains" in end["proof"]
    assert principal in end["proof"], "the proof names the endpoint's own principal"
    assert {
        a["principal"]
        for a in new
        if (a["role_name"], a["scope"].lower()) in {(g["role"], g["scope"].lower()) for g in made}
    } == {principal}

    _did_what_the_plan_showed(shell, planned, principal, began)

    again = shell("invoke", run, "--json", check=True)
    assert again.last["response"] == end["response"]
    assert "Blob contains" in shell("logs", run, check=True).out
    assert shell("logs", run, "--container", "storage-initializer").code == 0
    status = shell("status", run, "--json", check=True).last
    assert status["now"]["deployment"] == "Succeeded"
    assert status["now"]["traffic"] == "blue 100 %"
    assert run in shell("runs", check=True).out

    kept = "".join(p.read_bytes().decode("latin-1") for p in shell.home.glob("*") if p.is_file())
    assert not SECRET.search(up.out + up.err + kept)

    down = shell("down", run, "--yes", "--json", cold=True)
    assert down.code == 0, down.out + down.err
    assert down.last["outcome"] == "succeeded"
    assert shell.tree() == before
    assert shell("down", run, "--yes").code == 0, "a second clean-up finds nothing to do"


def _did_what_the_plan_showed(shell: Shell, planned: dict[str, Any], principal: str, began: float) -> None:
    """Of what the sandbox saw of the person: the grants are those of the plan in role, scope and principal, byte for byte, and
    everything else that was written is a resource of the plan, the run's own upload, or a reading by POST."""
    seen = [e for e in shell("sandbox", "log", "--json", check=True).events if e["time"] >= began]
    arm = [(e["method"], e["path"]) for e in seen if e["host"] == "management.azure.com" and e["status"] < 400]
    written = {path for method, path in arm if method in {"PUT", "PATCH", "DELETE"}}

    assigned = {path for path in written if "/roleAssignments/" in path}
    world = {a["id"]: (a["role"], a["scope"], a["principal"]) for a in shell.tree()["role_assignments"]}
    made = [grant for grant in planned["grants"] if not grant["automatic"]]
    assert sorted(world[path] for path in assigned) == sorted((g["role_guid"], g["scope"], principal) for g in made)
    assert sorted(path.split("/providers/Microsoft.Authorization/")[0] for path in assigned) == sorted(
        grant["scope"] for grant in made
    )
    assert written - assigned == {
        r["id"] for r in planned["resources"] if r["action"] == "create" and r["kind"] != "blob"
    }
    posted = {path.rsplit("/", 1)[-1] for method, path in arm if method == "POST"}
    assert posted <= {"checkNameAvailability", "listKeys", "listSecrets", "startPendingUpload", "getLogs"}


def _principal(shell: Shell, run: str, identity: str) -> str:
    """Who the endpoint is, from the world itself."""
    name = {"sai": "onlineEndpoints", "uai": "userAssignedIdentities"}[identity]
    resources = json.dumps([r for r in shell.tree()["resources"] if f"/{name}/" in r["id"] and run in json.dumps(r)])
    found = re.search(r'"principal_?[iI]d": "([0-9a-f-]{36})"', resources)
    assert found, resources
    return found.group(1)


def test_plain_output_is_data_on_stdout_and_narration_on_stderr(shell: Shell) -> None:
    up = shell("up", "--sandbox", "--yes")
    assert up.code == 0, up.err
    lines = up.out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["proof", "response"]
    assert "Storage Blob Data Reader" in up.err
    assert shell("down", "last", "--yes").code == 0


def test_answers_and_plan_change_nothing(shell: Shell) -> None:
    before, runs = shell.tree(), shell("runs", check=True).out
    answers = shell("answers", "--sandbox", "--identity", "uai", check=True).out
    path = shell.home / "my answers.yaml"
    path.write_text(answers)
    plan = shell("plan", str(path), "--sandbox", "--json", check=True).last
    assert plan["event"] == "planned"
    assert len([grant for grant in plan["grants"] if not grant["automatic"]]) == 3
    assert "Nothing was changed yet" in shell("plan", str(path), "--sandbox", check=True).out
    assert shell.tree() == before
    assert shell("runs", check=True).out == runs

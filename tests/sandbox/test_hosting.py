"""Deployments hosted for real: stages, failures, logs, changes, restarts, and what the process may see."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_harness import WORKSPACE, Answer, recorded, shape
from online_harness import (
    ACR_PULL,
    ENDPOINTS,
    SCRIPT,
    VERSION,
    Online,
    close_online,
    eventually,
    open_online,
    user_identity,
)

from mi_tui.sandbox import furnish, grants
from mi_tui.sandbox.hosting import deployments, running
from mi_tui.sandbox.hosting.environments import CACHE_VARIABLE
from mi_tui.sandbox.hosting.logfile import LIMIT, LogFile

BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
FAILING = "def init():\n    raise RuntimeError('init went wrong')\n\ndef run(raw_data):\n    return 1\n"


@pytest.fixture(autouse=True)
def _shared_cache(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    if CACHE_VARIABLE not in os.environ:
        assert pytestconfig.cache is not None
        monkeypatch.setenv(CACHE_VARIABLE, str(pytestconfig.cache.mkdir("scoring-environments")))


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Online]:
    opened = open_online(tmp_path)
    yield opened
    close_online(opened)


def failure(answer: Answer) -> tuple[str, str]:
    """Code and message of a failed operation."""
    assert answer.json["status"] == "Failed", answer.json
    return answer.json["error"]["code"], answer.json["error"]["message"]


def processes(online: Online) -> list[int]:
    """The ports of the servers that run."""
    return [server.port for server in running.servers(online.arm.world) if server.port is not None]


def test_life_of_a_deployment(online: Online) -> None:
    online.endpoint("ep-life")
    path = f"{ENDPOINTS}/ep-life/deployments/blue"
    first = online.arm("PUT", path, online.body(environmentVariables={"COLOUR": "green"}), version="2022-02-01-preview")
    real = recorded("ml-online", "ml.workspaces.onlineendpoints.deployments|PUT|201|None")["response"]
    assert first.status == 201
    code = first.json["properties"].pop("codeConfiguration")
    assert code["scoringScript"] == "score.py"
    first.json["properties"]["environmentVariables"] = {}
    real["body"]["properties"].pop("codeConfiguration")
    assert shape(first.json) == shape(real["body"])
    assert first.json["properties"]["provisioningState"] == real["body"]["properties"]["provisioningState"]
    assert "/mfeOperationsStatus/od:" in first.headers["azure-asyncoperation"]
    assert online.arm("GET", path, version=VERSION).json["properties"]["provisioningState"] == "Creating"
    assert online.logs("ep-life") == "Deployment is in deleting or creating state so logs can't be retrieved."
    assert online.arm("PUT", path, online.body(), version=VERSION).status == 409
    assert online.score("ep-life", {"data": [1]}).status == 404
    assert online.operation(first).json["status"] == "Succeeded"

    there = online.arm("GET", path, version=VERSION).json
    defaults = recorded("ml-online", "ml.workspaces.onlineendpoints.deployments|GET|200|None")["response"]["body"]
    for name in ("scaleSettings", "requestSettings", "livenessProbe", "readinessProbe", "egressPublicNetworkAccess"):
        assert there["properties"][name] == defaults["properties"][name]
    assert (there["kind"], there["sku"]) == (defaults["kind"], defaults["sku"])

    assert online.score("ep-life", {"data": [1, 2]}, azureml_model_deployment="blue").json == [2, 4]
    seen = online.score("ep-life", {"environment": 1}, azureml_model_deployment="blue").json
    assert seen["COLOUR"] == "green"
    assert seen["AZUREML_MODEL_DIR"].endswith("/1")
    assert (Path(seen["AZUREML_MODEL_DIR"]) / "model" / "factor.txt").read_text() == "2"
    assert Path(seen["AML_APP_ROOT"]).name == "onlinescoring"
    assert Path(seen["HOME"]).is_relative_to(online.arm.world.home)
    # Nothing of whoever started the sandbox: neither secrets nor settings.
    allowed = {
        "COLOUR", "LANG", "LC_CTYPE", "PATH", "VIRTUAL_ENV", "HOME", "TMPDIR", "PYTHONUNBUFFERED", "AML_APP_ROOT", "AZUREML_MODEL_DIR",
        "AZUREML_ENTRY_SCRIPT", "MSI_ENDPOINT", "MSI_SECRET", "TRANSPORT_PROTOCOL", "WORKER_COUNT", "HTTP_X_MS_SERVER_VERSION",
        "SERVER_PORT", "HEALTH_PORT", "AML_APP_INSIGHTS_ENABLED", "SERVER_SOFTWARE", "__CF_USER_TEXT_ENCODING",
    }  # fmt: skip
    assert set(seen) <= allowed

    text = online.logs("ep-life", tail=3)
    assert text.startswith(
        "Instance status:\nSystemSetup: Succeeded\nUserContainerImagePull: Succeeded\nModelDownload: Succeeded\n"
    )
    assert "Name: ContainerReady, Type: Normal" in text
    assert len(text.partition("Container logs:\n")[2].splitlines()) == 3
    assert "factor is 2" in online.logs("ep-life", tail=1000)
    assert "2 files are downloaded" in online.logs("ep-life", containerType="StorageInitializer", tail=1000)
    assert seen["MSI_SECRET"] not in online.logs("ep-life", tail=1000)
    bad = online.arm("POST", f"{path}/getLogs", {"containerType": "storage-initializer", "tail": 5}, version=VERSION)
    assert (bad.status, bad.code) == (400, "RequestInvalid")
    assert bad.message.endswith("Field: containerType. Allowed values: StorageInitializer,InferenceServer.")

    deleted = online.arm("DELETE", path, version=VERSION)
    assert (deleted.status, deleted.json) == (202, None)
    assert online.operation(deleted).json["status"] == "Succeeded"
    assert online.arm("GET", path, version=VERSION).status == 404
    assert online.arm("DELETE", path, version=VERSION).status == 204
    assert processes(online) == []
    assert list((online.arm.world.home / "deployments").iterdir()) == []


def test_a_failing_init_fails_the_deployment_for_good(online: Online) -> None:
    online.endpoint("ep-fail")
    code, message = failure(online.deploy("ep-fail", script=FAILING))
    assert code == "ResourceNotReady"
    assert message.startswith(
        "User container has crashed or terminated: Liveness probe failed: HTTP probe failed with statuscode: 502."
    )
    path = f"{ENDPOINTS}/ep-fail/deployments/blue"
    assert online.arm("GET", path, version=VERSION).json["properties"]["provisioningState"] == "Failed"
    text = online.logs("ep-fail", tail=1000)
    assert "init went wrong" in text
    assert "exited with code 3." in text
    assert "UserContainerStart: Failed" in text
    again = online.arm("PUT", path, online.body(), version=VERSION)
    assert again.status == 400
    assert "is in an unrecoverable state. Delete and re-create." in json.dumps(again.json)
    assert processes(online) == []
    assert online.operation(online.arm("DELETE", path, version=VERSION)).json["status"] == "Succeeded"
    assert online.deploy("ep-fail").json["status"] == "Succeeded"


def test_environments_that_cannot_serve(online: Online) -> None:
    online.endpoint("ep-env")
    code, message = failure(
        online.deploy("ep-env", "nobuild", conda="dependencies:\n- pip:\n  - iniconfig==0.0.0.dev99\n")
    )
    assert code == "ImageBuildFailure"
    place = message.partition("the storage account '")[2].split("'")
    account, container, path = place[0], place[2], place[4]
    blob = online.arm.world.store.blob(account, container, path)
    assert blob is not None
    assert "iniconfig" in (online.arm.world.store.blob_folder / blob.file).read_text()
    assert online.logs("ep-env", "nobuild") == "There are no logs for this deployment at the moment."

    code, _ = failure(online.deploy("ep-env", "noserver", conda="dependencies:\n- pip:\n  - iniconfig==2.1.0\n"))
    assert code == "ResourceNotReady"
    assert "WARNING: Package(s) not found: azureml-inference-server-http" in online.logs("ep-env", "noserver")

    code, message = failure(online.deploy("ep-env", "noscript", codeConfiguration=None))
    assert code == "BadArgument"
    assert "no code configuration" in message


def test_user_assigned_identity_needs_both_grants(online: Online) -> None:
    uai = online.user_assigned()
    world = online.arm.world
    online.endpoint("ep-uai", user_identity(uai["id"]))
    code, message = failure(online.deploy("ep-uai", "one"))
    assert code == "BadArgument"
    assert message.startswith(
        "Endpoint identity does not have pull permission on the registry. For System Assigned Identity case"
    )
    assert "UserContainerImagePull: Failed" in online.logs("ep-uai", "one")

    workspace = world.store.resource(WORKSPACE)
    assert workspace is not None
    grants.assign(
        world, workspace.body["properties"]["containerRegistry"], uai["principal"], ACR_PULL, by=furnish.USER_ID
    )
    code, message = failure(online.deploy("ep-uai", "two"))
    assert (code, message) == (
        "BadArgument",
        "Startup task failed due to authorization error. Please see troubleshooting guide: https://aka.ms/oe-tsg#error-badargument",
    )
    text = online.logs("ep-uai", "two", containerType="StorageInitializer")
    assert "ModelDownload: Failed" in text
    assert "AuthorizationPermissionMismatch" in text

    # A role that is still on its way is waited for.
    grants.assign(world, online.account, uai["principal"], BLOB_READER, by=furnish.USER_ID)
    assert online.deploy("ep-uai", "three").json["status"] == "Succeeded"
    answer = online.score("ep-uai", {"token": f"&clientid={uai['client']}"}, azureml_model_deployment="three").json
    claims = world.issuer.verify(answer["access_token"], ("https://storage.azure.com",))
    assert claims.object_id == uai["principal"]


def test_a_workspace_without_a_registry_gets_one(tmp_path: Path) -> None:
    online = open_online(tmp_path)
    workspace = online.arm.world.store.resource(WORKSPACE)
    assert workspace is not None
    workspace.body["properties"]["containerRegistry"] = None
    online.arm.world.store.put(workspace)
    principal = online.endpoint("ep-lazy").json["identity"]["principalId"]
    assert ACR_PULL not in {a.role for a in online.arm.world.store.assignments(principal)}
    assert online.deploy("ep-lazy").json["status"] == "Succeeded"
    made = online.arm("GET", WORKSPACE, version=VERSION).json["properties"]["containerRegistry"]
    assert made.endswith("/registries/" + workspace.body["properties"]["workspaceId"].replace("-", ""))
    assert ACR_PULL in {a.role for a in online.arm.world.store.assignments(principal) if a.scope == made}
    close_online(online)


def test_a_crash_is_retried_while_a_role_is_on_its_way(online: Online) -> None:
    """As in Azure, where the container is restarted until its probes have failed for minutes."""
    tried, crash = online.arm.world.home / "tried", online.arm.world.home / "crash"
    script = f"""
import os, time

def init():
    if not os.path.exists({str(tried)!r}):
        open({str(tried)!r}, "w").close()
        while not os.path.exists({str(crash)!r}):
            time.sleep(0.05)
        raise SystemExit(1)

def run(raw_data):
    return 1
"""
    principal = online.endpoint("ep-retry").json["identity"]["principalId"]
    assignment = grants.assign(online.arm.world, f"{WORKSPACE}/x", principal, BLOB_READER, by=furnish.USER_ID)
    first = online.arm("PUT", f"{ENDPOINTS}/ep-retry/deployments/blue", online.body(script=script), version=VERSION)
    eventually(online, tried.exists)
    # Counted from the crash: how long a busy machine takes to get there changes nothing.
    assignment.effective_from = time.time() + 4
    online.arm.world.store.put_assignment(assignment)
    crash.touch()
    assert online.operation(first).json["status"] == "Succeeded"
    assert "Back-off restarting failed container" in online.logs("ep-retry")


def test_a_change_replaces_the_server_and_a_failed_change_does_not(online: Online) -> None:
    online.endpoint("ep-change")
    online.deploy("ep-change")
    online.traffic("ep-change", blue=100)
    changed = online.deploy("ep-change", model=online.model("10"))
    assert changed.json["status"] == "Succeeded"
    assert online.score("ep-change", {"data": [1]}).json == [10]
    assert len(processes(online)) == 1
    code, _ = failure(online.deploy("ep-change", script=FAILING))
    assert code == "ResourceNotReady"
    state = online.arm("GET", f"{ENDPOINTS}/ep-change/deployments/blue", version=VERSION).json["properties"][
        "provisioningState"
    ]
    assert state == "Failed"
    assert online.score("ep-change", {"data": [1]}).json == [10]
    assert online.traffic("ep-change", blue=100).status == 200
    assert online.deploy("ep-change", model=online.model("3")).json["status"] == "Succeeded"
    assert online.score("ep-change", {"data": [1]}).json == [3]
    assert len(list((online.arm.world.home / "deployments").iterdir())) == 1


def test_deleting_the_endpoint_overtakes_a_deployment(online: Online) -> None:
    online.endpoint("ep-over")
    slow = "import time\ndef init():\n    time.sleep(60)\n\ndef run(raw_data):\n    pass\n"
    first = online.arm("PUT", f"{ENDPOINTS}/ep-over/deployments/blue", online.body(script=slow), version=VERSION)
    eventually(online, lambda: processes(online) != [])
    deleted = online.arm("DELETE", f"{ENDPOINTS}/ep-over", version=VERSION)
    assert online.operation(deleted).json["status"] == "Succeeded"
    code, _ = failure(online.operation(first))
    assert code == "OperationCanceled"
    assert processes(online) == []
    assert list((online.arm.world.home / "deployments").iterdir()) == []


def test_a_dead_server_is_started_again(online: Online) -> None:
    online.endpoint("ep-dead")
    online.deploy("ep-dead")
    online.traffic("ep-dead", blue=100)
    died = online.score("ep-dead", {"die": 1})
    assert (died.status, died.headers["ms-azureml-model-error-reason"]) == (424, "model_not_ready")
    assert online.score("ep-dead", {"data": [1]}).json == [2]


def test_deployments_survive_a_restart_of_the_sandbox(tmp_path: Path) -> None:
    online = open_online(tmp_path)
    online.endpoint("ep-again")
    online.deploy("ep-again")
    online.traffic("ep-again", blue=100)
    close_online(online)
    online = open_online(tmp_path)
    for kind in ("codes", "models", "environments"):
        # The deployment does not need its assets any more.
        for asset in online.arm.world.store.resources(f"Microsoft.MachineLearningServices/workspaces/{kind}/versions"):
            online.arm.world.store.remove(asset.id)
    online.arm.run(deployments.resume(online.arm.world))
    # The request comes before the server is ready, and waits.
    assert online.score("ep-again", {"data": [4]}).json == [8]
    token = online.score("ep-again", {"token": ""}).json
    assert token["token_type"] == "Bearer"
    close_online(online)
    assert processes(online) == []


def test_no_server_outlives_a_killed_sandbox(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}
from pathlib import Path
from online_harness import open_online
from mi_tui.sandbox.hosting import running
online = open_online(Path({str(tmp_path)!r}))
online.endpoint("ep-kill")
online.deploy("ep-kill")
server, = running.servers(online.arm.world)
print(server._process._process.pid, flush=True)
online.arm.loop.run_forever()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        group = int(sandbox.stdout.readline())
        os.killpg(group, 0)
        sandbox.kill()
        sandbox.wait()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                break
            time.sleep(0.05)
        else:
            os.killpg(group, signal.SIGKILL)
            pytest.fail("the server outlived the sandbox")


def test_the_code_cannot_lead_out_of_its_folder(online: Online) -> None:
    online.endpoint("ep-path")
    code = online.code({"score.py": SCRIPT, "../../../escape.txt": "x"})
    answer = online.deploy("ep-path", codeConfiguration={"codeId": code, "scoringScript": "score.py"})
    kind, message = failure(answer)
    assert kind == "BadArgument"
    assert "leads out of the code folder" in message
    assert not list(online.arm.world.home.rglob("escape.txt"))


def test_missing_parts(online: Online) -> None:
    online.endpoint("ep-missing")
    kind, message = failure(
        online.deploy("ep-missing", "first", environmentId=f"{WORKSPACE}/environments/none/versions/1")
    )
    assert kind == "BadArgument"
    assert "was not found" in message
    kind, message = failure(
        online.deploy("ep-missing", "second", environmentId="azureml://registries/azureml/environments/x/versions/1")
    )
    assert "no registries" in message
    refused = online.arm(
        "PUT", f"{ENDPOINTS}/ep-missing/deployments/third", online.body(instanceType=None), version=VERSION
    )
    assert refused.status == 400
    assert "VmSize" in json.dumps(refused.json)


def test_the_log_is_bounded(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    line = b"x" * 1023 + b"\n"
    for _ in range(2 * LIMIT // 1024 + 100):
        log.write(line)
    log.line("the end")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2 * LIMIT + 2048
    assert log.tail(2) == ["x" * 1023, "the end"]
    assert log.tail(0) == []

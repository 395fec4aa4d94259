"""A run that is interrupted is left resumable, and resuming ends in a scored answer with nothing made twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import TIMEOUT, Shell

pytestmark = pytest.mark.e2e


def begin(shell: Shell, until: str) -> tuple[subprocess.Popen[str], str]:
    """Start `up` and return when the step `until` has begun, with the run's id."""
    process = subprocess.Popen(
        shell.command("up", "--sandbox", "--profile", "instant", "--yes", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        text=True, env=shell.environment, cwd=shell.home.parent,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step_started" and event["step"] == until:
            return process, event["run"]
    raise AssertionError(f"up ended with {process.wait()} before {until}")


@pytest.mark.parametrize("step", [pytest.param("endpoint", marks=pytest.mark.long), "deployment"])
def test_kill_and_resume(shell: Shell, step: str) -> None:
    before = shell.tree()
    process, run = begin(shell, step)
    process.kill()
    process.wait(TIMEOUT)
    assert "left_running" in shell("runs", check=True).out
    resumed = shell("resume", run, "--json")
    assert resumed.code == 0, resumed.out + resumed.err
    assert resumed.last["outcome"] == "succeeded"
    assert shell("down", run, "--yes").code == 0
    assert shell.tree() == before


@pytest.mark.long
def test_a_run_killed_in_the_middle_of_an_upload_leaves_nothing(shell: Shell, tmp_path: Path) -> None:
    before = shell.tree()
    answers = yaml.safe_load(shell("answers", "--sandbox", check=True).out)
    model = tmp_path / "model"
    shutil.copytree(answers["deployment"]["model"], model)
    with (model / "weights.bin").open("wb") as file:
        file.truncate(300 << 20)
    answers["deployment"]["model"] = str(model)
    (tmp_path / "answers.yaml").write_text(yaml.safe_dump(answers))
    process = subprocess.Popen(
        shell.command("up", str(tmp_path / "answers.yaml"), "--sandbox", "--yes"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=shell.environment, cwd=shell.home.parent,
    )  # fmt: skip
    while "weights.bin" not in shell("sandbox", "log", check=True).out:
        assert process.poll() is None
    process.kill()
    process.wait(TIMEOUT)
    assert shell("down", "last", "--yes").code == 0
    assert shell.tree() == before
    listed = shell("sandbox", "run", "--", sys.executable, "-c", _UNCOMMITTED, check=True).out
    assert "weights.bin" not in listed


_UNCOMMITTED = """
import os
from azure.identity import EnvironmentCredential
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient
group, accounts = os.environ["AZURE_RESOURCE_GROUP"], StorageManagementClient(
    EnvironmentCredential(), os.environ["AZURE_SUBSCRIPTION_ID"]).storage_accounts
for account in accounts.list_by_resource_group(group):
    if account.allow_shared_key_access is False:
        continue
    key = accounts.list_keys(group, account.name).keys_property[0].value
    service = BlobServiceClient(account.primary_endpoints.blob, key)
    for container in service.list_containers():
        for blob in service.get_container_client(container.name).list_blobs(include=["uncommittedblobs"]):
            print(blob.name)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_without_a_terminal_leaves_the_run(shell: Shell, number: signal.Signals) -> None:
    before = shell.tree()
    process, run = begin(shell, "deployment")
    process.send_signal(number)
    assert process.stdout is not None
    rest = [json.loads(line) for line in process.stdout]
    assert process.wait(TIMEOUT) == 3
    assert rest[-1]["outcome"] == "left_running"
    assert shell("resume", run).code == 0
    assert shell("down", run, "--yes").code == 0
    assert shell.tree() == before


@pytest.mark.long
@pytest.mark.slow
def test_nothing_runs_on_when_the_last_client_is_gone(lone_shell: Shell) -> None:
    process, run = begin(lone_shell, "deployment")
    pid = json.loads(lone_shell("sandbox", "status", "--json", check=True).out)["pid"]
    process.kill()
    process.wait(TIMEOUT)
    deadline = 200
    while _alive(pid) and deadline:
        deadline -= 1
        signal.sigtimedwait([], 0.05)
    assert not _alive(pid), "the sandbox outlived its last client"
    assert not _mentions(lone_shell.home), "a process of the sandbox outlived it"
    assert lone_shell("resume", run).code == 0
    assert lone_shell("down", run, "--yes").code == 0


BUSY = """
about: a service that is busy
rules:
  - on: {method: GET, path: "*/storageAccounts/*"}
    when: {times: TIMES}
    answer: {status: 503, code: ServerBusy, message: The server is busy., headers: {Retry-After: "1"}}
"""


@pytest.mark.slow
def test_planning_waits_for_a_busy_service_and_is_left_at_once(lone_shell: Shell, tmp_path: Path) -> None:
    lone_shell("sandbox", "start", "--profile", "instant", check=True)
    scenario = tmp_path / "busy.yaml"
    scenario.write_text(BUSY.replace("TIMES", "2"))
    planned = lone_shell("plan", "--sandbox", "--scenario", str(scenario), "--json")
    assert planned.code == 0, planned.err
    assert "Waiting: Azure asks to wait 1 s (503 Service Unavailable). Nothing was changed yet; Ctrl+C" in planned.err
    scenario.write_text(BUSY.replace("TIMES", "1000"))
    process = subprocess.Popen(
        lone_shell.command("plan", "--sandbox", "--scenario", str(scenario)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=lone_shell.environment, cwd=lone_shell.home.parent,
    )  # fmt: skip
    assert process.stderr is not None
    assert "Waiting" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert "Interrupted." in process.communicate(timeout=TIMEOUT)[1]
    assert process.returncode == 130


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _mentions(home: Path) -> list[str]:
    """Commands of processes whose command line names this home; empty where the system does not tell."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(home) in command:
            found.append(command)
    return found


@pytest.mark.slow
def test_a_sandbox_that_dies_is_said_and_resume_goes_on(lone_shell: Shell) -> None:
    process, run = begin(lone_shell, "deployment")
    os.kill(json.loads(lone_shell("sandbox", "status", "--json", check=True).out)["pid"], signal.SIGKILL)
    assert process.stdout is not None
    rest = [json.loads(line) for line in process.stdout]
    assert process.wait(TIMEOUT) == 1
    assert rest[-1]["failure"]["code"] == "mi-tui/sandbox-died"
    assert f"mi-tui resume {run}" in rest[-1]["failure"]["advice"]
    assert lone_shell("resume", run).code == 0
    assert lone_shell("down", run, "--yes").code == 0


@pytest.mark.slow
def test_a_running_deployment_answers_again_after_its_sandbox_was_killed(lone_shell: Shell) -> None:
    lone_shell("sandbox", "start", "--profile", "instant", check=True)
    assert lone_shell("up", "--sandbox", "--yes").code == 0
    before = lone_shell.tree()
    os.kill(json.loads(lone_shell("sandbox", "status", "--json", check=True).out)["pid"], signal.SIGKILL)
    lone_shell("sandbox", "start", "--profile", "instant", check=True)
    assert lone_shell.tree() == before
    # Asked at once: the request waits for the server that is being started again.
    answered = lone_shell("invoke", "last")
    assert answered.code == 0, answered.err
    assert lone_shell("down", "last", "--yes").code == 0

"""A failed run, mended from the command line: by the number that the failure was told with, after `kill -9`, and at a terminal."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.campaign.world import differences
from tests.e2e.conftest import TIMEOUT, Shell
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.e2e

SCENARIO = ("--sandbox", "--profile", "instant", "--scenario", "missing-server")


@pytest.fixture
def answers(lone_shell: Shell) -> Path:
    """Answers with a conda file that may be changed, and a world in which the first environment lacks its server."""
    lone_shell("sandbox", "start", *SCENARIO[1:], check=True)
    made = yaml.safe_load(lone_shell("answers", "--sandbox", check=True).out)
    own = lone_shell.home.parent / "conda.yaml"
    shutil.copy(made["deployment"]["conda"], own)
    made["deployment"]["conda"] = str(own)
    path = lone_shell.home.parent / "answers.yaml"
    path.write_text(yaml.safe_dump(made))
    return path


@pytest.mark.long
def test_a_script_that_was_mended_is_uploaded_again(lone_shell: Shell) -> None:
    lone_shell("sandbox", "start", "--profile", "instant", check=True)
    before, path = lone_shell.tree(), lone_shell.home.parent / "answers.yaml"
    made = yaml.safe_load(lone_shell("answers", "--sandbox", check=True).out)
    code = shutil.copytree(made["deployment"]["code"], path.with_name("code"))
    made["deployment"]["code"] = str(code)
    path.write_text(yaml.safe_dump(made))
    script = code / "score.py"
    whole = script.read_text()
    script.write_text(f"{whole}\ndef init():\n    open('nowhere')\n")
    up = lone_shell("up", str(path), "--sandbox", "--profile", "instant", "--yes")
    assert up.code == 1, up.err
    assert f"in {script}" in " ".join(up.err.split()), "the fix names the script"
    run = lone_shell("runs", "--json", check=True).last["run"]

    refused = lone_shell("resume", run, "--fix", "code", "--yes")
    assert refused.code == 2
    assert "as it was when it was uploaded" in refused.err
    script.write_text(f"{whole}\ndef init(:\n")
    refused = lone_shell("resume", run, "--fix", "1", "--yes")
    assert refused.code == 2
    assert "def init(:" in refused.err
    script.write_text(whole)
    again = lone_shell("resume", run)
    assert again.code == 1
    assert f"'mi-tui resume {run} --fix code'" in again.out + again.err, "the old script is what fails again"

    fixed = lone_shell("resume", run, "--fix", "code", "--yes", "--json")
    assert fixed.code == 0, fixed.out + fixed.err
    assert "~ score.py is other than it was" in fixed.err
    assert len(fixed.last["response"]) == 2
    assert lone_shell("down", run, "--yes").code == 0
    assert differences(before, lone_shell.tree()) == []


@pytest.mark.long
def test_a_fix_by_its_number_goes_on_where_the_run_stopped(lone_shell: Shell, answers: Path) -> None:
    before, conda = lone_shell.tree(), answers.with_name("conda.yaml")
    text = conda.read_text()
    up = lone_shell("up", str(answers), *SCENARIO, "--yes")
    assert up.code == 1, up.err
    run = lone_shell("runs", "--json", check=True).last["run"]
    assert f"mi-tui resume {run} --fix 1" in up.err, "the end of a failed run names the command"
    broken = lone_shell.tree()

    refused = lone_shell("resume", run, "--fix", "1")
    assert refused.code == 2
    assert "add --yes" in refused.err
    for wrong in ("9", "nothing", "tag=cost-center"):
        assert lone_shell("resume", run, "--fix", wrong, "--yes").code == 2
    assert lone_shell("resume", run, "--yes").code == 2
    assert (lone_shell.tree(), conda.read_text()) == (broken, text), "nothing was changed"

    fixed = lone_shell("resume", run, "--fix", "1", "--yes", "--json")
    assert fixed.code == 0, fixed.out + fixed.err
    assert [event["event"] for event in fixed.events][:: len(fixed.events) - 1] == ["planned", "run_finished"]
    assert fixed.last["outcome"] == "succeeded"
    assert len(fixed.last["response"]) == 2
    assert any(e["event"] == "notice" and e["text"].startswith("Changed: ") for e in fixed.events)
    assert "+name: mi-tui-scoring-2" in fixed.err, "the diff is shown"
    assert conda.read_text() == text.replace("name: mi-tui-scoring", "name: mi-tui-scoring-2")
    assert answers.with_name("conda.before-mi-tui.yaml").read_text() == text
    assert lone_shell("down", run, "--yes").code == 0
    assert lone_shell.tree() == before


@pytest.mark.long
@pytest.mark.parametrize("step", ["conda-file", "environment", "deployment"])
def test_a_fix_that_is_killed_in_the_middle_is_resumed(lone_shell: Shell, answers: Path, step: str) -> None:
    before = lone_shell.tree()
    assert lone_shell("up", str(answers), *SCENARIO, "--yes").code == 1
    run = lone_shell("runs", "--json", check=True).last["run"]
    process = subprocess.Popen(
        lone_shell.command("resume", run, "--fix", "1", "--yes", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        text=True, env=lone_shell.environment, cwd=lone_shell.home.parent,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step_started" and event["step"] == step:
            break
    process.kill()
    process.wait(TIMEOUT)
    resumed = lone_shell("resume", run, "--json")
    assert resumed.code == 0, resumed.out + resumed.err
    kept = [path.name for path in answers.parent.glob("conda*")]
    assert sorted(kept) == ["conda.before-mi-tui.yaml", "conda.yaml"], "changed once"
    assert "name: mi-tui-scoring-2" in answers.with_name("conda.yaml").read_text()
    assert lone_shell("down", run, "--yes").code == 0
    assert lone_shell.tree() == before


@pytest.mark.slow
def test_a_fix_is_offered_at_the_terminal_and_the_run_goes_on(lone_shell: Shell, answers: Path) -> None:
    before = lone_shell.tree()
    terminal = Terminal(lone_shell, 120, 50, lone_shell.command("up", str(answers), *SCENARIO))
    try:
        terminal.wait_for("Carry it out?")
        terminal.process.send("y\r")
        terminal.wait_for("Apply a fix and go on? [1/")
        terminal.process.send("1\r")
        terminal.wait_for("Change the plan so, and go on?")
        assert answers.with_name("conda.yaml").read_text().count("mi-tui-scoring-2") == 0
        terminal.process.send("y\r")
        terminal.wait_for("response: [")
    finally:
        terminal.process.close(force=True)
    assert "succeeded" in lone_shell("runs", check=True).out
    assert lone_shell("down", "last", "--yes").code == 0
    assert lone_shell.tree() == before


@pytest.mark.long
def test_no_fix_is_the_default_at_the_terminal(lone_shell: Shell, answers: Path) -> None:
    terminal = Terminal(lone_shell, 120, 50, lone_shell.command("up", str(answers), *SCENARIO))
    try:
        terminal.wait_for("Carry it out?")
        terminal.process.send("y\r")
        terminal.wait_for("Apply a fix and go on? [1/")
        terminal.process.send("\r")
        terminal.process.expect("(?s).*", timeout=30)
        terminal.process.wait()
        assert terminal.process.exitstatus == 1
    finally:
        terminal.process.close(force=True)
    assert "failed" in lone_shell("runs", check=True).out
    assert not list(answers.parent.glob("conda.before*"))
    assert lone_shell("down", "last", "--yes").code == 0

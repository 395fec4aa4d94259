"""Runs that share an endpoint with others: nothing of somebody else's is removed, and the traffic goes back."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.test_failures import answers

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_second_deployment_takes_the_traffic_and_gives_it_back(shell: Shell) -> None:
    before = shell.tree()
    first = shell("up", "--sandbox", "--yes", "--json", check=True).last["run"]
    (endpoint,) = [run["endpoint"] for run in shell("runs", "--json", check=True).events if run["run"] == first]
    text = shell("answers", "--sandbox", check=True).out
    own = next(line.split()[1] for line in text.splitlines() if line.strip().startswith("name: ep-mi-tui-"))
    path = answers(shell, "second.yaml", "sai")
    path.write_text(text.replace(own, endpoint).replace("name: blue", "name: red"))
    second = shell("up", str(path), "--sandbox", "--yes", "--json", check=True).last["run"]
    assert "red 100 %" in shell("status", first, check=True).out

    # The first run's endpoint holds the second run's deployment, which lives on with its code.
    kept = shell("down", first, "--yes", "--json")
    assert kept.code == 1, kept.out + kept.err
    assert kept.last["failure"]["code"] == "mi-tui/left"
    why = {item["kind"]: item["why"] for item in kept.last["left"]}
    assert "did not make: red" in why["online endpoint"]
    assert "red uses it" in why["code"]
    assert len(json.loads(shell("invoke", second, "--json", check=True).out)["response"]) == 2

    shell("down", second, "--yes", check=True)
    shell("down", first, "--yes", check=True)
    assert shell.tree() == before


@pytest.mark.long
def test_the_deployment_that_had_the_traffic_has_it_again(shell: Shell) -> None:
    before = shell.tree()
    first = shell("up", "--sandbox", "--yes", "--json", check=True).last["run"]
    (endpoint,) = [run["endpoint"] for run in shell("runs", "--json", check=True).events if run["run"] == first]
    path = answers(shell, "guest.yaml", "sai", ("name: blue", "name: red"))
    text = path.read_text()
    own = next(line.split()[1] for line in text.splitlines() if line.strip().startswith("name: ep-mi-tui-"))
    path.write_text(text.replace(own, endpoint))
    second = shell("up", str(path), "--sandbox", "--yes", "--json", check=True).last["run"]
    shell("down", second, "--yes", check=True)
    assert "traffic: blue 100 %" in shell("status", first, check=True).out
    assert shell("invoke", first, check=True).code == 0
    shell("down", first, "--yes", check=True)
    assert shell.tree() == before


def test_a_reader_that_goes_away_leaves_the_run_resumable(shell: Shell) -> None:
    up = subprocess.Popen(
        shell.command("up", "--sandbox", "--yes", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=shell.environment,
    )
    assert up.stdout is not None
    assert up.stderr is not None
    run = json.loads(up.stdout.readline())["run"]
    up.stdout.close()
    said = up.stderr.read().decode()
    assert up.wait(60) == 3, said
    assert "Traceback" not in said
    assert shell("resume", run, "--json", check=True).last["outcome"] == "succeeded"
    shell("down", run, "--yes", check=True)

"""Cancelling at a terminal: what was under way is named with how it ended, and clean-up is offered; a closed terminal leaves the run."""

from __future__ import annotations

import os
import time

import pexpect
import pytest

from tests.e2e.conftest import Shell
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.e2e


def begun(shell: Shell) -> Terminal:
    """`up` in a terminal, with the deployment being created."""
    terminal = Terminal(shell, 140, 60, shell.command("up", "--sandbox", "--yes"))
    terminal.wait_for("deployment blue: Updating")
    return terminal


@pytest.mark.slow
def test_cancel_deletes_the_deployment_and_offers_to_remove_the_rest(lone_shell: Shell) -> None:
    lone_shell("sandbox", "start", "--profile", "demo", check=True)
    before = lone_shell.tree()
    terminal = begun(lone_shell)
    terminal.process.sendintr()
    terminal.wait_for("[c]ancel")
    terminal.process.sendline("c")
    shown = terminal.wait_for("Remove now what this run made?")
    assert "deployment blue  cancelled" in shown
    assert "Azure deleted it while it was being created" in shown
    assert "/deployments/" not in " ".join(resource["id"] for resource in lone_shell.tree()["resources"])
    terminal.process.sendline("y")
    terminal.wait_for("each seen to be gone")
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.wait()
    assert terminal.process.exitstatus == 0
    assert lone_shell.tree() == before


@pytest.mark.long
def test_a_cancelled_run_goes_on_after_all_and_a_closed_terminal_leaves_it(lone_shell: Shell) -> None:
    lone_shell("sandbox", "start", "--profile", "demo", check=True)
    before = lone_shell.tree()
    terminal = begun(lone_shell)
    run = lone_shell("runs", "--json", check=True).last["run"]
    terminal.process.sendintr()
    terminal.wait_for("[c]ancel")
    terminal.process.sendline("c")
    terminal.wait_for("Remove now what this run made?")
    terminal.process.sendline("")
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.wait()
    assert terminal.process.exitstatus == 130

    again = Terminal(lone_shell, 140, 60, lone_shell.command("resume", run))
    again.wait_for("deployment blue: Updating")
    os.close(again.process.child_fd)  # the terminal goes: SIGHUP
    deadline = time.monotonic() + 30
    while _alive(again.process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(again.process.pid)
    assert "left_running" in lone_shell("runs", check=True).out
    assert lone_shell("resume", run, check=True).code == 0
    assert lone_shell("down", run, "--yes", check=True).code == 0
    assert lone_shell.tree() == before


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"

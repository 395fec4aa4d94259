"""Azure in the wizard, where Azure is the sandbox: signed in by device code and in a browser, in a real terminal and over TLS."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator

import pexpect
import pytest

from tests.e2e.conftest import REPOSITORY, Shell
from tests.e2e.terminal import Terminal
from tests.person import sign_in

pytestmark = pytest.mark.e2e


@pytest.fixture
def terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """The wizard with the sandbox as its Azure, and a person's browser that signs in by itself."""
    monkeypatch.setenv("BROWSER", f"{sys.executable} -m tests.person %s")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no Azure CLI of this machine

    made = Terminal(shell, 80, 24, shell.command("sandbox", "run", "--", *shell.command()))
    yield made
    made.process.close(force=True)


def to_the_rows(terminal: Terminal) -> None:
    terminal.wait_for("No earlier runs yet")
    terminal.process.send("\t")
    terminal.process.send("\x1b[C")
    terminal.wait_for("application 9d4b7e20")
    terminal.process.send("\t")


def password_of(shell: Shell) -> str:
    found = re.search(r"MI_TUI_SANDBOX_PASSWORD=(\S+)", shell("sandbox", "env", check=True).out)
    assert found is not None
    return found[1]


def test_a_device_code_is_given_up_begun_again_and_entered(shell: Shell, terminal: Terminal) -> None:
    to_the_rows(terminal)
    terminal.process.send("\x1b[B\x1b[B")
    terminal.wait_for("◉ Device code")
    terminal.process.send("\r")
    first = code_in(terminal.wait_for("Waiting for you"))
    terminal.process.send("\x1b")
    time.sleep(1)
    assert "Waiting for you" not in terminal.read()
    terminal.process.send("\r")
    shown = terminal.wait_for("Waiting for you")
    assert code_in(shown) != first
    page = re.search(r"http://127\.0\.0\.1:\d+/device", shown)
    assert page is not None
    sign_in(page[0], code_in(shown), password=password_of(shell))
    terminal.wait_for("azure · you@contoso.example · Contoso")
    terminal.wait_for("Contoso Prod")


def code_in(shown: str) -> str:
    found = re.search(r"┃\s+((?:[A-Z0-9] ){8}[A-Z0-9])\s+┃", shown)
    assert found is not None, shown
    return found[1].replace(" ", "")


def test_a_browser_signs_in_and_what_it_says_stays_off_the_screen(shell: Shell, terminal: Terminal) -> None:
    to_the_rows(terminal)
    terminal.process.send("\x1b[B")
    terminal.wait_for("◉ Browser")
    terminal.process.send("\r")
    terminal.wait_for("azure · you@contoso.example · Contoso")


def test_quitting_while_somebody_is_waited_for_takes_no_time(shell: Shell, terminal: Terminal) -> None:
    to_the_rows(terminal)
    terminal.process.send("\x1b[B\x1b[B")
    terminal.wait_for("◉ Device code")
    terminal.process.send("\r")
    terminal.wait_for("Waiting for you")
    terminal.process.sendcontrol("c")
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.wait()
    assert terminal.process.exitstatus == 0

"""Signing in to Azure from the command line, where Azure is the sandbox: every way there is, and where it is refused."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.e2e.conftest import REPOSITORY, Shell
from tests.person import sign_in

pytestmark = pytest.mark.e2e


@pytest.fixture
def answers(shell: Shell, tmp_path: Path) -> Path:
    """Answers for the sandbox's world, to be used as if it were Azure."""
    path = tmp_path / "answers.yaml"
    path.write_text(shell("answers", "--sandbox", check=True).out)
    return path


@pytest.fixture
def password(shell: Shell) -> str:
    """What the sandbox's user types on its sign-in pages."""
    found = re.search(r"MI_TUI_SANDBOX_PASSWORD=(\S+)", shell("sandbox", "env", check=True).out)
    assert found is not None
    return found[1]


@pytest.fixture
def spawned() -> Iterator[list[pexpect.spawn[str]]]:
    """Processes in a terminal, ended when the test is over."""
    kept: list[pexpect.spawn[str]] = []
    yield kept
    for process in kept:
        process.close(force=True)


def in_azure(shell: Shell, *words: str) -> list[str]:
    """A command whose Azure is the sandbox."""
    return shell.command("sandbox", "run", "--", *shell.command(*words))


def spawn(shell: Shell, words: list[str], spawned: list[pexpect.spawn[str]], **variables: str) -> pexpect.spawn[str]:
    environment = {**shell.environment, "PYTHONPATH": str(REPOSITORY), **variables}
    process = pexpect.spawn(
        words[0], words[1:], env=environment, timeout=90, encoding="utf-8", dimensions=(24, 200), cwd=str(REPOSITORY)
    )
    spawned.append(process)
    return process


def ended(process: pexpect.spawn[str]) -> tuple[int | None, str]:
    process.expect(pexpect.EOF)
    process.wait()
    return process.exitstatus, str(process.before)


def test_the_environment_is_the_default_and_can_be_named(shell: Shell, answers: Path) -> None:
    for how in ([], ["--sign-in", "environment"]):
        done = shell("sandbox", "run", "--", *shell.command("plan", str(answers), *how))
        assert done.code == 0, done.err
        assert "resources and 1 grant to make" in done.out


def test_a_device_code_is_told_on_standard_error_and_signs_in(
    shell: Shell, answers: Path, password: str, spawned: list[pexpect.spawn[str]]
) -> None:
    process = spawn(shell, in_azure(shell, "plan", str(answers), "--sign-in", "device-code"), spawned)
    process.expect(r"open (http://\S+) in a browser and enter the code ([A-Z0-9]{9}) \(valid until \d\d:\d\d\)")
    found = process.match
    assert isinstance(found, re.Match)
    sign_in(found[1], found[2], password=password)
    code, said = ended(process)
    assert code == 0, said
    assert "Signed in as you@contoso.example" in said
    assert "resources and 1 grant to make" in said


def test_a_browser_is_opened_and_signs_in(shell: Shell, answers: Path, spawned: list[pexpect.spawn[str]]) -> None:
    words = in_azure(shell, "plan", str(answers), "--sign-in", "browser", "--tenant", "contoso.example")
    code, said = ended(spawn(shell, words, spawned, BROWSER=f"{sys.executable} -m tests.person %s"))
    assert code == 0, said
    assert "Your browser was opened to sign in." in said
    assert "Signed in as you@contoso.example" in said


def test_ctrl_c_gives_a_device_code_up(shell: Shell, answers: Path, spawned: list[pexpect.spawn[str]]) -> None:
    process = spawn(shell, in_azure(shell, "plan", str(answers), "--sign-in", "device-code"), spawned)
    process.expect("enter the code")
    process.sendcontrol("c")
    _, said = ended(process)
    assert "Interrupted." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("how", ["browser", "device-code"])
def test_without_a_terminal_nobody_is_waited_for(shell: Shell, answers: Path, how: str) -> None:
    done = shell("sandbox", "run", "--", *shell.command("plan", str(answers), "--sign-in", how))
    assert done.code == 2
    assert "needs a terminal" in done.err


def test_sign_ins_that_cannot_be(shell: Shell, answers: Path) -> None:
    done = shell("up", "--sandbox", "--yes", "--sign-in", "browser")
    assert (done.code, "go with Azure" in done.err) == (2, True)
    done = shell("plan", str(answers), "--tenant", "not a tenant")
    assert (done.code, "A tenant is an id" in done.err) == (2, True)
    missing = [
        sys.executable,
        "-c",
        _WITHOUT_VARIABLES,
        *shell.command("plan", str(answers), "--sign-in", "environment"),
    ]
    done = shell("sandbox", "run", "--", *missing)
    assert done.code == 1
    assert "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are not set." in done.err


_WITHOUT_VARIABLES = (
    "import os, sys\n"
    "for name in [name for name in os.environ if name.startswith('AZURE_')]: del os.environ[name]\n"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


def test_nothing_secret_is_kept(shell: Shell, answers: Path, password: str) -> None:
    shell("sandbox", "run", "--", *shell.command("plan", str(answers)), check=True)
    for path in shell.home.rglob("*.log*"):
        text = path.read_text(errors="replace")
        assert password not in text
        assert "eyJ" not in text
    assert "MI_TUI_SANDBOX_PASSWORD" not in os.environ

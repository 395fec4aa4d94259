"""A home on a file system that cannot be written: what reads works, what would change something is refused before it begins."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mi_tui.engine.journal import Journal
from mi_tui.model.plan import ResourceKind
from tests.e2e.conftest import Shell
from tests.engine.test_journal import PLAN

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 99; exec "$@"'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one run, whose journal a killed process left open."""
    home = tmp_path / "home"
    journal = Journal(home / "journal.db")
    journal.add_run("abc123", "azure", PLAN)
    journal.intend("abc123", ResourceKind.CONTAINER, "/c", "inputs")
    return home


def read_only(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command with the home mounted read-only, in a mount namespace of its own."""
    if os.name == "nt" or os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("mounting read-only takes root and unshare(1)")
    shell = Shell(home, home)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", _MOUNT, str(home), *shell.command(*words)],
        capture_output=True, text=True, env=shell.environment, stdin=subprocess.DEVNULL, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip("no mount namespace may be made here")
    return done


@pytest.mark.parametrize("words", [("runs",), ("runs", "--json"), ("--help",), ("answers",)])
def test_what_reads_works(home: Path, words: tuple[str, ...]) -> None:
    done = read_only(home, *words)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    if words[0] == "runs":
        assert "abc123" in done.stdout


@pytest.mark.parametrize(
    "words", [("up", "--sandbox", "--yes"), ("down", "abc123", "--yes"), ("resume", "abc123")], ids=" ".join
)
def test_what_changes_is_refused_before_it_begins(home: Path, words: tuple[str, ...]) -> None:
    done = read_only(home, *words)
    assert done.returncode == 2, done.stderr
    assert "Read-only file system" in done.stderr
    assert "Nothing was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in home.iterdir() if not path.name.startswith("journal.db")) == []

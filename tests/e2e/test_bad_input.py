"""Bad input: a clear sentence, exit code 2, and no change anywhere."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.test_failures import answers

pytestmark = pytest.mark.e2e


def refused(shell: Shell, path: Path, *sentences: str) -> None:
    """`up` and `plan` refuse these answers with these words, and the world stays as it is."""
    before = shell.tree()
    for words in (("up", str(path), "--sandbox", "--yes"), ("plan", str(path), "--sandbox")):
        result = shell(*words)
        assert result.code == 2, result.out + result.err
        for sentence in sentences:
            assert sentence in result.err
        assert "Traceback" not in result.err
        assert not result.out
    assert shell.tree() == before


def test_a_storage_name_that_is_taken(shell: Shell) -> None:
    text = shell("answers", "--sandbox", check=True).out
    name = next(line.split(": ")[1] for line in text.splitlines() if line.strip().startswith("account: "))
    path = shell.home / "taken.yaml"
    path.write_text(text.replace(name, "contoso"))
    refused(shell, path, "already taken", "Take another name")


def test_a_workspace_that_is_not_there(shell: Shell) -> None:
    refused(shell, answers(shell, "ws.yaml", "sai", ("name: ml-dev", "name: ml-gone")), "ml-gone")


def test_a_user_assigned_identity_in_a_workspace_without_registry(shell: Shell) -> None:
    refused(
        shell,
        answers(shell, "new.yaml", "uai", ("name: ml-dev", "name: ml-new")),
        "no container registry",
        "identity.kind: sai",
    )


def test_every_fault_of_a_file_is_listed(shell: Shell) -> None:
    path = shell.home / "bad.yaml"
    path.write_text(
        "workspace: {subscription: x}\nendpoint: {name: 1}\nstorrage: {}\ndeployment: {model: m, code: c, conda: x}\n"
    )
    refused(shell, path, "workspace.resource_group", "storage: missing", "did you mean 'storage'", "endpoint.name")


def test_missing_files_are_listed(shell: Shell) -> None:
    scoring = str(Path(__file__).resolve().parents[2] / "scoring")
    refused(
        shell,
        answers(shell, "files.yaml", "sai", (scoring, "/nowhere")),
        "deployment.model",
        "deployment.code",
        "storage.upload",
        "request",
    )


@pytest.mark.long
def test_an_endpoint_with_the_other_kind_of_identity(shell: Shell) -> None:
    path = answers(shell, "first.yaml", "sai", ("grants: make", "grants: make"))
    assert shell("up", str(path), "--sandbox", "--yes").code == 0
    refused(shell, _other_kind(path), "exists with a system-assigned identity", "delete the endpoint first")
    refused(shell, path, "already has a deployment 'blue'")
    assert shell("down", "last", "--yes").code == 0


def _other_kind(path: Path) -> Path:
    other = path.with_name("other.yaml")
    other.write_text(
        path.read_text().replace("kind: sai", "kind: uai").replace("# name: id-my-endpoint", "name: id-ml-scoring")
    )
    return other


@pytest.mark.parametrize(
    "words",
    [
        ("up",), ("up", "--yes"), ("up", "--sandbox"), ("up", "nowhere.yaml", "--sandbox", "--yes"), ("plan",), ("up", "--profile", "demo", "--yes"),
        ("down", "last"), ("status", "no-such-run"), ("invoke", "no-such-run"), ("nonsense",), ("sandbox", "reset"), (),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell(*words)
    assert result.code == 2, result.out + result.err
    assert result.err.strip()
    assert "Traceback" not in result.err


def test_a_busy_port(lone_shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = lone_shell("sandbox", "start", "--port", str(port))
    assert result.code == 2, result.err
    assert str(port) in result.err
    assert "Traceback" not in result.err
    assert lone_shell("sandbox", "status").code == 1


def test_a_newer_journal_is_left_as_it_is(shell: Shell) -> None:
    assert shell("runs").code == 0
    journal = shell.home / "journal.db"
    saved = journal.read_bytes()
    journal.unlink()
    try:
        db = sqlite3.connect(journal)
        db.execute("PRAGMA user_version=99")
        db.close()
        before = journal.read_bytes()
        result = shell("up", "--sandbox", "--yes")
        assert result.code == 2
        assert "newer mi-tui" in result.err
        assert journal.read_bytes() == before
    finally:
        journal.write_bytes(saved)

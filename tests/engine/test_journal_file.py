"""The journal's file: an older format is brought up whole or not at all, what is not ours or not safe is refused, and a home that cannot
be written is read."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mi_tui.engine import debuglog, journal_file
from mi_tui.engine.journal import SCHEMA_VERSION, Journal, JournalError, RunState, Verdict
from mi_tui.model.plan import ResourceKind
from mi_tui.workflow import Workflow
from tests.engine.test_journal import PLAN

ROOT = Path(__file__).resolve().parents[2]

FORMAT_1 = """
CREATE TABLE runs (id TEXT PRIMARY KEY, target TEXT NOT NULL, plan BLOB NOT NULL, started REAL NOT NULL, ended REAL, state TEXT NOT NULL,
    owner INTEGER, owner_started REAL);
CREATE TABLE steps (run TEXT NOT NULL, step TEXT NOT NULL, state TEXT NOT NULL, began REAL NOT NULL, ended REAL,
    detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (run, step));
CREATE TABLE facts (run TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE ledger (run TEXT NOT NULL, id TEXT NOT NULL COLLATE NOCASE, kind TEXT NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL,
    evidence TEXT NOT NULL, noted REAL NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (run, id));
PRAGMA user_version=1;
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A journal as the first mi-tui wrote it."""
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(FORMAT_1)
    plan = msgspec.json.encode(PLAN)
    db.execute("INSERT INTO runs VALUES ('r1', 'sandbox', ?, 1.0, NULL, 'running', 4000000, 5.0)", (plan,))
    db.execute("INSERT INTO runs VALUES ('r2', 'azure', ?, 2.0, 3.0, 'failed', NULL, NULL)", (plan,))
    db.execute("INSERT INTO steps VALUES ('r1', 'container', 'done', 1.0, 2.0, 'made')")
    db.execute("INSERT INTO facts VALUES ('r1', 'principal_id', 'p')")
    db.execute("INSERT INTO ledger VALUES ('r1', '/A', 'storage account', 'a', 'created', 'tag', 1.0, 0)")
    db.execute("INSERT INTO ledger VALUES ('r1', '/A/c', 'container', 'c', 'existed', 'seen', 1.0, 1)")
    db.close()
    path.chmod(0o600)
    return path


def version(path: Path) -> int:
    db = sqlite3.connect(path)
    try:
        return int(db.execute("PRAGMA user_version").fetchone()[0])
    finally:
        db.close()


def test_an_older_journal_is_brought_up_with_all_that_it_says(old: Path) -> None:
    journal = Journal(old)
    assert journal.run("r1").state is RunState.LEFT_RUNNING
    assert (journal.run("r2").state, journal.run("r2").ended) == (RunState.FAILED, 3.0)
    assert journal.steps("r1") == {"container": ("done", "made")}
    assert journal.facts("r1") == {"principal_id": "p"}
    assert [(e.id, e.verdict, e.made) for e in journal.ledger("r1")] == [
        ("/A", Verdict.CREATED, ""),
        ("/A/c", Verdict.EXISTED, ""),
    ]
    journal.take("r1")
    journal.intend("r1", ResourceKind.BLOB, "/b", "b")
    assert version(old) == SCHEMA_VERSION
    copy = old.with_name("journal.db.format-1")
    assert version(copy) == 1
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert any(str(copy) in said for said in journal.notices)
    journal.close()
    again = Journal(old)
    assert again.notices == []
    assert len(again.ledger("r1")) == 3


def test_an_interrupted_migration_leaves_the_old_file_whole(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = journal_file._TO_2
    for done in range(1, len(whole.split(";\n"))):
        part = ";\n".join(whole.split(";\n")[:done]) + ";\nnonsense"
        monkeypatch.setattr(journal_file, "_TO_2", part)
        with pytest.raises(JournalError, match="nonsense"):
            Journal(old).add_run("r", "sandbox", PLAN)
        assert version(old) == 1
    monkeypatch.setattr(journal_file, "_TO_2", whole)
    assert len(Journal(old).ledger("r1")) == 2


def test_a_process_that_dies_in_the_middle_of_the_migration_leaves_the_old_file_whole(old: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from mi_tui.engine import journal_file as f\n"
        "script = f._script\n"
        "def dies(db, text, version): script(db, text, version); os.kill(os.getpid(), 9)\n"
        "f._script = dies; f.open_file(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(old)], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert version(old) == 1
    assert len(Journal(old).ledger("r1")) == 2


def test_an_older_mi_tui_that_drives_a_run_is_not_disturbed(old: Path) -> None:
    from mi_tui.engine.owner import begun

    db = sqlite3.connect(old)
    db.execute("UPDATE runs SET owner=?, owner_started=? WHERE id='r1'", (os.getpid(), begun(os.getpid())))
    db.commit()
    db.close()
    with pytest.raises(JournalError, match=f"process {os.getpid()}"):
        Journal(old)
    assert version(old) == 1


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 9000])
def test_a_truncated_file_is_a_new_one_or_refused_and_never_damaged_further(tmp_path: Path, size: int) -> None:
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for number in range(40):
        journal.add_run(f"r{number}", "sandbox", PLAN)
    journal.close()
    whole = path.read_bytes()
    assert len(whole) > 9000
    path.write_bytes(whole[:size])
    if size == 0:
        assert Journal(path).runs() == []
        return
    with pytest.raises(JournalError, match="cannot be read"):
        Journal(path)
    assert path.read_bytes() == whole[:size]


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE photos (id)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="something else"):
        Journal(path)
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_rights_of_others_are_taken_away_and_it_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Journal(home / "journal.db").close()
    home.chmod(0o755)
    (home / "journal.db").chmod(0o644)
    journal = Journal(home / "journal.db")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "journal.db").stat().st_mode) == 0o600
    assert len(journal.notices) == 2
    assert Journal(home / "journal.db").notices == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_folder_for_everybody_keeps_its_rights(tmp_path: Path) -> None:
    home = tmp_path / "shared"
    home.mkdir()
    home.chmod(0o1777)
    Journal(home / "journal.db")
    assert stat.S_IMODE(home.stat().st_mode) == 0o1777
    assert stat.S_IMODE((home / "journal.db").stat().st_mode) == 0o600


def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    before = path.read_bytes()
    mine = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1000)
    if not mine:
        os.chown(path, 54321, -1)
    with pytest.raises(JournalError, match="belongs to another user"):
        Journal(path)
    assert path.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system has no O_NOFOLLOW")
@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db-journal"])
def test_a_link_in_the_journals_place_is_not_followed(tmp_path: Path, name: str) -> None:
    home, victim = tmp_path / "home", tmp_path / "victim"
    home.mkdir(mode=0o700)
    victim.write_text("keep me")
    (home / name).symlink_to(victim)
    with pytest.raises(JournalError, match="symbolic link"):
        Journal(home / "journal.db")
    assert victim.read_text() == "keep me"


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system has no O_NOFOLLOW")
def test_a_link_in_the_logs_or_the_sandboxs_place_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    home, victim = tmp_path / "home", tmp_path / "victim"
    home.mkdir(mode=0o700)
    victim.write_text("keep me")
    (home / "debug.log").symlink_to(victim)
    monkeypatch.setattr(logging.getLogger("mi_tui"), "handlers", [])
    assert "symbolic link" in debuglog.begin(home)
    logging.getLogger("mi_tui").warning("a line")
    assert victim.read_text() == "keep me"
    (home / "sandbox").symlink_to(tmp_path)
    with pytest.raises(JournalError, match="symbolic link"):
        Workflow(home).sandbox()


def test_what_cannot_be_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The open file is refused as on a read-only file system; tests/e2e does it with a real one where it may mount."""
    path = tmp_path / "journal.db"
    writer = Journal(path)
    writer.add_run("r1", "sandbox", PLAN)
    writer.intend("r1", ResourceKind.BLOB, "/b", "b")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(journal_file, "_prepare", refuse)
    reader = Journal(path)
    assert reader.run("r1").owner == os.getpid()
    assert [entry.name for entry in reader.ledger("r1")] == ["b"]
    for change in (
        lambda: reader.add_run("r2", "sandbox", PLAN),
        lambda: reader.take("r1"),
        lambda: reader.created("r1", ResourceKind.BLOB, "/b", "b", "x"),
    ):
        with pytest.raises(JournalError, match="Read-only file system"):
            change()
    assert writer.verdict("r1", "/b") is Verdict.INTENDED


def test_an_older_format_is_read_where_it_cannot_be_brought_up(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(journal_file, "_prepare", refuse)
    assert len(Journal(old).ledger("r1")) == 2
    assert version(old) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX's")
def test_a_full_disk_stops_before_the_call_and_says_so(tmp_path: Path) -> None:
    """A real limit on the size of files: SQLite meets it as a disk that takes no more."""
    code = """
import resource, sys
from pathlib import Path
from mi_tui.engine.journal import Journal, JournalWriteError
from mi_tui.model.plan import ResourceKind
import tests.engine.test_journal as t
journal = Journal(Path(sys.argv[1])); journal.add_run('r', 'sandbox', t.PLAN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
made = 0
try:
    for number in range(2000):
        journal.intend('r', ResourceKind.BLOB, f'/b{number}', 'b' * 100)
        made += 1
except JournalWriteError as error:
    print(made, error)
"""
    path = tmp_path / "journal.db"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    made, _, said = done.stdout.partition(" ")
    assert "stopped before its next change" in said
    assert "free some space" in said
    journal = Journal(path)
    assert len(journal.ledger("r")) == int(made), "what was said to be written is, and nothing else"
    journal.take("r")
    journal.intend("r", ResourceKind.BLOB, "/after", "b")


def test_what_lies_on_a_network_is_kept_without_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "_on_network", lambda path: True)
    journal = Journal(tmp_path / "journal.db")
    journal.add_run("r", "sandbox", PLAN)
    assert not (tmp_path / "journal.db-shm").exists()
    assert Journal(tmp_path / "journal.db").run("r").id == "r"

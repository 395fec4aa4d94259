"""The journal: what is written is there after a crash, one owner drives a run, and a file it does not know is left alone."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mi_tui.engine import journal_file
from mi_tui.engine.journal import Journal, JournalError, JournalWriteError, RunState, Verdict
from mi_tui.model.answers import Answers, Deployment, Endpoint, Storage, Workspace
from mi_tui.model.plan import Place, Plan, ResourceKind

PLAN = Plan(
    Answers(Workspace("s", "g", "w"), Storage("st"), Endpoint("ep"), Deployment("m", "c", "x")),
    Place("s", "Dev", "g", "/w", "westeurope", "/st", None),
    (),
    (),
    (),
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "home" / "journal.db")


def test_the_file_is_private(tmp_path: Path, journal: Journal) -> None:
    assert stat.S_IMODE((tmp_path / "home" / "journal.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_runs_come_back_as_they_were(journal: Journal) -> None:
    journal.add_run("abc123", "sandbox", PLAN)
    record = journal.run("abc")
    assert (record.id, record.plan, record.state, record.owner) == ("abc123", PLAN, RunState.RUNNING, os.getpid())
    journal.end_run("abc123", RunState.SUCCEEDED)
    assert journal.run("last").state is RunState.SUCCEEDED


def test_an_unknown_and_an_ambiguous_run_are_said(journal: Journal) -> None:
    journal.add_run("abc123", "sandbox", PLAN)
    journal.add_run("abd123", "sandbox", PLAN)
    for wrong in ("x", "ab", ""):
        with pytest.raises(JournalError, match=r"run|could be"):
            journal.run(wrong)


def test_the_ledger_tells_created_from_existing(journal: Journal) -> None:
    journal.add_run("r", "sandbox", PLAN)
    journal.intend("r", ResourceKind.STORAGE_ACCOUNT, "/A", "a")
    assert journal.verdict("r", "/a") is Verdict.INTENDED
    journal.existed("r", ResourceKind.STORAGE_ACCOUNT, "/a", "a", "seen")
    assert journal.verdict("r", "/A") is Verdict.INTENDED, "what this run was making is not taken for somebody else's"
    journal.created("r", ResourceKind.STORAGE_ACCOUNT, "/a", "a", "tag")
    journal.existed("r", ResourceKind.CONTAINER, "/c", "c", "seen")
    assert [(e.name, e.verdict) for e in journal.ledger("r")] == [("a", Verdict.CREATED), ("c", Verdict.EXISTED)]
    journal.removed("r", "/a", "404")
    journal.forget("r", "/a")
    assert journal.verdict("r", "/a") is Verdict.REMOVED


def test_a_run_has_one_owner_and_survives_its_death(tmp_path: Path, journal: Journal) -> None:
    code = (
        "import sys,time; from pathlib import Path; from mi_tui.engine.journal import Journal; import tests.engine.test_journal as t;"
        "j=Journal(Path(sys.argv[1])); j.add_run('r1','sandbox',t.PLAN); j.begin_step('r1','container'); print('up', flush=True); time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    path = tmp_path / "home" / "journal.db"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, cwd=root)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    assert journal.run("r1").owner == process.pid
    with pytest.raises(JournalError, match=str(process.pid)):
        journal.take("r1")
    process.kill()
    process.wait()
    assert journal.run("r1").state is RunState.LEFT_RUNNING
    assert journal.steps("r1")["container"][0] == "begun"
    journal.take("r1")
    assert journal.run("r1").owner == os.getpid()


def test_a_newer_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="newer mi-tui"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database" * 100)
    before = path.read_bytes()
    with pytest.raises(JournalError, match="cannot be read"):
        Journal(path)
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="folder modes are POSIX's")
def test_a_home_that_cannot_be_written_is_said_before_anything_is_begun(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal.db")
    assert journal.runs() == []
    with pytest.raises(JournalError, match="cannot be written"):
        journal.add_run("r", "sandbox", PLAN)


def test_two_that_open_a_new_journal_at_once_both_can(tmp_path: Path) -> None:
    word = "import sys; from pathlib import Path; from mi_tui.engine.journal import Journal; Journal(Path(sys.argv[1])).runs()"
    both = [
        subprocess.Popen([sys.executable, "-c", word, str(tmp_path / "j.db")], stderr=subprocess.PIPE) for _ in range(4)
    ]
    for one in both:
        _, said = one.communicate(timeout=60)
        assert one.returncode == 0, said.decode()


def test_a_journal_that_another_makes_between_two_looks_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, look, made = tmp_path / "j.db", journal_file._version, list[Journal]()

    def slow(db: sqlite3.Connection) -> int:
        version = look(db)
        if not made:
            made.append(None)  # type: ignore[arg-type]
            made[0] = Journal(path)
        return version

    monkeypatch.setattr(journal_file, "_version", slow)
    assert Journal(path).runs() == []


def test_a_run_that_another_took_meanwhile_is_not_taken(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.add_run("r", "sandbox", PLAN)
    journal.end_run("r", RunState.FAILED)
    look = journal._row

    taken: list[Journal] = []

    def slow(run: str) -> sqlite3.Row:
        row = look(run)
        if taken:
            return row
        taken.append(Journal(tmp_path / "home" / "journal.db", "mi-tui down"))
        taken[0].take("r")
        return row

    monkeypatch.setattr(journal, "_row", slow)
    with pytest.raises(JournalError, match="another mi-tui: mi-tui down"):
        journal.take("r")


def test_what_cannot_be_read_of_a_run_is_said(journal: Journal) -> None:
    journal.add_run("r", "sandbox", PLAN)
    journal._change("UPDATE runs SET plan=?", b"{}")
    with pytest.raises(JournalError, match="cannot be read"):
        journal.run("r")


def test_a_journal_that_breaks_is_no_bad_input(journal: Journal) -> None:
    journal.close()
    with pytest.raises(JournalWriteError):
        journal.note("r", "a", "b")


def test_a_changed_plan_and_what_its_steps_are_to_know_are_written_together(journal: Journal) -> None:
    journal.add_run("abc234", "sandbox", PLAN)
    changed = msgspec.structs.replace(PLAN, warnings=("changed",))
    journal.mend("abc234", changed, {"remake": "blue"})
    assert journal.run("abc234").plan == changed
    assert journal.facts("abc234") == {"remake": "blue"}
    journal.end_run("abc234", RunState.FAILED)
    with pytest.raises(JournalWriteError):
        journal.mend("abc234", PLAN, {"remake": ""})
    assert journal.facts("abc234") == {"remake": "blue"}, "neither: this process does not drive the run any more"

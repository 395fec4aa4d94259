"""Who drives a run: told by process, host, user and command; a process id counts only where it was given."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from mi_tui.engine import owner as owners
from mi_tui.engine.journal import Journal, JournalError, JournalWriteError, RunState, Verdict
from mi_tui.model.plan import ResourceKind
from tests.engine.test_journal import PLAN


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def driven_by(path: Path, beat: float | None = None, **differences: object) -> Journal:
    """A journal with a run whose owner is this process, but for the differences."""
    journal = Journal(path)
    journal.add_run("r", "sandbox", PLAN)
    owner = msgspec.structs.replace(owners.this_process("mi-tui up"), **differences)
    journal._change("UPDATE runs SET owner=?, beat=?", msgspec.json.encode(owner).decode(), beat)
    return Journal(path)


def test_the_second_is_told_who_drives_it(path: Path) -> None:
    first = Journal(path, "mi-tui up")
    first.add_run("r", "sandbox", PLAN)
    with pytest.raises(JournalError) as told:
        Journal(path, "mi-tui resume").take("r")
    said = str(told.value)
    for part in ("mi-tui up", f"process {os.getpid()}", owners.platform.node(), "since 20"):
        assert part in said
    with pytest.raises(JournalError, match="another mi-tui"):
        Journal(path).take("r", over=True)


def test_a_recycled_process_id_is_not_the_owner(path: Path) -> None:
    if owners.begun(os.getpid()) < 0:
        pytest.skip("this system does not tell when a process began")
    journal = driven_by(path, time.time(), began=1.0)
    assert journal.run("r").state is RunState.LEFT_RUNNING
    journal.take("r")


def test_a_dead_process_is_no_owner_also_as_a_zombie(path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert owners.begun(child.pid) == 0.0
    child.wait()
    assert owners.begun(child.pid) == 0.0


@pytest.mark.parametrize("elsewhere", [{"place": "another boot"}, {"host": "other", "place": "other"}])
def test_of_another_host_or_namespace_only_the_sign_of_life_counts(path: Path, elsewhere: dict[str, str]) -> None:
    journal = driven_by(path, time.time(), **elsewhere)
    assert journal.run("r").state is RunState.RUNNING
    with pytest.raises(JournalError, match="--take-over"):
        journal.take("r")
    journal._change("UPDATE runs SET beat=?", time.time() - owners.SILENCE - 1)
    assert journal.run("r").state is RunState.LEFT_RUNNING
    journal.take("r")


def test_a_run_that_was_taken_over_is_not_gone_on_with(path: Path) -> None:
    first = Journal(path, "mi-tui up")
    first.add_run("r", "sandbox", PLAN)
    # Seen from the second, the first is on another host.
    row = sqlite3.connect(path).execute("SELECT owner FROM runs").fetchone()[0]
    far = msgspec.json.encode(
        msgspec.structs.replace(msgspec.json.decode(row, type=owners.Owner), place="far", host="far")
    ).decode()
    first._change("UPDATE runs SET owner=?", far)
    first._mine["r"] = far
    second = Journal(path, "mi-tui resume")
    second.take("r", over=True)
    for change in (
        lambda: first.intend("r", ResourceKind.BLOB, "/b", "b"),
        lambda: first.begin_step("r", "blob"),
    ):
        with pytest.raises(JournalWriteError, match="taken over by mi-tui resume"):
            change()
    assert first.verdict("r", "/b") is None
    first.created("r", ResourceKind.BLOB, "/a", "a", "its answer came late")
    assert second.verdict("r", "/a") is Verdict.CREATED, "what was made is noted all the same"
    first.end_run("r", RunState.FAILED)
    assert second.run("r").state is RunState.RUNNING


def test_an_owner_gives_signs_of_life(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "HEARTBEAT", 0.02)
    journal = Journal(path)
    journal.add_run("r", "sandbox", PLAN)
    journal._change("UPDATE runs SET beat=1.0")
    end = time.monotonic() + 20
    while journal._ask("SELECT beat FROM runs")[0]["beat"] == 1.0:
        assert time.monotonic() < end
        time.sleep(0.02)
    journal.close()


def test_of_many_that_want_it_at_once_one_gets_it(path: Path) -> None:
    Journal(path).add_run("r", "sandbox", PLAN)
    first = Journal(path)
    first._change("UPDATE runs SET owner=NULL, beat=NULL, state='failed'")
    journals = [Journal(path, f"mi-tui {number}") for number in range(8)]
    start, got = threading.Barrier(len(journals)), []

    def want(journal: Journal) -> None:
        start.wait(20)
        with contextlib.suppress(JournalError):
            journal.take("r")
            got.append(journal.command)

    threads = [threading.Thread(target=want, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == 1
    driver = first.run("r").driver
    assert driver is not None
    assert driver.command == got[0]

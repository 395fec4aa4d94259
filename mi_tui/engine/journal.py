"""The journal: runs, their steps and the ledger of resources, written before and after every change.

One SQLite file per user, WAL, mode 0600. An intent without an outcome is what a crash leaves; resume reads the world to settle it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from mi_tui.model.events import Outcome
from mi_tui.model.plan import Plan, ResourceKind

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, target TEXT NOT NULL, plan BLOB NOT NULL, started REAL NOT NULL, ended REAL, state TEXT NOT NULL,
    owner INTEGER, owner_started REAL);
CREATE TABLE IF NOT EXISTS steps (
    run TEXT NOT NULL, step TEXT NOT NULL, state TEXT NOT NULL, began REAL NOT NULL, ended REAL, detail TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, step));
CREATE TABLE IF NOT EXISTS facts (run TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE IF NOT EXISTS ledger (
    run TEXT NOT NULL, id TEXT NOT NULL COLLATE NOCASE, kind TEXT NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL, evidence TEXT NOT NULL,
    noted REAL NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (run, id));
"""


class JournalError(Exception):
    """The journal cannot be used; the text says why and what to do. Nothing was changed anywhere."""


class JournalWriteError(JournalError):
    """The journal could be used and now cannot be: a run stops before its next change."""


class Verdict(StrEnum):
    """What the ledger says of a resource."""

    INTENDED = "intended"
    """About to be created: seen absent, call not yet answered."""
    CREATED = "created"
    EXISTED = "existed"
    REMOVED = "removed"


class RunState(StrEnum):
    """Where a run stands. The last five end with `Outcome` or with clean-up."""

    PLANNED = "planned"
    RUNNING = "running"
    SUCCEEDED = Outcome.SUCCEEDED.value
    FAILED = Outcome.FAILED.value
    LEFT_RUNNING = Outcome.LEFT_RUNNING.value
    CANCELLED = Outcome.CANCELLED.value
    REMOVED = "removed"


class RunRecord(Struct, frozen=True):
    """One run. Times are Unix seconds; `owner` is the process that drives it now, 0 when none does."""

    id: str
    target: str
    plan: Plan
    started: float
    ended: float | None
    state: RunState
    owner: int


class LedgerEntry(Struct, frozen=True):
    """What is known of one resource of a run, with the evidence in words."""

    id: str
    kind: ResourceKind
    name: str
    verdict: Verdict
    evidence: str


class Journal:
    """The open journal. Methods may be called from any thread; each is one transaction that is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._db.row_factory = sqlite3.Row
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if version <= SCHEMA_VERSION:
                # Not before the version is known: WAL writes into the file.
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
            if version == 0:
                self._db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
        except sqlite3.DatabaseError as error:
            raise JournalError(
                f"The journal {path} cannot be read ({error}). Nothing was changed. Move the file away to begin a new journal "
                "(runs in the old one can then no longer be resumed or removed by mi-tui), or restore it from a backup."
            ) from error
        except OSError as error:
            raise JournalError(
                f"The journal {path} cannot be written ({error.strerror or error}). Nothing was changed. "
                "Set MI_TUI_HOME to a folder that you may write to."
            ) from error
        if version > SCHEMA_VERSION:
            self._db.close()
            raise JournalError(
                f"The journal {path} was written by a newer mi-tui (format {version}; this one knows {SCHEMA_VERSION}). "
                "It was left as it is. Update mi-tui, or set MI_TUI_HOME to another folder."
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _do(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise _unusable(error) from error

    def _change(self, sql: str, *values: object) -> int:
        """Do one change; how many rows it met."""
        with self._lock:
            try:
                return self._db.execute(sql, values).rowcount
            except sqlite3.Error as error:
                raise _unusable(error) from error

    # ---- runs

    def add_run(self, run: str, target: str, plan: Plan) -> None:
        """Remember a new run and its plan, owned by this process. JournalError when that cannot be: then nothing is begun."""
        try:
            self._do(
                "INSERT INTO runs VALUES (?, ?, ?, ?, NULL, ?, ?, ?)",
                run, target, msgspec.json.encode(plan), time.time(), RunState.RUNNING.value, os.getpid(), _started(os.getpid()),
            )  # fmt: skip
        except JournalWriteError as error:
            raise JournalError(f"The journal cannot be written ({error.__cause__}). Nothing was changed.") from error

    def take(self, run: str) -> None:
        """Make this process the run's owner. JournalError when another living process is."""
        for _ in range(2):
            row = self._row(run)
            record = self._record(row)
            if record.owner and record.owner != os.getpid():
                break
            taken = self._change(
                # Only from the owner that was just seen: of two processes that look at once, one gets it.
                "UPDATE runs SET state=?, owner=?, owner_started=?, ended=NULL WHERE id=? AND owner IS ? AND owner_started IS ?",
                RunState.RUNNING.value, os.getpid(), _started(os.getpid()), record.id, row["owner"], row["owner_started"],
            )  # fmt: skip
            if taken:
                return
        raise JournalError(
            f"Run {run} is being driven by another mi-tui (process {record.owner}). Wait for it, or stop it first; two at once "
            "would undo each other's work."
        )

    def end_run(self, run: str, state: RunState) -> None:
        """Remember how the run ended; it has no owner any more."""
        self._do("UPDATE runs SET state=?, ended=?, owner=NULL WHERE id=?", state.value, time.time(), run)

    def run(self, run: str) -> RunRecord:
        """The run with this id, an unambiguous beginning of it, or `last`. JournalError when there is none."""
        return self._record(self._row(run))

    def _row(self, run: str) -> sqlite3.Row:
        if run == "last":
            rows = self._do("SELECT * FROM runs ORDER BY started DESC LIMIT 1")
        else:
            rows = self._do("SELECT * FROM runs WHERE substr(id, 1, ?) = ?", len(run), run)
        exact = [row for row in rows if row["id"] == run] or rows
        if not exact or not run:
            raise JournalError(f"There is no run {run!r}. 'mi-tui runs' lists them.")
        if len(exact) > 1:
            raise JournalError(f"{run!r} could be {', '.join(row['id'] for row in exact)}; give more of the name.")
        return exact[0]

    def runs(self) -> list[RunRecord]:
        """Every run, newest first."""
        return [self._record(row) for row in self._do("SELECT * FROM runs ORDER BY started DESC")]

    @staticmethod
    def _record(row: sqlite3.Row) -> RunRecord:
        owner = int(row["owner"] or 0)
        alive = owner != 0 and _started(owner) == row["owner_started"]
        try:
            state, plan = RunState(row["state"]), msgspec.json.decode(row["plan"], type=Plan)
        except ValueError as error:
            raise JournalError(f"What the journal says of run {row['id']} cannot be read: {error}.") from error
        if state is RunState.RUNNING and not alive:
            state = RunState.LEFT_RUNNING
        return RunRecord(
            row["id"],
            row["target"],
            plan,
            row["started"],
            row["ended"],
            state,
            owner if alive else 0,
        )

    # ---- steps and facts

    def begin_step(self, run: str, step: str) -> None:
        """The intent: this step is about to be worked on."""
        self._do("INSERT OR REPLACE INTO steps VALUES (?, ?, 'begun', ?, NULL, '')", run, step, time.time())

    def end_step(self, run: str, step: str, state: str, detail: str = "") -> None:
        """The outcome: `done`, `failed` or `abandoned`."""
        self._do(
            "UPDATE steps SET state=?, ended=?, detail=? WHERE run=? AND step=?", state, time.time(), detail, run, step
        )

    def steps(self, run: str) -> dict[str, tuple[str, str]]:
        """Step id -> (state, detail)."""
        return {row["step"]: (row["state"], row["detail"]) for row in self._do("SELECT * FROM steps WHERE run=?", run)}

    def note(self, run: str, name: str, value: str) -> None:
        """Remember a fact of the run that is no secret, such as the principal's id."""
        self._do("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", run, name, value)

    def facts(self, run: str) -> dict[str, str]:
        """Every fact of the run."""
        return {row["name"]: row["value"] for row in self._do("SELECT * FROM facts WHERE run=?", run)}

    # ---- ledger

    def intend(self, run: str, kind: ResourceKind, resource_id: str, name: str) -> None:
        """Before the call that creates a resource which was just seen absent."""
        self._enter(run, kind, resource_id, name, Verdict.INTENDED, "seen absent before the call that makes it")

    def created(self, run: str, kind: ResourceKind, resource_id: str, name: str, evidence: str) -> None:
        """This run created it."""
        self._enter(run, kind, resource_id, name, Verdict.CREATED, evidence)

    def existed(self, run: str, kind: ResourceKind, resource_id: str, name: str, evidence: str) -> None:
        """It was here before; clean-up never touches it. What this run created stays created."""
        if self.verdict(run, resource_id) not in {Verdict.CREATED, Verdict.INTENDED}:
            self._enter(run, kind, resource_id, name, Verdict.EXISTED, evidence)

    def removed(self, run: str, resource_id: str, evidence: str) -> None:
        """It was seen to be gone."""
        self._do(
            "UPDATE ledger SET verdict=?, evidence=?, noted=? WHERE run=? AND id=?",
            Verdict.REMOVED.value, evidence, time.time(), run, resource_id,
        )  # fmt: skip

    def forget(self, run: str, resource_id: str) -> None:
        """Take an intent back: the call was never made, or made nothing."""
        self._do("DELETE FROM ledger WHERE run=? AND id=? AND verdict=?", run, resource_id, Verdict.INTENDED.value)

    def verdict(self, run: str, resource_id: str) -> Verdict | None:
        """What the ledger says of one resource."""
        rows = self._do("SELECT verdict FROM ledger WHERE run=? AND id=?", run, resource_id)
        return Verdict(rows[0]["verdict"]) if rows else None

    def ledger(self, run: str) -> list[LedgerEntry]:
        """Every resource of the run, in the order in which they were met."""
        rows = self._do("SELECT * FROM ledger WHERE run=? ORDER BY place", run)
        return [
            LedgerEntry(row["id"], ResourceKind(row["kind"]), row["name"], Verdict(row["verdict"]), row["evidence"])
            for row in rows
        ]

    def _enter(
        self, run: str, kind: ResourceKind, resource_id: str, name: str, verdict: Verdict, evidence: str
    ) -> None:
        self._do(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT count(*) FROM ledger)) ON CONFLICT (run, id) DO UPDATE SET "
            "verdict=excluded.verdict, evidence=excluded.evidence, noted=excluded.noted",
            run, resource_id, kind.value, name, verdict.value, evidence, time.time(),
        )  # fmt: skip


def _unusable(error: sqlite3.Error) -> JournalWriteError:
    hint = "free some space and " if "full" in str(error) or "I/O" in str(error) else ""
    return JournalWriteError(
        f"The journal cannot be used any more ({error}). The run stopped before its next change; {hint}say 'mi-tui resume'."
    )


def _started(pid: int) -> float:
    """When a process began, so that a recycled process id is not taken for the owner; 0 when it is not running.

    Where the system does not tell, a living process counts as begun at -1.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return 0.0
    except PermissionError:
        return -1.0
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1.0
    return float(stat.rsplit(")", 1)[1].split()[19])

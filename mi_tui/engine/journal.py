"""The journal: runs, their steps, long operations and the ledger of resources, written before and after every change.

One SQLite file per user, mode 0600, for its owner only. An intent without an outcome is what a crash leaves; resume reads the world to
settle it. A home that cannot be written is read; whatever would change something is refused then.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mi_tui.engine import owner as owners
from mi_tui.engine.journal_file import SCHEMA_VERSION, Opened, open_file
from mi_tui.engine.owner import Owner
from mi_tui.engine.records import (
    JournalError,
    JournalWriteError,
    LedgerEntry,
    OperationRecord,
    RunRecord,
    RunState,
    Verdict,
)
from mi_tui.model.plan import Plan, ResourceKind

__all__ = [
    "SCHEMA_VERSION", "Journal", "JournalError", "JournalWriteError", "LedgerEntry", "OperationRecord", "Owner", "RunRecord", "RunState",
    "Verdict",
]  # fmt: skip

_DRIVEN_BY_ANOTHER = "EXISTS (SELECT 1 FROM runs WHERE id = ? AND owner IS NOT NULL AND owner IS NOT ?)"


class Journal:
    """The open journal. Methods may be called from any thread; each is one transaction that is on disk when it returns."""

    def __init__(self, path: Path, command: str = "mi-tui") -> None:
        self.command = command
        """What the person started, for whoever meets a run that this process drives."""
        self._lock = threading.Lock()
        self._opened: Opened = open_file(path)
        self._db = self._opened.db
        self._mine: dict[str, str] = {}
        """Run -> this process as its owner, as it stands in the file."""
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None

    @property
    def why_not(self) -> str:
        """Why nothing can be written, in sentences; empty when it can."""
        return self._opened.why_not

    @property
    def notices(self) -> list[str]:
        """What was put right when the file was opened, in sentences."""
        return self._opened.notices

    def must_be_writable(self) -> None:
        """JournalError when nothing could be written, to be said before anything is begun."""
        if self.why_not:
            raise JournalError(self.why_not)

    def close(self) -> None:
        """Close the file."""
        self._closed.set()
        with self._lock:
            self._db.close()

    def _ask(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise _unusable(error) from error

    def _change(self, sql: str, *values: object) -> int:
        """Do one change; how many rows it met."""
        self.must_be_writable()
        with self._lock:
            try:
                return self._db.execute(sql, values).rowcount
            except sqlite3.Error as error:
                raise _unusable(error) from error

    # ---- runs

    def add_run(self, run: str, target: str, plan: Plan, *, adopted: bool = False) -> None:
        """Remember a new run and its plan, owned by this process. JournalError when that cannot be: then nothing is begun."""
        owner = self._as_owner()
        try:
            self._change(
                "INSERT INTO runs VALUES (?, ?, ?, ?, NULL, ?, ?, ?, ?)",
                run, target, msgspec.json.encode(plan), time.time(), RunState.RUNNING.value, owner, time.time(), adopted,
            )  # fmt: skip
        except JournalWriteError as error:
            raise JournalError(f"The journal cannot be written ({error.__cause__}). Nothing was changed.") from error
        self._own(run, owner)

    def take(self, run: str, *, over: bool = False) -> None:
        """Make this process the run's owner. JournalError when another living process is.

        `over` takes it also from an owner that cannot be looked at from here, such as one on another host: a person says that it is
        gone. From one that is seen to live here it is never taken.
        """
        self.must_be_writable()
        for _ in range(2):
            row = self._row(run)
            driver = self._record(row).driver
            others = driver is not None and self._mine.get(row["id"]) != row["owner"]
            if driver is not None and others and (owners.is_local(driver) or not over):
                raise JournalError(_driven(row["id"], driver))
            owner = self._as_owner()
            taken = self._change(
                # Only from the owner that was just seen: of two processes that look at once, one gets it.
                "UPDATE runs SET state=?, owner=?, beat=?, ended=NULL WHERE id=? AND owner IS ? AND beat IS ?",
                RunState.RUNNING.value, owner, time.time(), row["id"], row["owner"], row["beat"],
            )  # fmt: skip
            if taken:
                self._own(row["id"], owner)
                return
        raise JournalError(f"Run {run} was taken by another mi-tui at this moment. 'mi-tui status {run}' says by whom.")

    def set_plan(self, run: str, plan: Plan) -> None:
        """Remember another plan of the run, which the person has confirmed."""
        self._change(
            f"UPDATE runs SET plan=? WHERE id=? AND NOT {_DRIVEN_BY_ANOTHER}",
            msgspec.json.encode(plan), run, run, self._mine.get(run),
        )  # fmt: skip

    def mend(self, run: str, plan: Plan, facts: Mapping[str, str]) -> None:
        """Remember another plan of a run that this process drives, and what its steps are to know, both or neither. JournalError."""
        self.must_be_writable()
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    met = self._db.execute(
                        "UPDATE runs SET plan=? WHERE id=? AND owner=?", (msgspec.json.encode(plan), run, self._mine.get(run))
                    ).rowcount  # fmt: skip
                    rows = [(run, name, value) for name, value in facts.items()] if met else []
                    self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", rows)
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise _unusable(error) from error
        self._before_a_change(run, met)

    def end_run(self, run: str, state: RunState) -> None:
        """Remember how the run ended; it has no owner any more. One that was taken over meanwhile is the other's to end."""
        self._change(
            f"UPDATE runs SET state=?, ended=?, owner=NULL, beat=NULL WHERE id=? AND NOT {_DRIVEN_BY_ANOTHER}",
            state.value, time.time(), run, run, self._mine.get(run),
        )  # fmt: skip
        with self._lock:
            self._mine.pop(run, None)

    def run(self, run: str) -> RunRecord:
        """The run with this id, an unambiguous beginning of it, or `last`. JournalError when there is none."""
        return self._record(self._row(run))

    def known(self, run: str) -> bool:
        """Whether there is a run with exactly this id."""
        return bool(self._ask("SELECT 1 FROM runs WHERE id=?", run))

    def _row(self, run: str) -> sqlite3.Row:
        if run == "last":
            rows = self._ask("SELECT * FROM runs ORDER BY started DESC LIMIT 1")
        else:
            rows = self._ask("SELECT * FROM runs WHERE substr(id, 1, ?) = ?", len(run), run)
        exact = [row for row in rows if row["id"] == run] or rows
        if not exact or not run:
            raise JournalError(f"There is no run {run!r}. 'mi-tui runs' lists them.")
        if len(exact) > 1:
            raise JournalError(f"{run!r} could be {', '.join(row['id'] for row in exact)}; give more of the name.")
        return exact[0]

    def runs(self) -> list[RunRecord]:
        """Every run, newest first."""
        return [self._record(row) for row in self._ask("SELECT * FROM runs ORDER BY started DESC")]

    @staticmethod
    def _record(row: sqlite3.Row) -> RunRecord:
        try:
            driver = msgspec.json.decode(row["owner"], type=Owner) if row["owner"] else None
            state, plan = RunState(row["state"]), msgspec.json.decode(row["plan"], type=Plan)
        except ValueError as error:
            raise JournalError(f"What the journal says of run {row['id']} cannot be read: {error}.") from error
        if driver is not None and not owners.alive(driver, row["beat"]):
            driver = None
        if state is RunState.RUNNING and driver is None:
            state = RunState.LEFT_RUNNING
        return RunRecord(
            row["id"], row["target"], plan, row["started"], row["ended"], state, driver.pid if driver else 0, driver, bool(row["adopted"])
        )  # fmt: skip

    # ---- the owner's signs of life

    def _as_owner(self) -> str:
        return msgspec.json.encode(owners.this_process(self.command)).decode()

    def _own(self, run: str, owner: str) -> None:
        with self._lock:
            self._mine[run] = owner
            if self._heart is None:
                self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
                self._heart.start()

    def _beat(self) -> None:
        while not self._closed.wait(owners.HEARTBEAT):
            with self._lock:
                mine = dict(self._mine)
            for run, owner in mine.items():
                try:
                    self._change("UPDATE runs SET beat=? WHERE id=? AND owner=?", time.time(), run, owner)
                except JournalError as error:
                    # The run meets the same at its next intent, and says so.
                    logging.getLogger(__name__).debug("no sign of life could be written: %s", error)

    def _before_a_change(self, run: str, met: int) -> None:
        """JournalWriteError when another mi-tui has taken the run over: what this one still means to do may not be done."""
        if not met:
            driver = self._record(self._row(run)).driver
            raise JournalWriteError(
                f"Run {run} was taken over by {driver.words if driver else 'another mi-tui'}. This one stopped before its next change."
            )

    # ---- steps and facts

    def begin_step(self, run: str, step: str) -> None:
        """The intent: this step is about to be worked on."""
        met = self._change(
            f"INSERT OR REPLACE INTO steps SELECT ?, ?, 'begun', ?, NULL, '' WHERE NOT {_DRIVEN_BY_ANOTHER}",
            run, step, time.time(), run, self._mine.get(run),
        )  # fmt: skip
        self._before_a_change(run, met)

    def end_step(self, run: str, step: str, state: str, detail: str = "") -> None:
        """The outcome: `done`, `failed` or `abandoned`."""
        self._change(
            "UPDATE steps SET state=?, ended=?, detail=? WHERE run=? AND step=?", state, time.time(), detail, run, step
        )

    def steps(self, run: str) -> dict[str, tuple[str, str]]:
        """Step id -> (state, detail)."""
        return {row["step"]: (row["state"], row["detail"]) for row in self._ask("SELECT * FROM steps WHERE run=?", run)}

    def note(self, run: str, name: str, value: str) -> None:
        """Remember a fact of the run that is no secret, such as the principal's id."""
        self._change("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", run, name, value)

    def facts(self, run: str) -> dict[str, str]:
        """Every fact of the run."""
        return {row["name"]: row["value"] for row in self._ask("SELECT * FROM facts WHERE run=?", run)}

    # ---- long operations

    def begin_operation(
        self,
        run: str,
        step: str,
        kind: str,
        resource: str,
        address: str,
        request_id: str = "",
        correlation_id: str = "",
    ) -> int:
        """A long operation that Azure has begun, as `OperationRecord` explains it; its number."""
        self._change(
            "INSERT INTO operations (run, step, kind, resource, address, request_id, correlation_id, began) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            run, step, kind, resource, address, request_id, correlation_id, time.time(),
        )  # fmt: skip
        return int(self._ask("SELECT max(number) FROM operations WHERE run=? AND address=?", run, address)[0][0])

    def end_operation(self, number: int, outcome: str) -> None:
        """How the operation ended, in Azure's words."""
        self._change("UPDATE operations SET ended=?, outcome=? WHERE number=?", time.time(), outcome, number)

    def operations(self, run: str) -> list[OperationRecord]:
        """Every long operation of the run, in the order in which they began."""
        rows = self._ask("SELECT * FROM operations WHERE run=? ORDER BY number", run)
        return [OperationRecord(*(row[name] for name in OperationRecord.__struct_fields__)) for row in rows]

    # ---- ledger

    def intend(self, run: str, kind: ResourceKind, resource_id: str, name: str) -> None:
        """Before the call that creates a resource which was just seen absent. What told an earlier one of this run's from any other stays
        noted: the look may have been answered by who does not know of it yet."""
        met = self._enter(run, kind, resource_id, name, Verdict.INTENDED, "seen absent before the call that makes it")
        self._before_a_change(run, met)

    def created(
        self, run: str, kind: ResourceKind, resource_id: str, name: str, evidence: str,
        *, made: str = "", stamp: str = "", request_id: str = "",
    ) -> None:  # fmt: skip
        """This run created it. `made`, `stamp` and `request_id` as in `LedgerEntry`."""
        self._enter(run, kind, resource_id, name, Verdict.CREATED, evidence, made, stamp, request_id)

    def existed(self, run: str, kind: ResourceKind, resource_id: str, name: str, evidence: str) -> None:
        """It was here before; clean-up never touches it. What this run created stays created."""
        if self.verdict(run, resource_id) not in {Verdict.CREATED, Verdict.INTENDED, Verdict.ADOPTED}:
            self._enter(run, kind, resource_id, name, Verdict.EXISTED, evidence)

    def disown(self, run: str, resource_id: str, why: str) -> None:
        """What is there now is not what this run made: it stays, whatever the ledger said before."""
        self._change(
            "UPDATE ledger SET verdict=?, evidence=?, noted=?, made='', stamp='' WHERE run=? AND id=?",
            Verdict.EXISTED.value, why, time.time(), run, resource_id,
        )  # fmt: skip

    def adopt(
        self,
        run: str,
        kind: ResourceKind,
        resource_id: str,
        name: str,
        evidence: str,
        *,
        made: str = "",
        stamp: str = "",
    ) -> None:
        """It carries this run's mark, and a person said that it may be removed. What the ledger knows to be here before stays so."""
        if self.verdict(run, resource_id) not in {Verdict.CREATED, Verdict.EXISTED}:
            met = self._enter(run, kind, resource_id, name, Verdict.ADOPTED, evidence, made, stamp)
            self._before_a_change(run, met)

    def removed(self, run: str, resource_id: str, evidence: str) -> None:
        """It was seen to be gone."""
        self._change(
            "UPDATE ledger SET verdict=?, evidence=?, noted=? WHERE run=? AND id=?",
            Verdict.REMOVED.value, evidence, time.time(), run, resource_id,
        )  # fmt: skip

    def forget(self, run: str, resource_id: str) -> None:
        """Take an intent back: the call was never made, or made nothing."""
        self._change("DELETE FROM ledger WHERE run=? AND id=? AND verdict=?", run, resource_id, Verdict.INTENDED.value)

    def verdict(self, run: str, resource_id: str) -> Verdict | None:
        """What the ledger says of one resource."""
        rows = self._ask("SELECT verdict FROM ledger WHERE run=? AND id=?", run, resource_id)
        return Verdict(rows[0]["verdict"]) if rows else None

    def entry(self, run: str, resource_id: str) -> LedgerEntry | None:
        """Everything that the ledger says of one resource."""
        rows = self._ask("SELECT * FROM ledger WHERE run=? AND id=?", run, resource_id)
        return _entry(rows[0]) if rows else None

    def ledger(self, run: str) -> list[LedgerEntry]:
        """Every resource of the run, in the order in which they were met."""
        return [_entry(row) for row in self._ask("SELECT * FROM ledger WHERE run=? ORDER BY place", run)]

    def _enter(
        self, run: str, kind: ResourceKind, resource_id: str, name: str, verdict: Verdict, evidence: str,
        made: str = "", stamp: str = "", request_id: str = "",
    ) -> int:  # fmt: skip
        fence = f" AND NOT {_DRIVEN_BY_ANOTHER}" if verdict in {Verdict.INTENDED, Verdict.ADOPTED} else ""
        told = (
            ""
            if verdict is Verdict.INTENDED
            else ", made=excluded.made, stamp=excluded.stamp, request_id=excluded.request_id"
        )
        return self._change(
            "INSERT INTO ledger (run, id, kind, name, verdict, evidence, noted, place, made, stamp, request_id) "
            f"SELECT ?, ?, ?, ?, ?, ?, ?, (SELECT count(*) FROM ledger), ?, ?, ? WHERE true{fence} ON CONFLICT (run, id) DO UPDATE SET "
            f"verdict=excluded.verdict, evidence=excluded.evidence, noted=excluded.noted{told}",
            run, resource_id, kind.value, name, verdict.value, evidence, time.time(), made, stamp, request_id,
            *((run, self._mine.get(run)) if fence else ()),
        )  # fmt: skip


def _entry(row: sqlite3.Row) -> LedgerEntry:
    return LedgerEntry(
        row["id"], ResourceKind(row["kind"]), row["name"], Verdict(row["verdict"]), row["evidence"],
        row["made"], row["stamp"], row["request_id"], row["noted"],
    )  # fmt: skip


def _driven(run: str, driver: Owner) -> str:
    here = owners.is_local(driver)
    stop = f"stop it ('kill {driver.pid}')" if here and driver.pid != os.getpid() else "stop it there"
    gone = (
        ""
        if here
        else f" If it is gone for good, add --take-over. Without a sign of life it counts as gone after {owners.SILENCE:.0f} s."
    )
    return (
        f"Run {run} is being driven by another mi-tui: {driver.words}. Wait for it, or {stop} first; two at once would undo each "
        f"other's work.{gone}"
    )


def _unusable(error: sqlite3.Error) -> JournalWriteError:
    hint = "free some space and " if "full" in str(error) or "I/O" in str(error) else ""
    return JournalWriteError(
        f"The journal cannot be used any more ({error}). The run stopped before its next change; {hint}say 'mi-tui resume'."
    )

"""What the sandbox remembers: one SQLite file for resources, principals, role assignments, operations, blobs and requests.

Used from the server's event loop thread only; every method is short. Blob contents are files beside the database; their rows are
the matter of `blob_table`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from mi_tui.sandbox import disk
from mi_tui.sandbox.blob_table import BlobTable
from mi_tui.sandbox.records import (
    LATER_COLUMNS,
    LATER_INDEXES,
    SCHEMA,
    SCHEMA_VERSION,
    Blob,
    Operation,
    Place,
    Principal,
    Request,
    Resource,
    RoleAssignment,
)

__all__ = ["Blob", "Operation", "Place", "Principal", "Request", "Resource", "RoleAssignment", "Store", "StoreError"]

REQUESTS_KEPT = 20_000
"""Rows of the request log; older ones go."""

_TRIMMED = 100
"""How many rows may be more than that for a while."""

_LONGEST_TOLD = 2_000
"""Characters of a path or query that the request log keeps."""

_OPERATION_SECONDS = 24 * 3600
"""How long an operation that has ended can still be asked for."""

_REQUEST = "time, caller, method, host, path, query, status, code, decision, milliseconds, client_id"


class StoreError(Exception):
    """The world's file cannot be used; the text says why and what to do."""


def _key(resource_id: str) -> str:
    return resource_id.rstrip("/").lower()


def _below(resource_id: str) -> tuple[str, str]:
    """The range of the keys of everything under an id; '0' is the character after '/'."""
    return _key(resource_id) + "/", _key(resource_id) + "0"


class Store(BlobTable):
    """The database and the folder of blob contents under `home`."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home = home
        self._of_principal: dict[str, list[RoleAssignment]] = {}
        self.blob_folder = home / "blobs"
        self.blob_folder.mkdir(exist_ok=True, mode=0o700)
        path = home / "world.db"
        fresh = not path.exists()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if fresh or version == 0:
                self._db.executescript(f"BEGIN;{SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
            elif version != SCHEMA_VERSION:
                raise StoreError(
                    f"The sandbox's world in {home} was written by another version of mi-tui (format {version}, this one knows "
                    f"{SCHEMA_VERSION}). Run 'mi-tui sandbox reset' to begin a new world, or use the version that wrote it."
                )
            self._db.executescript(LATER_INDEXES)
            for table, column, kind in LATER_COLUMNS:
                if column not in {row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")}:
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        except sqlite3.DatabaseError as error:
            if disk.is_full(error):
                raise StoreError(disk.sentence(home)) from error
            raise StoreError(
                f"The sandbox's world in {path} cannot be read ({error}). Run 'mi-tui sandbox reset' to begin a new world."
            ) from error

    def close(self) -> None:
        """Write everything out and close the file."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """All that the block writes becomes true at once, or, when it raises or the process dies, not at all."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self._of_principal.clear()
            raise
        self._db.execute("COMMIT")

    # ---- values

    def value(self, key: str) -> str | None:
        """A remembered setting, such as the signing key."""
        row = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def set_value(self, key: str, value: str) -> None:
        """Remember a setting."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # ---- resources

    def resource(self, resource_id: str) -> Resource | None:
        """The resource with this id (any case), or None."""
        row = self._db.execute("SELECT * FROM resources WHERE key=?", (_key(resource_id),)).fetchone()
        return None if row is None else self._resource(row)

    def has(self, resource_id: str) -> bool:
        """Whether there is a resource with this id (any case)."""
        return self._db.execute("SELECT 1 FROM resources WHERE key=?", (_key(resource_id),)).fetchone() is not None

    def resources(
        self, type_: str | None = None, under: str | None = None, *, name: str | None = None
    ) -> list[Resource]:
        """Resources of a type, with a name (both in any case) and/or whose id begins with `under` + '/', oldest first."""
        return list(self.each_resource(type_, under, name=name))

    def each_resource(
        self,
        type_: str | None = None,
        under: str | None = None,
        *,
        name: str | None = None,
        after: Place | None = None,
        newest_first: bool = False,
    ) -> Iterator[Resource]:
        """As `resources`, read as they are asked for, from behind a place in the order on. Write nothing meanwhile."""
        where, values = ["1=1"], list[object]()
        for column, value in (("type", type_), ("name", name)):
            if value is not None:
                where.append(f"{column}=? COLLATE NOCASE")
                values.append(value)
        if under is not None:
            where.append("key >= ? AND key < ?")
            values += _below(under)
        way, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        if after is not None:
            where.append(f"(created, key) {beyond} (?, ?)")
            values += [after.created, after.key]
        sql = f"SELECT * FROM resources WHERE {' AND '.join(where)} ORDER BY created {way}, key {way}"
        for row in self._db.execute(sql, values):
            yield self._resource(row)

    def put(self, resource: Resource) -> None:
        """Create or replace a resource."""
        self._db.execute(
            "INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                _key(resource.id),
                resource.id,
                resource.type,
                resource.name,
                json.dumps(resource.body),
                json.dumps(resource.private),
                resource.created,
            ),
        )

    def remove(self, resource_id: str) -> None:
        """Delete a resource and everything under its id."""
        values = (_key(resource_id), *_below(resource_id))
        self._db.execute("DELETE FROM resources WHERE key=? OR (key >= ? AND key < ?)", values)

    @staticmethod
    def _resource(row: sqlite3.Row) -> Resource:
        return Resource(
            row["id"], row["type"], row["name"], json.loads(row["body"]), json.loads(row["private"]), row["created"]
        )

    # ---- principals

    def principal(self, object_id: str) -> Principal | None:
        """The principal with this object id."""
        return self._principal("SELECT * FROM principals WHERE object_id=?", object_id.lower())

    def principal_by_client(self, client_id: str) -> Principal | None:
        """The service principal or managed identity with this client (application) id."""
        return self._principal("SELECT * FROM principals WHERE client_id=?", client_id.lower())

    def principal_of(self, resource_id: str) -> Principal | None:
        """The managed identity that belongs to this resource."""
        return self._principal("SELECT * FROM principals WHERE resource_key=?", _key(resource_id))

    def principals(self) -> list[Principal]:
        """Everyone in the directory."""
        return [Principal(**dict(row)) for row in self._db.execute("SELECT * FROM principals ORDER BY name, object_id")]

    def put_principal(self, principal: Principal) -> None:
        """Create or replace a principal."""
        self._db.execute(
            "INSERT OR REPLACE INTO principals VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                principal.object_id.lower(),
                principal.kind,
                principal.name,
                principal.client_id and principal.client_id.lower(),
                principal.secret,
                principal.resource_key and _key(principal.resource_key),
                principal.visible_at,
            ),
        )

    def remove_principal(self, object_id: str) -> None:
        """Delete a principal. Its role assignments stay, as in Azure ("identity not found")."""
        self._db.execute("DELETE FROM principals WHERE object_id=?", (object_id.lower(),))

    def _principal(self, sql: str, value: str) -> Principal | None:
        row = self._db.execute(sql, (value,)).fetchone()
        return None if row is None else Principal(**dict(row))

    # ---- role assignments

    def assignment(self, assignment_id: str) -> RoleAssignment | None:
        """The role assignment with this id, unless it was deleted."""
        row = self._db.execute(
            "SELECT * FROM role_assignments WHERE key=? AND effective_until IS NULL", (_key(assignment_id),)
        ).fetchone()
        return None if row is None else self._assignment(row)

    def assignments(self, principal_id: str | None = None, *, deleted_too: bool = False) -> list[RoleAssignment]:
        """Role assignments, of one principal or all; `deleted_too` adds those that were deleted but still act.

        Those of one principal are read with every request and kept in memory until any assignment changes: what is returned is
        shared, and not to be changed in place.
        """
        if principal_id is None:
            found = self._assignments("SELECT * FROM role_assignments ORDER BY key", ())
        else:
            principal = principal_id.lower()
            kept = self._of_principal.get(principal)
            if kept is None:
                sql = "SELECT * FROM role_assignments WHERE principal_id=? ORDER BY key"
                kept = self._of_principal[principal] = self._assignments(sql, (principal,))
            found = kept
        return [one for one in found if deleted_too or one.effective_until is None]

    def _assignments(self, sql: str, values: tuple[str, ...]) -> list[RoleAssignment]:
        return [self._assignment(row) for row in self._db.execute(sql, values)]

    def put_assignment(self, assignment: RoleAssignment) -> None:
        """Create or replace a role assignment."""
        self._of_principal.clear()
        self._db.execute(
            "INSERT OR REPLACE INTO role_assignments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _key(assignment.id),
                assignment.id,
                assignment.name,
                assignment.scope,
                assignment.principal_id.lower(),
                assignment.role.lower(),
                json.dumps(assignment.body),
                assignment.effective_from,
                assignment.effective_until,
            ),
        )

    def remove_assignment(self, assignment_id: str, acts_until: float) -> None:
        """Delete a role assignment; it goes on acting until `acts_until`, as caches in Azure make it."""
        self._of_principal.clear()
        now = time.time()
        self._db.execute(
            "DELETE FROM role_assignments WHERE effective_until IS NOT NULL AND effective_until < ?", (now,)
        )
        if acts_until <= now:
            self._db.execute("DELETE FROM role_assignments WHERE key=?", (_key(assignment_id),))
        else:
            self._db.execute(
                "UPDATE role_assignments SET effective_until=? WHERE key=?", (acts_until, _key(assignment_id))
            )

    @staticmethod
    def _assignment(row: sqlite3.Row) -> RoleAssignment:
        return RoleAssignment(
            row["id"],
            row["name"],
            row["scope"],
            row["principal_id"],
            row["role"],
            json.loads(row["body"]),
            row["effective_from"],
            row["effective_until"],
        )

    # ---- operations

    def operation(self, operation_id: str) -> Operation | None:
        """The long operation with this id."""
        row = self._db.execute("SELECT * FROM operations WHERE id=?", (operation_id,)).fetchone()
        return None if row is None else self._operation(row)

    def open_operations(self) -> list[Operation]:
        """Long operations that have not ended, oldest first: what a restarted sandbox has to finish."""
        return [
            self._operation(row)
            for row in self._db.execute("SELECT * FROM operations WHERE ended IS NULL ORDER BY started")
        ]

    def put_operation(self, operation: Operation) -> None:
        """Create or replace a long operation; those that ended long ago are forgotten."""
        self._db.execute("DELETE FROM operations WHERE ended < ?", (time.time() - _OPERATION_SECONDS,))
        self._db.execute(
            "INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                operation.id,
                operation.resource_id,
                operation.kind,
                operation.started,
                operation.ended,
                operation.status,
                None if operation.error is None else json.dumps(operation.error),
                None if operation.result is None else json.dumps(operation.result),
            ),
        )

    @staticmethod
    def _operation(row: sqlite3.Row) -> Operation:
        return Operation(
            row["id"],
            row["resource_id"],
            row["kind"],
            row["started"],
            row["ended"],
            row["status"],
            row["error"] and json.loads(row["error"]),
            row["result"] and json.loads(row["result"]),
        )

    # ---- requests

    def add_request(self, request: Request) -> None:
        """Remember one answered request; the oldest ones are forgotten."""
        written = self._db.execute(
            f"INSERT INTO requests ({_REQUEST}) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                request.time,
                request.caller,
                request.method,
                request.host,
                request.path[:_LONGEST_TOLD],
                request.query[:_LONGEST_TOLD],
                request.status,
                request.code,
                request.decision,
                request.milliseconds,
                request.client_id,
            ),
        )
        number = written.lastrowid or 0
        # The row itself is written at once, so that a killed process loses none; the old ones go by the hundred.
        if number % _TRIMMED == 0:
            self._db.execute("DELETE FROM requests WHERE number <= ?", (number - REQUESTS_KEPT,))

    def requests(self, *, since: float = 0.0) -> list[Request]:
        """Every answered request that is remembered, from a Unix time on, oldest first."""
        rows = self._db.execute(f"SELECT {_REQUEST} FROM requests WHERE time >= ? ORDER BY number", (since,))
        return [Request(**dict(row)) for row in rows]

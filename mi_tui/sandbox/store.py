"""What the sandbox remembers: one SQLite file for resources, principals, role assignments, operations, blobs and requests.

Used from the server's event loop thread only; every method is short. Blob contents are files beside the database.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE resources (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL,
    body TEXT NOT NULL, private TEXT NOT NULL, created REAL NOT NULL);
CREATE INDEX resources_by_type ON resources (type);
CREATE TABLE principals (
    object_id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, client_id TEXT, secret TEXT,
    resource_key TEXT, visible_at REAL NOT NULL);
CREATE TABLE role_assignments (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, principal_id TEXT NOT NULL, role TEXT NOT NULL,
    body TEXT NOT NULL, effective_from REAL NOT NULL, effective_until REAL);
CREATE INDEX role_assignments_by_principal ON role_assignments (principal_id);
CREATE TABLE operations (
    id TEXT PRIMARY KEY, resource_id TEXT NOT NULL, kind TEXT NOT NULL, started REAL NOT NULL, ended REAL,
    status TEXT NOT NULL, error TEXT, result TEXT);
CREATE TABLE blobs (
    account TEXT NOT NULL, container TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, file TEXT NOT NULL,
    properties TEXT NOT NULL, PRIMARY KEY (account, container, name));
CREATE TABLE blocks (
    account TEXT NOT NULL, container TEXT NOT NULL, name TEXT NOT NULL, block TEXT NOT NULL, size INTEGER NOT NULL, file TEXT NOT NULL,
    PRIMARY KEY (account, container, name, block));
CREATE TABLE requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, caller TEXT NOT NULL, method TEXT NOT NULL, host TEXT NOT NULL,
    path TEXT NOT NULL, query TEXT NOT NULL, status INTEGER NOT NULL, code TEXT, decision TEXT NOT NULL, milliseconds REAL NOT NULL);
"""


class StoreError(Exception):
    """The world's file cannot be used; the text says why and what to do."""


@dataclass
class Resource:
    """One resource. `body` is what GET answers; `private` is never answered by GET (keys, process state)."""

    id: str
    type: str
    name: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)
    created: float = field(default_factory=time.time)


@dataclass
class Principal:
    """A user, a service principal or a managed identity. `kind` is `User` or `ServicePrincipal`; `secret` is a hash."""

    object_id: str
    kind: str
    name: str
    client_id: str | None = None
    secret: str | None = None
    resource_key: str | None = None
    visible_at: float = 0.0


@dataclass
class RoleAssignment:
    """A role at a scope for a principal. It counts from `effective_from` until `effective_until` (None: until deleted)."""

    id: str
    name: str
    scope: str
    principal_id: str
    role: str
    body: dict[str, Any]
    effective_from: float = 0.0
    effective_until: float | None = None


@dataclass
class Operation:
    """A long operation: `status` is `InProgress`, `Succeeded`, `Failed` or `Canceled`; how it is spelled is the service's matter."""

    id: str
    resource_id: str
    kind: str
    started: float
    ended: float | None = None
    status: str = "InProgress"
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


@dataclass
class Blob:
    """One committed blob; `file` is relative to the blob folder; `properties` holds etag, md5, content type, metadata, times."""

    account: str
    container: str
    name: str
    size: int
    file: str
    properties: dict[str, Any]


@dataclass
class Request:
    """One answered request, as `mi-tui sandbox log` tells it. No header, body, token or signature is kept."""

    time: float
    caller: str
    method: str
    host: str
    path: str
    query: str
    status: int
    code: str | None
    decision: str
    milliseconds: float


def _key(resource_id: str) -> str:
    return resource_id.rstrip("/").lower()


class Store:
    """The database and the folder of blob contents under `home`."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home = home
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
                self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
            elif version != SCHEMA_VERSION:
                raise StoreError(
                    f"The sandbox's world in {home} was written by another version of mi-tui (format {version}, this one knows "
                    f"{SCHEMA_VERSION}). Run 'mi-tui sandbox reset' to begin a new world, or use the version that wrote it."
                )
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"The sandbox's world in {path} cannot be read ({error}). Run 'mi-tui sandbox reset' to begin a new world."
            ) from error

    def close(self) -> None:
        """Write everything out and close the file."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

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

    def resources(self, type_: str | None = None, under: str | None = None) -> list[Resource]:
        """Resources of a type (any case) and/or whose id begins with `under` + '/', oldest first."""
        where, values = ["1=1"], []
        if type_ is not None:
            where.append("type=? COLLATE NOCASE")
            values.append(type_)
        if under is not None:
            where.append("substr(key, 1, ?) = ?")
            prefix = _key(under) + "/"
            values += [len(prefix), prefix]  # type: ignore[list-item]
        rows = self._db.execute(f"SELECT * FROM resources WHERE {' AND '.join(where)} ORDER BY created, key", values)
        return [self._resource(row) for row in rows]

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
        prefix = _key(resource_id) + "/"
        self._db.execute(
            "DELETE FROM resources WHERE key=? OR substr(key, 1, ?) = ?", (_key(resource_id), len(prefix), prefix)
        )

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
        """Role assignments, of one principal or all; `deleted_too` adds those that were deleted but still act."""
        where, values = ["1=1"], []
        if principal_id is not None:
            where.append("principal_id=?")
            values.append(principal_id.lower())
        if not deleted_too:
            where.append("effective_until IS NULL")
        rows = self._db.execute(f"SELECT * FROM role_assignments WHERE {' AND '.join(where)} ORDER BY key", values)
        return [self._assignment(row) for row in rows]

    def put_assignment(self, assignment: RoleAssignment) -> None:
        """Create or replace a role assignment."""
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
        """Create or replace a long operation."""
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

    # ---- blobs

    def blob(self, account: str, container: str, name: str) -> Blob | None:
        """One committed blob."""
        row = self._db.execute(
            "SELECT * FROM blobs WHERE account=? AND container=? AND name=?", (account, container, name)
        ).fetchone()
        return None if row is None else self._blob(row)

    def blobs(self, account: str | None = None, container: str | None = None, prefix: str = "") -> list[Blob]:
        """Committed blobs in the order of their names, of all accounts or of one, of all its containers or of one."""
        where, values = ["substr(name, 1, ?) = ?"], [len(prefix), prefix]
        for column, value in (("account", account), ("container", container)):
            if value is not None:
                where.append(f"{column}=?")
                values.append(value)
        rows = self._db.execute(
            f"SELECT * FROM blobs WHERE {' AND '.join(where)} ORDER BY account, container, name", values
        )
        return [self._blob(row) for row in rows]

    def put_blob(self, blob: Blob) -> None:
        """Create or replace a blob's row."""
        self._db.execute(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?)",
            (blob.account, blob.container, blob.name, blob.size, blob.file, json.dumps(blob.properties)),
        )

    def remove_blobs(self, account: str, container: str | None = None, name: str | None = None) -> None:
        """Delete the rows and the files of one blob, of a container, or of an account, with their uncommitted blocks."""
        where, values = ["account=?"], [account]
        for column, value in (("container", container), ("name", name)):
            if value is not None:
                where.append(f"{column}=?")
                values.append(value)
        condition = " AND ".join(where)
        for table in ("blobs", "blocks"):
            for row in self._db.execute(f"SELECT file FROM {table} WHERE {condition}", values).fetchall():
                (self.blob_folder / row["file"]).unlink(missing_ok=True)
            self._db.execute(f"DELETE FROM {table} WHERE {condition}", values)

    def blocks(self, account: str, container: str, name: str) -> dict[str, tuple[int, str]]:
        """Uncommitted blocks of a blob: block id -> (size in bytes, file)."""
        rows = self._db.execute(
            "SELECT * FROM blocks WHERE account=? AND container=? AND name=?", (account, container, name)
        )
        return {row["block"]: (row["size"], row["file"]) for row in rows}

    def put_block(self, account: str, container: str, name: str, block: str, size: int, file: str) -> None:
        """Remember an uncommitted block."""
        self._db.execute(
            "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)", (account, container, name, block, size, file)
        )

    def remove_blocks(self, account: str, container: str, name: str) -> None:
        """Forget a blob's uncommitted blocks and delete their files."""
        for _, file in self.blocks(account, container, name).values():
            (self.blob_folder / file).unlink(missing_ok=True)
        self._db.execute("DELETE FROM blocks WHERE account=? AND container=? AND name=?", (account, container, name))

    @staticmethod
    def _blob(row: sqlite3.Row) -> Blob:
        return Blob(
            row["account"], row["container"], row["name"], row["size"], row["file"], json.loads(row["properties"])
        )

    # ---- requests

    def add_request(self, request: Request) -> None:
        """Remember one answered request."""
        self._db.execute(
            "INSERT INTO requests (time, caller, method, host, path, query, status, code, decision, milliseconds) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                request.time,
                request.caller,
                request.method,
                request.host,
                request.path,
                request.query,
                request.status,
                request.code,
                request.decision,
                request.milliseconds,
            ),
        )

    def requests(self) -> list[Request]:
        """Every answered request, oldest first."""
        columns = "time, caller, method, host, path, query, status, code, decision, milliseconds"
        return [Request(**dict(row)) for row in self._db.execute(f"SELECT {columns} FROM requests ORDER BY number")]

"""The store's tables, and their rows as the rest of the sandbox knows them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE resources (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL,
    body TEXT NOT NULL, private TEXT NOT NULL, created REAL NOT NULL);
CREATE INDEX resources_by_name ON resources (type COLLATE NOCASE, name COLLATE NOCASE);
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

LATER_INDEXES = """
CREATE INDEX IF NOT EXISTS resources_by_age ON resources (type COLLATE NOCASE, created, key);
"""
"""Indexes that a world of the same format may lack; they change nothing that is read."""

LATER_COLUMNS = (("requests", "client_id", "TEXT NOT NULL DEFAULT ''"),)
"""Columns that a world of the same format may lack: table, name and type."""


@dataclass
class Resource:
    """One resource. `body` is what GET answers; `private` is never answered by GET (keys, process state)."""

    id: str
    type: str
    name: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, order=True)
class Place:
    """A place in the order in which resources are listed: by age, then by key."""

    created: float
    key: str

    @classmethod
    def of(cls, resource: Resource) -> Place:
        """The place of a resource."""
        return cls(resource.created, resource.id.rstrip("/").lower())


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
    """One answered request, as `mi-tui sandbox log` tells it. No body, token or signature is kept, and of the headers only the
    client's own id of the request, which Azure's activity log tells too."""

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
    client_id: str = ""

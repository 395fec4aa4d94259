"""What the journal's records are: runs, the ledger of resources, long operations; and its errors."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from mi_tui.engine.owner import Owner
from mi_tui.model.events import Outcome
from mi_tui.model.plan import Plan, ResourceKind


class JournalError(Exception):
    """The journal cannot be used; the text says why and what to do. Nothing was changed anywhere."""


class JournalWriteError(JournalError):
    """The journal could be used and now cannot be: a run stops before its next change."""


class Verdict(StrEnum):
    """What the ledger says of a resource. Clean-up removes what is intended, created or adopted, and nothing else."""

    INTENDED = "intended"
    """About to be created: seen absent, call not yet answered. Only its mark in Azure tells whether this run's call made it."""
    CREATED = "created"
    """This run made it."""
    EXISTED = "existed"
    """It was there before this run; never removed."""
    ADOPTED = "adopted"
    """Found by the run's mark (tag, metadata, a role assignment's computed name or its principal) with `down --adopt-by-tag`, without
    a journal that says who made it. A person saw the list with its evidence, or said `--yes`; so `down` may remove it."""
    REMOVED = "removed"
    """It was seen to be gone."""


class RunState(StrEnum):
    """Where a run stands: by how it ended (`Outcome`), or by its clean-up."""

    PLANNED = "planned"
    RUNNING = "running"
    SUCCEEDED = Outcome.SUCCEEDED.value
    FAILED = Outcome.FAILED.value
    LEFT_RUNNING = Outcome.LEFT_RUNNING.value
    CANCELLED = Outcome.CANCELLED.value
    REMOVED = "removed"
    """Nothing that it made is left."""
    PARTLY_REMOVED = "partly_removed"
    """All but what costs nothing and others use: registered versions and uploaded files."""


class RunRecord(Struct, frozen=True):
    """One run. Times are Unix seconds; `owner` is the process that drives it now, 0 when none does."""

    id: str
    target: str
    plan: Plan
    started: float
    ended: float | None
    state: RunState
    owner: int
    driver: Owner | None = None
    """Everything known of who drives it now; None when nobody does."""
    adopted: bool = False
    """The run was begun elsewhere: its plan holds only what was found of it, so it can be removed but not gone on with."""


class LedgerEntry(Struct, frozen=True):
    """What is known of one resource of a run, with the evidence in words."""

    id: str
    kind: ResourceKind
    name: str
    verdict: Verdict
    evidence: str
    made: str = ""
    """When Azure says that it was made (ISO 8601); empty where Azure does not tell. Another time means another resource."""
    stamp: str = ""
    """What tells it from another one of the same name: a blob's etag after the upload, an identity's principal, a container's mark."""
    request_id: str = ""
    """Azure's id of the request that made it, for a support ticket."""
    noted: float = 0.0
    """When this was written down (Unix seconds)."""


class OperationRecord(Struct, frozen=True):
    """One long operation of Azure, with what is needed to ask for it again and to name it to support. Times are Unix seconds.

    `address` is host, path and api-version of where its status is read: signatures in the query are a secret and are left out.
    `outcome` is empty while it is under way, as far as this journal knows.
    """

    number: int
    step: str
    kind: str
    """What was asked: `PUT`, `PATCH`, `POST` or `DELETE`."""
    resource: str
    address: str
    request_id: str
    correlation_id: str
    began: float
    ended: float | None = None
    outcome: str = ""

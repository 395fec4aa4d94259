"""Leases of blobs and containers: their states, the operations on them, and what they ask of every other operation.

Source: "Lease Blob" and "Lease Container" (REST reference, the tables of outcomes). Neither changes an ETag.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.conditions import check_write
from mi_tui.sandbox.blob.errors import BlobError, fault, invalid_header

Record = dict[str, Any]
"""What is remembered of a lease: `id`, `seconds` (-1 for ever), `until`, and `broken` (since when, or from when on)."""

State = Literal["available", "leased", "expired", "breaking", "broken"]
Kind = Literal["Blob", "Container"]


def state(lease: Mapping[str, Any] | None) -> State:
    """The state of a lease now."""
    now = time.time()
    if not lease:
        return "available"
    if lease.get("broken") is not None:
        return "breaking" if now < float(lease["broken"]) else "broken"
    if lease.get("until") is not None and now >= float(lease["until"]):
        return "expired"
    return "leased"


def locked(lease: Mapping[str, Any] | None) -> bool:
    """Whether a write needs the lease's id."""
    return state(lease) in ("leased", "breaking")


def headers(lease: Mapping[str, Any] | None) -> dict[str, str]:
    """The headers of a resource that tell its lease."""
    found = {"x-ms-lease-state": state(lease), "x-ms-lease-status": "locked" if locked(lease) else "unlocked"}
    if lease and found["x-ms-lease-state"] == "leased":
        found["x-ms-lease-duration"] = "infinite" if lease["seconds"] == -1 else "fixed"
    return found


def check_write_allowed(call: Call, lease: Mapping[str, Any] | None, kind: Kind = "Blob") -> None:
    """Raise 412 unless the request's `x-ms-lease-id` is what a write (or a container's deletion) needs."""
    if locked(lease) and "x-ms-lease-id" not in call.headers:
        raise _named("LeaseIdMissing", kind)
    check_read_allowed(call, lease, kind)


def check_read_allowed(call: Call, lease: Mapping[str, Any] | None, kind: Kind = "Blob") -> None:
    """Raise 412 when the request names a lease that is not the resource's; without a name every read is allowed."""
    given = call.headers.get("x-ms-lease-id")
    if given is None:
        return
    if not lease:
        raise fault(f"LeaseNotPresentWith{kind}Operation")
    if not _same(given, lease["id"]):
        raise fault(f"LeaseIdMismatchWith{kind}Operation")
    if not locked(lease):
        raise _named("LeaseLost", kind)


def operate(call: Call, lease: Record | None, kind: Kind, etag: str, modified: float) -> tuple[Record | None, Answer]:
    """Do what `x-ms-lease-action` says. The lease afterwards, and the answer without ETag and date."""
    check_write(call.headers, etag, modified)
    action = (call.headers.get("x-ms-lease-action") or "").lower()
    if not action:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-lease-action")
    if action == "acquire":
        return _acquire(call, lease, kind)
    if action == "break":
        return _break(call, lease, kind)
    if action not in ("renew", "change", "release"):
        raise invalid_header("x-ms-lease-action", call.headers["x-ms-lease-action"])
    given = _guid(call, "x-ms-lease-id")
    if given is None:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-lease-id")
    if not lease:
        raise _named("LeaseNotPresentWithLeaseOperation", kind)
    if action == "change":
        return _change(call, lease, kind, given)
    if not _same(given, lease["id"]):
        raise _named("LeaseIdMismatchWithLeaseOperation", kind)
    if action == "release":
        return None, Answer(200)
    if state(lease) in ("breaking", "broken"):
        raise fault("LeaseIsBrokenAndCannotBeRenewed")
    lease = _running(lease["id"], int(lease["seconds"]))
    return lease, Answer(200, {"x-ms-lease-id": lease["id"]})


def _acquire(call: Call, lease: Record | None, kind: Kind) -> tuple[Record, Answer]:
    value = call.headers.get("x-ms-lease-duration")
    if value is None:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-lease-duration")
    if value != "-1" and not (value.isascii() and value.isdigit() and 15 <= int(value) <= 60):
        raise invalid_header("x-ms-lease-duration", value)
    proposed = _guid(call, "x-ms-proposed-lease-id")
    if lease and locked(lease):
        if proposed is None or not _same(proposed, lease["id"]):
            raise fault("LeaseAlreadyPresent")
        if state(lease) == "breaking":
            raise fault("LeaseIsBreakingAndCannotBeAcquired")
    lease = _running(proposed or str(uuid.uuid4()), int(value))
    return lease, Answer(201, {"x-ms-lease-id": lease["id"]})


def _change(call: Call, lease: Record, kind: Kind, given: str) -> tuple[Record, Answer]:
    proposed = _guid(call, "x-ms-proposed-lease-id")
    if proposed is None:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-proposed-lease-id")
    now = state(lease)
    if now == "breaking":
        raise fault("LeaseIsBreakingAndCannotBeChanged")
    if now != "leased":
        raise _named("LeaseNotPresentWithLeaseOperation", kind)
    if not _same(given, lease["id"]) and not _same(proposed, lease["id"]):
        raise _named("LeaseIdMismatchWithLeaseOperation", kind)
    return {**lease, "id": proposed}, Answer(200, {"x-ms-lease-id": proposed})


def _break(call: Call, lease: Record | None, kind: Kind) -> tuple[Record, Answer]:
    value = call.headers.get("x-ms-lease-break-period")
    if value is not None and not (value.isascii() and value.isdigit() and int(value) <= 60):
        raise invalid_header("x-ms-lease-break-period", value)
    if not lease:
        raise _named("LeaseNotPresentWithLeaseOperation", kind)
    now = time.time()
    match state(lease):
        case "leased":
            left = 0.0 if lease["until"] is None and value is None else 60.0
            if lease["until"] is not None:
                left = float(lease["until"]) - now
        case "breaking":
            left = float(lease["broken"]) - now
        case _:
            left = 0.0
    if value is not None:
        left = min(left, float(value))
    lease = {**lease, "broken": now + left}
    return lease, Answer(202, {"x-ms-lease-time": str(round(left))})


def _running(identifier: str, seconds: int) -> Record:
    until = None if seconds == -1 else time.time() + seconds
    return {"id": identifier, "seconds": seconds, "until": until, "broken": None}


def _guid(call: Call, name: str) -> str | None:
    value = call.headers.get(name)
    if value is None:
        return None
    try:
        return str(uuid.UUID(value))
    except ValueError as error:
        raise invalid_header(name, value) from error


def _same(given: str, held: str) -> bool:
    return given.strip("{}()").lower() == held.lower()


def _named(code: str, kind: Kind) -> BlobError:
    """The error with the resource's own word in its sentence (recorded for LeaseLost)."""
    error = fault(code)
    error.message = error.message.replace("blob", kind.lower())
    return error

"""What stands before each operation on a blob: its lease, the conditional headers, the condition on tags, its type and tier."""

from __future__ import annotations

from starlette.datastructures import Headers

from mi_tui.sandbox.blob import leases, tags, tiers
from mi_tui.sandbox.blob.call import Call
from mi_tui.sandbox.blob.conditions import check_read, check_write
from mi_tui.sandbox.blob.errors import fault, invalid_header
from mi_tui.sandbox.store import Blob

_OTHERS = ("if-match", "if-modified-since", "if-unmodified-since")
"""The conditional headers that stand beside `If-None-Match`."""


def for_read(call: Call, *, content: bool = False) -> Blob:
    """The blob of a request that reads. ContainerNotFound, BlobNotFound, 304, 412, and BlobArchived for `content`."""
    blob = call.existing_blob()
    leases.check_read_allowed(call, blob.properties.get("lease"))
    check_read(call.headers, str(blob.properties["etag"]), float(blob.properties["last_modified"]))
    for_tags(call, blob)
    if content and tiers.archived(blob):
        raise fault("BlobArchived")
    return blob


def for_write(call: Call, kind: str | None = None) -> Blob:
    """The blob of a request that changes it. ContainerNotFound, BlobNotFound, 412, InvalidBlobType unless it is of a `kind`."""
    blob = call.existing_blob()
    if kind is not None and blob.properties["blob_type"] != kind:
        raise fault("InvalidBlobType")
    leases.check_write_allowed(call, blob.properties.get("lease"))
    _check_write(call, blob, "ConditionNotMet")
    return blob


def for_replacing(call: Call) -> Blob | None:
    """The blob that a request will replace, or None where it makes a new one. ContainerNotFound, 409, 412."""
    call.container_resource()
    blob = call.find_blob()
    if blob is None:
        if "x-ms-lease-id" in call.headers:
            raise fault("LeaseNotPresentWithBlobOperation")
        check_write(call.headers, None, 0.0, "BlobAlreadyExists")
        if "x-ms-if-tags" in call.headers:
            raise fault("ConditionNotMet")
        return None
    leases.check_write_allowed(call, blob.properties.get("lease"))
    # Who names the blob's lease knows that it is there: `If-None-Match: *` does not stand in the way then (recorded by the SDKs).
    known = "x-ms-lease-id" in call.headers and call.headers.get("if-none-match", "").strip() == "*"
    headers = Headers({name: call.headers[name] for name in _OTHERS if name in call.headers}) if known else call.headers
    _check_write(call, blob, "BlobAlreadyExists", headers)
    return blob


def _check_write(call: Call, blob: Blob, already: str, headers: Headers | None = None) -> None:
    check_write(
        call.headers if headers is None else headers,
        str(blob.properties["etag"]),
        float(blob.properties["last_modified"]),
        already,
    )
    for_tags(call, blob)


def for_tags(call: Call, blob: Blob) -> None:
    """ConditionNotMet unless the condition on the blob's tags holds, where there is one."""
    condition = call.headers.get("x-ms-if-tags")
    if condition is None:
        return
    wanted = tags.parse(condition, invalid_header("x-ms-if-tags", condition))
    if not tags.holds(wanted, blob.properties.get("tags") or {}):
        raise fault("ConditionNotMet")

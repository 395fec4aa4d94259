"""Writing blobs: Put Blob, Delete and Undelete Blob, and what is set on one: metadata, properties, tags, tier, lease."""

from __future__ import annotations

from starlette.datastructures import Headers

from mi_tui.sandbox.blob import auth, checks, leases, pages, rows, tags, tiers
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.conditions import check_times, check_write
from mi_tui.sandbox.blob.copying import copy_blob, put_blob_from_url
from mi_tui.sandbox.blob.errors import XML_HEAD, fault, invalid_header, unsupported
from mi_tui.sandbox.blob.files import body, new_file, small_body
from mi_tui.sandbox.store import Blob

# "Scalability and performance targets for Blob storage", for the versions that the SDK sends.
MAX_BLOB = 5000 * 1024 * 1024


async def put_blob(call: Call) -> Answer:
    """Put Blob: the whole content of a block blob, or an empty append or page blob; the copies go through it as well."""
    kind = call.headers.get("x-ms-blob-type")
    if "x-ms-copy-source" in call.headers:
        if kind not in (None, "BlockBlob"):
            raise invalid_header("x-ms-blob-type", kind)
        return await (copy_blob if kind is None else put_blob_from_url)(call)
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    if kind is None:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-blob-type")
    if kind in ("PageBlob", "AppendBlob"):
        return _put_empty(call, kind)
    if kind != "BlockBlob":
        raise invalid_header("x-ms-blob-type", kind)
    properties = rows.given_properties(call)
    given = call.md5("x-ms-blob-content-md5")
    checks.for_replacing(call)
    async with body(call, MAX_BLOB) as received:
        if given is not None and given != received.md5:
            raise fault("Md5Mismatch", UserSpecifiedMd5=given, ServerCalculatedMd5=received.md5 or "")
        # The world may have changed while the body came.
        checks.for_replacing(call)
        file = received.keep(call.world.store)
        properties["content_md5"] = received.md5
        blob = rows.commit(call.world.store, *call.place, received.size, file, properties)
    headers = {**received.checksums(), **rows.blob_stamp(blob), "x-ms-request-server-encrypted": "true"}
    return Answer(201, headers)


def _put_empty(call: Call, kind: str) -> Answer:
    if call.content_length():
        raise invalid_header("Content-Length", str(call.content_length()))
    properties = rows.given_properties(call) | {"blob_type": kind, "content_md5": call.md5("x-ms-blob-content-md5")}
    size = 0
    if kind == "PageBlob":
        size = pages.length(call)
        properties |= {"sequence": pages.sequence(call), "pages": []}
    else:
        properties["appended"] = 0
    checks.for_replacing(call)
    store = call.world.store
    with new_file(store) as (path, file):
        file.truncate(size)
        path.rename(store.blob_folder / path.name)
    blob = rows.commit(store, *call.place, size, path.name, properties)
    return Answer(201, {**rows.blob_stamp(blob), "x-ms-request-server-encrypted": "true"})


async def set_metadata(call: Call) -> Answer:
    """Set Blob Metadata: replaces all of it."""
    blob = checks.for_write(call)
    blob.properties["metadata"] = call.metadata()
    rows.touch(call.world.store, blob)
    return Answer(200, {**rows.blob_stamp(blob), "x-ms-request-server-encrypted": "true"})


async def set_properties(call: Call) -> Answer:
    """Set Blob Properties: every content property is cleared that is not given, unless none is given; a page blob's size."""
    blob = checks.for_write(call)
    # What is set here is compared with nothing, and so not looked at.
    md5 = call.headers.get("x-ms-blob-content-md5")
    pages.resize(call, blob)
    if any(f"x-ms-blob-{header}" in call.headers for header in ("content-md5", *rows.CONTENT_HEADERS.values())) or not (
        "x-ms-blob-content-length" in call.headers or "x-ms-sequence-number-action" in call.headers
    ):
        for key, header in rows.CONTENT_HEADERS.items():
            blob.properties[key] = call.headers.get(f"x-ms-blob-{header}")
        blob.properties["content_md5"] = md5
    rows.touch(call.world.store, blob)
    headers = rows.blob_stamp(blob)
    if "sequence" in blob.properties:
        headers["x-ms-blob-sequence-number"] = str(blob.properties["sequence"])
    return Answer(200, headers)


async def delete_blob(call: Call) -> Answer:
    """Delete Blob. There are no snapshots: to delete only them leaves everything as it is."""
    blob = checks.for_write(call)
    changed = float(blob.properties.get("tier_changed") or blob.properties["creation_time"])
    check_times(call.headers, changed, prefix="x-ms-access-tier-")
    snapshots = call.headers.get("x-ms-delete-snapshots")
    if snapshots is not None and snapshots.lower() not in ("include", "only"):
        raise invalid_header("x-ms-delete-snapshots", snapshots)
    if snapshots is None or snapshots.lower() == "include":
        call.world.store.remove_blobs(blob.account, blob.container, blob.name)
    return Answer(202, {"x-ms-delete-type-permanent": "true"})


async def undelete_blob(call: Call) -> Answer:
    """Undelete Blob: without soft delete a blob that is there stays, and one that is gone is gone."""
    call.existing_blob()
    return Answer(200)


async def get_tags(call: Call) -> Answer:
    """Get Blob Tags."""
    blob = checks.for_read(call)
    _check_for_tags(call, blob)
    held = tags.element(blob.properties.get("tags") or {})
    return Answer(200, {"content-type": "application/xml"}, f"{XML_HEAD}{held}".encode())


async def set_tags(call: Call) -> Answer:
    """Set Blob Tags: replaces all of them; ETag and date stay."""
    data = await small_body(call, 64 * 1024)
    blob = checks.for_write(call)
    _check_for_tags(call, blob)
    blob.properties["tags"] = tags.of_body(data)
    call.world.store.put_blob(blob)
    return Answer(204)


def _check_for_tags(call: Call, blob: Blob) -> None:
    """The conditions on the blob itself that operations on its tags have since version 2026-02-06, in headers of their own."""
    own = {
        name.removeprefix("x-ms-blob-"): value
        for name, value in call.headers.items()
        if name.startswith("x-ms-blob-if-")
    }
    if own:
        check_write(Headers(own), str(blob.properties["etag"]), float(blob.properties["last_modified"]))


async def set_tier(call: Call) -> Answer:
    """Set Blob Tier: 200, or 202 for a blob that begins to come back from the archive. ETag and date stay."""
    if "x-ms-access-tier" not in call.headers:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-access-tier")
    blob = call.existing_blob()
    leases.check_read_allowed(call, blob.properties.get("lease"))
    checks.for_tags(call, blob)
    kind = str(blob.properties["blob_type"])
    if kind == "AppendBlob":
        raise fault("InvalidBlobType")
    status = tiers.change(call, blob, tiers.given(call, kind))
    call.world.store.put_blob(blob)
    return Answer(status)


async def lease_blob(call: Call) -> Answer:
    """Lease Blob: acquire, renew, change, release, break."""
    breaking = (call.headers.get("x-ms-lease-action") or "").lower() == "break"
    auth.authorize(call, auth.BREAK_LEASE if breaking else auth.WRITE)
    blob = call.existing_blob()
    checks.for_tags(call, blob)
    stamp = str(blob.properties["etag"]), float(blob.properties["last_modified"])
    blob.properties["lease"], answer = leases.operate(call, blob.properties.get("lease"), "Blob", *stamp)
    call.world.store.put_blob(blob)
    return Answer(answer.status, {**rows.blob_stamp(blob), **answer.headers})


async def refuse_snapshot(call: Call) -> Answer:
    """Snapshot Blob: refused with the code that Azure has for accounts without a feature."""
    call.existing_blob()
    raise unsupported("snapshots")

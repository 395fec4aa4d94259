"""Copies: Copy Blob, Copy Blob From URL, Put Blob From URL, and the source of Put Block, Append Block and Put Page From URL.

A source is any blob of this sandbox, read with the rights that the request hands on. A copy is complete when it is answered.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import re
import uuid
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.datastructures import Headers

from mi_tui.sandbox.blob import auth, checks, rows, tags, tiers
from mi_tui.sandbox.blob.call import Answer, Call, Slice
from mi_tui.sandbox.blob.conditions import check_source
from mi_tui.sandbox.blob.crc64 import written
from mi_tui.sandbox.blob.errors import BlobError, fault, invalid_header
from mi_tui.sandbox.blob.files import SMALL_COPY, assemble, crc64_of_file, md5_of_file, new_file
from mi_tui.sandbox.containers import account_by_name
from mi_tui.sandbox.store import Blob

_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)
_SUFFIX = ".blob.core.windows.net"
_SYNCHRONOUS = 256 * 1024 * 1024


async def copy_blob(call: Call) -> Answer:
    """Copy Blob (asynchronous in Azure) and Copy Blob From URL (`x-ms-requires-sync`)."""
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    synchronous = call.flag("x-ms-requires-sync")
    _check_replaced(call)
    source = _source(call, "CannotVerifyCopySource" if synchronous else "SourceConditionNotMet", own=not synchronous)
    if synchronous and source.size > _SYNCHRONOUS:
        error = fault("CannotVerifyCopySource")
        error.status, error.message = 409, "The source request body for copy is too large."
        raise error
    identifier = str(uuid.uuid4())
    now = dt.datetime.now(dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    done = {
        "id": identifier, "source": call.headers["x-ms-copy-source"].partition("?")[0], "status": "success",
        "progress": f"{source.size}/{source.size}", "completion": now,
    }  # fmt: skip
    own = call.metadata()
    properties = {key: value for key, value in source.properties.items() if key not in _NOT_COPIED}
    properties |= {
        "metadata": own or source.properties.get("metadata") or {},
        "copy": done,
        "tags": _tags(call, source),
    }
    if "x-ms-seal-blob" in call.headers:
        properties["sealed"] = call.flag("x-ms-seal-blob") and properties["blob_type"] == "AppendBlob"
    properties |= tiers.given(call, str(source.properties["blob_type"]))
    if tiers.archived(source) and not synchronous:
        # The copy lies in the archive until it has come back.
        properties |= {"tier": "Archive", "rehydrate": tiers.rehydration(call, str(properties["tier"]))}
    blob = await _copied(call, source, properties)
    headers = {**rows.blob_stamp(blob), "x-ms-copy-id": identifier, "x-ms-copy-status": "success"}
    if synchronous and properties.get("content_md5"):
        headers["content-md5"] = str(properties["content_md5"])
    return Answer(202, headers)


async def put_blob_from_url(call: Call) -> Answer:
    """Put Blob From URL: a new block blob of another blob's bytes."""
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    _check_replaced(call)
    source = _source(call)
    given = rows.given_properties(call)
    properties: dict[str, Any] = {"content_type": rows.DEFAULT_TYPE}
    if call.headers.get("x-ms-copy-source-blob-properties", "true").lower() != "false":
        properties |= {key: source.properties.get(key) for key in rows.CONTENT_HEADERS}
    properties |= {
        key: value
        for key, value in given.items()
        if value and call.headers.get(f"x-ms-blob-{rows.CONTENT_HEADERS.get(key, '')}")
    }
    properties |= {"metadata": given["metadata"], "tags": _tags(call, source)} | tiers.given(call)
    path = call.world.store.blob_folder / source.file
    properties["content_md5"] = await md5_of_file(path, source.size)
    wanted = call.md5("x-ms-source-content-md5")
    if wanted is not None and wanted != properties["content_md5"]:
        raise fault("Md5Mismatch", UserSpecifiedMd5=wanted, ServerCalculatedMd5=properties["content_md5"])
    blob = await _copied(call, source, {**properties, "blob_type": "BlockBlob"})
    headers = {"content-md5": str(properties["content_md5"]), **rows.blob_stamp(blob)}
    if blob.size <= SMALL_COPY:
        held = call.world.store.blob_folder / blob.file
        headers["x-ms-content-crc64"] = written(await asyncio.to_thread(crc64_of_file, held))
    return Answer(201, {**headers, "x-ms-request-server-encrypted": "true"})


async def abort_copy(call: Call) -> Answer:
    """Abort Copy Blob: there is never one that has not ended."""
    checks.for_write(call)
    raise fault("NoPendingCopyOperation")


async def source_slice(call: Call) -> Slice:
    """The bytes that a request takes from `x-ms-copy-source`, all or `x-ms-source-range`."""
    if call.content_length():
        raise invalid_header("Content-Length", str(call.content_length()))
    blob = _source(call)
    path = call.world.store.blob_folder / blob.file
    value = call.headers.get("x-ms-source-range")
    if value is None:
        return Slice(path, 0, blob.size)
    found = _RANGE.fullmatch(value.strip())
    if found is None or int(found[2]) < int(found[1]):
        raise invalid_header("x-ms-source-range", value)
    if int(found[1]) >= blob.size:
        raise _unverified(call, fault("InvalidRange"))
    return Slice(path, int(found[1]), min(int(found[2]), blob.size - 1) - int(found[1]) + 1)


_NOT_COPIED = ("etag", "last_modified", "creation_time", "lease", "copy", "tags", "tier", "tier_changed", "rehydrate")


def _check_replaced(call: Call) -> None:
    if call.content_length():
        raise invalid_header("Content-Length", str(call.content_length()))
    checks.for_replacing(call)


async def _copied(call: Call, source: Blob, properties: dict[str, Any]) -> Blob:
    store = call.world.store
    with new_file(store) as (path, file):
        try:
            await assemble([Slice(store.blob_folder / source.file, 0, source.size)], file)
        except FileNotFoundError as error:
            raise _unverified(call, fault("BlobNotFound")) from error
        checks.for_replacing(call)
        os.replace(path, store.blob_folder / path.name)
    return rows.commit(store, *call.place, source.size, path.name, properties)


def _tags(call: Call, source: Blob) -> dict[str, str]:
    if call.headers.get("x-ms-copy-source-tag-option", "REPLACE").upper() == "COPY":
        return dict(source.properties.get("tags") or {})
    return tags.of_header(call.headers.get("x-ms-tags"))


def _source(call: Call, unmet: str = "CannotVerifyCopySource", *, own: bool = False) -> Blob:
    """The blob that `x-ms-copy-source` names. CannotVerifyCopySource with the status and sentence of what went wrong (recorded).

    `own`: the caller's rights reach to a source in the same account, as in Copy Blob and in no other operation.
    """
    address = call.headers["x-ms-copy-source"]
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise invalid_header("x-ms-copy-source", address) from error
    if parts.scheme not in ("https", "http") or not host or len(address) > 2048:
        raise invalid_header("x-ms-copy-source", address)
    account = account_by_name(call.world, host.removesuffix(_SUFFIX)) if host.endswith(_SUFFIX) else None
    if account is None:
        raise _unverified(call, fault("ResourceNotFound"))
    container, slash, name = unquote(parts.path).removeprefix("/").partition("/")
    if not slash:
        container, name = "$root", container
    query = {key.lower(): value for key, value in parse_qsl(parts.query, keep_blank_values=True)}
    sent = {"host": host}
    if "x-ms-copy-source-authorization" in call.headers:
        sent["authorization"] = call.headers["x-ms-copy-source-authorization"]
    state: MutableMapping[str, Any] = {}
    reading = replace(
        call, account=account, method="GET", path=parts.path, query_string=parts.query, query=query, headers=Headers(sent),
        state=dict(state), container=container, blob=name,
    )  # fmt: skip
    try:
        if own and len(sent) == 1 and "sig" not in query and account.id == call.account.id:
            reading.access = call.access
        else:
            auth.authenticate(reading)
        auth.authorize(reading, auth.READ)
        if query.get("snapshot") or query.get("versionid"):
            raise fault("BlobNotFound")
        blob = reading.existing_blob()
    except BlobError as error:
        raise _unverified(call, error) from error
    if tiers.archived(blob) and (not own or call.headers.get("x-ms-access-tier", "Archive").lower() == "archive"):
        raise fault("BlobArchived")
    check_source(call.headers, str(blob.properties["etag"]), float(blob.properties["last_modified"]), unmet)
    wanted = call.headers.get("x-ms-source-if-tags")
    if wanted is not None and not tags.holds(tags.parse(wanted), blob.properties.get("tags") or {}):
        raise fault("ConditionNotMet")
    return blob


def _unverified(call: Call, error: BlobError) -> BlobError:
    headers = {key: value for key, value in error.headers.items() if key != "www-authenticate"}
    extra: dict[str, str] = {}
    if call.version >= "2024-02-04":
        status, code = str(error.status), error.code
        headers |= {"x-ms-copy-source-status-code": status, "x-ms-copy-source-error-code": code}
        extra = {"CopySourceStatusCode": status, "CopySourceErrorCode": code, "CopySourceErrorMessage": error.message}
    return BlobError(error.status, "CannotVerifyCopySource", error.message, extra, headers)

"""Append blobs: Append Block, with or without a source, and Append Blob Seal. Put Blob makes them."""

from __future__ import annotations

import os

from mi_tui.sandbox.blob import checks, rows
from mi_tui.sandbox.blob.call import Answer, Call, Slice
from mi_tui.sandbox.blob.copying import source_slice
from mi_tui.sandbox.blob.errors import fault, invalid_header
from mi_tui.sandbox.blob.files import Received, body, copied, join
from mi_tui.sandbox.store import Blob

_MAX_BLOCKS = 50_000


async def append_block(call: Call) -> Answer:
    """Append Block and Append Block From URL: bytes at the end of an append blob."""
    _checked(call, 0)
    limit = (100 if call.version >= "2022-11-02" else 4) * 1024 * 1024
    if "x-ms-copy-source" in call.headers:
        source = await source_slice(call)
        if source.size > limit:
            raise fault("RequestBodyTooLarge", MaxLimit=str(limit))
        async with copied(call, source) as received:
            return await _append(call, received)
    if not call.content_length():
        raise invalid_header("Content-Length", "0")
    async with body(call, limit, md5=call.version < "2019-02-02") as received:
        return await _append(call, received)


async def seal(call: Call) -> Answer:
    """Append Blob Seal: read-only from now on."""
    blob = checks.for_write(call, "AppendBlob")
    _check_position(call, blob)
    blob.properties["sealed"] = True
    rows.touch(call.world.store, blob)
    return Answer(200, {**rows.blob_stamp(blob), "x-ms-blob-sealed": "true"})


async def _append(call: Call, received: Received) -> Answer:
    store = call.world.store
    blob = _checked(call, received.size)
    offset = blob.size
    # Nothing else has a turn until the row knows the new size; readers read only as far as their row says.
    descriptor = os.open(store.blob_folder / blob.file, os.O_RDWR)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        file.truncate(offset)
        file.seek(offset)
        join([Slice(received.path, 0, received.size)], file)
    blob.size += received.size
    blob.properties["appended"] += 1
    rows.touch(store, blob)
    return Answer(
        201,
        {
            **received.checksums(),
            **rows.blob_stamp(blob),
            "x-ms-blob-append-offset": str(offset),
            "x-ms-blob-committed-block-count": str(blob.properties["appended"]),
            "x-ms-request-server-encrypted": "true",
        },
    )


def _checked(call: Call, size: int) -> Blob:
    blob = checks.for_write(call, "AppendBlob")
    if blob.properties.get("sealed"):
        raise fault("BlobIsSealed")
    _check_position(call, blob)
    highest = call.headers.get("x-ms-blob-condition-maxsize")
    if highest is not None:
        if not highest.isdecimal():
            raise invalid_header("x-ms-blob-condition-maxsize", highest)
        if blob.size + size > int(highest):
            raise fault("MaxBlobSizeConditionNotMet")
    if blob.properties["appended"] >= _MAX_BLOCKS:
        raise fault("BlockCountExceedsLimit")
    return blob


def _check_position(call: Call, blob: Blob) -> None:
    position = call.headers.get("x-ms-blob-condition-appendpos")
    if position is None:
        return
    if not position.isdecimal():
        raise invalid_header("x-ms-blob-condition-appendpos", position)
    if int(position) != blob.size:
        raise fault("AppendPositionConditionNotMet")

"""Writing blobs: Put Blob, Put Block, Put Block List, Set Blob Metadata, Set Blob Properties, Delete Blob."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any
from xml.etree import ElementTree

from mi_tui.sandbox.blob import auth, rows
from mi_tui.sandbox.blob.call import Answer, Call, Slice
from mi_tui.sandbox.blob.conditions import check_write
from mi_tui.sandbox.blob.errors import fault, invalid_header, invalid_query, unsupported
from mi_tui.sandbox.blob.files import assemble, body, new_file, small_body
from mi_tui.sandbox.store import Blob

# "Scalability and performance targets for Blob storage", for the versions that the SDK sends.
MAX_BLOB = 5000 * 1024 * 1024
MAX_BLOCK = 4000 * 1024 * 1024
MAX_BLOCKS = 50_000
MAX_LIST = 16 * 1024 * 1024

_PROPERTY_HEADERS = {
    "content_type": "content-type",
    "content_encoding": "content-encoding",
    "content_language": "content-language",
    "cache_control": "cache-control",
}


async def put_blob(call: Call) -> Answer:
    """Put Blob for block blobs: the whole content in one request."""
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    if "x-ms-copy-source" in call.headers:
        raise unsupported("Copy Blob and Put Blob From URL")
    _no_encoded_body(call)
    kind = call.headers.get("x-ms-blob-type")
    if kind is None:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-blob-type")
    if kind in ("PageBlob", "AppendBlob"):
        raise unsupported("page blobs and append blobs")
    if kind != "BlockBlob":
        raise invalid_header("x-ms-blob-type", kind)
    properties = _properties(call)
    given = call.md5("x-ms-blob-content-md5")
    call.container_resource()
    _check(call, call.find_blob(), "BlobAlreadyExists")
    async with body(call, MAX_BLOB) as received:
        if given is not None and given != received.md5:
            raise fault("Md5Mismatch", UserSpecifiedMd5=given, ServerCalculatedMd5=received.md5 or "")
        # The world may have changed while the body came.
        call.container_resource()
        _check(call, call.find_blob(), "BlobAlreadyExists")
        blob = _commit(
            call, received.size, received.keep(call.world.store), {**properties, "content_md5": received.md5}
        )
    headers = {**received.checksums(), **rows.blob_stamp(blob), "x-ms-request-server-encrypted": "true"}
    return Answer(201, headers)


async def put_block(call: Call) -> Answer:
    """Put Block: one uncommitted block."""
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    if "x-ms-copy-source" in call.headers:
        raise unsupported("Put Block From URL")
    _no_encoded_body(call)
    block = call.query.get("blockid", "")
    if not block:
        raise fault("MissingRequiredQueryParameter", QueryParameterName="blockid")
    _check_block_id(block)
    call.container_resource()
    store, place = call.world.store, _place(call)
    # Since version 2019-02-02 a block's MD5 is answered only to those who sent one.
    async with body(call, MAX_BLOCK, md5=call.version < "2019-02-02") as received:
        call.container_resource()
        known = store.blocks(*place)
        if any(len(other) != len(block) for other in known):
            raise fault("InvalidBlobOrBlock")
        store.put_block(*place, block, received.size, received.keep(store))
        if block in known:
            (store.blob_folder / known[block][1]).unlink(missing_ok=True)
    return Answer(201, {**received.checksums(), "x-ms-request-server-encrypted": "true"})


async def put_block_list(call: Call) -> Answer:
    """Put Block List: make a blob of blocks that were put before, or that it has already."""
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    _no_encoded_body(call)
    properties = _properties(call)
    properties["content_md5"] = call.md5("x-ms-blob-content-md5")
    call.container_resource()
    before = call.find_blob()
    _check(call, before, "BlobAlreadyExists")
    chosen = _choose(call, _listed(await small_body(call, MAX_LIST)), before)
    store = call.world.store
    with new_file(store) as (path, file):
        try:
            await assemble([piece for _, piece in chosen], file)
        except FileNotFoundError as error:
            raise fault("InvalidBlockList") from error
        call.container_resource()
        _check(call, call.find_blob(), "BlobAlreadyExists")
        os.replace(path, store.blob_folder / path.name)
    properties["blocks"] = [[name, piece.size] for name, piece in chosen]
    blob = _commit(call, sum(piece.size for _, piece in chosen), path.name, properties)
    return Answer(201, {**rows.blob_stamp(blob), "x-ms-request-server-encrypted": "true"})


async def set_metadata(call: Call) -> Answer:
    """Set Blob Metadata: replaces all of it."""
    blob = _existing(call)
    blob.properties["metadata"] = call.metadata()
    rows.touch(call.world.store, blob)
    return Answer(200, {**rows.blob_stamp(blob), "x-ms-request-server-encrypted": "true"})


async def set_properties(call: Call) -> Answer:
    """Set Blob Properties: every content property that is not given is cleared, as in Azure."""
    blob = _existing(call)
    md5 = call.md5("x-ms-blob-content-md5")
    for key, header in rows.CONTENT_HEADERS.items():
        blob.properties[key] = call.headers.get(f"x-ms-blob-{header}")
    blob.properties["content_md5"] = md5
    rows.touch(call.world.store, blob)
    return Answer(200, rows.blob_stamp(blob))


async def delete_blob(call: Call) -> Answer:
    """Delete Blob. There are no snapshots, so whether they go with it does not matter."""
    blob = _existing(call)
    call.world.store.remove_blobs(blob.account, blob.container, blob.name)
    return Answer(202, {"x-ms-delete-type-permanent": "true"})


def _existing(call: Call) -> Blob:
    blob = call.existing_blob()
    _check(call, blob, "ConditionNotMet")
    return blob


def _check(call: Call, blob: Blob | None, already: str) -> None:
    if blob is None:
        check_write(call.headers, None, 0.0, already)
    else:
        check_write(call.headers, str(blob.properties["etag"]), float(blob.properties["last_modified"]), already)


def _no_encoded_body(call: Call) -> None:
    if "x-ms-structured-body" in call.headers:
        raise unsupported("structured message bodies (CRC64 validation)")


def _properties(call: Call) -> dict[str, Any]:
    """Content properties and metadata of a new blob: Azure's own headers before HTTP's."""
    own = {key: call.headers.get(f"x-ms-blob-{header}") for key, header in rows.CONTENT_HEADERS.items()}
    if call.query.get("comp") is None:
        for key, header in _PROPERTY_HEADERS.items():
            own[key] = own[key] or call.headers.get(header)
    own["content_type"] = own["content_type"] or rows.DEFAULT_TYPE
    return {**own, "metadata": call.metadata()}


def _commit(call: Call, size: int, file: str, properties: dict[str, Any]) -> Blob:
    return rows.commit(call.world.store, *_place(call), size, file, properties)


def _place(call: Call) -> tuple[str, str, str]:
    return call.account_name, call.container or "", call.blob or ""


def _check_block_id(block: str) -> None:
    try:
        if len(base64.b64decode(block, validate=True)) > 64:
            raise fault("OutOfRangeInput", QueryParameterName="blockid", QueryParameterValue=block)
    except (binascii.Error, ValueError) as error:
        raise invalid_query("blockid", block, "Not a valid base64 string.") from error


def _listed(xml: bytes) -> list[tuple[str, str]]:
    """`Committed`, `Uncommitted` or `Latest`, and the block's id, in order."""
    malformed = fault("InvalidXmlDocument", LineNumber="0", LinePosition="0", Reason="")
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise malformed
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # also: an encoding that nobody knows
        raise malformed from error
    if root.tag != "BlockList" or any(entry.tag not in ("Committed", "Uncommitted", "Latest") for entry in root):
        raise malformed
    if len(root) > MAX_BLOCKS:
        raise fault("BlockListTooLong")
    return [(entry.tag, (entry.text or "").strip()) for entry in root]


def _choose(call: Call, listed: list[tuple[str, str]], before: Blob | None) -> list[tuple[str, Slice]]:
    """Where the bytes of each listed block are. InvalidBlockList for one that is not there."""
    folder = call.world.store.blob_folder
    waiting = {
        name: Slice(folder / file, 0, size) for name, (size, file) in call.world.store.blocks(*_place(call)).items()
    }
    committed: dict[str, Slice] = {}
    offset = 0
    if before is not None:
        for name, size in before.properties.get("blocks") or []:
            committed.setdefault(name, Slice(folder / before.file, offset, size))
            offset += size
    chosen = []
    for kind, name in listed:
        piece = waiting.get(name) if kind != "Committed" else None
        if piece is None and kind != "Uncommitted":
            piece = committed.get(name)
        if piece is None:
            raise fault("InvalidBlockList")
        chosen.append((name, piece))
    return chosen

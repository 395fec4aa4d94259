"""Block blobs in blocks: Put Block, Put Block List, Get Block List."""

from __future__ import annotations

import base64
import binascii
import os

from mi_tui.sandbox.blob import auth, checks, rows, xml
from mi_tui.sandbox.blob.call import Answer, Call, Slice
from mi_tui.sandbox.blob.copying import source_slice
from mi_tui.sandbox.blob.errors import XML_HEAD, fault, invalid_query, text
from mi_tui.sandbox.blob.files import assemble, body, copied, new_file, small_body
from mi_tui.sandbox.store import Blob

# "Scalability and performance targets for Blob storage", for the versions that the SDK sends.
MAX_BLOCK = 4000 * 1024 * 1024
MAX_BLOCKS = 50_000
MAX_UNCOMMITTED = 100_000
MAX_LIST = 16 * 1024 * 1024


async def put_block(call: Call) -> Answer:
    """Put Block and Put Block From URL: one uncommitted block."""
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    block = call.query.get("blockid", "")
    if not block:
        raise fault("MissingRequiredQueryParameter", QueryParameterName="blockid")
    _check_block_id(block)
    _check_target(call)
    store = call.world.store
    if "x-ms-copy-source" in call.headers:
        async with copied(call, await source_slice(call)) as received:
            _keep(call, block, received.size, received.keep(store))
    else:
        # Since version 2019-02-02 a block's MD5 is answered only to those who sent one.
        async with body(call, MAX_BLOCK, md5=call.version < "2019-02-02") as received:
            _check_target(call)
            _keep(call, block, received.size, received.keep(store))
    return Answer(201, {**received.checksums(), "x-ms-request-server-encrypted": "true"})


async def put_block_list(call: Call) -> Answer:
    """Put Block List: make a blob of blocks that were put before, or that it has already."""
    auth.authorize(call, auth.WRITE if call.find_blob() is not None else auth.CREATE)
    properties = rows.given_properties(call)
    properties["content_md5"] = call.md5("x-ms-blob-content-md5")
    before = _replaced(call)
    chosen = _choose(call, _listed(await small_body(call, MAX_LIST)), before)
    store = call.world.store
    with new_file(store) as (path, file):
        try:
            await assemble([piece for _, piece in chosen], file)
        except FileNotFoundError as error:
            raise fault("InvalidBlockList") from error
        _replaced(call)
        os.replace(path, store.blob_folder / path.name)
    properties["blocks"] = [[name, piece.size] for name, piece in chosen]
    blob = rows.commit(store, *call.place, sum(piece.size for _, piece in chosen), path.name, properties)
    return Answer(201, {**rows.blob_stamp(blob), "x-ms-request-server-encrypted": "true"})


async def get_block_list(call: Call) -> Answer:
    """Get Block List; `blocklisttype` is committed (default), uncommitted or all."""
    call.container_resource()
    blob = call.find_blob()
    waiting = call.world.store.blocks(*call.place)
    if blob is None and not waiting:
        raise fault("BlobNotFound")
    if blob is not None:
        checks.for_read(call)
        if blob.properties["blob_type"] != "BlockBlob":
            raise fault("InvalidBlobType")
    wanted = call.query.get("blocklisttype", "committed").lower()
    if wanted not in ("committed", "uncommitted", "all"):
        raise invalid_query("blocklisttype", wanted, "Invalid block list type.")
    parts = []
    if wanted != "uncommitted":
        committed = [] if blob is None else blob.properties.get("blocks") or []
        parts.append(_blocks("CommittedBlocks", [(str(name), int(size)) for name, size in committed]))
    if wanted != "committed":
        parts.append(_blocks("UncommittedBlocks", [(name, size) for name, (size, _) in waiting.items()]))
    headers = {"content-type": "application/xml"}
    if blob is not None:
        headers |= {**rows.blob_stamp(blob), "x-ms-blob-content-length": str(blob.size)}
    return Answer(200, headers, f"{XML_HEAD}<BlockList>{''.join(parts)}</BlockList>".encode(), chunked=True)


def _blocks(element: str, blocks: list[tuple[str, int]]) -> str:
    inner = "".join(f"<Block><Name>{text(name)}</Name><Size>{size}</Size></Block>" for name, size in blocks)
    return xml.wrap(element, inner)


def _check_target(call: Call) -> None:
    """What a block may be put to: nothing yet, or a block blob whose lease the request names."""
    call.container_resource()
    if call.find_blob() is not None:
        checks.for_write(call, "BlockBlob")


def _replaced(call: Call) -> Blob | None:
    before = checks.for_replacing(call)
    if before is not None and before.properties["blob_type"] != "BlockBlob":
        raise fault("InvalidBlobType")
    return before


def _keep(call: Call, block: str, size: int, file: str) -> None:
    store = call.world.store
    known = store.blocks(*call.place)
    try:
        if any(len(other) != len(block) for other in known):
            raise fault("InvalidBlobOrBlock")
        if len(known) >= MAX_UNCOMMITTED and block not in known:
            error = fault("BlockCountExceedsLimit")
            error.message = "The uncommitted block count cannot exceed the maximum limit of 100,000 blocks."
            raise error
        store.put_block(*call.place, block, size, file)
    except BaseException:
        (store.blob_folder / file).unlink(missing_ok=True)
        raise
    if block in known:
        (store.blob_folder / known[block][1]).unlink(missing_ok=True)


def _check_block_id(block: str) -> None:
    try:
        if len(base64.b64decode(block, validate=True)) > 64:
            raise fault("OutOfRangeInput", QueryParameterName="blockid", QueryParameterValue=block)
    except (binascii.Error, ValueError) as error:
        raise invalid_query("blockid", block, "Not a valid base64 string.") from error


def _listed(data: bytes) -> list[tuple[str, str]]:
    """`Committed`, `Uncommitted` or `Latest`, and the block's id, in order."""
    root = xml.document(data, "BlockList")
    if any(entry.tag not in ("Committed", "Uncommitted", "Latest") for entry in root):
        raise xml.malformed()
    if len(root) > MAX_BLOCKS:
        raise fault("BlockListTooLong")
    return [(entry.tag, (entry.text or "").strip()) for entry in root]


def _choose(call: Call, listed: list[tuple[str, str]], before: Blob | None) -> list[tuple[str, Slice]]:
    """Where the bytes of each listed block are. InvalidBlockList for one that is not there."""
    folder = call.world.store.blob_folder
    waiting = {
        name: Slice(folder / file, 0, size) for name, (size, file) in call.world.store.blocks(*call.place).items()
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

"""Reading blobs: Get Blob, Get Blob Properties, Get Blob Metadata, Get Block List."""

from __future__ import annotations

import re

from mi_tui.sandbox.blob.call import Answer, Call, Slice
from mi_tui.sandbox.blob.conditions import check_read
from mi_tui.sandbox.blob.errors import XML_HEAD, fault, invalid_header, invalid_query, text
from mi_tui.sandbox.blob.files import md5_of
from mi_tui.sandbox.blob.rows import blob_headers, blob_stamp, metadata_headers
from mi_tui.sandbox.store import Blob

_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{0,19})", re.ASCII)
_MD5_LIMIT = 4 * 1024 * 1024


async def get_blob(call: Call) -> Answer:
    """Get Blob: 200, or 206 for a range (`x-ms-range` before `Range`)."""
    blob = _checked(call)
    asked = _range(call, blob.size)
    headers = blob_headers(blob)
    path = call.world.store.blob_folder / blob.file
    md5 = blob.properties.get("content_md5")
    wants_md5 = call.flag("x-ms-range-get-content-md5")
    if asked is None:
        if wants_md5:
            raise invalid_header("x-ms-range-get-content-md5", "true")
        if md5:
            headers["content-md5"] = str(md5)
        return Answer(200, headers, content=Slice(path, 0, blob.size))
    first, last = asked
    content = Slice(path, first, last - first + 1)
    headers["content-range"] = f"bytes {first}-{last}/{blob.size}"
    if md5:
        # The whole blob's MD5; Content-MD5 is the range's own, and only when it is asked for.
        headers["x-ms-blob-content-md5"] = str(md5)
    if wants_md5:
        if content.size > _MD5_LIMIT:
            raise fault("OutOfRangeInput")
        headers["content-md5"] = md5_of(content)
    return Answer(206, headers, content=content)


async def get_properties(call: Call) -> Answer:
    """Get Blob Properties (HEAD)."""
    blob = _checked(call)
    headers = blob_headers(blob)
    headers["content-length"] = str(blob.size)
    if blob.properties.get("content_md5"):
        headers["content-md5"] = str(blob.properties["content_md5"])
    return Answer(200, headers)


async def get_metadata(call: Call) -> Answer:
    """Get Blob Metadata."""
    blob = _checked(call)
    return Answer(200, {**blob_stamp(blob), **metadata_headers(blob.properties.get("metadata") or {})})


async def get_block_list(call: Call) -> Answer:
    """Get Block List; `blocklisttype` is committed (default), uncommitted or all."""
    call.container_resource()
    blob = call.find_blob()
    waiting = call.world.store.blocks(call.account_name, call.container or "", call.blob or "")
    if blob is None and not waiting:
        raise fault("BlobNotFound")
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
        headers |= {**blob_stamp(blob), "x-ms-blob-content-length": str(blob.size)}
    return Answer(200, headers, f"{XML_HEAD}<BlockList>{''.join(parts)}</BlockList>".encode())


def _blocks(element: str, blocks: list[tuple[str, int]]) -> str:
    inner = "".join(f"<Block><Name>{text(name)}</Name><Size>{size}</Size></Block>" for name, size in blocks)
    return f"<{element}>{inner}</{element}>" if inner else f"<{element} />"


def _checked(call: Call) -> Blob:
    blob = call.existing_blob()
    check_read(call.headers, str(blob.properties["etag"]), float(blob.properties["last_modified"]))
    return blob


def _range(call: Call, size: int) -> tuple[int, int] | None:
    """First and last byte that are asked for, or None for the whole blob. InvalidRange beyond the end."""
    name = "x-ms-range" if "x-ms-range" in call.headers else "range"
    value = call.headers.get(name)
    if value is None:
        return None
    found = _RANGE.fullmatch(value.strip())
    if found is None:
        # Azure knows neither suffixes nor lists of ranges; it refuses them in its own header and overlooks HTTP's.
        if name == "x-ms-range":
            raise invalid_header(name, value)
        return None
    first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < first:
        raise invalid_header(name, value)
    if first >= size:
        error = fault("InvalidRange")
        error.headers = {"content-range": f"bytes */{size}"}
        raise error
    return first, min(last, size - 1)

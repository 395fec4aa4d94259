"""Reading blobs: Get Blob, Get Blob Properties, Get Blob Metadata."""

from __future__ import annotations

import re

from mi_tui.sandbox.blob import checks
from mi_tui.sandbox.blob.call import Answer, Call, Slice
from mi_tui.sandbox.blob.errors import fault, invalid_header
from mi_tui.sandbox.blob.files import md5_of
from mi_tui.sandbox.blob.rows import blob_headers, blob_stamp, metadata_headers

_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{0,19})", re.ASCII)
_MD5_LIMIT = 4 * 1024 * 1024


async def get_blob(call: Call) -> Answer:
    """Get Blob: 200, or 206 for a range (`x-ms-range` before `Range`)."""
    blob = checks.for_read(call, content=True)
    asked = _range(call, blob.size)
    headers = blob_headers(call, blob)
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
    blob = checks.for_read(call)
    headers = blob_headers(call, blob)
    headers["content-length"] = str(blob.size)
    if blob.properties.get("content_md5"):
        headers["content-md5"] = str(blob.properties["content_md5"])
    return Answer(200, headers)


async def get_metadata(call: Call) -> Answer:
    """Get Blob Metadata."""
    blob = checks.for_read(call)
    return Answer(200, {**blob_stamp(blob), **metadata_headers(blob.properties.get("metadata") or {})})


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

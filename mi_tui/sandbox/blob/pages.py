"""Page blobs: Put Page (write, clear, from a source), Get Page Ranges, size and sequence number. Put Blob makes them.

Contents are sparse files; which pages were written stands in the row, as ranges in order that do not touch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import BinaryIO

from mi_tui.sandbox.blob import checks, rows
from mi_tui.sandbox.blob.call import Answer, Call, Slice
from mi_tui.sandbox.blob.copying import source_slice
from mi_tui.sandbox.blob.errors import XML_HEAD, fault, invalid_header, invalid_query, unsupported
from mi_tui.sandbox.blob.files import Received, body, copied, join, write_all
from mi_tui.sandbox.store import Blob

PAGE = 512
_LARGEST = 8 * 1024**4
_MAX_WRITE = 4 * 1024 * 1024
_MOST_RANGES = 10_000
_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)
_CONDITIONS: dict[str, Callable[[int, int], bool]] = {
    "x-ms-if-sequence-number-le": lambda held, given: held <= given,
    "x-ms-if-sequence-number-lt": lambda held, given: held < given,
    "x-ms-if-sequence-number-eq": lambda held, given: held == given,
}


def length(call: Call) -> int:
    """`x-ms-blob-content-length`: a whole number of pages. InvalidHeaderValue (recorded) otherwise."""
    value = call.headers.get("x-ms-blob-content-length")
    if value is None:
        raise fault("MissingRequiredHeader", HeaderName="x-ms-blob-content-length")
    if not value.isdecimal() or int(value) % PAGE or int(value) > _LARGEST:
        raise invalid_header("x-ms-blob-content-length", value)
    return int(value)


def sequence(call: Call) -> int:
    """`x-ms-blob-sequence-number`, 0 without one."""
    value = call.headers.get("x-ms-blob-sequence-number", "0")
    if not value.isdecimal() or int(value) >= 2**63:
        raise invalid_header("x-ms-blob-sequence-number", value)
    return int(value)


def resize(call: Call, blob: Blob) -> None:
    """What Set Blob Properties may change of a page blob: its size and its sequence number."""
    action = call.headers.get("x-ms-sequence-number-action")
    sized = "x-ms-blob-content-length" in call.headers
    if not sized and action is None:
        return
    if blob.properties["blob_type"] != "PageBlob":
        raise fault("InvalidBlobType")
    if sized:
        blob.size = length(call)
        os.truncate(call.world.store.blob_folder / blob.file, blob.size)
        blob.properties["pages"] = _without(blob.properties["pages"], blob.size, _LARGEST)
    match action:
        case None:
            pass
        case "increment":
            blob.properties["sequence"] += 1
        case "update":
            blob.properties["sequence"] = sequence(call)
        case "max":
            blob.properties["sequence"] = max(blob.properties["sequence"], sequence(call))
        case _:
            raise invalid_header("x-ms-sequence-number-action", action)


async def put_page(call: Call) -> Answer:
    """Put Page and Put Page From URL."""
    first, last = _range(call)
    action = call.headers.get("x-ms-page-write", "update").lower()
    _checked(call, last)
    if action == "clear":
        if call.content_length():
            raise invalid_header("Content-Length", str(call.content_length()))
        blob = _checked(call, last)
        _write(call, blob, first, last, None)
        return _answer(blob, {})
    if action != "update":
        raise invalid_header("x-ms-page-write", action)
    size = last - first + 1
    if size > _MAX_WRITE:
        raise fault("RequestBodyTooLarge", MaxLimit=str(_MAX_WRITE))
    if "x-ms-copy-source" in call.headers:
        async with copied(call, await source_slice(call)) as received:
            return _put(call, first, last, received)
    if call.content_length() != size:
        raise invalid_header("Content-Length", str(call.content_length()))
    async with body(call, _MAX_WRITE, md5=call.version < "2019-02-02") as received:
        return _put(call, first, last, received)


async def page_ranges(call: Call) -> Answer:
    """Get Page Ranges, in pages of their own where `maxresults` asks for them; a range limits the answer."""
    if call.query.get("prevsnapshot") or "x-ms-previous-snapshot-url" in call.headers:
        raise unsupported("snapshots")
    blob = checks.for_read(call)
    if blob.properties["blob_type"] != "PageBlob":
        raise fault("InvalidBlobType")
    low, high = 0, blob.size - 1
    value = call.headers.get("x-ms-range") or call.headers.get("range")
    found = _RANGE.fullmatch(value.strip()) if value else None
    if found is not None:
        low, high = int(found[1]), min(int(found[2]), high)
    marker = call.query.get("marker", "")
    if marker and not marker.isdecimal():
        raise invalid_query("marker", marker, "Invalid marker.")
    low = max(low, int(marker or "0"))
    shown = [(max(a, low), min(b, high)) for a, b in blob.properties["pages"] if a <= high and b >= low]
    limit = call.number("maxresults", _MOST_RANGES, _MOST_RANGES)
    inner = "".join(f"<PageRange><Start>{a}</Start><End>{b}</End></PageRange>" for a, b in shown[:limit])
    if len(shown) > limit:
        inner += f"<NextMarker>{shown[limit][0]}</NextMarker>"
    xml = f"<PageList>{inner}</PageList>" if inner else "<PageList/>"
    headers = {"content-type": "application/xml", **rows.blob_stamp(blob), "x-ms-blob-content-length": str(blob.size)}
    # The line break is Azure's, here and not elsewhere (recorded).
    return Answer(200, headers, f"{XML_HEAD}\n{xml}".encode(), chunked=True)


def _put(call: Call, first: int, last: int, received: Received) -> Answer:
    if received.size != last - first + 1:
        raise fault("InvalidPageRange")
    blob = _checked(call, last)
    _write(call, blob, first, last, received)
    return _answer(blob, {**received.checksums(), "x-ms-request-server-encrypted": "true"})


def _write(call: Call, blob: Blob, first: int, last: int, received: Received | None) -> None:
    store = call.world.store
    with os.fdopen(os.open(store.blob_folder / blob.file, os.O_RDWR), "r+b", buffering=0) as file:
        if received is not None:
            file.seek(first)
            join([Slice(received.path, 0, received.size)], file)
        else:
            # Only what was written has to be cleared: the rest is a hole, which may be terabytes wide.
            for a, b in blob.properties["pages"]:
                _zero(file, max(a, first), min(b, last))
    kept = _without(blob.properties["pages"], first, last)
    blob.properties["pages"] = kept if received is None else _merged([*kept, [first, last]])
    rows.touch(store, blob)


def _zero(file: BinaryIO, first: int, last: int) -> None:
    file.seek(first)
    left = last - first + 1
    while left > 0:
        piece = bytes(min(left, _MAX_WRITE))
        write_all(file, piece)
        left -= len(piece)


def _answer(blob: Blob, headers: dict[str, str]) -> Answer:
    return Answer(
        201, {**rows.blob_stamp(blob), "x-ms-blob-sequence-number": str(blob.properties["sequence"]), **headers}
    )


def _checked(call: Call, last: int) -> Blob:
    blob = checks.for_write(call, "PageBlob")
    if last >= blob.size:
        raise fault("InvalidPageRange")
    for name, holds in _CONDITIONS.items():
        value = call.headers.get(name)
        if value is not None:
            if not value.isdecimal():
                raise invalid_header(name, value)
            if not holds(blob.properties["sequence"], int(value)):
                raise fault("SequenceNumberConditionNotMet")
    return blob


def _range(call: Call) -> tuple[int, int]:
    name = "x-ms-range" if "x-ms-range" in call.headers else "Range"
    value = call.headers.get(name)
    if value is None:
        raise fault("MissingRequiredHeader", HeaderName="Range")
    found = _RANGE.fullmatch(value.strip())
    if found is None:
        raise invalid_header(name, value)
    first, last = int(found[1]), int(found[2])
    if first % PAGE or (last + 1) % PAGE or last < first:
        raise fault("InvalidPageRange")
    return first, last


def _without(ranges: list[list[int]], first: int, last: int) -> list[list[int]]:
    kept = []
    for a, b in ranges:
        if a < first:
            kept.append([a, min(b, first - 1)])
        if b > last:
            kept.append([max(a, last + 1), b])
    return kept


def _merged(ranges: list[list[int]]) -> list[list[int]]:
    found: list[list[int]] = []
    for a, b in sorted(ranges):
        if found and a <= found[-1][1] + 1:
            found[-1][1] = max(found[-1][1], b)
        else:
            found.append([a, b])
    return found

"""Structured messages: bodies in segments with their CRC-64, both ways."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from blob_harness import Wire, new_world

from mi_tui.sandbox.blob import structured
from mi_tui.sandbox.blob.crc64 import crc64

FORM = structured.FORM


@pytest.fixture
def blob(tmp_path: Path) -> Wire:
    wire = Wire(new_world(tmp_path))
    assert wire("PUT", "/data?restype=container", bearer="writer").status in (201, 409)
    return wire


def message(*segments: bytes) -> bytes:
    """A message, written down from the form's description."""
    content = b"".join(segments)
    inner = b"".join(
        struct.pack("<HQ", number, len(segment)) + segment + struct.pack("<Q", crc64(segment))
        for number, segment in enumerate(segments, 1)
    )
    length = 13 + len(inner) + 8
    return struct.pack("<BQHH", 1, length, 1, len(segments)) + inner + struct.pack("<Q", crc64(content))


def test_a_body_in_segments_arrives_as_its_content(blob: Wire) -> None:
    sent = message(b"first,", b"second")
    put = {"bearer": "writer", "x_ms_blob_type": "BlockBlob", "x_ms_structured_body": FORM}
    for pieces in ([sent], [sent[:5], sent[5:30], sent[30:31], sent[31:]], [bytes([byte]) for byte in sent]):
        reply = blob("PUT", "/data/x", pieces, **put, x_ms_structured_content_length="12")
        assert (reply.status, reply.headers["x-ms-structured-body"]) == (201, FORM)
        assert blob("GET", "/data/x", bearer="reader").body == b"first,second"


def test_a_broken_message_changes_nothing(blob: Wire) -> None:
    sent = bytearray(message(b"first,", b"second"))
    put = {
        "bearer": "writer",
        "x_ms_blob_type": "BlockBlob",
        "x_ms_structured_body": FORM,
        "x_ms_structured_content_length": "12",
    }
    damaged = bytes(sent[:25]) + b"?" + bytes(sent[26:])
    assert blob("PUT", "/data/x", damaged, **put).code == "Crc64Mismatch"
    for wrong in (bytes(sent[:-1]), bytes(sent) + b"x", b"\x02" + bytes(sent[1:]), b""):
        assert blob("PUT", "/data/x", wrong, **put).status == 400
    assert blob("PUT", "/data/x", bytes(sent), **put | {"x_ms_structured_body": "XSM/9.9"}).code == "InvalidHeaderValue"
    assert blob("GET", "/data/x", bearer="reader").code == "BlobNotFound"


def test_content_goes_out_in_segments(blob: Wire) -> None:
    blob("PUT", "/data/x", b"0123456789", bearer="writer", x_ms_blob_type="BlockBlob")
    reply = blob("GET", "/data/x", bearer="reader", x_ms_structured_body=FORM, x_ms_range="bytes=2-4")
    assert reply.body == message(b"234")
    assert (reply.status, reply.headers["content-length"]) == (206, str(len(message(b"234"))))
    assert (reply.headers["x-ms-structured-body"], reply.headers["x-ms-structured-content-length"]) == (FORM, "3")


def test_pieces_and_segments_have_sizes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured, "_SEGMENT_SIZE", 4)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"012", b"345678", b"9"):
            yield piece

    async def whole() -> bytes:
        return b"".join([piece async for piece in structured.encoded(pieces(), 10)])

    assert asyncio.run(whole()) == message(b"0123", b"4567", b"89")
    assert structured.message_length(10) == len(message(b"0123", b"4567", b"89"))

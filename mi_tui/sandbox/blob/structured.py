"""Structured messages: a body in segments, each with its CRC-64, as `x-ms-structured-body: XSM/1.0; properties=crc64` says.

A message is a header (version 1, whole length, flags, number of segments), the segments (number, length, content, CRC-64) and the
CRC-64 of all content; numbers are little-endian. Source: the encoder and decoder of the storage SDKs.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator

from starlette.types import Receive

from mi_tui.sandbox.blob.crc64 import crc64
from mi_tui.sandbox.blob.errors import BlobError, fault, invalid_header

HEADER = "x-ms-structured-body"
LENGTH = "x-ms-structured-content-length"
FORM = "XSM/1.0; properties=crc64"

_MESSAGE, _SEGMENT, _SUM = struct.Struct("<BQHH"), struct.Struct("<HQ"), struct.Struct("<Q")
_WITH_CRC64 = 1
_SEGMENT_SIZE = 4 * 1024 * 1024


def check(value: str) -> None:
    """InvalidHeaderValue for another form than the one there is."""
    if value.replace(" ", "").lower() != FORM.replace(" ", "").lower():
        raise invalid_header(HEADER, value)


def message_length(size: int) -> int:
    """The length of the message that carries `size` bytes."""
    return _MESSAGE.size + _segments(size) * (_SEGMENT.size + _SUM.size) + size + _SUM.size


async def encoded(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The message that carries so many bytes, while they come."""
    yield _MESSAGE.pack(1, message_length(size), _WITH_CRC64, _segments(size))
    whole = done = 0
    waiting = b""
    for number in range(1, _segments(size) + 1):
        left = min(_SEGMENT_SIZE, size - done)
        yield _SEGMENT.pack(number, left)
        done += left
        own = 0
        while left:
            if not waiting:
                waiting = await anext(pieces)
            piece, waiting = waiting[:left], waiting[left:]
            own, whole = crc64(piece, own), crc64(piece, whole)
            left -= len(piece)
            yield piece
        yield _SUM.pack(own)
    yield _SUM.pack(whole)


class Decoder:
    """ASGI's receive for a body that is a structured message: hands on its content. Crc64Mismatch, InvalidInput."""

    def __init__(self, receive: Receive, size: int) -> None:
        self._receive = receive
        self._waiting = bytearray()
        self._more = True
        self._left = size
        self._whole = 0
        self._begun = self._over = False
        self._closed = True
        self._segment = self._own = self._content = self._count = 0

    async def __call__(self) -> dict[str, object]:
        """The next message, with content only."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            return dict(message)
        self._waiting += message.get("body", b"")
        self._more = bool(message.get("more_body", False))
        content = bytearray()
        while self._step(content):
            pass
        self._left -= len(content)
        if not self._more and (self._waiting or self._left or not self._over):
            raise _broken()
        return {"type": "http.request", "body": bytes(content), "more_body": self._more}

    def _step(self, content: bytearray) -> bool:
        """Take the next part out of what came; False when it has not come yet or the message is over."""
        if not self._begun:
            return self._begin()
        if self._content:
            piece = self._take(min(self._content, len(self._waiting)))
            self._own, self._whole = crc64(piece, self._own), crc64(piece, self._whole)
            self._content -= len(piece)
            content += piece
            return bool(piece)
        return self._next()

    def _begin(self) -> bool:
        if len(self._waiting) < _MESSAGE.size:
            return False
        version, _, flags, self._count = _MESSAGE.unpack(self._take(_MESSAGE.size))
        if version != 1 or flags != _WITH_CRC64 or not self._count:
            raise _broken()
        self._begun = True
        return True

    def _next(self) -> bool:
        """A segment's end, the next one's beginning, or the message's end."""
        if not self._closed:
            return self._close()
        if self._segment == self._count:
            if not self._over and len(self._waiting) >= _SUM.size:
                _compare(self._take(_SUM.size), self._whole)
                self._over = True
            return False
        if len(self._waiting) < _SEGMENT.size:
            return False
        number, self._content = _SEGMENT.unpack(self._take(_SEGMENT.size))
        if number != self._segment + 1 or self._content > self._left:
            raise _broken()
        self._own, self._closed = 0, False
        return True

    def _close(self) -> bool:
        if len(self._waiting) < _SUM.size:
            return False
        _compare(self._take(_SUM.size), self._own)
        self._segment += 1
        self._closed = True
        return True

    def _take(self, count: int) -> bytes:
        taken = bytes(self._waiting[:count])
        del self._waiting[:count]
        return taken


def _segments(size: int) -> int:
    return -(-size // _SEGMENT_SIZE) or 1


def _compare(given: bytes, found: int) -> None:
    if _SUM.unpack(given)[0] != found:
        raise fault("Crc64Mismatch")


def _broken() -> BlobError:
    error = fault("InvalidInput")
    error.message = "The structured message body is not valid."
    return error

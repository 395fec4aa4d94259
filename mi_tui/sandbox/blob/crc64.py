"""CRC-64 as Azure Storage computes it for `x-ms-content-crc64`; held against a recorded answer in the tests."""

from __future__ import annotations

import base64
import functools

_POLYNOMIAL = 0x9A6C9329AC4BC9B5
_ONES = 0xFFFF_FFFF_FFFF_FFFF


def crc64(data: bytes | bytearray | memoryview, before: int = 0) -> int:
    """The checksum of `data`, or of what had the checksum `before` and `data` after it. About 10 MB a second."""
    table = _table()
    value = before ^ _ONES
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ _ONES


def written(checksum: int) -> str:
    """A checksum as headers carry it: base64 of its eight bytes, the lowest first."""
    return base64.b64encode(checksum.to_bytes(8, "little")).decode()


@functools.cache
def _table() -> tuple[int, ...]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ _POLYNOMIAL if value & 1 else value >> 1
        found.append(value)
    return tuple(found)

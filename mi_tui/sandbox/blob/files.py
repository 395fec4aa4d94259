"""Blob contents on disk: received in pieces, put in place at once, assembled from blocks; memory stays flat."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mi_tui.sandbox.blob.call import Call, Slice
from mi_tui.sandbox.blob.errors import fault
from mi_tui.sandbox.store import Store

PIECE = 1024 * 1024
"""Bytes that are hashed and written, or read, in one go."""

_INLINE = 128 * 1024
"""Bytes below which a thread costs more than it saves."""


class Disconnected(Exception):
    """The client went away before the whole body had come; there is nobody to answer."""


@dataclass
class Received:
    """A whole body in a file of the incoming folder."""

    path: Path
    size: int
    md5: str

    def keep(self, store: Store) -> str:
        """Move the file among the blobs' files; returns its name there."""
        name = self.path.name
        os.replace(self.path, store.blob_folder / name)
        return name


def incoming(store: Store) -> Path:
    """Where bodies are written until they are whole. At the start of the sandbox it holds leftovers only."""
    folder = store.blob_folder / "incoming"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def sweep(store: Store) -> None:
    """Delete what interrupted uploads and deletions left behind. Only for the start of the sandbox."""
    for leftover in incoming(store).iterdir():
        leftover.unlink(missing_ok=True)
    known = store.blob_files()
    for file in store.blob_folder.iterdir():
        if file.is_file() and file.name not in known:
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def new_file(store: Store) -> Iterator[tuple[Path, BinaryIO]]:
    """An empty file in the incoming folder, only for its owner; gone afterwards unless it was moved away."""
    path = incoming(store) / secrets.token_hex(16)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def body(call: Call, limit: int) -> AsyncIterator[Received]:
    """Write a request's body to a file while it comes, hashing it. The file is deleted at the end unless it was kept.

    RequestBodyTooLarge above `limit` bytes, MissingContentLengthHeader without a length, Disconnected when the client
    gives up.
    """
    if call.content_length() > limit:
        raise fault("RequestBodyTooLarge", MaxLimit=str(limit))
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    with new_file(call.world.store) as (path, file):

        def write(data: bytearray) -> None:
            digest.update(data)
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]

        waiting = bytearray()
        more = True
        while more:
            message = await call.receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            waiting += message.get("body", b"")
            more = message.get("more_body", False)
            if len(waiting) >= PIECE or not more:
                size += len(waiting)
                if len(waiting) <= _INLINE:
                    write(waiting)
                else:
                    await asyncio.to_thread(write, waiting)
                waiting = bytearray()
        yield Received(path, size, base64.b64encode(digest.digest()).decode())


async def small_body(call: Call, limit: int) -> bytes:
    """A request's body in memory; RequestBodyTooLarge above `limit` bytes."""
    if call.content_length() > limit:
        raise fault("RequestBodyTooLarge", MaxLimit=str(limit))
    data = bytearray()
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        data += message.get("body", b"")
        if len(data) > limit:
            raise fault("RequestBodyTooLarge", MaxLimit=str(limit))
        if not message.get("more_body", False):
            return bytes(data)


async def assemble(pieces: list[Slice], file: BinaryIO) -> None:
    """Write the pieces one after the other. FileNotFoundError when one of them was replaced meanwhile."""
    await asyncio.to_thread(_assemble, pieces, file)


def _assemble(pieces: list[Slice], file: BinaryIO) -> None:
    for piece in pieces:
        with piece.path.open("rb") as source:
            source.seek(piece.offset)
            left = piece.size
            while left:
                data = source.read(min(left, PIECE))
                if not data:
                    raise OSError(f"a block's file is shorter than {piece.size} bytes")
                file.write(data)
                left -= len(data)


async def pieces_of(content: Slice, file: BinaryIO) -> AsyncIterator[bytes]:
    """A slice's bytes in pieces, from its file, which is open so that the blob may be replaced or deleted meanwhile."""
    file.seek(content.offset)
    left = content.size
    while left:
        wanted = min(left, PIECE)
        data = file.read(wanted) if wanted <= _INLINE else await asyncio.to_thread(file.read, wanted)
        if not data:
            raise OSError("a blob's file is shorter than its row says")
        left -= len(data)
        yield data


def md5_of(content: Slice) -> str:
    """The base64 MD5 of a slice, read in one piece: for ranges of at most 4 MiB."""
    with content.path.open("rb") as file:
        file.seek(content.offset)
        return base64.b64encode(hashlib.md5(file.read(content.size), usedforsecurity=False).digest()).decode()

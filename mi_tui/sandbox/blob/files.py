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
from mi_tui.sandbox.blob.crc64 import crc64, written
from mi_tui.sandbox.blob.errors import fault
from mi_tui.sandbox.store import Store

PIECE = 1024 * 1024
"""Bytes that are hashed and written, or read, in one go."""

_INLINE = 128 * 1024
"""Bytes below which a thread costs more than it saves."""

_SMALL = 16 * 1024
"""Bytes of a body whose CRC-64 is computed unasked."""


SMALL_COPY = 256 * 1024
"""The same of a copied piece, for which nobody waits at the other end of a connection."""


class Disconnected(Exception):
    """The client went away before the whole body had come; there is nobody to answer."""


@dataclass
class Received:
    """A whole body in a file of the incoming folder."""

    path: Path
    size: int
    md5: str | None
    crc64: str | None

    def checksums(self) -> dict[str, str]:
        """The headers that say what arrived."""
        found = {} if self.md5 is None else {"content-md5": self.md5}
        return found if self.crc64 is None else {**found, "x-ms-content-crc64": self.crc64}

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
async def body(call: Call, limit: int, *, md5: bool = True) -> AsyncIterator[Received]:
    """Write a request's body to a file while it comes, hashing it. The file is deleted at the end unless it was kept.

    While one piece is hashed and written the next is received. `md5` asks for the MD5 whether or not the client sent one. CRC-64 is
    computed where the client sent one, and for small bodies: Azure always does, but in Python it is slow. The client's own
    checksums are compared: Md5Mismatch, Crc64Mismatch. RequestBodyTooLarge above `limit` bytes,
    MissingContentLengthHeader without a length, Disconnected when the client gives up.
    """
    announced = call.content_length()
    if announced > limit:
        raise fault("RequestBodyTooLarge", MaxLimit=str(limit))
    given, given_crc = call.md5("content-md5"), call.crc64()
    digest = hashlib.md5(usedforsecurity=False) if md5 or given is not None else None
    checked = given_crc is not None or (announced <= _SMALL and call.version >= "2019-02-02")
    size = crc = 0
    with new_file(call.world.store) as (path, file):

        def write(data: bytearray) -> None:
            nonlocal crc
            if digest is not None:
                digest.update(data)
            if checked:
                crc = crc64(data, crc)
            write_all(file, data)

        waiting, more = bytearray(), True
        under_way: asyncio.Future[None] | None = None
        try:
            while more:
                message = await call.receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                waiting += message.get("body", b"")
                more = message.get("more_body", False)
                if len(waiting) < PIECE and more:
                    continue
                size += len(waiting)
                if under_way is not None:
                    await under_way
                    under_way = None
                if len(waiting) <= _INLINE or digest is None:
                    # Without hashing a piece is a copy into the system's cache: quicker than the turns of two threads.
                    write(waiting)
                else:
                    under_way = asyncio.get_running_loop().run_in_executor(None, write, waiting)
                waiting = bytearray()
        finally:
            if under_way is not None:
                # The thread uses the file: whatever happened, it has to come to its end first.
                await asyncio.shield(under_way)
        found = None if digest is None else base64.b64encode(digest.digest()).decode()
        if given is not None and given != found:
            raise fault("Md5Mismatch", UserSpecifiedMd5=given, ServerCalculatedMd5=found or "")
        if given_crc is not None and given_crc != written(crc):
            raise fault("Crc64Mismatch", UserSpecifiedCrc64=given_crc, ServerCalculatedCrc64=written(crc))
        yield Received(path, size, found, written(crc) if checked else None)


@contextlib.asynccontextmanager
async def copied(call: Call, source: Slice) -> AsyncIterator[Received]:
    """As `body`, of bytes that are here already; compared with `x-ms-source-content-md5`. BlobNotFound when they are gone."""
    wanted, wanted_crc = call.md5("x-ms-source-content-md5"), call.crc64("x-ms-source-content-crc64", None)
    with new_file(call.world.store) as (path, file):
        try:
            await assemble([source], file)
        except FileNotFoundError as error:
            raise fault("BlobNotFound") from error
        md5 = await md5_of_file(path, source.size)
        if wanted is not None and wanted != md5:
            raise fault("Md5Mismatch", UserSpecifiedMd5=wanted, ServerCalculatedMd5=md5)
        crc = None
        if wanted_crc is not None or (source.size <= SMALL_COPY and call.version >= "2019-02-02"):
            crc = written(await asyncio.to_thread(crc64_of_file, path))
        if wanted_crc is not None and wanted_crc != crc:
            raise fault("Crc64Mismatch", UserSpecifiedCrc64=wanted_crc, ServerCalculatedCrc64=crc or "")
        yield Received(path, source.size, md5, crc)


def write_all(file: BinaryIO, data: bytes | bytearray) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


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
    await asyncio.to_thread(join, pieces, file)


def join(pieces: list[Slice], file: BinaryIO) -> None:
    """`assemble` at once, for what is small or must not be interrupted."""
    for piece in pieces:
        with piece.path.open("rb") as source:
            copied = _copied_by_the_system(piece, source, file)
            source.seek(piece.offset + copied)
            left = piece.size - copied
            while left:
                data = source.read(min(left, PIECE))
                if not data:
                    raise OSError(f"a block's file is shorter than {piece.size} bytes")
                write_all(file, data)
                left -= len(data)


def _copied_by_the_system(piece: Slice, source: BinaryIO, file: BinaryIO) -> int:
    """How many bytes of a piece Linux copied itself, which shares them on disk where the file system can."""
    copy = getattr(os, "copy_file_range", None)
    done = 0
    try:
        while copy is not None and done < piece.size:
            count = copy(source.fileno(), file.fileno(), piece.size - done, piece.offset + done)
            if not count:
                break
            done += count
    except OSError:
        pass  # this file system cannot: the rest is copied byte by byte, where a real fault shows again
    return done


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


async def md5_of_file(path: Path, size: int) -> str:
    """The base64 MD5 of the first `size` bytes of a file, whatever its length."""

    def compute() -> str:
        digest, left = hashlib.md5(usedforsecurity=False), size
        with path.open("rb") as file:
            while left and (data := file.read(min(left, PIECE))):
                digest.update(data)
                left -= len(data)
        return base64.b64encode(digest.digest()).decode()

    return await asyncio.to_thread(compute)


def crc64_of_file(path: Path) -> int:
    """The CRC-64 of a file's content."""
    found = 0
    with path.open("rb") as file:
        while data := file.read(PIECE):
            found = crc64(data, found)
    return found

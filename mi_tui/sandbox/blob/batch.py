"""Blob Batch: many Delete Blob or Set Blob Tier requests in one, each with an authorization of its own.

Source: "Blob Batch" (REST reference). Each part goes through the whole service, as if it had come alone.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import Message, Receive, Scope, Send

from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.errors import BlobError, invalid_header
from mi_tui.sandbox.blob.files import small_body

_MOST = 256
_LARGEST = 4 * 1024 * 1024
_BOUNDARY = re.compile(r'multipart/mixed\s*;.*?boundary="?([^";]+)"?', re.IGNORECASE)
_TOLD = frozenset({"x-ms-error-code", "x-ms-request-id", "x-ms-version", "content-length", "content-type", "server",
                   "x-ms-delete-type-permanent", "x-ms-client-request-id", "www-authenticate"})  # fmt: skip

Serve = Callable[[Scope, Receive, Send], Awaitable[None]]


async def submit(call: Call, serve: Serve) -> Answer:
    """Answer each part in turn. 202 with the answers in the order of the parts; InvalidInput for a batch that is none."""
    kind = call.headers.get("content-type", "")
    boundary = _BOUNDARY.match(kind)
    if boundary is None:
        raise invalid_header("Content-Type", kind)
    parts = _parts(await small_body(call, _LARGEST), boundary[1].encode())
    if not 1 <= len(parts) <= _MOST:
        raise BlobError(400, "InvalidInput", "The number of subrequests in the batch is not within 1 and 256.")
    mark = f"batchresponse_{uuid.uuid4()}"
    body = b""
    for number, part in enumerate(parts):
        identifier, request = _split(part, number)
        body += f"--{mark}\r\nContent-Type: application/http\r\nContent-ID: {identifier}\r\n\r\n".encode()
        body += await _one(call, request, serve) + b"\r\n"
    body += f"--{mark}--".encode()
    return Answer(202, {"content-type": f"multipart/mixed; boundary={mark}"}, body, chunked=True)


def _parts(data: bytes, boundary: bytes) -> list[bytes]:
    pieces = data.split(b"--" + boundary)
    # Before the first mark there is nothing, after the last "--".
    return [piece.strip(b"\r\n") for piece in pieces[1:] if piece.strip(b"\r\n") and not piece.startswith(b"--")]


def _split(part: bytes, number: int) -> tuple[str, bytes]:
    head, _, request = part.replace(b"\r\n", b"\n").partition(b"\n\n")
    found = re.search(rb"^content-id:\s*(\S+)", head, re.IGNORECASE | re.MULTILINE)
    return (found[1].decode("latin-1") if found else str(number)), request


async def _one(call: Call, request: bytes, serve: Serve) -> bytes:
    lines = request.split(b"\n\n", 1)[0].split(b"\n")
    words = lines[0].split()
    if len(words) < 2 or words[0] not in (b"DELETE", b"PUT"):
        raise BlobError(400, "InvalidInput", "A subrequest of the batch is not a Delete Blob or Set Blob Tier request.")
    target = urlsplit(words[1].decode("latin-1"))
    headers = [
        (name.strip().lower(), value.strip())
        for name, colon, value in (line.partition(b":") for line in lines[1:])
        if colon
    ]
    allowed = words[0] == b"DELETE" or "comp=tier" in target.query.split("&")
    if not allowed or "restype=" in target.query:
        raise BlobError(400, "InvalidInput", "A subrequest of the batch is not a Delete Blob or Set Blob Tier request.")
    headers = [(name, value) for name, value in headers if name not in (b"host", b"x-ms-version", b"transfer-encoding")]
    scope: dict[str, Any] = {
        "type": "http", "method": words[0].decode(), "path": unquote(target.path), "raw_path": target.path.encode("latin-1"),
        "query_string": target.query.encode("latin-1"), "headers": [*headers, (b"host", call.headers["host"].encode())],
        "state": {}, "client": (call.client, 0), "batch_version": call.version,
    }  # fmt: skip
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await serve(scope, receive, send)
    status = int(messages[0]["status"])
    text = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    text += "".join(
        f"{name.decode()}: {value.decode('latin-1')}\r\n"
        for name, value in messages[0]["headers"]
        if name.decode() in _TOLD
    )
    return text.encode() + b"\r\n" + b"".join(message.get("body", b"") for message in messages[1:])

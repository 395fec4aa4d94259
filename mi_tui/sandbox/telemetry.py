"""Application Insights' ingestion and live metrics: what SDKs post about their own use is counted, answered and thrown away.

Answered as the service does, so that no client retries or complains. Nothing of it is kept and nothing leaves the machine. Shapes:
the ingestion response of "Application Insights telemetry data model" (`/v2/track`, `/v2.1/track`) and the live metrics protocol
(`x-ms-qps-subscribed`).
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a batch, also after decompression; a batch of an SDK has at most a few hundred items."""


class _TooMuch(Exception):
    """A batch above `MAX_BODY`."""


async def telemetry_app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind Application Insights' host names."""
    request = Request(scope, receive)
    request.state.decision = "telemetry: answered and dropped"
    await (await _answer(request))(scope, receive, send)


async def _answer(request: Request) -> Response:
    path = request.url.path.rstrip("/").lower()
    if path.startswith("/quickpulseservice.svc/"):
        # Nobody watches: the client goes on asking once in a while and sends nothing.
        return Response(b"", 200, {"x-ms-qps-subscribed": "false"})
    if path not in {"/v2/track", "/v2.1/track"}:
        return Response(b"", 404)
    if request.method == "OPTIONS":
        return Response(b"", 200, {"allow": "POST, OPTIONS"})
    if request.method != "POST":
        return Response(b"", 405, {"allow": "POST, OPTIONS"})
    try:
        received, wrong = _count(await _body(request))
    except _TooMuch:
        return Response(b"", 413)
    except zlib.error:
        received, wrong = 0, [(0, "Invalid content encoding")]
    errors = [{"index": index, "statusCode": 400, "message": message} for index, message in wrong]
    status = 200 if not errors else 206 if received > len(errors) else 400
    body = {"itemsReceived": received, "itemsAccepted": received - min(received, len(errors)), "errors": errors}
    if path.startswith("/v2.1/"):
        body["appId"] = None
    return JSONResponse(body, status)


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MAX_BODY:
            raise _TooMuch
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return bytes(raw)
    unpacked = zlib.decompressobj(wbits=31)
    text = unpacked.decompress(bytes(raw), MAX_BODY)
    if unpacked.unconsumed_tail:
        raise _TooMuch
    return text


def _count(body: bytes) -> tuple[int, list[tuple[int, str]]]:
    """How many items a batch holds, and which of them are none: an array of envelopes, or one envelope a line."""
    items: list[Any]
    try:
        whole = json.loads(body)
        items = whole if isinstance(whole, list) else [whole]
    except (ValueError, RecursionError):
        items = []
        for line in body.splitlines():
            if line.strip():
                try:
                    items.append(json.loads(line))
                except (ValueError, RecursionError):
                    items.append(None)
    return len(items), [(n, "Invalid JSON") for n, item in enumerate(items) if not isinstance(item, dict)]

"""The sandbox's front door: an HTTP CONNECT listener that splices Azure's host names to the TLS port and refuses all others."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable

from mi_tui.sandbox.hosts import SENTENCE, service_of

HEAD_BYTES = 16 * 1024
HEAD_SECONDS = 10.0
"""What a client may send, and how long it may take, until its CONNECT request is whole."""

_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9.-]{1,253}):(?P<port>[0-9]{1,5})")
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
}

Refused = Callable[[str, str, int], None]
"""Told of each refusal: the method, the host and port asked for, the status."""


class ConnectProxy:
    """The listener. `target` is the TLS port on 127.0.0.1."""

    def __init__(self, target: int, refused: Refused) -> None:
        self.target = target
        self.refused = refused
        self.clients: set[_Client] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Accept connections from a bound socket."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), sock=listener, backlog=512)

    def stop_accepting(self) -> None:
        """Close the listener; open connections go on."""
        if self._server is not None:
            self._server.close()

    def abort(self) -> None:
        """Cut every connection at once."""
        for client in list(self.clients):
            client.abort()


class _Side(asyncio.Protocol):
    """One end of a splice: hands bytes, ends and back-pressure on to the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.write_on(data)

    def write_on(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        other = self.other
        if other is None or other.transport is None or other.ended:
            return False
        with contextlib.suppress(OSError, RuntimeError):  # it was closing already: connection_lost follows
            other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        other = self.other
        if other is not None and other.transport is not None:
            if error is None:
                other.transport.close()
            else:
                other.transport.abort()


class _Client(_Side):
    """A client's connection: first its CONNECT request, then the splice."""

    def __init__(self, proxy: ConnectProxy) -> None:
        super().__init__()
        self._proxy = proxy
        self._head = bytearray()
        self._reading_head = True
        self._timer: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._proxy.clients.add(self)
        self._timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._late)

    def connection_lost(self, error: Exception | None) -> None:
        self._proxy.clients.discard(self)
        self._stop_timer()
        super().connection_lost(error)

    def abort(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        for side in (self, self.other):
            if side is not None and side.transport is not None:
                side.transport.abort()

    def data_received(self, data: bytes) -> None:
        self._acknowledge()
        if self.other is not None:
            self.write_on(data)
            return
        self._head += data
        if not self._reading_head:
            return
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._head) > HEAD_BYTES:
                self._answer(431, f"A request to this proxy may have at most {HEAD_BYTES} bytes of headers.")
            return
        head = bytes(self._head[:end])
        del self._head[: end + 4]
        self._reading_head = False
        self._stop_timer()
        self._begin(head)

    def _begin(self, head: bytes) -> None:
        line = head.split(b"\r\n", 1)[0].decode("latin-1")
        parts = line.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            self._answer(400, "This is an HTTP proxy; what was sent is not an HTTP/1.1 request.")
            return
        method, authority, _ = parts
        if method != "CONNECT":
            self._proxy.refused(method, "", 405)
            self._answer(405, f"This proxy answers CONNECT only, for https:// addresses. {SENTENCE}")
            return
        found = _AUTHORITY.fullmatch(authority)
        if found is None:
            self._answer(400, "CONNECT wants host:port.")
            return
        if service_of(found["host"]) is None or int(found["port"]) != 443:
            self._proxy.refused(method, authority, 403)
            self._answer(403, SENTENCE)
            return
        assert self.transport is not None
        self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        side = _Side()
        side.other = self
        try:
            await asyncio.get_running_loop().create_connection(lambda: side, "127.0.0.1", self._proxy.target)
        except OSError:
            self._answer(502, "The sandbox is stopping.")
            return
        if self.transport is None or side.transport is None:
            if side.transport is not None:
                side.transport.abort()
            return
        self.other = side
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if self._head:
            side.transport.write(bytes(self._head))
            self._head.clear()
        self.transport.resume_reading()

    def _answer(self, status: int, sentence: str) -> None:
        self._stop_timer()
        self._reading_head = False
        if self.transport is None:
            return
        body = (sentence + "\n").encode()
        allow = "Allow: CONNECT\r\n" if status == 405 else ""
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n{allow}Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _late(self) -> None:
        self._answer(408, f"The request was not complete after {HEAD_SECONDS:.0f} seconds.")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _acknowledge(self) -> None:
        # urllib3 leaves Nagle on towards a proxy: a body behind its headers waits for our delayed ACK, 40 ms each time.
        # Linux forgets the option after a while, so it is set anew.
        if _QUICKACK is not None and self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            if connection is not None:
                with contextlib.suppress(OSError):  # the peer has gone; connection_lost follows
                    connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

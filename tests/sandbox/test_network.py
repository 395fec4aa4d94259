"""The sandbox's front door, the CONNECT proxy, and how long a sandbox lives."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mi_tui.sandbox import proxy
from mi_tui.sandbox.lease import Life
from mi_tui.sandbox.server import _listen


class Door:
    """A proxy in front of a plain server, and what it refused."""

    def __init__(self, port: int, connects: proxy.ConnectProxy, refused: list[tuple[str, str, int]]) -> None:
        self.port = port
        self.proxy = connects
        self.refused = refused

    async def open(self, request: str | bytes) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request; the head of the answer, and the streams."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        writer.write(request if isinstance(request, bytes) else request.encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        return head, reader, writer

    async def tunnel(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        head, reader, writer = await self.open(
            "CONNECT management.azure.com:443 HTTP/1.1\r\nHost: management.azure.com:443\r\n\r\n"
        )
        assert head.startswith(b"HTTP/1.1 200 ")
        return reader, writer


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def door(serve: Serve) -> AsyncIterator[Door]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    refused: list[tuple[str, str, int]] = []
    connects = proxy.ConnectProxy(server.sockets[0].getsockname()[1], lambda *what: refused.append(what))
    listener = _listen(0)
    await connects.start(listener)
    try:
        yield Door(listener.getsockname()[1], connects, refused)
    finally:
        connects.stop_accepting()
        connects.abort()
        server.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send everything back, then the end."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def gone(connects: proxy.ConnectProxy) -> bool:
    for _ in range(100):
        if not connects.clients:
            return True
        await asyncio.sleep(0.01)
    return False


def test_bytes_pass_both_ways_even_when_sent_with_the_request() -> None:
    async def run() -> None:
        async with door(echo) as it:
            head, reader, writer = await it.open(b"CONNECT stcontoso1.blob.core.windows.net:443 HTTP/1.1\r\n\r\nearly")
            assert head.startswith(b"HTTP/1.1 200 ")
            writer.write(b" and late")
            assert await asyncio.wait_for(reader.readexactly(14), 5) == b"early and late"
            writer.close()
            assert await gone(it.proxy)
            assert it.refused == []

    asyncio.run(run())


def test_the_end_of_one_direction_leaves_the_other_open() -> None:
    async def summing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(str(len(await reader.read())).encode())
        writer.close()

    async def run() -> None:
        async with door(summing) as it:
            reader, writer = await it.tunnel()
            writer.write(b"x" * 300_000)
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 5) == b"300000"
            writer.close()
            assert await gone(it.proxy)

    asyncio.run(run())


def test_a_slow_reader_holds_the_sender_back() -> None:
    sent = 0

    async def pouring(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _piece in range(640):
            writer.write(b"y" * 65536)
            await writer.drain()
            sent += 65536
        writer.close()

    async def run() -> None:
        async with door(pouring) as it:
            reader, _ = await it.tunnel()
            await asyncio.sleep(0.5)
            assert sent < 32 * 1024 * 1024  # the rest waits at its source, not in the proxy's memory
            assert len(await asyncio.wait_for(reader.read(), 20)) == 640 * 65536

    asyncio.run(run())


def test_a_client_that_vanishes_ends_the_inner_connection() -> None:
    ended = asyncio.Event()

    async def waiting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()
        writer.close()

    async def run() -> None:
        async with door(waiting) as it:
            _, writer = await it.tunnel()
            writer.transport.abort()
            await asyncio.wait_for(ended.wait(), 5)
            assert await gone(it.proxy)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ("CONNECT example.org:443 HTTP/1.1\r\n\r\n", 403, b"serves only"),
        ("CONNECT management.azure.com:80 HTTP/1.1\r\n\r\n", 403, b"port 443"),
        ("CONNECT 169.254.169.254:443 HTTP/1.1\r\n\r\n", 403, b"serves only"),
        ("GET http://management.azure.com/ HTTP/1.1\r\n\r\n", 405, b"CONNECT only"),
        ("CONNECT management.azure.com HTTP/1.1\r\n\r\n", 400, b"host:port"),
        ("CONNECT [::1]:443 HTTP/1.1\r\n\r\n", 400, b"host:port"),
        ("\x16\x03\x01 hello\r\n\r\n", 400, b"not an HTTP/1.1 request"),
        ("CONNECT management.azure.com:443 HTTP/1.1\r\nX: " + "x" * 17_000, 431, b"16384 bytes"),
    ],
)
def test_refusals(request_: str, status: int, words: bytes) -> None:
    async def run() -> None:
        async with door(echo) as it:
            head, reader, _ = await it.open(request_)
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            body = await asyncio.wait_for(reader.read(), 5)
            assert words in body
            assert f"Content-Length: {len(body)}\r\n".encode() in head
            assert (b"Allow: CONNECT" in head) == (status == 405)
            assert await gone(it.proxy)

    asyncio.run(run())


def test_refused_hosts_are_told() -> None:
    async def run() -> None:
        async with door(echo) as it:
            await it.open("CONNECT example.org:443 HTTP/1.1\r\n\r\n")
            assert it.refused == [("CONNECT", "example.org:443", 403)]

    asyncio.run(run())


def test_a_request_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "HEAD_SECONDS", 0.1)

    async def run() -> None:
        async with door(echo) as it:
            head, _, _ = await it.open("CONNECT manage")
            assert head.startswith(b"HTTP/1.1 408 ")
            reader, writer = await it.tunnel()
            await asyncio.sleep(0.2)
            writer.write(b"still here")  # the limit is for the request only
            assert await asyncio.wait_for(reader.readexactly(10), 5) == b"still here"

    asyncio.run(run())


def test_without_the_tls_port_the_client_hears_so() -> None:
    async def run() -> None:
        async with door(echo) as it:
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                it.proxy.target = closed.getsockname()[1]
                head, _, _ = await it.open("CONNECT management.azure.com:443 HTTP/1.1\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 502 ")

    asyncio.run(run())


def test_nagle_is_off_on_what_the_sandbox_accepts() -> None:
    """asyncio switches it off only for sockets that say they are TCP; else each answer waits 40 ms for an ACK."""

    async def run() -> None:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _listen(0)
        async with await asyncio.start_server(look, sock=listener):
            _, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
            assert await asyncio.wait_for(found, 5) != 0
            writer.close()

    asyncio.run(run())


# ---- leases


def life_for(seconds: float, persistent: bool, leases: list[tuple[float, float]]) -> tuple[bool, str]:
    """Whether a sandbox with first wait 0.15 s and grace 0.1 s is over after `seconds`, given (from, until) leases, and why."""

    async def run() -> tuple[bool, str]:
        life = Life(persistent=persistent, first=0.15, grace=0.1)
        life.begin()

        async def hold(start: float, end: float) -> None:
            await asyncio.sleep(start)
            with life.held():
                await asyncio.sleep(end - start)

        tasks = [asyncio.create_task(hold(*lease)) for lease in leases]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        return life.over.is_set(), life.reason

    return asyncio.run(run())


def test_without_a_lease_it_ends() -> None:
    assert life_for(0.3, False, []) == (True, "no client came")


def test_with_a_lease_it_lives_and_after_the_last_it_ends() -> None:
    assert life_for(0.4, False, [(0.05, 9)])[0] is False
    assert life_for(0.5, False, [(0.0, 0.1), (0.05, 0.2)]) == (True, "its last client is gone")


def test_a_lease_within_the_grace_keeps_it() -> None:
    assert life_for(0.5, False, [(0.0, 0.1), (0.15, 9)])[0] is False


def test_a_persistent_one_needs_nobody() -> None:
    assert life_for(0.5, True, [(0.0, 0.1)])[0] is False


def test_keep_after_the_last_lease_is_in_time() -> None:
    async def run() -> None:
        life = Life(persistent=False, first=0.1, grace=0.1)
        life.begin()
        with life.held():
            pass
        life.keep()
        await asyncio.sleep(0.25)
        assert not life.over.is_set()
        life.end("told")
        assert (life.over.is_set(), life.reason) == (True, "told")

    asyncio.run(run())

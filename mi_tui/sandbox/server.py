"""The sandbox's process: its three listeners, its start, its connection file, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, Any

import uvicorn
from starlette.types import ASGIApp

from mi_tui.sandbox import app, furnish, scenarios
from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.certificates import Authority
from mi_tui.sandbox.control import Control, Loopback
from mi_tui.sandbox.hosts import SENTENCE
from mi_tui.sandbox.lease import Life
from mi_tui.sandbox.login_pages import LoginPages
from mi_tui.sandbox.logs import SandboxLog
from mi_tui.sandbox.paths import CONNECTION_FILE, LOG_FILE, SERVER_LOCK, make_private
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.proxy import ConnectProxy
from mi_tui.sandbox.scenarios import overlays
from mi_tui.sandbox.store import Request, Store
from mi_tui.sandbox.tokens import Issuer
from mi_tui.sandbox.wire import Protocol
from mi_tui.sandbox.world import TENANT, World

LOOPBACK = "127.0.0.1"
KEEP_ALIVE_SECONDS = 300
"""Longer than the 30 s between an SDK's polls, so that a pooled connection is not closed under a request."""

ANSWERS_FINISH_SECONDS = 0.4
"""How long requests that are being answered may go on when the sandbox stops."""

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The sandbox cannot start; the text is a sentence with the way out."""


async def serve(
    home: Path, port: int | None = None, profile: str = "demo", scenario: str = "none", persistent: bool = False
) -> None:
    """Run the sandbox in `home` until it is told to stop or nobody needs it. Raises StartError or StoreError."""
    fault = scenarios.fault(profile, scenario)
    if fault is not None:
        raise StartError(fault)
    home = home.expanduser().resolve()
    make_private(home)
    with _only_one(home):
        log = SandboxLog(home)
        sandbox = Sandbox(home, port, profile, scenario, log, Life(persistent=persistent))
        loop = asyncio.get_running_loop()
        handled = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        for number in handled:
            loop.add_signal_handler(number, sandbox.life.end, f"it got {signal.Signals(number).name}")
        try:
            await sandbox.start()
            await sandbox.life.over.wait()
            _log.info("stopping: %s", sandbox.life.reason)
        finally:
            try:
                await sandbox.stop()
            finally:
                for number in handled:
                    loop.remove_signal_handler(number)
                log.close()


class Sandbox:
    """One running sandbox."""

    def __init__(self, home: Path, port: int | None, profile: str, scenario: str, log: SandboxLog, life: Life) -> None:
        self.life = life
        self._log_file = log
        self._home = home
        self._port = port
        self._token = secrets.token_urlsafe(32)
        self._closing = contextlib.AsyncExitStack()
        self._servers: list[tuple[_Server, asyncio.Task[None]]] = []
        authority = Authority(home / "ca")
        self._tls = authority.server_context()
        self._store = Store(home)
        self.world = World(
            home, self._store, Issuer(self._store, TENANT), PROFILES[profile], scenario, ca_file=authority.ca_file
        )

    async def start(self) -> None:
        """Open the listeners, take up what was under way, and then say so in the connection file."""
        from mi_tui.sandbox.hosting import deployments
        from mi_tui.sandbox.hosting.identity_endpoint import IdentityEndpoint

        self._on_stop("the store", self._close_store)
        self._on_stop("the servers", self._close_servers)
        entrance = self._entrance()
        with _closed_on_error(entrance):
            inside, loopback = _listen(0), _listen(0)
            self.world.proxy = f"http://{LOOPBACK}:{entrance.getsockname()[1]}"
            self.world.loopback = f"http://{LOOPBACK}:{loopback.getsockname()[1]}"
            furnish.furnish(self.world)
            overlays.settle(self.world)
            facts = furnish.defaults(self.world)
            self._log_file.blank(
                [self._token, facts["client_secret"], facts["user_refresh_token"], facts["user_password"]]
            )
            front = app.build(self.world)
            control = Control(self.world, self.life, self._token, self._write_connection)
            identity = app.RequestLog(IdentityEndpoint(self.world), self._store)
            pages = app.RequestLog(LoginPages(self.world), self._store)
            await self._run("loopback port", Loopback(control, identity, pages), loopback, None)
            await self._run("TLS port", front, inside, self._tls)
            proxy = ConnectProxy(inside.getsockname()[1], self._refused)
            await proxy.start(entrance)

        async def close_proxy() -> None:
            # Cutting the clients off from here ends TLS connections at once; closing them from inside waits for each
            # client's farewell.
            proxy.stop_accepting()
            until = time.monotonic() + ANSWERS_FINISH_SECONDS
            while front.active and time.monotonic() < until:
                await asyncio.sleep(0.01)
            proxy.abort()

        # Operations end first, so that none starts a deployment behind our back.
        self._on_stop("deployments", deployments.stop_all)
        self._on_stop("operations", operations.stop_all)
        operations.resume_open(self.world)
        try:
            await deployments.resume(self.world)
        except Exception:  # noqa: BLE001  # a broken deployment must not make the whole world unreachable
            _log.exception("the deployments of the run before could not all be started again")
        self._on_stop("the proxy", close_proxy)
        self._on_stop("the connection file", self._remove_connection)
        self._write_connection()
        self.life.begin()
        _log.info(
            "ready at %s, profile %s, scenario %s", self.world.proxy, self.world.profile.name, self.world.scenario
        )

    async def stop(self) -> None:
        """End everything, in the reverse order of the start; one part that fails does not keep the others alive."""
        self.life.end("the start failed")
        await self._closing.aclose()
        _log.info("stopped")

    def _on_stop(self, what: str, action: Callable[[], Awaitable[None]]) -> None:
        async def careful() -> None:
            try:
                await action()
            except Exception:  # noqa: BLE001  # the rest must still be ended
                _log.exception("%s did not stop cleanly", what)

        self._closing.push_async_callback(careful)

    async def _close_store(self) -> None:
        self._store.close()

    async def _close_servers(self) -> None:
        for server, _ in self._servers:
            server.should_exit = True
        await asyncio.gather(*(task for _, task in self._servers))

    def _entrance(self) -> socket.socket:
        """The proxy's socket: the port asked for, else that of the run before, else any free one."""
        if self._port is not None:
            try:
                entrance = _listen(self._port)
            except OSError as error:
                raise StartError(_busy(self._port, error)) from error
        else:
            before = self._store.value("proxy_port")
            try:
                entrance = _listen(int(before or 0))
            except (OSError, ValueError, OverflowError):
                entrance = _listen(0)
        self._store.set_value("proxy_port", str(entrance.getsockname()[1]))
        return entrance

    async def _run(self, what: str, application: ASGIApp, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve an application on a bound socket until the sandbox stops."""
        config = uvicorn.Config(
            application,
            loop="none",
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=64 * 1024,
        )
        config.load()
        config.ssl = tls
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))

        self._servers.append((server, task))
        while not server.started:
            if task.done():
                task.result()
                raise StartError(f"The sandbox's {what} could not be opened. See {self._home / LOG_FILE}.")
            await asyncio.sleep(0.005)

    def _refused(self, method: str, authority: str, status: int) -> None:
        host = authority.rsplit(":", 1)[0]
        self._store.add_request(
            Request(time.time(), "anonymous", method[:20], host, authority, "", status, None, SENTENCE, 0.0)
        )

    def _write_connection(self) -> None:
        facts: dict[str, Any] = {
            "home": str(self._home),
            "pid": os.getpid(),
            "proxy": self.world.proxy,
            "control": self.world.loopback,
            "ca_file": str(self.world.ca_file),
            "control_token": self._token,
            "profile": self.world.profile.name,
            "scenario": self.world.scenario,
            "persistent": self.life.persistent,
            **furnish.defaults(self.world),
        }
        handle, temporary = tempfile.mkstemp(dir=self._home, prefix="connection-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=1)
        os.replace(temporary, self._home / CONNECTION_FILE)

    async def _remove_connection(self) -> None:
        (self._home / CONNECTION_FILE).unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the sandbox has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[IO[str]]:
    """Hold the home's server lock, with our pid in it, for as long as the process serves it."""
    file = open(home / SERVER_LOCK, "a+", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115
    with file:
        # A client that looks who holds the lock holds it for a moment itself: a few tries tell it from a sandbox.
        for last in (False,) * 9 + (True,):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if last:
                    raise StartError(
                        f"A sandbox already runs in {home}. Use it, or end it with 'mi-tui sandbox stop'."
                    ) from error
                time.sleep(0.03)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file


@contextlib.contextmanager
def _closed_on_error(listener: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        listener.close()
        raise


def _listen(port: int) -> socket.socket:
    # Named as TCP, because asyncio switches Nagle off only where the protocol says so: else 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Only lets a port in TIME_WAIT be taken again; a port that is listened on stays refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _busy(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {LOOPBACK} is in use by another program. Choose another port, or leave it out and any free one is taken."
    return f"Port {port} of {LOOPBACK} cannot be used ({error.strerror}). Choose another port, or leave it out and any free one is taken."

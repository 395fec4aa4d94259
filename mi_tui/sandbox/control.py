"""What mi-tui itself asks of its sandbox, on the plain loopback port, with the control token: status, tree, log, lease, stop."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import json
import os
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mi_tui.sandbox import furnish, scenarios
from mi_tui.sandbox.lease import Life
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.scenarios import overlays
from mi_tui.sandbox.world import World


class Control:
    """The ASGI application behind `/control/`. `changed` is called when what connection.json says has changed."""

    def __init__(self, world: World, life: Life, token: str, changed: Callable[[], None]) -> None:
        self._world = world
        self._life = life
        self._token = token.encode()
        self._changed = changed
        self._started = time.time()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token):
            await _refuse(401, "The control token is missing or wrong.")(scope, receive, send)
            return
        if request.method == "GET" and request.url.path == "/control/lease":
            await self._lease(receive, send)
            return
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match request.method, request.url.path.removeprefix("/control/"):
            case "GET", "status":
                return JSONResponse(self.status())
            case "GET", "tree":
                return JSONResponse(furnish.tree(self._world))
            case "GET", "log":
                return JSONResponse([dataclasses.asdict(row) for row in self._world.store.requests()])
            case "POST", "profile":
                return await self._profile(request)
            case "POST", "keep":
                self._life.keep()
                self._changed()
                return JSONResponse(self.status())
            case "POST", "stop":
                # After the answer has left.
                asyncio.get_running_loop().call_later(0.02, self._life.end, "it was told to stop")
                return JSONResponse({"stopping": True})
        return _refuse(404, "The sandbox's control does not know this request.")

    def status(self) -> dict[str, Any]:
        """What the sandbox says of itself; no secrets."""
        return {
            "home": str(self._world.home),
            "pid": os.getpid(),
            "proxy": self._world.proxy,
            "profile": self._world.profile.name,
            "scenario": self._world.scenario,
            "persistent": self._life.persistent,
            "leases": self._life.leases,
            "started": self._started,
            "seconds": round(time.time() - self._started, 1),
        }

    async def _profile(self, request: Request) -> Response:
        try:
            wanted = json.loads(await request.body())
        except ValueError:
            return _refuse(400, "A JSON object was expected.")
        if not isinstance(wanted, dict):
            return _refuse(400, "A JSON object was expected.")
        profile, scenario = wanted.get("profile"), wanted.get("scenario")
        if not isinstance(profile, str | None) or not isinstance(scenario, str | None):
            return _refuse(400, "profile and scenario are names.")
        fault = scenarios.fault(profile, scenario)
        if fault is not None:
            return _refuse(400, fault)
        self._world.choose(None if profile is None else PROFILES[profile], scenario)
        overlays.settle(self._world)
        self._changed()
        return JSONResponse(self.status())

    async def _lease(self, receive: Receive, send: Send) -> None:
        """One line when the lease is given, then silence until the client hangs up or the sandbox stops."""
        if self._life.over.is_set():
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        with self._life.held():
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"lease\n", "more_body": True})
            waits = {asyncio.ensure_future(_hung_up(receive)), asyncio.ensure_future(self._life.over.wait())}
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        await send({"type": "http.response.body", "body": b""})


class Loopback:
    """The application of the plain loopback port: control, the identity endpoint of the deployments, and the sign-in pages."""

    def __init__(self, control: ASGIApp, identity: ASGIApp, pages: ASGIApp) -> None:
        self._control = control
        self._identity = identity
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        if path.startswith("/control/"):
            await self._control(scope, receive, send)
        elif path.startswith("/msi/"):
            await self._identity(scope, receive, send)
        else:
            await self._pages(scope, receive, send)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _refuse(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)

"""Behind TLS: each request goes to its service by the Host header, and is written into the request log when it is answered."""

from __future__ import annotations

import importlib
import json
import logging
import re
import sqlite3
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mi_tui.sandbox import disk
from mi_tui.sandbox.hosts import SENTENCE, Service, service_of
from mi_tui.sandbox.scenarios.rules import Doors, cutter
from mi_tui.sandbox.store import Request, Store
from mi_tui.sandbox.world import World

_log = logging.getLogger(__name__)

_HANDLERS = (
    "subscriptions",
    "groups",
    "providers",
    "group_deletion",
    "scope_tags",
    "deployments",
    "locks",
    "policies",
    "activity",
    "provider_operations",
    "storage",
    "storage_extras",
    "management_policies",
    "blob_services",
    "blob_containers",
    "account_sas",
    "identity",
    "federated",
    "authorization",
    "workspaces",
    "workspace_writes",
    "workspace_actions",
    "datastores",
    "connections",
    "linked",
    "group_deployments",
    "empty_collections",
    "assets",
    "capacity",
    "online",
    "metrics",
    "skus",
)
"""The modules of `arm` whose handlers register when they are imported."""

_TOLD = frozenset(
    {
        "api-version",
        "comp",
        "restype",
        "prefix",
        "delimiter",
        "include",
        "hash",
        "hashversion",
        "monitor",
        "timeout",
        "blockid",
    }
    | {"$filter", "$top", "$skip", "$expand", "$orderby", "sr", "sp", "authorization_endpoint"}
)
"""Query parameters whose values the log keeps; of all others, a SAS's signature among them, it keeps the name."""

_NAME = re.compile(r"\$?[\w-]{1,40}", re.ASCII)
"""What may stand as a parameter's name; anything else may be a value in the wrong place."""

_CLIENT_GONE = 499
_ID = re.compile(r"[\w-]{1,100}", re.ASCII)


def _client_id(scope: Scope) -> str:
    """The client's own id of a request; empty when it has none, or one that is no id."""
    told = next((value for name, value in scope["headers"] if name == b"x-ms-client-request-id"), b"").decode("latin-1")
    return told if _ID.fullmatch(told) else ""


class RequestLog:
    """Wraps an application: what the server knows of the connection and a `state` for each request, one row in the log for each answer, 500 for each crash."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store
        self.active = 0
        """Requests being answered now."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: dict[str, Any] = {**scope.get("state", {}), "cut": cutter(send)}
        scope["state"] = state
        began = time.time()
        clock = time.perf_counter()
        status = 0
        written = False

        def write() -> None:
            nonlocal written
            if written:
                return
            written = True
            row = Request(
                time=began,
                caller=str(state.get("caller") or "anonymous"),
                method=str(scope["method"]),
                host=host_of(scope),
                path=str(scope["path"]),
                query=told_query(scope["query_string"]),
                status=status or _CLIENT_GONE,
                code=state.get("code"),
                decision=str(state.get("decision") or ""),
                milliseconds=round((time.perf_counter() - clock) * 1000, 1),
                client_id=_client_id(scope),
            )
            try:
                self._store.add_request(row)
            except sqlite3.Error as error:  # a full disk must not take an answer away that was earned
                _log.warning("a request could not be written into the log: %s", error)

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                # Before the client can see the end of the answer, so that it finds the row if it asks at once.
                write()
            await send(message)

        self.active += 1
        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # whatever a handler does, the client gets an answer and the log a traceback
            full = disk.is_full(error)
            if full:
                _log.error("%s %s%s: %s", scope["method"], host_of(scope), scope["path"], error)
            else:
                _log.exception("%s %s%s broke", scope["method"], host_of(scope), scope["path"])
            if status:
                raise
            if full:
                state["code"] = disk.CODE
                state["decision"] = "the disk is full"
                await _answer(watch, disk.STATUS, *_body_of(host_of(scope), disk.CODE, disk.sentence(self._store.home)))
                return
            state["code"] = "InternalServerError"
            state["decision"] = f"the sandbox failed ({type(error).__name__}); see its log"
            await _answer(watch, 500, *_crash_body(host_of(scope)))
        finally:
            self.active -= 1
            write()


class Dispatcher:
    """Chooses the service by the Host header. An unknown host is answered 404 and a sentence."""

    def __init__(self, services: Mapping[Service, ASGIApp]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = service_of(host_of(scope))
        app = None if service is None else self._services.get(service)
        if app is None:
            scope["state"]["decision"] = "no such host"
            await _answer(send, 404, b"text/plain; charset=utf-8", (SENTENCE + "\n").encode())
            return
        await app(scope, receive, send)


def load_handlers() -> None:
    """Have every operation of ARM registered with its router."""
    for name in _HANDLERS:
        importlib.import_module(f"mi_tui.sandbox.arm.{name}")


def build(world: World) -> RequestLog:
    """The whole application behind the TLS port."""
    load_handlers()
    from mi_tui.sandbox.arm.router import ArmApp
    from mi_tui.sandbox.blob.service import BlobApp
    from mi_tui.sandbox.entra import login_app
    from mi_tui.sandbox.graph import GraphApp
    from mi_tui.sandbox.inference import InferenceApp
    from mi_tui.sandbox.telemetry import telemetry_app

    services: dict[Service, ASGIApp] = {
        "management": ArmApp(world),
        "login": login_app(world),
        "graph": GraphApp(world),
        "blob": BlobApp(world),
        "inference": InferenceApp(world),
        "telemetry": telemetry_app,
    }
    return RequestLog(Doors(Dispatcher(services), world), world.store)


def host_of(scope: Scope) -> str:
    """The Host header in lower case, without a port; '' without one."""
    for name, value in scope["headers"]:
        if name == b"host":
            return bytes(value).decode("latin-1").lower().rsplit(":", 1)[0]
    return ""


def told_query(query: bytes) -> str:
    """A query string as the log keeps it: no value that could be a secret."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    told = (
        (name if _NAME.fullmatch(name) else "...", value if name.lower() in _TOLD else "...") for name, value in pairs
    )
    return "&".join(f"{name}={value}" for name, value in told)


def _crash_body(host: str) -> tuple[bytes, bytes]:
    if service_of(host) == "blob":
        return _body_of(
            host, "InternalError", "Server encountered an internal error. Please try again after some time."
        )
    return _body_of(
        host, "InternalServerError", "The sandbox failed while it answered this request; its log says where."
    )


def _body_of(host: str, code: str, message: str) -> tuple[bytes, bytes]:
    """The media type and the body of an error as the host's service writes them."""
    if service_of(host) == "blob":
        text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>'
        return b"application/xml", text.encode()
    return b"application/json; charset=utf-8", json.dumps({"error": {"code": code, "message": message}}).encode()


async def _answer(send: Send, status: int, media_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

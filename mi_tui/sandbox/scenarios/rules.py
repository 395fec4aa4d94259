"""Rules of a scenario at work: which request is hit, and the answer, cut or delay that it gets.

It stands between the request log and the services, so that every hit is logged like any request.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.hosts import service_of
from mi_tui.sandbox.scenarios.description import Answer, Rule

if TYPE_CHECKING:
    from mi_tui.sandbox.world import World

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a body that a rule with `lacks` looks into; ARM takes no more."""


@functools.lru_cache(maxsize=512)
def path_pattern(path: str) -> re.Pattern[str]:
    """A rule's path as a pattern, in any case. ValueError when it cannot be one."""
    parts = re.split(r"(\{[A-Za-z_]\w*\}|\*)", path)
    text = "".join(
        ".*"
        if part == "*"
        else f"(?P<{part[1:-1]}>[^/]+)"
        if part.startswith("{") and part.endswith("}")
        else re.escape(part)
        for part in parts
    )
    if re.search(r"\\[{}]", text):
        raise ValueError("a '{name}' in a path is letters, digits and '_' between braces.")
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"it cannot be used: {error}.") from error


class Running:
    """One rule and how often it was met and hit."""

    def __init__(self, name: str, rule: Rule) -> None:
        self.name = name
        self.rule = rule
        self._met = 0
        self._hits = 0
        self._dice = random.Random(rule.when.seed)
        self._pattern = path_pattern(rule.on.path)
        self._methods = set(rule.on.method.upper().split("|"))

    def looks_into_body(self) -> bool:
        """Whether the rule asks for the request's body."""
        return bool(self.rule.on.lacks)

    def names(self, service: str | None, method: str, path: str) -> dict[str, str] | None:
        """What the path's names stand for when the rule is about such a request, else None."""
        if service != self.rule.on.service or not self._methods & {method, "*"}:
            return None
        found = self._pattern.fullmatch(path)
        return None if found is None else found.groupdict()

    def hits(self) -> bool:
        """Whether this matching request is hit; it counts."""
        when = self.rule.when
        self._met += 1
        if self._met <= when.skip or (when.times and self._hits >= when.times):
            return False
        if (self._met - when.skip) % when.every:
            return False
        if when.probability < 1 and self._dice.random() >= when.probability:
            return False
        self._hits += 1
        return True


class Doors:
    """Wraps the services: what no rule hits goes through untouched."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        active = self._world.active
        if not active.rules and not active.expired:
            await self._app(scope, receive, send)
            return
        service = service_of(_host(scope))
        token = _token(scope)
        if token and token in active.expired:
            scope["state"]["expired"] = True
        path = str(scope["path"])
        for running in active.rules:
            names = running.names(service, str(scope["method"]), path)
            if names is None:
                continue
            if running.looks_into_body():
                body, receive = await _read(receive)
                if not _lacks(body, running.rule.on.lacks):
                    continue
            if running.hits():
                await self._act(running, names, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _act(
        self, running: Running, names: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        rule = running.rule
        scope["state"]["decision"] = f"the scenario {running.name}"
        if rule.delay:
            await asyncio.sleep(rule.delay)
        if rule.reset:
            await self._cut(rule.reset, scope, receive, send)
            return
        if rule.expire:
            self._world.active.expired.add(_token(scope))
            scope["state"]["expired"] = True
        if rule.answer is not None:
            if rule.on.service != "management":
                await _answer(rule.on.service, _filled(rule.answer, names, scope), scope, send)
                return
            scope["state"]["authorized_refusal" if rule.authorized else "refusal"] = _arm(
                _filled(rule.answer, names, scope)
            )
        await self._app(scope, receive, send)

    async def _cut(self, when: str, scope: Scope, receive: Receive, send: Send) -> None:
        async def swallow(message: Message) -> None:
            pass

        if when == "after":
            await self._app(scope, receive, swallow)
        scope["state"]["decision"] = f"{scope['state'].get('decision')}: connection cut {when} the effect"
        cut = scope["state"].get("cut")
        if cut is not None:
            cut()
        # The server notices that nobody is there; only then may this end without an answer.
        while (await receive())["type"] != "http.disconnect":
            pass


def cutter(send: Send) -> Callable[[], None] | None:
    """What cuts the connection that the server would answer on; None behind a server that does not say."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return getattr(transport, "abort", None)


def _host(scope: Scope) -> str:
    return next((bytes(v).decode("latin-1").lower().rsplit(":", 1)[0] for n, v in scope["headers"] if n == b"host"), "")


def _token(scope: Scope) -> str:
    """A token as the set of expired ones remembers it; '' without one."""
    value = next((bytes(v) for n, v in scope["headers"] if n == b"authorization"), b"")
    return hashlib.sha256(value).hexdigest() if value[:7].lower() == b"bearer " else ""


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """A request's body, and a `receive` that gives it out again."""
    seen: list[Message] = []
    size = 0
    while True:
        message = await receive()
        seen.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False) or size > MAX_BODY:
            break
    left = iter(list(seen))

    async def again() -> Message:
        return next(left, None) or await receive()

    return b"".join(message.get("body", b"") for message in seen), again


def _lacks(body: bytes, place: str) -> bool:
    """Whether a JSON body has nothing at a dotted place. One that is no object lacks nothing: others refuse it."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    for name in place.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value in (None, "")


def _filled(answer: Answer, names: Mapping[str, str], scope: Scope) -> Answer:
    """An answer with its names put in. What is no name of ours stays as it is, braces and all."""
    path = str(scope["path"])
    parts = path.strip("/").split("/")
    known = {
        "path": path,
        "subscription": parts[1] if len(parts) > 1 and parts[0].lower() == "subscriptions" else "",
        "location": "westeurope",
        **names,
    }

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda found: known.get(found.group(1), found.group(0)), value)
        if isinstance(value, Mapping):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [fill(item) for item in value]
        return value

    return Answer(answer.status, answer.code, fill(answer.message), fill(answer.headers), fill(answer.error))


def _arm(answer: Answer) -> ArmError:
    more = dict(answer.error)
    return ArmError(
        answer.status,
        answer.code,
        answer.message,
        more.get("target"),
        more.get("details"),
        list(more.get("additionalInfo") or []),
        dict(answer.headers),
    )


async def _answer(service: str, answer: Answer, scope: Scope, send: Send) -> None:
    """Blob storage's XML, Entra's JSON, or the inference front's text."""
    scope["state"]["code"] = answer.code
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if service == "blob":
        text = f"<Error><Code>{escape(answer.code)}</Code><Message>{escape(answer.message)}</Message></Error>"
        body = f'﻿<?xml version="1.0" encoding="utf-8"?>{text}'.encode()
        headers = {"content-type": "application/xml", "x-ms-error-code": answer.code, **headers}
    elif service == "login":
        body = json.dumps({"error": answer.code, "error_description": answer.message, **answer.error}).encode()
        headers = {"content-type": "application/json; charset=utf-8", **headers}
    else:
        body = answer.message.encode()
        headers = {"content-type": "text/plain; charset=utf-8", **headers}
    headers["content-length"] = str(len(body))
    if scope["method"] == "HEAD":
        body = b""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})

"""From a request to its handler, as ARM does it: token, api-version, path in any case, right, JSON body, error envelope."""

from __future__ import annotations

import datetime as dt
import inspect
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mi_tui.sandbox import locks, rbac
from mi_tui.sandbox.arm import versions
from mi_tui.sandbox.arm.authentication import authenticate
from mi_tui.sandbox.arm.limits import Limits
from mi_tui.sandbox.arm.locations import LOCATIONS, location_name
from mi_tui.sandbox.arm.routes import Route, Table, nothing_at, registrar
from mi_tui.sandbox.arm.shapes import ANY_BODY, Shape, fault, no_object, unreadable
from mi_tui.sandbox.conditions import Asked
from mi_tui.sandbox.errors import (
    GATEWAY,
    ArmError,
    authorization_failed,
    bad_request,
    group_being_deleted,
    group_not_found,
    invalid_subscription,
    subscription_not_found,
)
from mi_tui.sandbox.providers import registration
from mi_tui.sandbox.store import Place, Resource
from mi_tui.sandbox.times import timestamp, zulu
from mi_tui.sandbox.tokens import Caller
from mi_tui.sandbox.world import World

__all__ = ["ArmApp", "Call", "page", "reply", "route", "timestamp", "zulu"]

MAX_BODY = 4 * 1024 * 1024
"""Bytes; "Azure Resource Manager: request size limit"."""

MAX_ADDRESS = 16 * 1024
"""Characters of path and query. The figure, the default of Windows' HTTP server, and what is answered beyond it are guesses."""


@dataclass
class Call:
    """One authenticated request. `ids`: the path's names as sent; `query`: keys in lower case; `body`: {} without one."""

    world: World
    request: Request
    caller: Caller
    ids: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path as sent, without a trailing slash: for most handlers the resource's id."""
        return str(self.request.scope["path"]).rstrip("/")

    @property
    def api_version(self) -> str:
        """The api-version that the client sent."""
        return self.query["api-version"]

    @property
    def group(self) -> str:
        """The id of the path's resource group, spelled as it was created."""
        identifier = f"/subscriptions/{self.ids['s']}/resourceGroups/{self.ids['g']}"
        found = self.world.store.resource(identifier)
        return identifier if found is None else found.id

    def require(self, action: str, scope: str | None = None, asked: Asked | None = None) -> None:
        """Raise ARM's 403 unless the caller may do `action` at `scope` (default: the path), then 404 without its group, then 409
        where a lock stands in the way.

        In this order, as in Azure: who may not ask is not told what is there. `asked`: what conditions look at.
        """
        where = self.path if scope is None else scope
        decision = rbac.decide(self.world.store, self.caller.object_id, action, where, asked=asked)
        self.request.state.decision = decision.reason
        if not decision.allowed:
            raise self.denied(action, where, condition=decision.condition)
        self.require_group(where)
        locks.check(self.world.store, self.request.method, where, action)

    def require_reach(self, action: str, scope: str | None = None) -> None:
        """For lists and for what a subscription answers: 403 unless the caller has a role at, above or below `scope`.

        What a list then shows is cut down to what may be read.
        """
        where = self.path if scope is None else scope
        if not rbac.reaches_into(self.world.store, self.caller.object_id, where):
            self.request.state.decision = f"no role at or below {where}"
            raise self.denied(action, where)
        self.request.state.decision = f"a role at, above or below {where}"
        self.require_group(where)

    def listing(self, type_: str, action: str, after: Place | None = None) -> Iterator[Resource]:
        """The resources of a type in the path's subscription or group that the caller may read, from behind a place on."""
        where = f"/subscriptions/{self.ids['s']}" + (f"/resourceGroups/{self.ids['g']}" if "g" in self.ids else "")
        self.require_reach(action, where)
        found = self.world.store.each_resource(type_, under=where, after=after)
        return (resource for resource in found if self.allows(action, resource.id))

    def require_group(self, resource_id: str) -> None:
        """Raise ARM's 404 when the id lies in a resource group that does not exist."""
        inside = _GROUP.fullmatch(resource_id + "/")
        if inside is None:
            return
        group = self.world.store.resource(inside.group(1))
        if group is None:
            raise group_not_found(inside.group(2))
        going = (group.body.get("properties") or {}).get("provisioningState") == "Deleting"
        if going and self.request.method in {"PUT", "PATCH"}:
            raise group_being_deleted(inside.group(2))

    def denied(self, action: str, scope: str, *, condition: bool = False) -> ArmError:
        """The 403 for this caller; `condition`: an assignment would allow it, but for its condition."""
        client = self.caller.name if self.caller.kind == "User" else self.caller.client_id
        return authorization_failed(client, self.caller.object_id, action, scope, condition=condition)

    def allows(self, action: str, scope: str) -> bool:
        """Whether the caller may do `action` at `scope`; for lists, which leave out what may not be read."""
        return rbac.decide(self.world.store, self.caller.object_id, action, scope).allowed


Handler = Callable[[Call], Response | Awaitable[Response]]


_TABLE: Table[Handler] = Table()


def route(
    method: str, template: str, action: str | None = None, body: Shape = ANY_BODY
) -> Callable[[Handler], Handler]:
    """Register a handler. `{name}` in the template is one path segment; `{+name}` one or more (for scopes).

    A handler may rely on its body having the shape `body`.
    """
    return registrar(_TABLE, method, template, action, body)


def routes() -> list[Route[Handler]]:
    """Every operation that was registered."""
    return list(_TABLE.routes)


def reply(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer with ARM's media type; None makes an empty body."""
    if body is None:
        return Response(b"", status, headers)
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Response(text.encode(), status, headers, media_type="application/json; charset=utf-8")


def page(values: list[dict[str, Any]]) -> Response:
    """The answer of a list that never has more than one page."""
    return reply(200, {"value": values})


_SLASHES = re.compile("//+")
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)(/.*)?", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GROUP = re.compile(r"(/subscriptions/[^/]+/resourceGroups/([^/]+))/.+", re.IGNORECASE)

_ALWAYS = {
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "-1",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
}


class ArmApp:
    """The ASGI application behind `management.azure.com`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._limits = Limits(world.profile.speed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The JavaScript SDKs join a base that ends with a slash to a scope that begins with one.
        request = Request({**scope, "path": _SLASHES.sub("/", str(scope["path"]))}, receive)
        try:
            response = await self._answer(request)
        except ArmError as error:
            request.state.code = error.code
            # HEAD has no body; its length is Azure's of the body that GET would have had.
            response = reply(error.status, None if request.method == "HEAD" else error.body(), error.headers)
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        now = dt.datetime.now(dt.UTC)
        told = {name for name, _ in response.raw_headers}
        more = {
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-correlation-request-id": correlation,
            "x-ms-routing-request-id": f"WESTEUROPE:{now:%Y%m%dT%H%M%SZ}:{correlation}",
            **_ALWAYS,
        }
        # What ARM refuses by itself does not tell what is left (recorded: no such header on a 403).
        if b"x-ms-failure-cause" not in told:
            more |= getattr(request.state, "limits", {})
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            more["x-ms-client-request-id"] = client_id
        new = ((name.encode(), value.encode("latin-1")) for name, value in more.items())
        response.raw_headers.extend(pair for pair in new if pair[0] not in told)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = str(request.scope["path"]).rstrip("/")
        if len(path) + len(request.scope["query_string"]) > MAX_ADDRESS:
            raise ArmError(414, "RequestUriTooLong", "The request URI is too long.", headers=dict(GATEWAY))
        state = request.scope["state"]
        if (refusal := state.get("refusal")) is not None:
            raise refusal
        caller = authenticate(self._world, request)
        request.state.caller = caller.name
        request.state.limits = self._limits.take(request.method, caller.object_id, path)
        query = {key.lower(): value for key, value in request.query_params.items()}
        # No name of Azure's that the sandbox knows has other characters; some would break a header, or fold into others.
        if not path.isascii() or not path.isprintable():
            raise bad_request(
                "The request URI contains an invalid name: it must be printable ASCII.", "InvalidRequestUri"
            )
        return await self.perform(request, caller, query)

    async def perform(
        self, request: Request, caller: Caller, query: dict[str, str], body: dict[str, Any] | None = None
    ) -> Response:
        """Answer a request of a known caller; `body` stands for what it would carry. ArmError when it is refused."""
        path, state = str(request.scope["path"]).rstrip("/"), request.scope["state"]
        version = versions.require_some(query.get("api-version"))
        self._check_subscription(path)
        matches = _TABLE.find(path)
        chosen = _chosen(request.method, matches)
        if chosen is None:
            raise nothing_at(request.method, path, version, known=bool(matches))
        matched, found = chosen
        call = Call(self._world, request, caller, found, query, await self._body(request) if body is None else body)
        if not versions.known(matched.namespace, version):
            where = self._location(path, call.body)
            versions.require_known(matched.namespace, matched.type, version, where, list(LOCATIONS))
        if matched.action is not None:
            call.require(matched.action)
        wrong = fault(matched.body, call.body)
        if wrong is not None:
            raise _undeserializable(wrong)
        if (refusal := state.get("authorized_refusal")) is not None:
            raise refusal
        if request.method == "PUT":
            self._check_registered(path)
        answer = matched.handler(call)
        response = await answer if inspect.isawaitable(answer) else answer
        if request.method == "HEAD" and matched.method == "GET":
            # "Resources - Check Existence By Id": 204 for what is there, whatever GET would tell of it.
            return Response(status_code=204)
        return response

    def _location(self, path: str, body: dict[str, Any]) -> str | None:
        """The region that a request is about: the body's, else that of what its path names or of the group; None without one."""
        if location_name(body.get("location")):
            return location_name(body["location"])
        resource = self._world.store.resource(path)
        if resource is not None and "location" in resource.body:
            return str(resource.body["location"])
        return None

    def _check_subscription(self, path: str) -> None:
        named = _SUBSCRIPTION.fullmatch(path)
        if named is None:
            return
        subscription = named.group(1)
        if _GUID.fullmatch(subscription) is None:
            raise invalid_subscription(subscription)
        if not self._world.store.has(f"/subscriptions/{subscription}"):
            raise subscription_not_found(subscription)

    def _check_registered(self, path: str) -> None:
        """What is made needs its provider; an operation that only reads or deletes does not."""
        named, (_, _, below) = _SUBSCRIPTION.fullmatch(path), path.lower().rpartition("/providers/")
        subscription = None if named is None else self._world.store.resource(f"/subscriptions/{named.group(1)}")
        if subscription is None or not below:
            return
        namespace = path[len(path) - len(below) :].split("/")[0]
        if registration(self._world, subscription, namespace) != "Registered":
            raise ArmError(
                409,
                "MissingSubscriptionRegistration",
                f"The subscription is not registered to use namespace '{namespace}'. "
                "See https://aka.ms/rps-not-found for how to register subscriptions.",
                headers=dict(GATEWAY),
            )

    @staticmethod
    async def _body(request: Request) -> dict[str, Any]:
        if request.method not in {"PUT", "POST", "PATCH"}:
            return {}
        raw = bytearray()
        async for piece in request.stream():
            raw += piece
            if len(raw) > MAX_BODY:
                raise ArmError(
                    413, "RequestContentTooLarge", "The request content size exceeds the maximum size of 4 MB."
                )
        if not raw.strip():
            return {}
        try:
            # Line ends within strings are taken: Microsoft's example of deploying by REST sends a conda file so.
            value = json.loads(raw, strict=False)
            # What cannot be written again (NaN, half a surrogate pair) could not be answered either.
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError) as error:
            raise _undeserializable(unreadable(error)) from error
        if not isinstance(value, dict):
            raise _undeserializable(no_object(value))
        return value


async def within(world: World, caller: Caller, method: str, path: str, version: str, body: dict[str, Any]) -> Response:
    """Do as if a caller had sent a request, as a template's deployment does for each of its resources. ArmError as for the request."""
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [], "state": {}}
    return await ArmApp(world).perform(Request(scope), caller, {"api-version": version}, body)


def _chosen(
    method: str, matches: list[tuple[Route[Handler], dict[str, str]]]
) -> tuple[Route[Handler], dict[str, str]] | None:
    """The operation for a method. HEAD asks whether a resource is there, of everything that can be read alone."""
    chosen = next((match for match in matches if match[0].method == method), None)
    if chosen is None and method == "HEAD":
        chosen = next((match for match in matches if match[0].method == "GET" and match[0].is_resource), None)
    return chosen


def _undeserializable(why: str) -> ArmError:
    return bad_request(f"The request content was invalid and could not be deserialized: '{why}'.")

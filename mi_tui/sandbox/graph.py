"""Microsoft Graph: `https://graph.microsoft.com`, as far as clients of Azure roles and identities call it, from the sandbox's directory.

Who may read: every user of the tenant, as Entra's default user permissions have it, and a service principal whose application was
granted `Directory.Read.All`; a managed identity has no such grant. Nobody may write. Errors are Graph's own ("Microsoft Graph error
responses and resource types"); the sentences are those that clients report in public issues.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mi_tui.sandbox import directory, odata
from mi_tui.sandbox.hosts import GRAPH
from mi_tui.sandbox.tokens import Caller, TokenError
from mi_tui.sandbox.world import World

AUDIENCES = (f"https://{GRAPH}", "00000003-0000-0000-c000-000000000000")
"""Graph's address and its application id: either may be the audience of a token."""

READS = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})
"""Application permissions with which a service principal may read the directory."""

MAX_BODY = 1024 * 1024
MAX_IDS = 1000
"""Ids in one `getByIds`; "directoryObject: getByIds" (Microsoft Graph)."""

PAGE = 100
MOST = 999
"""Objects of a page without `$top`, and the most that `$top` may ask for."""

_COLLECTIONS = {
    "users": (directory.USER, directory.users),
    "serviceprincipals": (directory.SERVICE_PRINCIPAL, directory.service_principals),
    "applications": (directory.APPLICATION, directory.applications),
}
_SPELLED = {
    "users": "users", "serviceprincipals": "servicePrincipals", "applications": "applications", "groups": "groups",
    "directoryobjects": "directoryObjects", "organization": "organization", "me": "me",
}  # fmt: skip
_NOBODYS = frozenset({"ownedobjects", "memberof", "transitivememberof", "owners", "members", "createdobjects"})
"""Relations that are empty for everybody here: there are no groups, and nobody owns anything."""

_MEMBERSHIPS = frozenset({"getmembergroups", "getmemberobjects", "checkmembergroups", "checkmemberobjects"})
_KEY = re.compile(r"(?P<set>[A-Za-z]+)\((?:(?P<name>[A-Za-z]+)=)?'(?P<value>(?:[^']|'')*)'\)")
_CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)


class GraphError(Exception):
    """A refusal in Graph's envelope."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class GraphApp:
    """The ASGI application behind `graph.microsoft.com`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        trace = str(uuid.uuid4())
        client = request.headers.get("client-request-id") or trace
        try:
            response = _json(200, await self._answer(request))
        except GraphError as error:
            request.state.code = error.code
            now = dt.datetime.now(dt.UTC)
            inner = {"date": f"{now:%Y-%m-%dT%H:%M:%S}", "request-id": trace, "client-request-id": client}
            body = {"error": {"code": error.code, "message": str(error), "innerError": inner}}
            response = _json(error.status, body)
            if error.status == 401:
                response.headers["www-authenticate"] = _CHALLENGE
        response.headers["request-id"] = trace
        response.headers["client-request-id"] = client
        response.headers["cache-control"] = "no-cache"
        response.headers["strict-transport-security"] = "max-age=31536000"
        response.headers["x-ms-ags-diagnostic"] = json.dumps(
            {
                "ServerInfo": {
                    "DataCenter": "West Europe",
                    "Slice": "E",
                    "Ring": "5",
                    "ScaleUnit": "002",
                    "RoleInstance": "AM1PEPF00000000",
                }
            }
        )
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> dict[str, Any]:
        caller = self._authenticate(request)
        request.state.caller = caller.name
        # Clients join a base that ends with a slash to a path that begins with one.
        segments = [part for part in str(request.scope["path"]).split("/") if part]
        if not segments or segments[0] not in {"v1.0", "beta"}:
            raise GraphError(400, "BadRequest", f"Invalid version: {segments[0][:100] if segments else ''}.")
        version, parts = segments[0], _expand(segments[1:])
        if not parts:
            raise GraphError(501, "NotImplemented", "The requested feature is not implemented: the service document.")
        first = parts[0].lower()
        if first not in _SPELLED:
            raise _no_segment(parts[0])
        if first == "me" and caller.kind != "User":
            request.state.decision = "no user is signed in"
            raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        self._require_read(request, caller)
        if request.method == "POST":
            return await self._post(request, version, parts)
        if request.method != "GET":
            raise self._no_write(request)
        if first == "me":
            parts = ["users", caller.object_id, *parts[1:]]
        return self._read(request, version, parts, me=first == "me")

    def _authenticate(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            request.state.decision = "no token"
            raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
        try:
            return self._world.issuer.verify(token, AUDIENCES, directory=True)
        except TokenError as error:
            request.state.decision = str(error)
            raise GraphError(401, "InvalidAuthenticationToken", _told(error)) from error

    def _require_read(self, request: Request, caller: Caller) -> None:
        if caller.kind == "User":
            request.state.decision = "a user of the tenant reads the directory"
            return
        granted = READS & set(caller.roles)
        if not granted:
            request.state.decision = "the application has no permission to read the directory"
            raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        request.state.decision = f"application permission {min(granted)}"

    @staticmethod
    def _no_write(request: Request) -> GraphError:
        request.state.decision = "the directory is read only"
        return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    # ---- reading

    def _read(self, request: Request, version: str, parts: list[str], *, me: bool) -> dict[str, Any]:
        first = parts[0].lower()
        if first == "organization" and len(parts) == 1:
            return {"@odata.context": _context(version, "organization"), "value": [directory.organization()]}
        if len(parts) == 1:
            if first == "groups":
                return _page(request, version, "groups", [])
            if first in _COLLECTIONS:
                return _page(request, version, _SPELLED[first], _COLLECTIONS[first][1](self._world))
            raise GraphError(501, "NotImplemented", f"The requested feature is not implemented: {_SPELLED[first]}.")
        found, type_ = self._one(first, parts[1])
        if len(parts) == 2:
            return {
                "@odata.context": _context(version, "users" if me else _SPELLED[first]) + "/$entity",
                **({"@odata.type": type_} if first == "directoryobjects" else {}),
                **_selected(found, request.query_params.get("$select")),
            }
        if len(parts) == 3 and parts[2].lower() in _NOBODYS:
            return {"@odata.context": _context(version, "directoryObjects"), "value": []}
        raise _no_segment(parts[2]) if len(parts) == 3 else _no_segment(parts[-1])

    def _one(self, kind: str, key: str) -> tuple[dict[str, Any], str]:
        """The object of a collection that a path's key names, and its type."""
        wanted = key.lower()
        by_app = wanted.removeprefix("appid=") if wanted.startswith("appid=") else None
        if (
            kind in {"serviceprincipals", "applications", "groups", "directoryobjects"}
            and by_app is None
            and not _guid(key)
        ):
            raise GraphError(400, "Request_BadRequest", f"Invalid object identifier '{key[:100]}'.")
        sources = [_COLLECTIONS[kind]] if kind in _COLLECTIONS else []
        if kind == "directoryobjects":
            sources = list(_COLLECTIONS.values())
        for type_, objects in sources:
            for item in objects(self._world):
                names = {item["id"]} if by_app is None else set()
                if kind == "users":
                    names.add(item["userPrincipalName"].lower())
                if wanted in names or (by_app is not None and item.get("appId") == by_app):
                    return item, type_
        told = key if by_app is None else by_app
        raise GraphError(
            404, "Request_ResourceNotFound",
            f"Resource '{told[:100]}' does not exist or one of its queried reference-property objects are not present.",
        )  # fmt: skip

    # ---- actions that only read

    async def _post(self, request: Request, version: str, parts: list[str]) -> dict[str, Any]:
        names = [part.lower().removeprefix("microsoft.graph.") for part in parts]
        if names == ["directoryobjects", "getbyids"]:
            return self._by_ids(version, await _body(request))
        if len(parts) == 3 and names[0] in _COLLECTIONS and names[2] in _MEMBERSHIPS:
            self._one(names[0], parts[1])
            await _body(request)
            return {"@odata.context": f"https://{GRAPH}/{version}/$metadata#Collection(Edm.String)", "value": []}
        raise self._no_write(request)

    def _by_ids(self, version: str, body: dict[str, Any]) -> dict[str, Any]:
        ids, types = body.get("ids"), body.get("types", ["directoryObject"])
        if not isinstance(ids, list) or not all(isinstance(entry, str) for entry in ids):
            raise GraphError(
                400, "Request_BadRequest", "Invalid value specified for property 'ids' of resource 'getByIds'."
            )
        if not isinstance(types, list) or not all(isinstance(entry, str) for entry in types):
            raise GraphError(
                400, "Request_BadRequest", "Invalid value specified for property 'types' of resource 'getByIds'."
            )
        if len(ids) > MAX_IDS:
            raise GraphError(
                400,
                "Directory_ResultSizeLimitExceeded",
                f"The number of ids exceeds the limit of {MAX_IDS} in one request.",
            )
        for entry in ids:
            if not _guid(entry):
                raise GraphError(400, "Request_BadRequest", f"Invalid GUID:{entry[:100]}")
        asked = {entry.lower() for entry in types}
        wanted = {entry.lower() for entry in ids}
        value = [
            {"@odata.type": type_, **item}
            for type_, objects in _COLLECTIONS.values()
            if "directoryobject" in asked or type_.rpartition(".")[2].lower() in asked
            for item in objects(self._world)
            if item["id"] in wanted
        ]
        return {"@odata.context": _context(version, "directoryObjects"), "value": value}


def _page(request: Request, version: str, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A collection as its query asks for it: filtered, cut into pages, each object cut down to `$select`."""
    query = request.query_params
    for option in query:
        if option.startswith("$") and option not in {"$filter", "$select", "$top", "$skiptoken", "$count", "$orderby"}:
            raise GraphError(
                400, "Request_UnsupportedQuery", f"The query option '{option[:60]}' is not supported here."
            )
    known = frozenset(key for item in items for key in item) or frozenset({"id", "displayName", "mailNickname"})
    if "$filter" in query:
        try:
            test = odata.parse(query["$filter"], known)
        except odata.FilterError as error:
            raise GraphError(400, error.code, str(error)) from error
        items = [item for item in items if test(item)]
    if query.get("$orderby", "").split(" ")[0] in known:
        order = query["$orderby"].split(" ")
        items.sort(key=lambda item: str(item.get(order[0]) or "").lower(), reverse=order[-1].lower() == "desc")
    size, start = _number(query.get("$top"), "$top", PAGE, most=MOST), _number(query.get("$skiptoken"), "$skiptoken", 0)
    answer: dict[str, Any] = {"@odata.context": _context(version, name)}
    if query.get("$count", "").lower() == "true":
        answer["@odata.count"] = len(items)
    if start + size < len(items):
        kept = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items() if key != "$skiptoken")
        answer["@odata.nextLink"] = (
            f"https://{GRAPH}/{version}/{name}?{kept + '&' if kept else ''}$skiptoken={start + size}"
        )
    answer["value"] = [_selected(item, query.get("$select")) for item in items[start : start + size]]
    return answer


def _number(text: str | None, name: str, without: int, most: int = 10**9) -> int:
    if text is None:
        return without
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most) or (
        name == "$top" and int(text) < 1
    ):
        raise GraphError(400, "Request_BadRequest", f"Invalid value '{text[:40]}' for the query option '{name}'.")
    return int(text)


def _selected(item: dict[str, Any], select: str | None) -> dict[str, Any]:
    """An object's members named by `$select`; all without one. Unknown names are passed over, as Graph does for null members."""
    if not select:
        return item
    wanted = {name.strip().lower() for name in select.split(",")}
    return {key: value for key, value in item.items() if key.lower() in wanted}


def _expand(parts: list[str]) -> list[str]:
    """`users('x')` and `servicePrincipals(appId='x')` as two segments."""
    if not parts or (found := _KEY.fullmatch(parts[0])) is None:
        return parts
    value = found["value"].replace("''", "'")
    return [found["set"], f"{found['name']}={value}" if found["name"] else value, *parts[1:]]


async def _body(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MAX_BODY:
            raise GraphError(413, "RequestEntityTooLarge", "The request is too large.")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        words = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."
        raise GraphError(400, "BadRequest", words) from error
    if not isinstance(value, dict):
        raise GraphError(400, "BadRequest", "Empty Payload. JSON content expected.")
    return value


def _told(error: TokenError) -> str:
    """Graph's sentence about a token that it does not accept."""
    text = str(error)
    if "Expired" in text:
        return "Lifetime validation failed, the token is expired."
    if "Audience" in text:
        return "Access token validation failure. Invalid audience."
    if "Signature" in text:
        return "Access token validation failure. Invalid signature."
    if "Decode" in text:
        return "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization Format."
    return "Access token validation failure."


def _no_segment(segment: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{segment[:100]}'.")


def _context(version: str, name: str) -> str:
    return f"https://{GRAPH}/{version}/$metadata#{name}"


def _guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _json(status: int, body: object) -> Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    media_type = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    return Response(
        text.encode("utf-8", "replace"), status, media_type=media_type if status == 200 else "application/json"
    )

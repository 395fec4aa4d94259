"""The blob service behind `{account}.blob.core.windows.net`: from an ASGI request to an operation and back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import BinaryIO
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from mi_tui.sandbox import disk
from mi_tui.sandbox.blob import (
    appending,
    auth,
    batch,
    blocks,
    containers,
    copying,
    cors,
    delegation,
    files,
    listing,
    pages,
    reading,
    settings,
    structured,
    writing,
)
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.errors import BlobError, fault, invalid_header, invalid_query, new_request_id, unsupported
from mi_tui.sandbox.containers import account_by_name
from mi_tui.sandbox.world import World

SUFFIX = ".blob.core.windows.net"

_log = logging.getLogger(__name__)

_SERVER = "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0"
_FRONT_END_SERVER = "Microsoft-HTTPAPI/2.0"
_OLDEST = "2009-09-19"

_DRAIN = 256 * 1024 * 1024
"""Bytes of a refused upload that are still read: clients look at an answer only when they got rid of their body."""

Handler = Callable[[Call], Awaitable[Answer]]

# (kind of resource, method, comp) -> operation and the right that it asks for; None: the operation asks itself.
_OPERATIONS: dict[tuple[str, str, str], tuple[Handler, auth.Need | None]] = {
    ("service", "GET", "list"): (listing.list_containers, auth.CONTAINERS_LIST),
    ("service", "GET", "blobs"): (listing.find_blobs, auth.FILTER),
    ("service", "GET", "properties"): (settings.service_properties, auth.SERVICE_READ),
    ("service", "PUT", "properties"): (settings.set_service_properties, auth.SERVICE_WRITE),
    ("service", "POST", "userdelegationkey"): (delegation.user_delegation_key, auth.DELEGATE),
    ("account", "GET", "properties"): (containers.account_information, auth.ACCOUNT_READ),
    ("account", "HEAD", "properties"): (containers.account_information, auth.ACCOUNT_READ),
    ("container", "PUT", ""): (containers.create, auth.CONTAINER_CREATE),
    ("container", "DELETE", ""): (containers.delete, auth.CONTAINER_DELETE),
    ("container", "GET", ""): (containers.properties, auth.CONTAINER_READ),
    ("container", "HEAD", ""): (containers.properties, auth.CONTAINER_READ),
    ("container", "GET", "metadata"): (containers.get_metadata, auth.CONTAINER_READ),
    ("container", "HEAD", "metadata"): (containers.get_metadata, auth.CONTAINER_READ),
    ("container", "PUT", "metadata"): (containers.set_metadata, auth.CONTAINER_WRITE),
    ("container", "GET", "acl"): (containers.get_acl, auth.CONTAINER_GET_ACL),
    ("container", "HEAD", "acl"): (containers.get_acl, auth.CONTAINER_GET_ACL),
    ("container", "PUT", "acl"): (containers.set_acl, auth.CONTAINER_SET_ACL),
    ("container", "PUT", "lease"): (containers.lease, auth.CONTAINER_WRITE),
    ("container", "GET", "list"): (listing.list_blobs, auth.LIST),
    ("container", "GET", "blobs"): (listing.find_blobs, auth.FILTER_HERE),
    ("blob", "GET", ""): (reading.get_blob, auth.READ),
    ("blob", "HEAD", ""): (reading.get_properties, auth.READ),
    ("blob", "GET", "metadata"): (reading.get_metadata, auth.READ),
    ("blob", "HEAD", "metadata"): (reading.get_metadata, auth.READ),
    ("blob", "GET", "blocklist"): (blocks.get_block_list, auth.READ),
    ("blob", "GET", "pagelist"): (pages.page_ranges, auth.READ),
    ("blob", "GET", "tags"): (writing.get_tags, auth.TAGS_READ),
    ("blob", "PUT", ""): (writing.put_blob, None),
    ("blob", "PUT", "appendblock"): (appending.append_block, auth.APPEND),
    ("blob", "PUT", "block"): (blocks.put_block, None),
    ("blob", "PUT", "blocklist"): (blocks.put_block_list, None),
    ("blob", "PUT", "lease"): (writing.lease_blob, None),
    ("blob", "PUT", "metadata"): (writing.set_metadata, auth.WRITE),
    ("blob", "PUT", "page"): (pages.put_page, auth.WRITE),
    ("blob", "PUT", "properties"): (writing.set_properties, auth.WRITE),
    ("blob", "PUT", "seal"): (appending.seal, auth.APPEND),
    ("blob", "PUT", "tags"): (writing.set_tags, auth.TAGS_WRITE),
    ("blob", "PUT", "tier"): (writing.set_tier, auth.WRITE),
    ("blob", "PUT", "undelete"): (writing.undelete_blob, auth.WRITE),
    ("blob", "DELETE", ""): (writing.delete_blob, auth.DELETE),
}

# Operations that have no good answer here.
_REFUSED: dict[tuple[str, str, str], tuple[Handler, auth.Need | None]] = {
    ("blob", "PUT", "copy"): (copying.abort_copy, auth.WRITE),
    ("blob", "PUT", "snapshot"): (writing.refuse_snapshot, auth.SNAPSHOT),
}

# What Azure has and the sandbox has not; everything else that is not above is a mistake of the client's.
_MISSING = {
    "expiry": "blob expiry",
    "immutabilitypolicies": "immutability policies",
    "incrementalcopy": "incremental copies",
    "legalhold": "legal holds",
    "query": "blob queries",
    "rename": "renaming of containers",
    "stats": "geo-replication statistics",
    "undelete": "soft delete",
}

# Headers whose meaning would be lost if they were passed over.
_MISSING_HEADERS = {
    "x-ms-encryption-key": "customer-provided encryption keys",
    "x-ms-encryption-scope": "encryption scopes",
    "x-ms-immutability-policy-until-date": "immutability policies",
    "x-ms-legal-hold": "legal holds",
}

_VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d", re.ASCII)
_SNAPSHOT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z", re.ASCII)


class BlobApp:
    """The ASGI application of the blob service; the Host header names the account."""

    def __init__(self, world: World) -> None:
        self._world = world
        files.sweep(world.store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.ExitStack() as opened:
            await self._serve(scope, receive, send, opened)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, opened: contextlib.ExitStack) -> None:
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        request_id = new_request_id()
        body = _Body(receive, headers)
        version = headers.get("x-ms-version", "")
        front_end = False
        file: BinaryIO | None = None
        call: Call | None = None
        try:
            call = self._call(scope, headers, body, state)
            version = call.version
            answer = await self._answer(call)
            # Before anybody else has a turn: another request may replace or delete the blob.
            file = None if answer.content is None else opened.enter_context(answer.content.path.open("rb"))
        except files.Disconnected:
            state["decision"] = state.get("decision", "") + "; the client went away"
            return
        except BlobError as error:
            answer, front_end = _refusal(error, request_id), error.front_end
            version = "" if error.bare else version
            state["code"] = error.code
        except (OSError, sqlite3.Error) as error:
            full = disk.is_full(error)
            if not full and isinstance(error, sqlite3.Error):
                raise
            _log.error("the blob service cannot use its files", exc_info=not full)
            known = (
                BlobError(disk.STATUS, disk.CODE, disk.sentence(self._world.home)) if full else fault("InternalError")
            )
            state["code"] = known.code
            answer = _refusal(known, request_id)
        if call is not None and "origin" in headers and call.method != "OPTIONS":
            answer.headers |= cors.told(call)
        answer.headers["x-ms-request-id"] = request_id
        answer.headers.setdefault("server", _FRONT_END_SERVER if front_end else _SERVER)
        if version and not front_end:
            answer.headers["x-ms-version"] = version
        client_id = headers.get("x-ms-client-request-id")
        # "A client-generated, opaque value ... returned if it is no longer than 1,024 visible ASCII characters".
        if client_id is not None and len(client_id) <= 1024:
            answer.headers["x-ms-client-request-id"] = client_id
        if headers.get("x-ms-version", "9") < "2017-07-29":
            # Older clients do not know it (recorded: 2014-02-14, 2017-04-17).
            answer.headers.pop("x-ms-error-code", None)
        await body.drain(_DRAIN)
        await _send(scope["method"], answer, file, body, send)

    def _call(self, scope: Scope, headers: Headers, body: _Body, state: dict[str, object]) -> Call:
        state["caller"] = "anonymous"
        host = headers.get("host", "").partition(":")[0].lower()
        name = host.removesuffix(SUFFIX) if host.endswith(SUFFIX) else ""
        account = account_by_name(self._world, name) if name else None
        if account is None and name.endswith("-secondary") and scope["method"] in ("GET", "HEAD"):
            # Read access to the other region: the same blobs, under another name (recorded).
            account = account_by_name(self._world, name.removesuffix("-secondary"))
            if account is not None and "_RA" not in str((account.body.get("sku") or {}).get("name")):
                account = None
        if account is None:
            raise fault("ResourceNotFound")
        query_string = scope["query_string"].decode("latin-1")
        query = {key.lower(): value for key, value in parse_qsl(query_string, keep_blank_values=True)}
        raw = scope.get("raw_path") or scope["path"].encode()
        container, slash, blob = scope["path"].removeprefix("/").partition("/")
        if container and not slash and query.get("restype") not in ("container", "account"):
            container, blob = "$root", container
        return Call(
            world=self._world,
            account=account,
            method=scope["method"],
            path=raw.decode("latin-1"),
            query_string=query_string,
            query=query,
            headers=headers,
            receive=body.receive,
            state=state,
            container=container or None,
            blob=blob or None,
            version=scope.get("batch_version") or _version(headers, query),
            client=(scope.get("client") or ("127.0.0.1", 0))[0],
        )

    async def _answer(self, call: Call) -> Answer:
        if call.method == "OPTIONS":
            return cors.preflight(call)
        auth.authenticate(call)
        kind, comp = _kind(call), call.query.get("comp", "").lower()
        if comp == "batch" and call.method == "POST" and kind in ("service", "container"):
            return await batch.submit(call, self)
        wanted = kind, call.method, comp
        operation = _OPERATIONS.get(wanted) or _REFUSED.get(wanted)
        if operation is None:
            raise _unknown(kind, call, comp)
        handler, need = operation
        if need is not None:
            auth.authorize(call, need)
        for name, what in _MISSING_HEADERS.items():
            if name in call.headers:
                raise unsupported(what)
        if call.blob is not None and len(call.blob) > 1024:
            error = fault("OutOfRangeInput")
            error.message = "The specified resource name length is not within the permissible limits."
            raise error
        _refuse_other_versions(call)
        if structured.HEADER not in call.headers:
            return await handler(call)
        return await _structured(call, handler)


async def _structured(call: Call, handler: Handler) -> Answer:
    """An operation whose body, or whose answer's, is a structured message."""
    form = call.headers[structured.HEADER]
    structured.check(form)
    if call.method == "PUT":
        call.size = call.whole(structured.LENGTH)
        call.receive = structured.Decoder(call.receive, call.size)
    answer = await handler(call)
    if call.method == "PUT" or answer.content is not None:
        answer.headers[structured.HEADER] = structured.FORM
    if answer.content is not None:
        answer.structured = True
        answer.headers[structured.LENGTH] = str(answer.content.size)
    return answer


class _Body:
    """ASGI's receive, and whether the request's body has come to its end."""

    def __init__(self, receive: Receive, headers: Headers) -> None:
        self._receive = receive
        self._begun = False
        length = headers.get("content-length", "")
        self._length = int(length) if length.isdecimal() else 0
        self._chunked = "transfer-encoding" in headers
        self._waits = headers.get("expect", "").lower() == "100-continue"
        self.ended = self._length == 0 and not self._chunked

    async def receive(self) -> dict[str, object]:
        """ASGI's next message."""
        self._begun = True
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.ended = True
        return dict(message)

    async def drain(self, limit: int) -> None:
        """Read the rest of the body, unless it is more than `limit` bytes or the client waits to be asked for it."""
        if self._length > limit or (self._waits and not self._begun):
            return
        read = 0
        while not self.ended and read <= limit:
            message = await self.receive()
            piece = message.get("body", b"")
            read += len(piece) if isinstance(piece, bytes) else 0

    async def gone(self) -> None:
        """Return when the client has gone away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _version(headers: Headers, query: dict[str, str]) -> str:
    """The service version of a request: its header, else its SAS, else the oldest, as Azure decides."""
    value = headers.get("x-ms-version")
    if value is None:
        return query.get("api-version") or query.get("sv") or _OLDEST
    # Newer versions than the sandbox knows are let in, as long as they can be: a client of next year is not wrong today.
    if not _VERSION.fullmatch(value) or int(value[:4]) > time.gmtime().tm_year + 1:
        raise invalid_header("x-ms-version", value)
    return value


def _kind(call: Call) -> str:
    restype = call.query.get("restype", "")
    if restype == "account":
        # Get Account Information may be asked at any address of the account.
        return "account"
    if call.container is None:
        return "service"
    if call.blob is None:
        if restype != "container":
            raise fault("InvalidUri")
        return "container"
    return "blob"


def _refuse_other_versions(call: Call) -> None:
    """Snapshots and versions of a blob: there are none, so whichever is named does not exist."""
    if call.blob is None:
        return
    for name in ("snapshot", "versionid"):
        value = call.query.get(name)
        if value is None:
            continue
        if not _SNAPSHOT.fullmatch(value):
            error = invalid_query(name, value, "Invalid snapshot or version.")
            error.bare = call.method == "HEAD"  # recorded
            raise error
        call.container_resource()
        raise fault("BlobNotFound")


def _unknown(kind: str, call: Call, comp: str) -> BlobError:
    if comp in _MISSING:
        return unsupported(_MISSING[comp])
    if comp and not any(key[0] == kind and key[2] == comp for key in _OPERATIONS):
        return invalid_query("comp", comp, "")
    return fault("UnsupportedHttpVerb")


def _refusal(error: BlobError, request_id: str) -> Answer:
    headers = dict(error.headers) if error.bare else {"x-ms-error-code": error.code, **error.headers}
    if error.status == 304:
        return Answer(304, headers)
    return Answer(error.status, {**headers, "content-type": "application/xml"}, error.xml(request_id))


async def _send(method: str, answer: Answer, file: BinaryIO | None, body: _Body, send: Send) -> None:
    headers = answer.headers
    failed = answer.status >= 400
    if method == "HEAD" and failed:
        # Azure sends neither a body nor its description (recorded).
        headers.pop("content-type", None)
    elif answer.status != 204 and not answer.chunked:
        length = answer.content.size if answer.content is not None else len(answer.body)
        if answer.structured:
            length = structured.message_length(length)
        headers.setdefault("content-length", str(length))
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if method == "HEAD" or answer.content is None or file is None:
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
        return
    gone = asyncio.ensure_future(body.gone()) if answer.content.size > files.PIECE else None
    try:
        pieces = files.pieces_of(answer.content, file)
        async for piece in structured.encoded(pieces, answer.content.size) if answer.structured else pieces:
            if gone is not None and gone.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        if gone is not None:
            gone.cancel()

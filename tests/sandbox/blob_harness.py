"""A world with one storage account, and two ways to the blob service: ASGI messages by hand, and the SDK through a socket."""

from __future__ import annotations

import asyncio
import base64
import functools
import secrets
import socket
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import uvicorn
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mi_tui.sandbox import grants
from mi_tui.sandbox.blob.service import BlobApp
from mi_tui.sandbox.containers import create_container
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.store import Principal, Resource, Store
from mi_tui.sandbox.tokens import STORAGE, Issuer
from mi_tui.sandbox.wire import Protocol
from mi_tui.sandbox.world import TENANT, World

ACCOUNT = "sandboxdata"
HOST = f"{ACCOUNT}.blob.core.windows.net"
ACCOUNT_ID = (
    "/subscriptions/5f0f3a3c-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Storage"
    f"/storageAccounts/{ACCOUNT}"
)
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@functools.cache
def _signing_key() -> str:
    """One key for all worlds of a test run: making one takes longer than most tests."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def new_world(home: Path) -> World:
    store = Store(home)
    store.set_value("signing_key", _signing_key())
    world = World(home, store, Issuer(store, TENANT), PROFILES["instant"])
    keys = [
        {"keyName": f"key{number}", "value": base64.b64encode(secrets.token_bytes(64)).decode(), "permissions": "FULL"}
        for number in (1, 2)
    ]
    body = {
        "id": ACCOUNT_ID, "name": ACCOUNT, "type": "Microsoft.Storage/storageAccounts", "kind": "StorageV2",
        "properties": {"allowBlobPublicAccess": False},
    }  # fmt: skip
    store.put(Resource(ACCOUNT_ID, "Microsoft.Storage/storageAccounts", ACCOUNT, body, {"keys": keys}))
    create_container(world, ACCOUNT_ID, "data")
    for name in ("reader", "writer", "owner", "nobody"):
        store.put_principal(Principal(f"00000000-0000-0000-0000-{name:0>12}", "ServicePrincipal", name, name))
    for name, role in (("reader", READER), ("writer", CONTRIBUTOR), ("owner", OWNER)):
        grants.assign(world, ACCOUNT_ID, f"00000000-0000-0000-0000-{name:0>12}", role, by="test", immediate=True)
    return world


def change_account(world: World, **properties: Any) -> None:
    account = world.store.resource(ACCOUNT_ID)
    assert account is not None
    account.body["properties"] |= properties
    world.store.put(account)


def change_kind(world: World, kind: str) -> None:
    account = world.store.resource(ACCOUNT_ID)
    assert account is not None
    account.body["kind"] = kind
    world.store.put(account)


def key(world: World, number: int = 1) -> str:
    account = world.store.resource(ACCOUNT_ID)
    assert account is not None
    return str(account.private["keys"][number - 1]["value"])


def token(world: World, name: str, audience: str = STORAGE, lifetime: int = 3600) -> str:
    principal = world.store.principal(f"00000000-0000-0000-0000-{name:0>12}")
    assert principal is not None
    return world.issuer.mint(principal, audience, lifetime=lifetime)[0]


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    state: dict[str, Any]
    unread: int = 0

    @property
    def code(self) -> str | None:
        return self.headers.get("x-ms-error-code")


@dataclass
class Wire:
    """The blob service called with ASGI messages. `bearer` is a principal's name; `keep=False` throws the body away."""

    world: World
    app: BlobApp = field(init=False)

    def __post_init__(self) -> None:
        self.app = BlobApp(self.world)

    def __call__(
        self, method: str, target: str, body: bytes | list[bytes] = b"", *, bearer: str | None = None, host: str = HOST,
        hang_up: bool = False, keep: bool = True, **headers: str,
    ) -> Reply:  # fmt: skip
        pieces = [body] if isinstance(body, bytes) else list(body)
        sent = {"host": host, "x-ms-version": "2022-11-02"}
        if method == "PUT":
            sent["content-length"] = str(sum(map(len, pieces)) + (1 if hang_up else 0))
        if bearer is not None:
            sent["authorization"] = f"Bearer {token(self.world, bearer)}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw, _, query = target.partition("?")
        state: dict[str, Any] = {}
        scope = {
            "type": "http", "method": method, "path": unquote(raw), "raw_path": raw.encode(), "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value], "state": state,
        }  # fmt: skip
        messages: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            if pieces:
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces) or hang_up}
            if hang_up:
                return {"type": "http.disconnect"}
            await asyncio.sleep(3600)
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" or keep:
                messages.append(message)

        asyncio.run(self.app(scope, receive, send))
        if not messages:
            return Reply(0, {}, b"", state)
        names = {name.decode(): value.decode("latin-1") for name, value in messages[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in messages[1:])
        return Reply(messages[0]["status"], names, content, state, len(pieces))


class _Static:
    """A credential that has one token."""

    def __init__(self, value: str) -> None:
        self._value = value

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self._value, int(time.time()) + 3600)


class _Plain(RequestsTransport):
    """Takes what is meant for https to the test's plain socket: the SDK hands out tokens for https only."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **kwargs)


@dataclass
class Socket:
    """The blob service behind a socket, as a plain HTTP proxy, so that the SDK uses the account's real host name."""

    world: World
    port: int

    def client(self, credential: Any = None) -> BlobServiceClient:
        proxies = {"http": f"http://127.0.0.1:{self.port}"}
        return BlobServiceClient(
            f"https://{HOST}", credential=credential, transport=_Plain(), proxies=proxies, retry_total=0
        )

    def client_as(self, name: str) -> BlobServiceClient:
        return self.client(_Static(token(self.world, name)))


@contextmanager
def served(world: World) -> Iterator[Socket]:
    app = BlobApp(world)

    async def proxied(scope: Any, receive: Any, send: Any) -> None:
        # A client of a plain proxy sends the whole URL as the request's target.
        prefix = f"http://{scope['headers'] and dict(scope['headers'])[b'host'].decode()}"
        scope["raw_path"] = scope["raw_path"].removeprefix(prefix.encode())
        scope["path"] = scope["path"].removeprefix(prefix)
        await app(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(proxied, http=Protocol, server_header=False, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Socket(world, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()

"""An ARM client without a network: requests go straight into the ASGI application, in one event loop."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from mi_tui.sandbox import furnish
from mi_tui.sandbox.arm import (
    account_sas,
    activity,
    assets,
    authorization,
    blob_containers,
    blob_services,
    capacity,
    connections,
    datastores,
    deployments,
    empty_collections,
    federated,
    group_deletion,
    group_deployments,
    groups,
    identity,
    linked,
    locks,
    management_policies,
    operations,
    provider_operations,
    providers,
    scope_tags,
    storage,
    storage_extras,
    subscriptions,
    versions,
    workspace_actions,
    workspace_writes,
    workspaces,
)
from mi_tui.sandbox.arm.router import ArmApp
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.scenarios import overlays
from mi_tui.sandbox.store import Principal, Store
from mi_tui.sandbox.tokens import ARM, Issuer
from mi_tui.sandbox.world import TENANT, World

HANDLERS = (
    account_sas,
    activity,
    assets,
    authorization,
    blob_containers,
    blob_services,
    capacity,
    deployments,
    connections,
    datastores,
    group_deployments,
    empty_collections,
    federated,
    group_deletion,
    groups,
    identity,
    locks,
    management_policies,
    provider_operations,
    linked,
    providers,
    scope_tags,
    storage,
    storage_extras,
    subscriptions,
    workspace_actions,
    workspace_writes,
    workspaces,
)
GROUP = f"/subscriptions/{furnish.DEV}/resourceGroups/{furnish.GROUP}"
PROD_GROUP = f"/subscriptions/{furnish.PROD}/resourceGroups/{furnish.PROD_GROUP}"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{furnish.WORKSPACE}"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts"
DATA = f"{STORAGE}/{furnish.DATA_ACCOUNT}"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
ROLES = f"/subscriptions/{furnish.DEV}/providers/Microsoft.Authorization/roleDefinitions"

_BESIDE = Path(__file__).parents[2].parent / "shared" / "azure"
RECORDINGS = Path(os.environ.get("MI_TUI_AZURE_MATERIAL") or _BESIDE) / "recordings"


@dataclass
class Answer:
    """One answer: `json` is its body, '' when empty."""

    status: int
    headers: dict[str, str]
    json: Any
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        """The error's message."""
        return str(self.json["error"]["message"])


class Arm:
    """One caller's view of a world. `principal` None sends no token."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop, principal: str | None) -> None:
        self.world = world
        self.loop = loop
        self.principal = principal

    def as_(self, principal: str | None) -> Arm:
        """The same world seen by another caller."""
        return Arm(self.world, self.loop, principal)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = "",
        token: str | None = None,
        **query: str,
    ) -> Answer:
        """Send one request and return its answer. A whole URL may be given as the path. An api-version that the path's provider
        has is sent unless one is given; None sends none.
        """
        parts = urlsplit(path)
        if version == "":
            version = _version_for(parts.path)
        pairs = dict(query) | ({} if version is None or "api-version=" in parts.query else {"api-version": version})
        text = "&".join(part for part in (parts.query, urlencode(pairs)) if part)
        return self.run(self._send(method, parts.path, text, body, token))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the world's loop."""
        return self.loop.run_until_complete(work)

    def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Let the loop run until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self.run(asyncio.sleep(0.01))

    async def _send(self, method: str, path: str, query: str, body: Any, token: str | None) -> Answer:
        headers = [(b"host", b"management.azure.com")]
        if token is None and self.principal is not None:
            principal = self.world.store.principal(self.principal)
            assert principal is not None
            token = self.world.issuer.mint(principal, ARM)[0]
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope: dict[str, Any] = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "https", "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "root_path": "", "headers": headers, "server": ("management.azure.com", 443),
            "state": {},
        }  # fmt: skip
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await ArmApp(self.world)(scope, receive, send)
        answer = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        found = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, json.loads(answer) if answer else "", scope["state"])

    def create_account(self, name: str, **properties: Any) -> Answer:
        """Make a storage account and wait until it is there; returns the last answer."""
        body = {
            "location": "westeurope",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": properties,
        }
        first = self("PUT", f"{STORAGE}/{name}", body)
        assert first.status == 202, first.json
        self.until(lambda: self("GET", first.headers["location"]).status == 200)
        return self("GET", first.headers["location"])

    def grant(self, scope: str, principal: str, role: str, name: str, **more: Any) -> Answer:
        """PUT a role assignment."""
        properties = {"roleDefinitionId": f"{ROLES}/{role}", "principalId": principal, **more}
        return self(
            "PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", {"properties": properties}
        )


def _version_for(path: str) -> str:
    """A version for a path: the same for most, else the newest that its provider has."""
    _, found, rest = path.lower().rpartition("/providers/")
    namespace = rest.partition("/")[0] if found else "microsoft.resources"
    usual = "2024-10-01"
    return (
        usual
        if versions.known(namespace, usual) or not versions.newest_first(namespace)
        else versions.newest_first(namespace)[0]
    )


_keys: list[str] = []


def new_world(home: Path, *, scenario: str = "none", **durations: float) -> World:
    """A furnished world with the durations of `instant`, or given. All share one signing key: it is slow to make."""
    store = Store(home)
    if _keys:
        store.set_value("signing_key", _keys[0])
    profile = replace(PROFILES["instant"], **durations)
    world = World(home, store, Issuer(store, TENANT), profile, scenario)
    _keys[:] = [str(store.value("signing_key"))]
    furnish.furnish(world)
    overlays.settle(world)
    return world


def stranger(world: World) -> str:
    """Somebody in the directory without any role; returns the object id."""
    world.store.put_principal(Principal("11111111-2222-4333-8444-555555555555", "User", "stranger@contoso.example"))
    return "11111111-2222-4333-8444-555555555555"


def recording(name: str) -> list[dict[str, Any]]:
    """The recorded exchanges of one file; skips the test without them."""
    path = RECORDINGS / f"{name}.json"
    if not path.exists():
        pytest.skip("the recordings of Azure's traffic are not beside this checkout")
    found = json.loads(path.read_text("utf-8"))
    assert isinstance(found, list)
    return found


def recorded(name: str, kind: str) -> dict[str, Any]:
    """The last recorded exchange of a class, such as `msi.uai.one|PUT|201|None`; the newest ones stand last or alone."""
    found = [exchange for exchange in recording(name) if exchange["cls"] == kind]
    assert found, kind
    return found[-1]


def shape(value: Any) -> Any:
    """The members of an answer without their values, for comparing with a recorded one."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return None


def open_arm(home: Path, principal: str = furnish.USER_ID, **settings: Any) -> Arm:
    """A new world seen by the furnished user; for fixtures, with `close_arm`."""
    return Arm(new_world(home, **settings), asyncio.new_event_loop(), principal)


def close_arm(arm: Arm) -> None:
    """Stop what is under way and close the files."""
    arm.run(operations.stop_all())
    arm.loop.close()
    arm.world.store.close()

"""What a workspace depends on beside storage: key vaults, Application Insights, Log Analytics, container registries.

The control plane only: they can be made, read, listed and deleted, as a workspace's template does it. No vault keeps a secret here,
and no registry an image.
"""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import grants
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import ANY_BODY, Shape
from mi_tui.sandbox.arm.subscriptions import location_of, show
from mi_tui.sandbox.errors import ArmError, bad_request, other_location
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.world import World

_BODY: Shape = {**ANY_BODY, "kind": str, "sku": {"name": str, "tier": str}}
_TYPES = {
    "Microsoft.ContainerRegistry/registries": 201,
    "Microsoft.KeyVault/vaults": 200,
    "Microsoft.Insights/components": 200,
    "Microsoft.OperationalInsights/workspaces": 201,
}
"""The types, and the status of a PUT that makes one (their OpenAPI files)."""

_GLOBAL = frozenset({"Microsoft.ContainerRegistry/registries", "Microsoft.KeyVault/vaults"})
"""Types whose names are a host's, and so one in the whole world."""


def _properties(world: World, type_: str, name: str, sent: dict[str, Any]) -> dict[str, Any]:
    """A new resource's properties: what was sent, and what only Azure says."""
    if type_ == "Microsoft.KeyVault/vaults":
        return {**sent, "vaultUri": f"https://{name}.vault.azure.net/", "provisioningState": "Succeeded"}
    if type_ == "Microsoft.ContainerRegistry/registries":
        given = {"adminUserEnabled": False, "publicNetworkAccess": "Enabled", **sent}
        return {**given, "loginServer": f"{name.lower()}.azurecr.io", "provisioningState": "Succeeded"}
    key = str(uuid.uuid4())
    if type_ == "Microsoft.Insights/components":
        own = {"InstrumentationKey": key, "AppId": str(uuid.uuid4()), "TenantId": world.issuer.tenant}
        return {"Application_Type": "web", **sent, **own, "provisioningState": "Succeeded"}
    return {"retentionInDays": 30, **sent, "customerId": key, "provisioningState": "Succeeded"}


def _register(type_: str, made: int) -> None:
    one = f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{type_}/{{name}}"

    @route("PUT", one, f"{type_}/write", _BODY)
    def put(call: Call) -> Response:
        location, name = location_of(call, f"resource type '{type_}'"), call.ids["name"]
        identifier = f"{call.group}/providers/{type_}/{name}"
        existing = call.world.store.resource(identifier)
        sent = call.body.get("properties") or {}
        if existing is None:
            _check_name(call.world, type_, name)
            body: dict[str, Any] = {"id": identifier, "name": name, "type": type_, "location": location, "tags": {}}
            body |= {key: call.body[key] for key in ("tags", "kind", "sku") if call.body.get(key) is not None}
            body["properties"] = _properties(call.world, type_, name, sent)
            call.world.store.put(Resource(identifier, type_, name, body))
            return reply(made, body)
        if existing.body["location"] != location:
            raise other_location(call.ids["g"], name, existing.body["location"], location)
        existing.body["properties"] |= sent
        existing.body |= {key: call.body[key] for key in ("tags", "sku") if call.body.get(key) is not None}
        call.world.store.put(existing)
        return reply(200, existing.body)

    @route("DELETE", one, f"{type_}/delete")
    def delete(call: Call) -> Response:
        found = call.world.store.resource(call.path)
        if found is None:
            return reply(204)
        grants.unassign_under(call.world, found.id)
        call.world.store.remove(found.id)
        return reply(200)


def _check_name(world: World, type_: str, name: str) -> None:
    if type_ not in _GLOBAL:
        return
    if not 3 <= len(name) <= 50 or not name.replace("-", "").isalnum():
        raise bad_request(f"The name '{name}' is invalid: letters, digits and '-'.", "InvalidResourceName")
    if world.store.resources(type_, name=name):
        code = "VaultAlreadyExists" if "Vault" in type_ else "AlreadyInUse"
        raise ArmError(409, code, f"The name '{name}' is already in use.")


for _type, _made in _TYPES.items():
    show(_type)
    _register(_type, _made)

"""A scenario's furniture: put into a world when the scenario begins, and taken out again when it ends.

Only what `furnish` made is changed. What is changed is written down beside the world, so that it can be given back after a restart
too; what somebody changed meanwhile stays as that one left it.
"""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from typing import Any

from mi_tui.model import names
from mi_tui.sandbox import furnish, grants, rbac
from mi_tui.sandbox.scenarios.description import Existing, Furniture, RoleAt
from mi_tui.sandbox.store import Principal, Resource, RoleAssignment
from mi_tui.sandbox.times import timestamp
from mi_tui.sandbox.world import REGION, TENANT, World

_KEY = "scenario_furniture"
_ENDPOINT = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
_REGISTRY = "Microsoft.ContainerRegistry/registries"
_CALLERS = (furnish.USER_ID, furnish.SERVICE_PRINCIPAL_ID)


def settle(world: World) -> None:
    """Make the world's furniture that of its scenarios. Does nothing when it is so already."""
    kept = json.loads(world.store.value(_KEY) or "{}")
    if kept.get("fingerprint", "") == world.active.fingerprint:
        return
    with world.store.together():
        for entry in reversed(kept.get("undo", [])):
            _UNDO[entry["kind"]](world, entry)
        world.active.forget()
        undo: list[dict[str, Any]] = []
        for scenario in world.active.scenarios.values():
            undo += _apply(world, scenario.furniture)
        _write(world, undo)


def appear(world: World, workspace: Resource, name: str) -> Resource | None:
    """The endpoint that turns out to be there when it is asked for, where a scenario says so."""
    wanted = world.active.existing(name)
    if wanted is None or names.ENDPOINT.fault(name):
        return None
    undo = json.loads(world.store.value(_KEY) or "{}").get("undo", [])
    identifier = f"{workspace.id}/onlineEndpoints/{name}"
    # Once only: whoever deleted it has got rid of it.
    if any(entry["kind"] == "endpoint" and entry["id"].lower() == identifier.lower() for entry in undo):
        return None
    with world.store.together():
        endpoint = _endpoint(world, workspace, name, wanted)
        _write(world, [*undo, {"kind": "endpoint", "id": endpoint.id}])
    return endpoint


def _write(world: World, undo: list[dict[str, Any]]) -> None:
    world.store.set_value(_KEY, json.dumps({"fingerprint": world.active.fingerprint, "undo": undo}))


def _apply(world: World, furniture: Furniture) -> list[dict[str, Any]]:
    """Change what a scenario changes, and say how to give it back."""
    undo: list[dict[str, Any]] = []
    for role in furniture.rights.remove:
        undo += _take_role(world, role)
    for role in furniture.rights.add:
        undo += _give_role(world, role)
    if furniture.unregistered:
        undo += _unregister(world, furniture.unregistered)
    for name in (furnish.DATA_ACCOUNT, furnish.KEYLESS_ACCOUNT):
        undo += _change_account(
            world, names.storage_account_id(furnish.DEV, furnish.GROUP, name), dict(furniture.data_accounts)
        )
    workspace = _workspace(world)
    if workspace is None:
        return undo
    undo += _change_account(
        world, str(workspace.body["properties"]["storageAccount"]), dict(furniture.workspace_account)
    )
    if not furniture.registry:
        undo += _take_registry(world, workspace)
    for endpoint in furniture.endpoints:
        if endpoint.name and world.store.resource(f"{workspace.id}/onlineEndpoints/{endpoint.name}") is None:
            undo.append({"kind": "endpoint", "id": _endpoint(world, workspace, endpoint.name, endpoint).id})
    return undo


def _workspace(world: World) -> Resource | None:
    return world.store.resource(names.workspace_id(furnish.DEV, furnish.GROUP, furnish.WORKSPACE))


# ---- rights


def _scope(where: str) -> str:
    return {
        "subscription": f"/subscriptions/{furnish.DEV}",
        "group": names.group_id(furnish.DEV, furnish.GROUP),
        "workspace": names.workspace_id(furnish.DEV, furnish.GROUP, furnish.WORKSPACE),
        "account": names.storage_account_id(furnish.DEV, furnish.GROUP, furnish.DATA_ACCOUNT),
    }[where]


def _take_role(world: World, wanted: RoleAt) -> list[dict[str, Any]]:
    role, scope = rbac.role_named(wanted.role), _scope(wanted.scope)
    assert role is not None  # checked when the scenario was read
    undo = []
    for caller in _CALLERS:
        for found in world.store.assignments(caller):
            if (found.role, found.scope.lower()) == (role.guid, scope.lower()):
                world.store.remove_assignment(found.id, 0.0)
                undo.append({"kind": "took_role", "assignment": dataclasses.asdict(found)})
    return undo


def _give_back_role(world: World, entry: dict[str, Any]) -> None:
    taken = RoleAssignment(**entry["assignment"])
    for found in world.store.assignments(taken.principal_id):
        if (found.role, found.scope.lower()) == (taken.role, taken.scope.lower()):
            return
    world.store.put_assignment(taken)


def _give_role(world: World, wanted: RoleAt) -> list[dict[str, Any]]:
    role, scope = rbac.role_named(wanted.role), _scope(wanted.scope)
    assert role is not None  # checked when the scenario was read
    undo = []
    for caller in _CALLERS:
        before = {found.id for found in world.store.assignments(caller)}
        name = str(uuid.uuid5(uuid.UUID(TENANT), f"{scope}|{caller}|{role.guid}|scenario"))
        given = grants.assign(
            world,
            scope,
            caller,
            role.guid,
            by=furnish.ADMIN_ID,
            name=name,
            immediate=True,
            condition=wanted.condition or None,
        )
        if given.id not in before:
            undo.append({"kind": "gave_role", "id": given.id})
    return undo


def _take_back_role(world: World, entry: dict[str, Any]) -> None:
    world.store.remove_assignment(entry["id"], 0.0)


# ---- providers, accounts, registry


def _unregister(world: World, namespaces: tuple[str, ...]) -> list[dict[str, Any]]:
    subscription = world.store.resource(f"/subscriptions/{furnish.DEV}")
    if subscription is None:
        return []
    known = subscription.private.setdefault("unregistered", [])
    added = [namespace.lower() for namespace in namespaces if namespace.lower() not in known]
    known += added
    world.store.put(subscription)
    return [{"kind": "unregistered", "id": subscription.id, "namespaces": added}]


def _register(world: World, entry: dict[str, Any]) -> None:
    subscription = world.store.resource(entry["id"])
    if subscription is None:
        return
    for part, empty in (("unregistered", list), ("registering", dict)):
        kept = subscription.private.get(part, empty())
        subscription.private[part] = (
            [n for n in kept if n not in entry["namespaces"]]
            if isinstance(kept, list)
            else {n: since for n, since in kept.items() if n not in entry["namespaces"]}
        )
    world.store.put(subscription)


def _change_account(world: World, identifier: str, properties: dict[str, Any]) -> list[dict[str, Any]]:
    account = world.store.resource(identifier) if properties else None
    if account is None:
        return []
    before = {name: account.body["properties"].get(name) for name in properties}
    account.body["properties"] |= properties
    world.store.put(account)
    return [{"kind": "account", "id": account.id, "before": before, "set": properties}]


def _change_back_account(world: World, entry: dict[str, Any]) -> None:
    account = world.store.resource(entry["id"])
    if account is None:
        return
    properties = account.body["properties"]
    for name, value in entry["before"].items():
        if properties.get(name) != entry["set"][name]:
            continue
        if value is None:
            properties.pop(name, None)
        else:
            properties[name] = value
    world.store.put(account)


def _take_registry(world: World, workspace: Resource) -> list[dict[str, Any]]:
    identifier = workspace.body["properties"].pop("containerRegistry", None)
    registry = world.store.resource(str(identifier)) if identifier else None
    if registry is None:
        return []
    world.store.put(workspace)
    world.store.remove(registry.id)
    return [{"kind": "registry", "workspace": workspace.id, "registry": dataclasses.asdict(registry)}]


def _give_back_registry(world: World, entry: dict[str, Any]) -> None:
    registry, workspace = Resource(**entry["registry"]), world.store.resource(entry["workspace"])
    world.store.put(registry)
    # One that was made meanwhile holds the images of what was deployed meanwhile, and stays the workspace's.
    if workspace is not None and not workspace.body["properties"].get("containerRegistry"):
        workspace.body["properties"]["containerRegistry"] = registry.id
        world.store.put(workspace)


# ---- endpoints


def _endpoint(world: World, workspace: Resource, name: str, wanted: Existing) -> Resource:
    """An endpoint that a colleague made, or tried to."""
    identifier = f"{workspace.id}/onlineEndpoints/{name}"
    location = str(workspace.body["location"])
    ready = wanted.state == "Succeeded"
    host = f"https://{name}.{location}.inference.ml.azure.com"
    written = timestamp(time.time() - 86400)
    body: dict[str, Any] = {
        "id": identifier,
        "name": name,
        "type": _ENDPOINT,
        "properties": {
            "description": None,
            "properties": {"azureml.onlineendpointid": identifier.lower()},
            "scoringUri": f"{host}/score" if ready else None,
            "swaggerUri": f"{host}/swagger.json" if ready else None,
            "authMode": "Key",
            "provisioningState": wanted.state,
            "compute": None,
            "traffic": {},
            "mirrorTraffic": {},
            "publicNetworkAccess": "Enabled",
        },
        "systemData": {"createdAt": written, "createdBy": f"admin@{furnish.TENANT_DOMAIN}", "lastModifiedAt": written},
        "tags": {},
        "location": location or REGION,
        "kind": "Managed",
        "identity": _identity(world, identifier, workspace, name, wanted),
    }
    keys = {part: uuid.uuid4().hex for part in ("primary", "secondary")}
    endpoint = Resource(identifier, _ENDPOINT, name, body, {"keys": keys, "grants": [], "created": ready, "routed": {}})
    world.store.put(endpoint)
    return endpoint


def _identity(world: World, identifier: str, workspace: Resource, name: str, wanted: Existing) -> dict[str, Any]:
    if wanted.identity == "UserAssigned":
        key = names.identity_id(furnish.DEV, furnish.GROUP, furnish.IDENTITY)
        lent = world.store.principal_of(key)
        if lent is not None:
            members = {"principalId": lent.object_id, "clientId": lent.client_id}
            return {"type": "UserAssigned", "userAssignedIdentities": {key: members}}
    principal = Principal(
        str(uuid.uuid4()),
        "ServicePrincipal",
        f"{workspace.name}/onlineEndpoints/{name}",
        str(uuid.uuid4()),
        None,
        identifier,
    )
    world.store.put_principal(principal)
    return {"type": "SystemAssigned", "principalId": principal.object_id, "tenantId": TENANT}


def _remove_endpoint(world: World, entry: dict[str, Any]) -> None:
    """Unless somebody deployed to it, changed it, or made another of its name."""
    endpoint = world.store.resource(entry["id"])
    if endpoint is None or "operation" in endpoint.private or world.store.resources(under=endpoint.id):
        return
    identity = endpoint.body["identity"]
    if identity["type"] == "SystemAssigned":
        world.store.remove_principal(identity["principalId"])
    grants.unassign_under(world, endpoint.id)
    world.store.remove(endpoint.id)


_UNDO = {
    "took_role": _give_back_role,
    "gave_role": _take_back_role,
    "unregistered": _register,
    "account": _change_back_account,
    "registry": _give_back_registry,
    "endpoint": _remove_endpoint,
}

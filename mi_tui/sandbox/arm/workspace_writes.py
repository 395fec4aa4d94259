"""Workspaces made, changed and deleted: `Microsoft.MachineLearningServices/workspaces`, each a long operation answered 202.

That a PUT answers 202 and not 201 is said by the service's own team (Azure/azure-rest-api-specs pull request 29503); a PATCH's 202 is
recorded. The refusal of a workspace without its dependencies is that of public issues (Azure/azure-cli issue 28980).
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import containers, grants
from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.arm.account_rp import PREFIX, AccountError, accept, account_detail
from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_empty, system_data, workspace
from mi_tui.sandbox.arm.online_identity import user_assigned
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.shapes import ANY_BODY, Map, Shape
from mi_tui.sandbox.arm.subscriptions import location_of
from mi_tui.sandbox.errors import other_location, resource_not_found
from mi_tui.sandbox.store import Operation, Principal, Resource
from mi_tui.sandbox.times import timestamp, zulu
from mi_tui.sandbox.workspace_body import blob_container, default_datastore, workspace_body
from mi_tui.sandbox.world import World

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", re.ASCII)
_KINDS = {"default": "Default", "hub": "Hub", "project": "Project", "featurestore": "FeatureStore"}
_ENDPOINT = f"{WORKSPACE_TYPE}/onlineEndpoints"
_TEXTS = (
    "friendlyName", "description", "storageAccount", "keyVault", "applicationInsights", "containerRegistry", "imageBuildCompute",
    "publicNetworkAccess", "primaryUserAssignedIdentity", "systemDatastoresAuthMode", "hubResourceId",
)  # fmt: skip
_BODY: Shape = {
    **ANY_BODY,
    "kind": str,
    "sku": {"name": str, "tier": str},
    "identity": {"type": str, "userAssignedIdentities": Map(object)},
    "properties": {**dict.fromkeys(_TEXTS, str), "managedNetwork": dict, "workspaceHubConfig": dict},
}
_CHANGEABLE = (
    "friendlyName", "description", "applicationInsights", "containerRegistry", "imageBuildCompute", "publicNetworkAccess",
    "primaryUserAssignedIdentity", "systemDatastoresAuthMode", "managedNetwork", "serverlessComputeSettings", "ipAllowlist",
    "networkAcls", "encryption",
)  # fmt: skip
"""What a PATCH changes; other members that the file has are passed over."""

_KEPT = (
    "primaryUserAssignedIdentity", "hubResourceId", "workspaceHubConfig", "serverlessComputeSettings", "ipAllowlist", "networkAcls",
    "featureStoreSettings",
)  # fmt: skip
"""What a new workspace has only when it was sent."""


@route("PUT", WORKSPACE, f"{WORKSPACE_TYPE}/write", _BODY)
async def put_workspace(call: Call) -> Response:
    """Begin to make a workspace, or to change one."""
    identifier = f"{call.group}/providers/{WORKSPACE_TYPE}/{call.ids['w']}"
    location = location_of(call, f"resource type '{WORKSPACE_TYPE}'")
    existing = call.world.store.resource(identifier)
    if existing is None:
        return _create(call, identifier, location)
    if existing.body["location"] != location:
        raise other_location(call.ids["g"], existing.name, existing.body["location"], location)
    return _update(call, existing)


@route("PATCH", WORKSPACE, f"{WORKSPACE_TYPE}/write", _BODY)
async def patch_workspace(call: Call) -> Response:
    """Begin to change a workspace's tags, identity or properties."""
    return _update(call, workspace(call))


@route("DELETE", WORKSPACE, f"{WORKSPACE_TYPE}/delete")
async def delete_workspace(call: Call) -> Response:
    """Begin to delete a workspace with everything in it; what it only uses stays. 204 when there is none."""
    found = call.world.store.resource(f"{call.group}/providers/{WORKSPACE_TYPE}/{call.ids['w']}")
    if found is None:
        return ml_empty(204)
    if found.body["properties"].get("associatedWorkspaces"):
        raise _invalid(found.body["location"], "A hub that has projects cannot be deleted. Delete its projects first.")
    found.body["properties"]["provisioningState"] = "Deleting"
    return accept(call, "delete", found)


def _create(call: Call, identifier: str, location: str) -> Response:
    name = call.ids["w"]
    if _NAME.fullmatch(name) is None:
        message = f"The workspace name '{name}' is invalid: 3 to 33 letters, digits, '-' and '_', and a letter or digit first."
        raise _invalid(location, message)
    kind = _KINDS.get((call.body.get("kind") or "default").lower())
    if kind is None:
        raise _invalid(
            location, f"The workspace kind '{call.body['kind']}' is not one of {', '.join(_KINDS.values())}."
        )
    given = {
        key: value for key, value in (call.body.get("properties") or {}).items() if value not in (None, "", {}, [])
    }
    if kind == "Project":
        given |= _of_hub(call, given, location)
    _check_dependencies(call, kind, given, location)
    for key in ("hbiWorkspace", "v1LegacyMode", "enableDataIsolation"):
        given[key] = _truth(given.get(key))
    guid = str(uuid.uuid4())
    body = workspace_body(
        identifier, guid, location, call.world.issuer.tenant, zulu(), given, str(uuid.uuid4()), uuid.uuid4().hex
    )
    body |= {"kind": kind, "tags": call.body.get("tags") or {}, "systemData": _stamped(call)}
    body["properties"] |= {key: given[key] for key in _KEPT if key in given} | {"provisioningState": "Creating"}
    if kind == "Hub":
        body["properties"]["associatedWorkspaces"] = []
    new = Resource(identifier, WORKSPACE_TYPE, name, body)
    body["identity"] = _identity(call, new, call.body.get("identity") or {"type": "SystemAssigned"})
    with call.world.store.together():
        hub = call.world.store.resource(str(given.get("hubResourceId") or ""))
        if hub is not None:
            hub.body["properties"].setdefault("associatedWorkspaces", []).append(identifier)
            call.world.store.put(hub)
        return accept(call, "create", new)


def _of_hub(call: Call, given: dict[str, Any], location: str) -> dict[str, Any]:
    """What a project takes over from its hub."""
    hub = call.world.store.resource(str(given.get("hubResourceId") or ""))
    if hub is None or hub.body.get("kind") != "Hub":
        raise _invalid(location, "A project has the hubResourceId of a workspace of the kind Hub.")
    shared = ("storageAccount", "keyVault", "containerRegistry", "applicationInsights", "publicNetworkAccess")
    return {key: hub.body["properties"][key] for key in shared if hub.body["properties"].get(key) is not None}


def _check_dependencies(call: Call, kind: str, given: dict[str, Any], location: str) -> None:
    """400 unless the workspace names what it needs, and this is there (the second sentence is a guess)."""
    needed = ["storageAccount", "keyVault", *(["applicationInsights"] if kind == "Default" else [])]
    if any(key not in given for key in needed):
        message = "Missing dependent resources in workspace json"
        details = [account_detail("Invalid", message, "workspace")]
        raise AccountError(400, message, location=location, code="ValidationError", target="workspace", details=details)
    for key in (*needed, "containerRegistry"):
        if key in given and not call.world.store.has(given[key]):
            raise _invalid(location, f"The {key} '{given[key]}' of the workspace does not exist.")


def _update(call: Call, found: Resource) -> Response:
    properties, location = found.body["properties"], str(found.body["location"])
    if properties["provisioningState"] in {"Creating", "Updating", "Deleting"}:
        message = f"The workspace {found.name} is in {properties['provisioningState']} provisioning state."
        raise AccountError(409, message, location=location, code="Conflict", inner="ConflictError")
    sent = call.body.get("properties") or {}
    for key in ("applicationInsights", "containerRegistry"):
        if sent.get(key) and not call.world.store.has(sent[key]):
            raise _invalid(location, f"The {key} '{sent[key]}' of the workspace does not exist.")
    if call.body.get("identity"):
        found.body["identity"] = _identity(call, found, call.body["identity"])
    properties |= {key: sent[key] for key in _CHANGEABLE if sent.get(key) not in (None, {})}
    if call.body.get("tags") is not None:
        found.body["tags"] = call.body["tags"]
    properties["provisioningState"] = "Updating"
    found.body["systemData"] = _stamped(call, found.body["systemData"])
    return accept(call, "update", found)


def _identity(call: Call, space: Resource, wanted: dict[str, Any]) -> dict[str, Any]:
    """The identity after a request: a system-assigned one is made once; user-assigned ones are added, and removed by null."""
    before, location = space.body.get("identity") or {}, str(space.body["location"])
    kinds = {part.strip().lower() for part in (wanted.get("type") or "None").split(",")}
    if not kinds <= {"systemassigned", "userassigned"}:
        raise _invalid(
            location, f"The identity type '{wanted.get('type')}' is not SystemAssigned, UserAssigned or both."
        )
    answer: dict[str, Any] = {
        "type": ",".join(kind for kind in ("SystemAssigned", "UserAssigned") if kind.lower() in kinds)
    }
    if "systemassigned" in kinds:
        answer |= {key: before[key] for key in _OWN if key in before} or _principal(call, space)
    if "userassigned" in kinds:
        held = before.get("userAssignedIdentities") or {}
        sent = wanted.get("userAssignedIdentities") or {}
        named = {key.lower() for key in sent}
        attached = {key: value for key, value in held.items() if key.lower() not in named}
        write = f"{WORKSPACE_TYPE}/write"
        attached |= {key: user_assigned(call, space.id, key, write) for key, value in sent.items() if value is not None}
        if not attached:
            raise _invalid(location, "A workspace with user-assigned identities has at least one of them.")
        answer["userAssignedIdentities"] = attached
    return answer


_OWN = ("principalId", "tenantId")


def _principal(call: Call, space: Resource) -> dict[str, Any]:
    visible = time.time() + call.world.profile.directory_replication
    principal = Principal(str(uuid.uuid4()), "ServicePrincipal", space.name, str(uuid.uuid4()), None, space.id, visible)
    call.world.store.put_principal(principal)
    return {"principalId": principal.object_id, "tenantId": call.world.issuer.tenant}


def _stamped(call: Call, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """`systemData` with the account service's way to write times (recorded)."""
    found, now = system_data(call, before), zulu()
    return found | {"lastModifiedAt": now} | ({"createdAt": now} if before is None else {})


def _truth(value: Any) -> bool:
    """Templates send truth values as text."""
    return value is True or str(value).lower() == "true"


def _invalid(location: str, message: str) -> AccountError:
    return AccountError(
        400, message, location=location, code="ValidationError", target="workspace",
        details=[account_detail("Invalid", message, "workspace")],
    )  # fmt: skip


@operations.finisher(f"{PREFIX}create")
async def _finish_create(world: World, operation: Operation) -> None:
    """A workspace becomes ready with its default datastore and the containers in its storage."""
    await asyncio.sleep(world.profile.endpoint)
    found = _current(world, operation)
    facts = found.body["properties"]
    account = world.store.resource(facts["storageAccount"])
    if account is not None:
        container = blob_container(facts["workspaceId"])
        for name in ("azureml", container):
            containers.create_container(world, account.id, name)
        world.store.put(default_datastore(found.id, account.name, container, timestamp()))
    _settle(world, found)


@operations.finisher(f"{PREFIX}update")
async def _finish_update(world: World, operation: Operation) -> None:
    await asyncio.sleep(world.profile.traffic)
    _settle(world, _current(world, operation))


@operations.finisher(f"{PREFIX}delete")
async def _finish_delete(world: World, operation: Operation) -> None:
    """Endpoints go first, because what they run has to end."""
    for endpoint in world.store.resources(_ENDPOINT, operation.resource_id):
        await operations.within(world, "endpoint.delete", endpoint.id)
    await asyncio.sleep(world.profile.endpoint_delete)
    found = world.store.resource(operation.resource_id)
    if found is None:
        return
    hub = world.store.resource(str(found.body["properties"].get("hubResourceId") or ""))
    principal = world.store.principal_of(found.id)
    with world.store.together():
        if hub is not None:
            own = hub.body["properties"].get("associatedWorkspaces", [])
            hub.body["properties"]["associatedWorkspaces"] = [one for one in own if one.lower() != found.id.lower()]
            world.store.put(hub)
        if principal is not None:
            world.store.remove_principal(principal.object_id)
        grants.unassign_under(world, found.id)
        world.store.remove(found.id)


def _current(world: World, operation: Operation) -> Resource:
    """What an operation works on, unless a later one has taken it over."""
    found = world.store.resource(operation.resource_id)
    if found is None or found.private.get("operation") != operation.id:
        raise resource_not_found(operation.resource_id)
    return found


def _settle(world: World, found: Resource) -> None:
    found.body["properties"]["provisioningState"] = "Succeeded"
    world.store.put(found)

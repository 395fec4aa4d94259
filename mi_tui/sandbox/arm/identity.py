"""User-assigned managed identities, and the service principal in the directory that each of them is."""

from __future__ import annotations

import time
import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.model import names
from mi_tui.sandbox import grants
from mi_tui.sandbox.arm.paging import IDENTITY_LIST, page_of
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import ANY_BODY
from mi_tui.sandbox.arm.subscriptions import location_of
from mi_tui.sandbox.errors import bad_request, other_location, resource_not_found
from mi_tui.sandbox.store import Principal, Resource

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
_ALL = f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{TYPE}"
_ONE = _ALL + "/{name}"


@route("PUT", _ONE, f"{TYPE}/write", {**ANY_BODY, "properties": {"isolationScope": str}})
def put_identity(call: Call) -> Response:
    """Make an identity (201) or replace the tags of an existing one (200)."""
    name = call.ids["name"]
    if names.IDENTITY.fault(name):
        raise bad_request(
            f"The resource name '{name}' is invalid: it must have 3 to 128 letters, digits, hyphens and underscores "
            "and start with a letter or digit.",
            "InvalidResourceName",
        )
    location = location_of(call, f"resource type '{TYPE}'")
    # Managed Identity writes `resourcegroups` in lower case (recorded).
    identifier = call.group.replace("/resourceGroups/", "/resourcegroups/") + f"/providers/{TYPE}/{name}"
    existing = call.world.store.resource(identifier)
    if existing is not None:
        if existing.body["location"] != location:
            raise other_location(call.ids["g"], name, existing.body["location"], location)
        _change(call, existing)
        return reply(200, existing.body)
    principal_id, client_id = str(uuid.uuid4()), str(uuid.uuid4())
    properties: dict[str, Any] = {
        "tenantId": call.world.issuer.tenant,
        "principalId": principal_id,
        "clientId": client_id,
    }
    scope = (call.body.get("properties") or {}).get("isolationScope")
    if scope is not None:
        properties["isolationScope"] = scope
    body = {
        "location": location,
        "tags": call.body.get("tags") or {},
        "id": identifier,
        "name": name,
        "type": TYPE,
        "properties": properties,
    }
    visible = time.time() + call.world.profile.directory_replication
    with call.world.store.together():
        call.world.store.put(Resource(identifier, TYPE, name, body))
        call.world.store.put_principal(
            Principal(principal_id, "ServicePrincipal", name, client_id, None, identifier, visible)
        )
    return reply(201, body, {"location": identifier})


@route("GET", _ONE, f"{TYPE}/read")
def get_identity(call: Call) -> Response:
    """One identity."""
    return reply(200, _identity(call).body)


@route("GET", _ALL)
@route("GET", f"/subscriptions/{{s}}/providers/{TYPE}")
def list_identities(call: Call) -> Response:
    """The identities of a group or a subscription."""
    return reply(200, page_of(call, IDENTITY_LIST, lambda after: call.listing(TYPE, f"{TYPE}/read", after)))


@route("PATCH", _ONE, f"{TYPE}/write")
def patch_identity(call: Call) -> Response:
    """Replace an identity's tags."""
    identity = _identity(call)
    _change(call, identity)
    return reply(200, identity.body)


@route("DELETE", _ONE, f"{TYPE}/delete")
def delete_identity(call: Call) -> Response:
    """Delete an identity and its principal; 204 when there is none. What was granted to it stays, as in Azure."""
    identity = call.world.store.resource(call.path)
    if identity is None:
        return reply(204)
    call.world.store.remove_principal(identity.body["properties"]["principalId"])
    grants.unassign_under(call.world, identity.id)
    call.world.store.remove(identity.id)
    return reply(200)


@route("POST", _ONE + "/listAssociatedResources")
def list_associated(call: Call) -> Response:
    """The resources that have the identity, as the caller may see them (2022-01-31-preview only)."""
    identifier = call.path.rpartition("/")[0]
    call.require(f"{TYPE}/listAssociatedResources/action", identifier)
    identity = _identity(call, identifier)
    values = []
    for found in call.world.store.resources():
        held = (found.body.get("identity") or {}).get("userAssignedIdentities") or {}
        if identity.id.lower() in map(str.lower, held) and call.allows(f"{found.type}/read", found.id):
            parts = found.id.split("/")
            values.append(
                {
                    "id": found.id,
                    "name": found.name,
                    "type": found.type,
                    "resourceGroup": parts[4],
                    "subscriptionId": parts[2],
                    "subscriptionDisplayName": _title(call, parts[2]),
                }
            )
    return reply(200, {"totalCount": len(values), "value": values})


def _title(call: Call, subscription: str) -> str:
    found = call.world.store.resource(f"/subscriptions/{subscription}")
    return "" if found is None else str(found.body["displayName"])


def _identity(call: Call, identifier: str | None = None) -> Resource:
    """The identity with an id, by default the path."""
    found = call.world.store.resource(identifier or call.path)
    if found is None:
        raise resource_not_found(identifier or call.path)
    return found


def _change(call: Call, identity: Resource) -> None:
    if call.body.get("tags") is not None:
        identity.body["tags"] = call.body["tags"]
        call.world.store.put(identity)

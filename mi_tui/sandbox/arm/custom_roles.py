"""Custom roles: role definitions that somebody wrote, and where they can be assigned."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import grants, rbac
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import Shape
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.times import zulu

_ONE = "{+scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
_NS = rbac.CUSTOM
_PARTS = ("actions", "notActions", "dataActions", "notDataActions")
_BODY: Shape = {
    "properties": {
        **dict.fromkeys(("roleName", "description", "type"), str),
        "permissions": list,
        "assignableScopes": list,
    }
}


def custom_roles(call: Call, scope: str, *, below: bool) -> list[rbac.RoleDefinition]:
    """The custom roles that can be assigned at a scope; `below` adds those for scopes below it."""
    found = [rbac.custom_role(kept.body) for kept in call.world.store.resources(_NS)]
    return [
        role
        for role in found
        if any(rbac.covers(place, scope) or (below and rbac.covers(scope, place)) for place in role.scopes)
    ]


@route("PUT", _ONE, None, _BODY)
def put_definition(call: Call) -> Response:
    """Make or change a custom role (201). The caller needs the right at each scope where it can be assigned."""
    sent: dict[str, Any] = call.body.get("properties") or {}
    scopes = [str(place).rstrip("/") for place in sent.get("assignableScopes") or []]
    for scope in scopes or [call.ids["scope"]]:
        call.require(f"{_NS}/write", scope)
    guid = _guid(call.ids["guid"])
    if guid in rbac.role_definitions():
        raise bad_request(
            f"The built-in role definition '{guid}' cannot be changed.", "RoleDefinitionUpdateNotPermitted"
        )
    if not sent.get("roleName") or not scopes:
        raise bad_request("A custom role needs a roleName and assignableScopes.", "InvalidRoleDefinition")
    if any("*" in scope or not scope.lower().startswith("/subscriptions/") for scope in scopes):
        raise bad_request(
            "The assignable scopes of a custom role are subscriptions, resource groups or resources.",
            "InvalidRoleDefinitionAssignableScopes",
        )
    permissions = [_permission(entry) for entry in sent.get("permissions") or []]
    name = str(sent["roleName"])
    _check_name(call, guid, name)
    existing = _kept(call, guid)
    now, before = zulu(), {} if existing is None else existing.body["properties"]
    body = {
        "properties": {
            "roleName": name,
            "type": "CustomRole",
            "description": str(sent.get("description") or ""),
            "assignableScopes": scopes,
            "permissions": permissions,
            "createdOn": before.get("createdOn", now),
            "updatedOn": now,
            "createdBy": before.get("createdBy", call.caller.object_id),
            "updatedBy": call.caller.object_id,
        },
        "id": grants.definition_id(scopes[0], guid),
        "type": _NS,
        "name": guid,
    }
    call.world.store.put(Resource(_id(guid), _NS, guid, body))
    return reply(201, body)


@route("DELETE", _ONE)
def delete_definition(call: Call) -> Response:
    """Delete a custom role (200 with what it was), unless it is assigned; 204 without."""
    guid = _guid(call.ids["guid"])
    kept = _kept(call, guid)
    for scope in [call.ids["scope"]] if kept is None else kept.body["properties"]["assignableScopes"]:
        call.require(f"{_NS}/delete", scope)
    if kept is None:
        return reply(204)
    if any(assignment.role == guid for assignment in call.world.store.assignments()):
        raise bad_request("There are existing role assignments referencing role.", "RoleDefinitionHasAssignments")
    call.world.store.remove(kept.id)
    return reply(200, kept.body)


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise bad_request(
            f"The role definition ID '{text}' is not valid. It must be a GUID.", "InvalidRoleDefinitionId"
        ) from error


def _id(guid: str) -> str:
    # In no subscription: a custom role belongs to the directory.
    return f"/providers/Microsoft.Authorization/roleDefinitions/{guid}"


def _kept(call: Call, guid: str) -> Resource | None:
    return call.world.store.resource(_id(guid))


def _permission(entry: Any) -> dict[str, list[str]]:
    lists = {part: entry.get(part) or [] for part in _PARTS} if isinstance(entry, dict) else {}
    if not lists or any(not isinstance(one, str) for given in lists.values() for one in given):
        raise bad_request("Each of a role's permissions is an object of lists of actions.", "InvalidRoleDefinition")
    return lists


def _check_name(call: Call, guid: str, name: str) -> None:
    taken = rbac.role_named(name) is not None or any(
        kept.name != guid and kept.body["properties"]["roleName"].lower() == name.lower()
        for kept in call.world.store.resources(_NS)
    )
    if taken:
        raise ArmError(
            409,
            "RoleDefinitionWithSameNameExists",
            f"A custom role with the name '{name}' already exists in this directory.",
        )

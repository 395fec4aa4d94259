"""Role definitions, role assignments and the caller's own permissions, at any scope."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import grants, rbac
from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.arm.shapes import Shape
from mi_tui.sandbox.errors import ArmError, bad_request, group_not_found, resource_not_found
from mi_tui.sandbox.rbac import RoleDefinition, role_definitions
from mi_tui.sandbox.store import RoleAssignment
from mi_tui.sandbox.times import zulu

_AUTHORIZATION = "{+scope}/providers/Microsoft.Authorization"
_ASSIGNMENT = _AUTHORIZATION + "/roleAssignments/{name}"
_NS = "Microsoft.Authorization/roleAssignments"
_BODY: Shape = {
    "properties": dict.fromkeys(
        ("roleDefinitionId", "principalId", "principalType", "description", "condition", "conditionVersion"), str
    )
}
_KINDS = frozenset({"User", "Group", "ServicePrincipal", "ForeignGroup", "Device"})


@route("GET", _AUTHORIZATION + "/roleDefinitions")
def list_definitions(call: Call) -> Response:
    """The built-in roles; `roleName eq '...'` and `type eq '...'` filter."""
    scope = call.ids["scope"]
    call.require("Microsoft.Authorization/roleDefinitions/read", scope)
    _check_scope(call, scope)
    conditions = call.query.get("$filter", "")
    name = re.search(r"roleName\s+eq\s+'((?:[^']|'')*)'", conditions, re.IGNORECASE)
    kind = re.search(r"\btype\s+eq\s+'([^']*)'", conditions, re.IGNORECASE)
    if kind is not None and kind.group(1).lower() != "builtinrole":
        return page([])
    wanted = None if name is None else name.group(1).replace("''", "'").lower()
    return page(
        [_definition(call, scope, role) for role in role_definitions().values() if wanted in (None, role.name.lower())]
    )


@route("GET", _AUTHORIZATION + "/roleDefinitions/{guid}")
def get_definition(call: Call) -> Response:
    """One built-in role."""
    call.require("Microsoft.Authorization/roleDefinitions/read", call.ids["scope"])
    return _one_definition(call, call.ids["scope"])


@route("GET", "/providers/Microsoft.Authorization/roleDefinitions/{guid}")
def get_tenant_definition(call: Call) -> Response:
    """One built-in role, asked for without a subscription."""
    return _one_definition(call, "")


@route("PUT", _ASSIGNMENT, f"{_NS}/write", _BODY)
def put_assignment(call: Call) -> Response:
    """Grant a role (201). The same again under the same name is 200, and may change the description.

    One with a condition is refused: the sandbox evaluates none, and without it the role would give more than in Azure.
    """
    scope, name = call.ids["scope"].rstrip("/"), call.ids["name"]
    sent = call.body.get("properties") or {}
    if _guid(name) is None:
        raise bad_request(
            f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
            "InvalidRoleAssignmentId",
        )
    principal_id = _guid(str(sent.get("principalId") or ""))
    if principal_id is None:
        raise bad_request("A valid principal ID must be provided for role assignment.", "InvalidPrincipalId")
    role = _role_of(call, str(sent.get("roleDefinitionId") or ""))
    kind = sent.get("principalType")
    if kind is not None and kind not in _KINDS:
        raise bad_request(f"The principal type '{kind}' is not supported.", "UnsupportedPrincipalType")
    if sent.get("condition"):
        raise bad_request(
            "The mi-tui sandbox does not evaluate conditions of role assignments, so it takes none. "
            "Assign the role without a condition, or at a smaller scope.",
            "RoleAssignmentConditionNotSupported",
        )
    _check_scope(call, scope)
    existing = call.world.store.assignment(grants.assignment_id(scope, name))
    if existing is not None:
        return _again(call, existing, principal_id, role, sent)
    _check_principal(call, principal_id, kind)
    for other in call.world.store.assignments(principal_id):
        if other.role == role and other.scope.lower() == scope.lower():
            raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    assignment = grants.assign(
        call.world,
        scope,
        principal_id,
        role,
        by=call.caller.object_id,
        name=name,
        principal_type=kind,
        description=sent.get("description"),
    )
    # The answer to a creation does not say yet who created it (recorded).
    return reply(201, {**assignment.body, "properties": {**assignment.body["properties"], "createdBy": None}})


@route("GET", _ASSIGNMENT, f"{_NS}/read")
def get_assignment(call: Call) -> Response:
    """One role assignment."""
    found = call.world.store.assignment(call.path)
    if found is None:
        raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{call.ids['name']}' is not found.")
    return reply(200, found.body)


@route("DELETE", _ASSIGNMENT, f"{_NS}/delete")
def delete_assignment(call: Call) -> Response:
    """Take a role back (200 with what it was); 204 without. It acts a little longer: see `grants.propagation`."""
    found = call.world.store.assignment(call.path)
    if found is None:
        return reply(204)
    grants.unassign(call.world, found)
    return reply(200, found.body)


@route("GET", _AUTHORIZATION + "/roleAssignments")
def list_assignments(call: Call) -> Response:
    """Role assignments at, above and below a scope; `atScope()` leaves out those below, a principal those of others."""
    scope = call.ids["scope"].rstrip("/")
    call.require_reach(f"{_NS}/read", scope)
    _check_scope(call, scope)
    conditions = call.query.get("$filter", "")
    person = re.search(r"(?:principalId\s+eq\s+|assignedTo\()\s*'\{?([^'}]+)\}?'", conditions, re.IGNORECASE)
    at_scope = "atscope()" in conditions.lower()
    readable_here = call.allows(f"{_NS}/read", scope)
    values = []
    for found in call.world.store.assignments(None if person is None else person.group(1)):
        above, below = rbac.covers(found.scope, scope), rbac.covers(scope, found.scope)
        if (above or (below and not at_scope)) and (readable_here or call.allows(f"{_NS}/read", found.scope)):
            values.append(found.body)
    return page(values)


@route("GET", _AUTHORIZATION + "/permissions")
def list_permissions(call: Call) -> Response:
    """What the caller's roles allow at a scope, one entry for each role; notActions take from their own entry only."""
    scope = call.ids["scope"].rstrip("/")
    call.require("Microsoft.Authorization/permissions/read", scope)
    _check_scope(call, scope)
    values: list[dict[str, Any]] = []
    for assignment in rbac.effective_assignments(call.world.store, call.caller.object_id, scope):
        role = role_definitions().get(assignment.role)
        values += [
            _permission(entry, data=call.api_version > "2015-07-01") for entry in (role.permissions if role else ())
        ]
    return page(values)


@route("GET", _AUTHORIZATION + "/denyAssignments")
def list_denials(call: Call) -> Response:
    """Deny assignments; the sandbox has none."""
    call.require("Microsoft.Authorization/denyAssignments/read", call.ids["scope"])
    return page([])


def _again(call: Call, existing: RoleAssignment, principal_id: str, role: str, sent: dict[str, Any]) -> Response:
    """PUT on an assignment that exists: nothing that decides who may do what can change."""
    if existing.principal_id != principal_id or existing.role != role:
        raise ArmError(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    properties, description = existing.body["properties"], sent.get("description")
    if description is not None and description != properties["description"]:
        properties |= {"description": description, "updatedOn": zulu(), "updatedBy": call.caller.object_id}
        call.world.store.put_assignment(existing)
    return reply(200, existing.body)


def _check_scope(call: Call, scope: str) -> None:
    """404 unless the scope is a subscription, a resource group or a resource that exists."""
    call.require_group(scope)
    if call.world.store.resource(scope) is not None:
        return
    parts = scope.strip("/").split("/")
    if len(parts) == 4 and parts[2].lower() == "resourcegroups":
        raise group_not_found(parts[3])
    # Not a resource of its own, and yet a scope: the blob service of an account.
    if (
        scope.lower().endswith("/blobservices/default")
        and call.world.store.resource(scope.rpartition("/blob")[0]) is not None
    ):
        return
    raise resource_not_found(scope)


def _check_principal(call: Call, principal_id: str, kind: str | None) -> None:
    """With a principal type the directory is not asked for somebody it does not know yet; without, it must know him."""
    principal = call.world.store.principal(principal_id)
    if kind is None:
        if principal is None or principal.visible_at > time.time():
            raise ArmError(
                400,
                "PrincipalNotFound",
                f"Principal {principal_id.replace('-', '')} does not exist in the directory {call.world.issuer.tenant}. "
                "Check that you have the correct principal ID. If you are creating this principal and then immediately "
                "assigning a role, this error might be related to a replication delay. In this case, set the role "
                "assignment principalType property to a value, such as ServicePrincipal, User, or Group.  "
                "See https://aka.ms/docs-principaltype",
            )
    elif principal is not None and principal.kind != kind:
        raise ArmError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal_id.replace('-', '')}' has type '{principal.kind}' , "
            f"which is different from specified PrinciaplType '{kind}'.",
        )


def _role_of(call: Call, definition: str) -> str:
    """The GUID of the role that a role definition id names."""
    guid = _guid(definition.rstrip("/").rpartition("/")[2])
    if guid is None or "/roledefinitions/" not in f"/{definition.lower()}":
        raise bad_request(f"The role definition ID '{definition}' is not valid.", "InvalidRoleDefinitionId")
    if guid not in role_definitions():
        raise bad_request(
            f"The specified role definition with ID '{guid.replace('-', '')}' does not exist.",
            "RoleDefinitionDoesNotExist",
        )
    return guid


def _one_definition(call: Call, scope: str) -> Response:
    guid = _guid(call.ids["guid"])
    role = None if guid is None else role_definitions().get(guid)
    if role is None:
        raise ArmError(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{call.ids['guid'].replace('-', '')}' does not exist.",
        )
    return reply(200, _definition(call, scope, role))


def _definition(call: Call, scope: str, role: RoleDefinition) -> dict[str, Any]:
    # 2018-01-01-preview calls the kind of role `type` in its properties; later versions add who wrote it and when.
    return {
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [_permission(entry, data=True) for entry in role.permissions],
            "createdOn": "2015-02-02T21:55:09.8806423Z",
            "updatedOn": "2023-11-27T16:03:36.7779570Z",
            "createdBy": None,
            "updatedBy": None,
        },
        "id": grants.definition_id(scope, role.guid),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role.guid,
    }


def _permission(entry: rbac.Permission, *, data: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"actions": list(entry.actions), "notActions": list(entry.not_actions)}
    if data:
        answer |= {"dataActions": list(entry.data_actions), "notDataActions": list(entry.not_data_actions)}
    return answer


def _guid(text: str) -> str | None:
    """A GUID in lower case with hyphens, or None."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None

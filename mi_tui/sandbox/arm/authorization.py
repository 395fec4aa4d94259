"""Role definitions, role assignments and the caller's own permissions, at any scope."""

from __future__ import annotations

import base64
import re
import time
import uuid
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from mi_tui.sandbox import conditions, grants, rbac
from mi_tui.sandbox.arm.custom_roles import custom_roles
from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.arm.scopes import check_scope
from mi_tui.sandbox.arm.shapes import Shape
from mi_tui.sandbox.conditions import KIND, PRINCIPAL, ROLE, Asked
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.furnish import ADMIN_ID, TENANT_DOMAIN
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
PAGE = 200
"""Role assignments in one answer."""
LIMIT = 4000
"""Role assignments of a subscription, those of its resources included."""
_KINDS = frozenset({"User", "Group", "ServicePrincipal", "ForeignGroup", "Device"})


@route("GET", _AUTHORIZATION + "/roleDefinitions")
def list_definitions(call: Call) -> Response:
    """Built-in roles, and the custom ones that can be assigned at the scope; `roleName eq`, `type eq` and, for those that can
    be assigned below it as well, `atScopeAndBelow()` filter."""
    scope = call.ids["scope"]
    call.require("Microsoft.Authorization/roleDefinitions/read", scope)
    check_scope(call, scope)
    wanted_roles = call.query.get("$filter", "")
    name = re.search(r"roleName\s+eq\s+'((?:[^']|'')*)'", wanted_roles, re.IGNORECASE)
    kind = re.search(r"\btype\s+eq\s+'([^']*)'", wanted_roles, re.IGNORECASE)
    below = "atscopeandbelow()" in wanted_roles.lower()
    wanted = None if name is None else name.group(1).replace("''", "'").lower()
    roles = [*role_definitions().values(), *custom_roles(call, scope, below=below)]
    types = {None: (False, True), "builtinrole": (False,), "customrole": (True,)}
    return page(
        [
            _definition(call, scope, role)
            for role in roles
            if wanted in (None, role.name.lower())
            and role.custom in types.get(None if kind is None else kind.group(1).lower(), ())
        ]
    )


@route("GET", _AUTHORIZATION + "/roleDefinitions/{guid}")
def get_definition(call: Call) -> Response:
    """One role."""
    call.require("Microsoft.Authorization/roleDefinitions/read", call.ids["scope"])
    return _one_definition(call, call.ids["scope"])


@route("GET", "/providers/Microsoft.Authorization/roleDefinitions/{guid}")
def get_tenant_definition(call: Call) -> Response:
    """One built-in role, asked for without a subscription."""
    return _one_definition(call, "")


@route("PUT", _ASSIGNMENT, None, _BODY)
def put_assignment(call: Call) -> Response:
    """Grant a role (201). The same again under the same name is 200, and may change the description and the condition."""
    scope, name = call.ids["scope"].rstrip("/"), call.ids["name"]
    sent = call.body.get("properties") or {}
    call.require(f"{_NS}/write", None, Asked(f"{_NS}/write", _attributes(call, sent), {}))
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
    condition = _condition(sent)
    check_scope(call, scope)
    _check_assignable(role, scope)
    existing = call.world.store.assignment(grants.assignment_id(scope, name))
    if existing is not None:
        return _again(call, existing, principal_id, role.guid, sent)
    _check_principal(call, principal_id, kind)
    for other in call.world.store.assignments(principal_id):
        if other.role == role.guid and other.scope.lower() == scope.lower():
            raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    _check_limit(call, scope)
    assignment = grants.assign(
        call.world,
        scope,
        principal_id,
        role.guid,
        by=call.caller.object_id,
        name=name,
        principal_type=kind,
        description=sent.get("description"),
        condition=condition,
    )
    principal = call.world.store.principal(principal_id)
    if principal is not None and principal.resource_key and call.world.active.loses(role.name, principal_id):
        call.world.store.remove_assignment(assignment.id, 0.0)
    # The answer to a creation does not say yet who created it (recorded).
    return reply(201, {**assignment.body, "properties": {**assignment.body["properties"], "createdBy": None}})


@route("GET", _ASSIGNMENT, f"{_NS}/read")
def get_assignment(call: Call) -> Response:
    """One role assignment."""
    found = call.world.store.assignment(call.path)
    if found is None:
        raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{call.ids['name']}' is not found.")
    return reply(200, found.body)


@route("DELETE", _ASSIGNMENT)
def delete_assignment(call: Call) -> Response:
    """Take a role back (200 with what it was); 204 without. It acts a little longer: see `grants.propagation`."""
    found = call.world.store.assignment(call.path)
    resource = {} if found is None else _attributes(call, found.body["properties"])
    call.require(f"{_NS}/delete", None, Asked(f"{_NS}/delete", {}, resource))
    if found is None:
        return reply(204)
    grants.unassign(call.world, found)
    return reply(200, found.body)


@route("GET", _AUTHORIZATION + "/roleAssignments")
def list_assignments(call: Call) -> Response:
    """Role assignments at, above and below a scope; `atScope()` leaves out those below, a principal those of others."""
    scope = call.ids["scope"].rstrip("/")
    call.require_reach(f"{_NS}/read", scope)
    check_scope(call, scope)
    wanted = call.query.get("$filter", "")
    person = re.search(r"(?:principalId\s+eq\s+|assignedTo\()\s*'\{?([^'}]+)\}?'", wanted, re.IGNORECASE)
    at_scope = "atscope()" in wanted.lower()
    readable_here = call.allows(f"{_NS}/read", scope)
    values = []
    for found in call.world.store.assignments(None if person is None else person.group(1)):
        above, below = rbac.covers(found.scope, scope), rbac.covers(scope, found.scope)
        if (above or (below and not at_scope)) and (readable_here or call.allows(f"{_NS}/read", found.scope)):
            values.append(found.body)
    return _one_page(call, values)


@route("GET", _AUTHORIZATION + "/permissions")
def list_permissions(call: Call) -> Response:
    """What the caller's roles allow at a scope, one entry for each role; notActions take from their own entry only."""
    scope = call.ids["scope"].rstrip("/")
    call.require("Microsoft.Authorization/permissions/read", scope)
    check_scope(call, scope)
    values: list[dict[str, Any]] = []
    for assignment in rbac.effective_assignments(call.world.store, call.caller.object_id, scope):
        role = rbac.role_of(call.world.store, assignment.role)
        values += [
            _permission(entry, data=call.api_version > "2015-07-01") for entry in (role.permissions if role else ())
        ]
    return page(values)


@route("GET", _AUTHORIZATION + "/denyAssignments")
def list_denials(call: Call) -> Response:
    """Deny assignments; the sandbox has none."""
    call.require("Microsoft.Authorization/denyAssignments/read", call.ids["scope"])
    return page([])


@route("GET", _AUTHORIZATION + "/denyAssignments/{name}", "Microsoft.Authorization/denyAssignments/read")
def get_denial(call: Call) -> Response:
    """No deny assignment has any name here; the sentence follows that for role assignments."""
    raise ArmError(404, "DenyAssignmentNotFound", f"The deny assignment '{call.ids['name']}' is not found.")


@route("GET", "/subscriptions/{s}/providers/Microsoft.Authorization/classicAdministrators")
def list_classic_administrators(call: Call) -> Response:
    """Who was given the subscription when it was bought: the one classic role that is left since September 2024."""
    subscription = f"/subscriptions/{call.ids['s']}"
    call.require_reach("Microsoft.Authorization/classicAdministrators/read", subscription)
    kind = "Microsoft.Authorization/classicAdministrators"
    name = str(uuid.uuid5(uuid.UUID(ADMIN_ID), subscription)).replace("-", "")[:16]
    administrator = {
        "properties": {"emailAddress": f"admin@{TENANT_DOMAIN}", "role": "AccountAdministrator"},
        "id": f"{subscription}/providers/{kind}/{name}",
        "type": kind,
        "name": name,
    }
    return page([administrator])


def _again(call: Call, existing: RoleAssignment, principal_id: str, role: str, sent: dict[str, Any]) -> Response:
    """PUT on an assignment that exists: nothing that decides who may do what can change."""
    if existing.principal_id != principal_id or existing.role != role:
        raise ArmError(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    properties, condition = existing.body["properties"], _condition(sent)
    given = {"description": sent.get("description"), "condition": condition}
    changes = {key: value for key, value in given.items() if value is not None and value != properties[key]}
    if changes:
        version = {"conditionVersion": "2.0"} if "condition" in changes else {}
        properties |= {**changes, **version, "updatedOn": zulu(), "updatedBy": call.caller.object_id}
        call.world.store.put_assignment(existing)
    return reply(200, existing.body)


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


def _role_of(call: Call, definition: str) -> RoleDefinition:
    """The role that a role definition id names."""
    guid = _guid(definition.rstrip("/").rpartition("/")[2])
    if guid is None or "/roledefinitions/" not in f"/{definition.lower()}":
        raise bad_request(f"The role definition ID '{definition}' is not valid.", "InvalidRoleDefinitionId")
    role = rbac.role_of(call.world.store, guid)
    if role is None:
        raise bad_request(
            f"The specified role definition with ID '{guid.replace('-', '')}' does not exist.",
            "RoleDefinitionDoesNotExist",
        )
    return role


def _attributes(call: Call, properties: dict[str, Any]) -> dict[str, str]:
    """What conditions may look at in a role assignment. The type is the principal's own, where the directory knows it."""
    principal_id = _guid(str(properties.get("principalId") or "")) or ""
    principal = call.world.store.principal(principal_id)
    kind = properties.get("principalType") if principal is None else principal.kind
    return {
        ROLE: str(properties.get("roleDefinitionId") or "").rstrip("/").rpartition("/")[2],
        PRINCIPAL: principal_id,
        **({} if kind is None else {KIND: str(kind)}),
    }


def _condition(sent: dict[str, Any]) -> str | None:
    """The condition of an assignment that is written; 400 for one that the sandbox would not evaluate as Azure does."""
    condition = sent.get("condition")
    if not condition:
        return None
    if sent.get("conditionVersion") not in (None, "2.0", "1.0"):
        raise bad_request(
            f"The condition version '{sent['conditionVersion']}' is not valid. Use '2.0'.", "InvalidConditionVersion"
        )
    try:
        conditions.parse(str(condition))
    except conditions.ConditionError as error:
        raise bad_request(
            f"The mi-tui sandbox does not evaluate this condition: {error} It evaluates those on role assignments that look at role, "
            "principal and principal type. Assign the role without a condition, or at a smaller scope.",
            "InvalidCondition",
        ) from error
    return str(condition)


def _check_assignable(role: RoleDefinition, scope: str) -> None:
    """400 for a custom role that cannot be assigned at a scope ("Azure custom roles": assignableScopes)."""
    if not any(place == "/" or rbac.covers(place, scope) for place in role.scopes):
        raise bad_request(
            f"The role definition '{role.guid.replace('-', '')}' cannot be assigned at the scope '{scope}': its assignable scopes are "
            f"{', '.join(role.scopes)}.",
            "RoleDefinitionNotAssignableAtScope",
        )


def _check_limit(call: Call, scope: str) -> None:
    """4,000 assignments in a subscription, and no more ("Troubleshoot Azure RBAC limits")."""
    subscription = "/".join(scope.split("/")[:3])
    if sum(rbac.covers(subscription, found.scope) for found in call.world.store.assignments()) >= LIMIT:
        raise bad_request("No more role assignments can be created.", "RoleAssignmentLimitExceeded")


def _one_page(call: Call, values: list[dict[str, Any]]) -> Response:
    """At most `PAGE` entries after the one that `$skipToken` remembers, with the address of the next page while there is one.

    `values` is in the order of the ids, so that whoever deletes what a page told still gets all that comes after it.
    """
    token = call.query.get("$skiptoken")
    if token is not None:
        try:
            last = base64.b64decode(token.encode(), b"-_", validate=True).decode()
        except (ValueError, UnicodeError) as error:
            raise bad_request(f"The $skipToken '{token[:100]}' is not valid.", "InvalidSkipToken") from error
        values = [value for value in values if str(value["id"]).lower() > last]
    body: dict[str, Any] = {"value": values[:PAGE]}
    if len(values) > PAGE:
        kept = {key: value for key, value in call.request.query_params.items() if key.lower() != "$skiptoken"}
        last = str(values[PAGE - 1]["id"]).lower()
        query = urlencode({**kept, "$skipToken": base64.urlsafe_b64encode(last.encode()).decode()})
        body["nextLink"] = f"https://management.azure.com{call.path}?{query}"
    return reply(200, body)


def _one_definition(call: Call, scope: str) -> Response:
    guid = _guid(call.ids["guid"])
    role = None if guid is None else rbac.role_of(call.world.store, guid)
    if role is None:
        raise ArmError(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{call.ids['guid'].replace('-', '')}' does not exist.",
        )
    return reply(200, _definition(call, scope, role))


def _definition(call: Call, scope: str, role: RoleDefinition) -> dict[str, Any]:
    if role.custom:
        kept = call.world.store.resources(rbac.CUSTOM, name=role.guid)[0].body
        return {**kept, "id": grants.definition_id(scope, role.guid)}
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

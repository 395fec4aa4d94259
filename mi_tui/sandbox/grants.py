"""Role assignments: made and removed here, by ARM's operations and by Azure itself (for a system-assigned identity)."""

from __future__ import annotations

import time
import uuid

from mi_tui.sandbox.rbac import covers
from mi_tui.sandbox.store import RoleAssignment
from mi_tui.sandbox.times import zulu
from mi_tui.sandbox.world import World

_TYPE = "Microsoft.Authorization/roleAssignments"


def propagation(world: World) -> float:
    """How long a role assignment takes to act, and a removed one to stop acting, in seconds."""
    return world.profile.role_propagation


def assignment_id(scope: str, name: str) -> str:
    """The resource id of a role assignment."""
    return f"{scope.rstrip('/')}/providers/{_TYPE}/{name}"


def definition_id(scope: str, role_guid: str) -> str:
    """The id of a built-in role as seen from a scope: below a subscription it carries the subscription's id."""
    parts = scope.strip("/").split("/")
    subscription = f"/subscriptions/{parts[1]}" if len(parts) > 1 and parts[0].lower() == "subscriptions" else ""
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_guid}"


def assign(
    world: World,
    scope: str,
    principal_id: str,
    role_guid: str,
    *,
    by: str,
    name: str | None = None,
    immediate: bool = False,
    principal_type: str | None = None,
    description: str | None = None,
    condition: str | None = None,
) -> RoleAssignment:
    """Give a principal a role at a scope and return the assignment; the caller has checked that this is allowed.

    It acts after `propagation(world)`, or at once when `immediate`. `by` is the object id of who assigns; `name` is a
    GUID, made up when None. When the principal has this role at this scope already, that assignment is returned.
    """
    scope = scope.rstrip("/")
    for existing in world.store.assignments(principal_id):
        if existing.role == role_guid.lower() and existing.scope.lower() == scope.lower():
            return existing
    now = time.time()
    name = name or str(uuid.uuid4())
    identifier = assignment_id(scope, name)
    principal = world.store.principal(principal_id)
    written = zulu(now)
    body = {
        "properties": {
            "roleDefinitionId": definition_id(scope, role_guid),
            "principalId": principal_id,
            "principalType": principal.kind if principal is not None else principal_type,
            "scope": scope,
            "condition": condition,
            "conditionVersion": None if condition is None else "2.0",
            "createdOn": written,
            "updatedOn": written,
            "createdBy": by,
            "updatedBy": by,
            "delegatedManagedIdentityResourceId": None,
            "description": description,
        },
        "id": identifier,
        "type": _TYPE,
        "name": name,
    }
    begins = now if immediate or _still_acting(world, scope, principal_id, role_guid) else now + propagation(world)
    assignment = RoleAssignment(identifier, name, scope, principal_id.lower(), role_guid.lower(), body, begins)
    world.store.put_assignment(assignment)
    return assignment


def unassign(world: World, assignment: RoleAssignment) -> None:
    """Remove an assignment. One that acts goes on for `propagation(world)`; one that did not act yet never will."""
    now = time.time()
    world.store.remove_assignment(assignment.id, now + propagation(world) if assignment.effective_from <= now else now)


def unassign_under(world: World, resource_id: str) -> None:
    """Remove the assignments at a resource and below it, at once: a scope that is gone can be asked for nothing."""
    for assignment in world.store.assignments(deleted_too=True):
        if covers(resource_id, assignment.scope):
            world.store.remove_assignment(assignment.id, 0.0)


def _still_acting(world: World, scope: str, principal_id: str, role_guid: str) -> bool:
    """Whether an assignment of the same content was removed so recently that it still acts."""
    now = time.time()
    return any(
        ghost.effective_until is not None
        and ghost.effective_until > now
        and ghost.effective_from <= now
        and ghost.role == role_guid.lower()
        and ghost.scope.lower() == scope.lower()
        for ghost in world.store.assignments(principal_id, deleted_too=True)
    )

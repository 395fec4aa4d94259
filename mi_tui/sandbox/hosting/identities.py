"""Who a deployment is: the managed identities of its endpoint, and what they may do."""

from __future__ import annotations

import time

from mi_tui.sandbox import rbac
from mi_tui.sandbox.store import Principal, Resource
from mi_tui.sandbox.world import World

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
METRICS_WRITER = "635dd51f-9968-44d3-b7fb-6d9a6bd613ae"


def principals(world: World, endpoint: Resource) -> list[Principal]:
    """The principals of an endpoint's identity: its own (system-assigned), or those of its user-assigned identities."""
    identity = endpoint.body.get("identity") or {}
    if identity.get("type") == "SystemAssigned":
        found = [world.store.principal_of(endpoint.id)]
    else:
        found = [world.store.principal_of(key) for key in identity.get("userAssignedIdentities") or {}]
    return [principal for principal in found if principal is not None]


def may(world: World, who: list[Principal], action: str, scope: str, *, data: bool = False) -> bool:
    """Whether one of the principals may do something now."""
    return any(rbac.decide(world.store, principal.object_id, action, scope, data=data).allowed for principal in who)


def allowed_from(world: World, who: list[Principal], action: str, scope: str, *, data: bool = False) -> float | None:
    """When a role assignment that is still propagating will allow an action (Unix seconds); None when none will."""
    moments = [
        assignment.effective_from
        for principal in who
        for assignment in world.store.assignments(principal.object_id)
        if rbac.covers(assignment.scope, scope)
        and (role := rbac.role_of(world.store, assignment.role)) is not None
        and role.allows(action, data=data)
    ]
    return min(moments, default=None)


def next_role(world: World, who: list[Principal]) -> float | None:
    """When the next role assignment of the principals begins to act (Unix seconds); None when all act."""
    now = time.time()
    moments = [
        assignment.effective_from
        for principal in who
        for assignment in world.store.assignments(principal.object_id)
        if assignment.effective_from > now
    ]
    return min(moments, default=None)

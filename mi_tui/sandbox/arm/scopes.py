"""Scopes that something is put on (roles, locks, tags): a subscription, a resource group, or a resource that exists."""

from __future__ import annotations

from mi_tui.sandbox.arm.router import Call
from mi_tui.sandbox.errors import group_not_found, resource_not_found


def require_scope(call: Call) -> str:
    """The scope in the path, spelled as it was created; ArmError 404 unless it exists."""
    scope = call.ids["scope"].rstrip("/")
    check_scope(call, scope)
    found = call.world.store.resource(scope)
    return scope if found is None else found.id


def check_scope(call: Call, scope: str) -> None:
    """404 unless the scope is a subscription, a resource group or a resource that exists."""
    call.require_group(scope)
    if call.world.store.has(scope):
        return
    parts = scope.strip("/").split("/")
    if len(parts) == 4 and parts[2].lower() == "resourcegroups":
        raise group_not_found(parts[3])
    # Not a resource of its own, and yet a scope: the blob service of an account.
    if scope.lower().endswith("/blobservices/default") and call.world.store.has(scope.rpartition("/blob")[0]):
        return
    raise resource_not_found(scope)

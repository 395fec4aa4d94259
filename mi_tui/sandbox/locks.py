"""Management locks: what keeps a resource from being deleted or changed, whoever has the right to.

"Lock your Azure resources to protect your infrastructure" (Microsoft Learn): a lock holds for its scope and everything below it,
the control plane only; what is deleted takes everything below with it, so a lock further down counts as well.
"""

from __future__ import annotations

from mi_tui.sandbox.errors import GATEWAY, ArmError
from mi_tui.sandbox.rbac import covers
from mi_tui.sandbox.store import Resource, Store

TYPE = "Microsoft.Authorization/locks"
LEVELS = ("NotSpecified", "CanNotDelete", "ReadOnly")
_BETWEEN = f"/providers/{TYPE}/"


def scope_of(lock: Resource) -> str:
    """What a lock lies on."""
    return lock.id[: lock.id.lower().rindex(_BETWEEN.lower())]


def check(store: Store, method: str, scope: str, action: str) -> None:
    """ArmError 409 when a lock stands in the way of a request that changes something at a scope.

    Locks themselves can be made and taken away under a lock. The sentence is that of public transcripts (Azure/azure-cli issues 2688
    and 20232; the ids in it are spelled as the locks' own); the one for a write follows its pattern.
    """
    if method in {"GET", "HEAD"} or action.lower().startswith(TYPE.lower()) or action.lower().endswith("/read"):
        return
    deletes = method == "DELETE"
    found = {
        scope_of(lock): None
        for lock in store.each_resource(TYPE)
        if (deletes or lock.body["properties"]["level"] == "ReadOnly")
        and (covers(scope_of(lock), scope) or (deletes and covers(scope, scope_of(lock))))
        and lock.body["properties"]["level"] != "NotSpecified"
    }
    if found:
        raise ArmError(
            409,
            "ScopeLocked",
            f"The scope '{scope}' cannot perform {'delete' if deletes else 'write'} operation because following scope(s) are "
            f"locked: '{','.join(found)}'. Please remove the lock and try again.",
            headers=dict(GATEWAY),
        )

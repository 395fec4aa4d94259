"""What stays with what a person keeps: a resource is worth keeping only together with what it stands on."""

from __future__ import annotations

from collections.abc import Iterable

from mi_tui.engine.journal import LedgerEntry
from mi_tui.model.plan import ResourceKind

_STANDS_ON: dict[ResourceKind, frozenset[ResourceKind]] = {
    # What serves needs everything: without its identity, grants, files or data the next start of a node would fail.
    ResourceKind.DEPLOYMENT: frozenset(ResourceKind),
    ResourceKind.ENDPOINT: frozenset(ResourceKind),
    ResourceKind.BLOB: frozenset({ResourceKind.CONTAINER, ResourceKind.STORAGE_ACCOUNT}),
    ResourceKind.CONTAINER: frozenset({ResourceKind.STORAGE_ACCOUNT}),
    ResourceKind.CODE: frozenset({ResourceKind.UPLOAD}),
    ResourceKind.MODEL: frozenset({ResourceKind.UPLOAD}),
    # A role assignment without its principal or its scope would be an orphan.
    ResourceKind.GRANT: frozenset(
        {
            ResourceKind.IDENTITY,
            ResourceKind.ENDPOINT,
            ResourceKind.DEPLOYMENT,
            ResourceKind.STORAGE_ACCOUNT,
            ResourceKind.CONTAINER,
        }
    ),
}


def kept(entries: Iterable[LedgerEntry], chosen: frozenset[str]) -> dict[str, str]:
    """Every id that stays when those in `chosen` are kept, with the reason in words; ids as in the ledger."""
    known = list(entries)
    reasons = {entry.id: "you kept it" for entry in known if entry.id in chosen}
    fresh = [entry for entry in known if entry.id in reasons]
    while fresh:
        holder = fresh.pop()
        for entry in known:
            if entry.id not in reasons and entry.kind in _STANDS_ON.get(holder.kind, frozenset()):
                reasons[entry.id] = f"the {holder.kind.value} that you kept needs it"
                fresh.append(entry)
    return reasons

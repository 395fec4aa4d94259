"""What to do when clean-up may not remove something: who can, or which role it takes and the command that gives it; and which lock."""

from __future__ import annotations

import msgspec

from mi_tui.engine.journal import LedgerEntry
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.model.roles import BLOB_CONTRIBUTOR
from mi_tui.services import rights
from mi_tui.services.blobs import ROLE_MISSING
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session

_ROLES = {
    "microsoft.machinelearningservices": "AzureML Data Scientist",
    "microsoft.storage": "Storage Account Contributor",
    "microsoft.managedidentity": "Managed Identity Contributor",
    "microsoft.authorization": "Role Based Access Control Administrator",
}
"""Of each provider, the smallest built-in role that may delete what mi-tui makes ("Azure built-in roles")."""

_DELETE_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete"

_NAMED = 5
"""How many people are named."""


def explained(session: Session, failure: Failure, entry: LedgerEntry) -> Failure:
    """The failure to remove `entry` with an advice that helps, where it is a missing right or a lock; else as it is.

    Never raises ServiceError.
    """
    if failure.status == 403 and (asked := rights.refused(failure.message)) is not None:
        return msgspec.structs.replace(failure, advice=_who(session, *asked))
    if failure.code == ROLE_MISSING and entry.kind in {ResourceKind.BLOB, ResourceKind.CONTAINER}:
        scope = entry.id.partition("/blobs/")[0]
        advice = f"{_who(session, _DELETE_BLOB, scope)} A new role takes up to 10 minutes to act."
        return msgspec.structs.replace(failure, advice=advice)
    if "locked" in failure.code.lower():
        return msgspec.structs.replace(failure, advice=_lock(session, failure))
    return failure


def _who(session: Session, action: str, scope: str) -> str:
    try:
        found = rights.holders(session, action, scope)
    except ServiceError:
        found = []  # whoever may not delete may often not read the assignments either
    role = BLOB_CONTRIBUTOR.name if action == _DELETE_BLOB else _ROLES.get(action.split("/")[0].lower(), "Contributor")
    try:
        me = session.caller().object_id or "YOUR-OBJECT-ID"
    except ServiceError:
        me = "YOUR-OBJECT-ID"
    command = f"az role assignment create --assignee-object-id {me} --role '{role}' --scope '{scope}'"
    needed = f"It takes the right {action} on {scope}, which the role '{role}' has: {command}"
    if not found:
        return f"{needed}. An owner of the scope can run it; then clean up again."
    others = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    who = ", ".join(holder.words for holder in found[:_NAMED])
    return f"These can remove it: {who}{others}. Or: {needed}; then clean up again."


def _lock(session: Session, failure: Failure) -> str:
    scope = failure.message.split("'")[1] if failure.message.count("'") >= 2 else ""
    try:
        found = rights.locks(session, scope) if scope.startswith("/subscriptions/") else []
    except ServiceError:
        found = []
    if not found:
        return "Somebody locked it against deletion. Have the lock removed ('az lock list' tells which), then clean up again."
    lock = found[0]
    notes = f" It says: {lock.notes!r}." if lock.notes else ""
    return f"The lock {lock.name!r} ({lock.level}) keeps it.{notes} If it may go: az lock delete --ids '{lock.id}'; then clean up again."

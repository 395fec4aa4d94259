"""Who may do what: the roles on a scope whose definitions allow an action, and who holds them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from msgspec import Struct

from mi_tui.services import arm, directory
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session

_API_VERSION = "2022-04-01"
_LOCKS_VERSION = "2016-09-01"


class Holder(Struct, frozen=True):
    """Somebody who may do it: `name` is what Graph calls them, else their object id; `role` is why they may."""

    name: str
    kind: str
    role: str

    @property
    def words(self) -> str:
        """For people."""
        kind = {"Group": "the group ", "ServicePrincipal": "the application "}.get(self.kind, "")
        return f"{kind}{self.name} ({self.role})"


class Lock(Struct, frozen=True):
    """A lock on a scope, or above it."""

    id: str
    name: str
    level: str
    notes: str


def holders(session: Session, action: str, scope: str) -> list[Holder]:
    """Who may do the action at the scope, by the role assignments that the caller may read there. Raises ServiceError."""
    base = f"{scope.rstrip('/')}/providers/Microsoft.Authorization"
    allowing = {
        arm.text(item, "id").rsplit("/", 1)[-1].lower(): arm.text(item, "properties", "roleName")
        for item in arm.list_all(session, f"{base}/roleDefinitions", _API_VERSION)
        if allows(item, action)
    }
    found: dict[str, Holder] = {}
    for item in arm.list_all(session, f"{base}/roleAssignments", _API_VERSION, {"$filter": "atScope()"}):
        role = allowing.get(arm.text(item, "properties", "roleDefinitionId").rsplit("/", 1)[-1].lower())
        who = arm.text(item, "properties", "principalId").lower()
        if role and who:
            found.setdefault(who, Holder(who, arm.text(item, "properties", "principalType"), role))
    try:
        known = directory.display_names(session, list(found))
    except ServiceError:
        known = {}  # the object ids are told instead
    return [Holder(known.get(who, who), holder.kind, holder.role) for who, holder in found.items()]


def allows(definition: arm.Json, action: str) -> bool:
    """Whether a role definition allows an action: in `actions` and not in `notActions`, without case; one on blobs themselves in
    `dataActions`."""
    permissions = arm.dig(definition, "properties", "permissions")
    yes, no = ("dataActions", "notDataActions") if "/containers/blobs/" in action.lower() else ("actions", "notActions")
    return any(
        _matches(action, arm.dig(item, yes)) and not _matches(action, arm.dig(item, no))
        for item in (permissions if isinstance(permissions, list) else [])
    )


def locks(session: Session, scope: str) -> list[Lock]:
    """The locks on a scope and above it. Raises ServiceError. Management Locks - List At Resource Level."""
    path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/locks"
    return [
        Lock(
            arm.text(item, "id"),
            arm.text(item, "name"),
            arm.text(item, "properties", "level"),
            arm.text(item, "properties", "notes"),
        )
        for item in arm.list_all(session, path, _LOCKS_VERSION)
    ]


_REFUSED = re.compile(r"perform action '([^']+)' over scope '([^']+)'")


def refused(message: str) -> tuple[str, str] | None:
    """Action and scope in ARM's AuthorizationFailed; None when the text is another one."""
    found = _REFUSED.search(message)
    return (found[1], found[2]) if found else None


def _matches(action: str, patterns: object) -> bool:
    known = patterns if isinstance(patterns, list) else []
    return any(isinstance(pattern, str) and fnmatchcase(action.lower(), pattern.lower()) for pattern in known)

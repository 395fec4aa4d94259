"""Who may do what: what the caller may do at a scope and by which assignments, and who else may."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from mi_tui.services import arm, directory
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session

_API_VERSION = "2022-04-01"
_LOCKS_VERSION = "2016-09-01"
_DATA = "/containers/blobs/"
"""In an action on blobs themselves, which roles allow by `dataActions`."""


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


class Permission(Struct, frozen=True):
    """One entry of what somebody may do: an entry's own `not_actions` take from it, and from no other entry."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def covers(self, action: str) -> bool:
        """Whether the entry allows an action, without case; `*` spans slashes. An action on blobs is looked for among data actions."""
        data = _DATA in action.lower()
        yes, no = (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        return _matches(action, yes) and not _matches(action, no)


class Assignment(Struct, frozen=True):
    """A role assignment, with the condition (ABAC) that bounds it; empty for none."""

    id: str
    scope: str
    role_guid: str
    principal_id: str
    condition: str = ""


class Denial(Struct, frozen=True):
    """A deny assignment: it takes actions away, whatever roles there are. `principals` are object ids; `*` in it is everybody."""

    name: str
    scope: str
    permissions: tuple[Permission, ...]
    principals: tuple[str, ...]
    excluded: tuple[str, ...]


def permissions(session: Session, scope: str) -> tuple[Permission, ...] | None:
    """What the caller may do at the scope, one entry for each role; None where the scope is not there. Raises ServiceError.

    Permissions - List For Resource Group and List For Resource. It shows neither conditions of role assignments nor deny assignments.
    """
    path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/permissions"
    try:
        return tuple(_permission(item) for item in arm.list_all(session, path, _API_VERSION))
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


def permitted(entries: Sequence[Permission], action: str) -> bool:
    """Whether any entry allows the action."""
    return any(entry.covers(action) for entry in entries)


def assigned_to(session: Session, scope: str, object_id: str) -> list[Assignment]:
    """The role assignments at, above and below the scope that reach the principal, also by a group. Raises ServiceError.

    Role Assignments - List For Scope with `assignedTo`.
    """
    path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments"
    query = {"$filter": f"assignedTo('{object_id}')"}
    return [
        Assignment(
            arm.text(item, "id"),
            arm.text(item, "properties", "scope"),
            arm.text(item, "properties", "roleDefinitionId").rsplit("/", 1)[-1].lower(),
            arm.text(item, "properties", "principalId"),
            arm.text(item, "properties", "condition"),
        )
        for item in arm.list_all(session, path, _API_VERSION, query)
    ]


def count_assignments(session: Session, enough: Callable[[], bool]) -> tuple[int, bool]:
    """How many role assignments of the subscription the caller sees, and whether all were counted. Raises ServiceError.

    The list comes in pages that follow each other; `enough` is asked between two of them whether to stop.
    """
    path = f"/subscriptions/{session.subscription_id}/providers/Microsoft.Authorization/roleAssignments"
    counted = 0
    for counted, _ in enumerate(arm.list_all(session, path, _API_VERSION), 1):
        if counted % 100 == 0 and enough():
            return counted, False
    return counted, True


def denials(session: Session, scope: str) -> list[Denial]:
    """The deny assignments at and above the scope. Raises ServiceError. Deny Assignments - List For Scope."""
    path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/denyAssignments"
    return [
        Denial(
            arm.text(item, "properties", "denyAssignmentName"),
            arm.text(item, "properties", "scope"),
            tuple(_permission(entry) for entry in _list(item, "properties", "permissions")),
            _ids(item, "principals"),
            _ids(item, "excludePrincipals"),
        )
        for item in arm.list_all(session, path, _API_VERSION, {"$filter": "atScope()"})
    ]


def _ids(item: arm.Json, name: str) -> tuple[str, ...]:
    """The object ids of a deny assignment's principals; the one of all zeros is everybody (Understand Azure deny assignments)."""
    found = (arm.text(who, "id").lower() for who in _list(item, "properties", name))
    return tuple("*" if set(one) <= {"0", "-"} else one for one in found if one)


def _permission(item: object) -> Permission:
    return Permission(
        _words(item, "actions"),
        _words(item, "notActions"),
        _words(item, "dataActions"),
        _words(item, "notDataActions"),
    )


def _list(item: object, *keys: str) -> list[object]:
    found = arm.dig(item, *keys)
    return found if isinstance(found, list) else []


def _words(item: object, key: str) -> tuple[str, ...]:
    return tuple(word for word in _list(item, key) if isinstance(word, str))


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
    return permitted([_permission(item) for item in _list(definition, "properties", "permissions")], action)


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


def _matches(action: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

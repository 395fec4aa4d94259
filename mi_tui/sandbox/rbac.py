"""Azure RBAC as Azure evaluates it: who may do what, where, and which assignment says so."""

from __future__ import annotations

import functools
import json
import re
import time
from dataclasses import dataclass
from importlib import resources

from mi_tui.sandbox.store import RoleAssignment, Store


@dataclass(frozen=True)
class Permission:
    """One entry of a role's permissions; an entry's notActions take away from that entry only, they deny nothing."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...]

    def allows(self, action: str, *, data: bool) -> bool:
        """Whether this entry covers a control-plane or data-plane action."""
        granted, taken = (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        return any(_matches(p, action) for p in granted) and not any(_matches(p, action) for p in taken)


@dataclass(frozen=True)
class RoleDefinition:
    """A built-in role."""

    guid: str
    name: str
    description: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class Decision:
    """Whether an action is allowed, and the sentence for the request log that says what allowed or denied it."""

    allowed: bool
    reason: str


@functools.lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    # Data Scientist has `workspaces/*/write` and takes back `workspaces/write`: so `/*/` also stands for a lone slash.
    expression = ".*".join(re.escape(part) for part in text.split("*")).replace("/.*/", "/(?:.*/)?")
    return re.compile(expression, re.IGNORECASE)


def _matches(pattern: str, action: str) -> bool:
    """`*` spans slashes, also none of them; case does not count."""
    return _pattern(pattern).fullmatch(action) is not None


@functools.cache
def role_definitions() -> dict[str, RoleDefinition]:
    """The built-in roles that the sandbox knows, by GUID; from `roles.json`."""
    raw = json.loads(resources.files(__package__).joinpath("roles.json").read_text("utf-8"))
    return {
        role["guid"]: RoleDefinition(
            role["guid"],
            role["name"],
            role["description"],
            tuple(
                Permission(
                    tuple(p.get("actions", ())),
                    tuple(p.get("notActions", ())),
                    tuple(p.get("dataActions", ())),
                    tuple(p.get("notDataActions", ())),
                )
                for p in role["permissions"]
            ),
        )
        for role in raw["roles"]
    }


def covers(assigned: str, scope: str) -> bool:
    """Whether an assignment at `assigned` reaches `scope`: the same, or one above it."""
    above = assigned.rstrip("/").lower()
    return (scope.rstrip("/").lower() + "/").startswith(above + "/")


def effective_assignments(
    store: Store, principal_id: str, scope: str, *, at: float | None = None
) -> list[RoleAssignment]:
    """The assignments of a principal that reach a scope and act now (propagation counts in both directions)."""
    now = time.time() if at is None else at
    return [
        assignment
        for assignment in store.assignments(principal_id, deleted_too=True)
        if covers(assignment.scope, scope)
        and assignment.effective_from <= now
        and (assignment.effective_until is None or now < assignment.effective_until)
    ]


def reaches_into(store: Store, principal_id: str, scope: str) -> bool:
    """Whether a principal has any effective assignment at a scope, above it, or anywhere below it."""
    now = time.time()
    return any(
        (covers(assignment.scope, scope) or covers(scope, assignment.scope))
        and assignment.effective_from <= now
        and (assignment.effective_until is None or now < assignment.effective_until)
        for assignment in store.assignments(principal_id, deleted_too=True)
    )


def decide(store: Store, principal_id: str, action: str, scope: str, *, data: bool = False) -> Decision:
    """Whether `principal_id` may do `action` at `scope`; `data` asks data actions instead of control-plane ones."""
    for assignment in effective_assignments(store, principal_id, scope):
        role = role_definitions().get(assignment.role)
        if role is not None and any(permission.allows(action, data=data) for permission in role.permissions):
            return Decision(True, f"{role.name} at {assignment.scope}")
    waiting = [
        assignment
        for assignment in store.assignments(principal_id)
        if covers(assignment.scope, scope) and assignment.effective_from > time.time()
    ]
    for assignment in waiting:
        role = role_definitions().get(assignment.role)
        if role is not None and any(permission.allows(action, data=data) for permission in role.permissions):
            return Decision(
                False, f"no effective role allows {action}: {role.name} at {assignment.scope} has not propagated yet"
            )
    return Decision(False, f"no role allows {action} at {scope}")

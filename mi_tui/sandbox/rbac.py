"""Azure RBAC as Azure evaluates it: who may do what, where, and which assignment says so."""

from __future__ import annotations

import functools
import json
import re
import time
from dataclasses import dataclass
from importlib import resources
from typing import Any

from mi_tui.sandbox import conditions
from mi_tui.sandbox.store import RoleAssignment, Store

CUSTOM = "Microsoft.Authorization/roleDefinitions"
"""The type under which custom roles lie in the store."""


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
    """A role. `scopes` is where it can be assigned: everywhere, for a built-in one."""

    guid: str
    name: str
    description: str
    permissions: tuple[Permission, ...]
    custom: bool = False
    scopes: tuple[str, ...] = ("/",)

    def allows(self, action: str, *, data: bool) -> bool:
        """Whether one of its permissions covers an action."""
        return any(permission.allows(action, data=data) for permission in self.permissions)


@dataclass(frozen=True)
class Decision:
    """Whether an action is allowed, and the sentence for the request log that says what allowed or denied it.

    `condition` says that only the condition of a role assignment stood in the way.
    """

    allowed: bool
    reason: str
    condition: bool = False


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
            role["guid"], role["name"], role["description"], tuple(permission(p) for p in role["permissions"])
        )
        for role in raw["roles"]
    }


def permission(entry: dict[str, Any]) -> Permission:
    """One entry of a role's `permissions`, as Azure writes it."""
    parts = ("actions", "notActions", "dataActions", "notDataActions")
    return Permission(*(tuple(entry.get(part) or ()) for part in parts))


def custom_role(body: dict[str, Any]) -> RoleDefinition:
    """A custom role, of the body that GET answers."""
    facts = body["properties"]
    return RoleDefinition(
        str(body["name"]),
        str(facts["roleName"]),
        str(facts["description"]),
        tuple(permission(entry) for entry in facts["permissions"]),
        True,
        tuple(facts["assignableScopes"]),
    )


def role_of(store: Store, guid: str) -> RoleDefinition | None:
    """The built-in or custom role with this GUID."""
    found = role_definitions().get(guid.lower())
    if found is not None:
        return found
    kept = store.resources(CUSTOM, name=guid)
    return custom_role(kept[0].body) if kept else None


def role_named(name: str) -> RoleDefinition | None:
    """The built-in role of this name (any case)."""
    return next((role for role in role_definitions().values() if role.name.lower() == name.lower()), None)


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


def decide(
    store: Store,
    principal_id: str,
    action: str,
    scope: str,
    *,
    data: bool = False,
    asked: conditions.Asked | None = None,
) -> Decision:
    """Whether `principal_id` may do `action` at `scope`; `data` asks data actions instead of control-plane ones.

    `asked` has the attributes that conditions of role assignments look at, where the action has any.
    """
    asked = asked or conditions.Asked(action, {}, {})
    now = time.time()
    waiting, unmet = "", ""
    for assignment in store.assignments(principal_id, deleted_too=True):
        if not covers(assignment.scope, scope) or (
            assignment.effective_until is not None and assignment.effective_until <= now
        ):
            continue
        role = role_of(store, assignment.role)
        if role is None or not role.allows(action, data=data):
            continue
        place = f"{role.name} at {assignment.scope}"
        if assignment.effective_from > now:
            waiting = waiting or place
        elif _condition_holds(assignment, asked):
            return Decision(True, place)
        else:
            unmet = place
    if unmet:
        return Decision(False, f"the condition of {unmet} is not fulfilled for {action}", True)
    if waiting:
        return Decision(False, f"no effective role allows {action}: {waiting} has not propagated yet")
    return Decision(False, f"no role allows {action} at {scope}")


def _condition_holds(assignment: RoleAssignment, asked: conditions.Asked) -> bool:
    condition = assignment.body["properties"].get("condition")
    return not condition or _test(str(condition))(asked)


@functools.lru_cache(maxsize=256)
def _test(condition: str) -> conditions.Test:
    return conditions.parse(condition)

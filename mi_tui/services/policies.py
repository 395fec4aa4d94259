"""Azure Policy: which policies are assigned at a scope, as far as their assignments tell."""

from __future__ import annotations

from msgspec import Struct

from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2022-06-01"


class PolicyInfo(Struct, frozen=True):
    """A policy assignment. `definition` is the last name in its definition's id; `parameters` are those that are texts or lists of texts;
    `enforced`: it refuses what does not comply, and does not only note it."""

    id: str
    name: str
    scope: str
    definition: str
    parameters: dict[str, tuple[str, ...]]
    enforced: bool


def assigned(session: Session, scope: str) -> list[PolicyInfo]:
    """The policies assigned at and above a resource group. Raises ServiceError. Policy Assignments - List For Resource Group."""
    path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/policyAssignments"
    return [_info(item) for item in arm.list_all(session, path, API_VERSION, {"$filter": "atScope()"})]


def _info(item: arm.Json) -> PolicyInfo:
    given = arm.dig(item, "properties", "parameters")
    values = {str(name): arm.dig(value, "value") for name, value in given.items()} if isinstance(given, dict) else {}
    return PolicyInfo(
        id=arm.text(item, "id"),
        name=arm.text(item, "properties", "displayName") or arm.text(item, "name"),
        scope=arm.text(item, "properties", "scope"),
        definition=arm.text(item, "properties", "policyDefinitionId").rsplit("/", 1)[-1].lower(),
        parameters={
            name: tuple(str(each) for each in value) if isinstance(value, list) else (value,)
            for name, value in values.items()
            if isinstance(value, (str, list))
        },
        enforced=arm.text(item, "properties", "enforcementMode").lower() != "donotenforce",
    )

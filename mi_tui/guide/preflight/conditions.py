"""What a condition (ABAC) on the caller's right to grant roles lets through, as far as it can be told from its text.

Conditions are a language of their own. The ones that the portal makes bound the role, and the principal's type, of the request;
these are understood, anything else is said to be not understood. Source: "Delegate Azure role assignment management with conditions"
(2025-12) and its examples.
"""

from __future__ import annotations

import re
from enum import StrEnum

_ROLE = re.compile(
    r"@Request\[Microsoft\.Authorization/roleAssignments:RoleDefinitionId\]\s*"
    r"(ForAnyOfAnyValues:GuidEquals|GuidEquals|ForAnyOfAllValues:GuidNotEquals|GuidNotEquals)\s*\{([^}]*)\}",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"@Request\[Microsoft\.Authorization/roleAssignments:PrincipalType\]\s*"
    r"(ForAnyOfAnyValues:StringEqualsIgnoreCase|StringEqualsIgnoreCase|StringEquals)\s*\{([^}]*)\}",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"@Request\[([^\]]*)\]", re.IGNORECASE)
_KNOWN = {
    "microsoft.authorization/roleassignments:roledefinitionid",
    "microsoft.authorization/roleassignments:principaltype",
}


class Verdict(StrEnum):
    """Whether a condition lets a grant through."""

    ALLOWS = "allows"
    EXCLUDES = "excludes"
    UNCLEAR = "unclear"


def judge(condition: str, role_guid: str, kind: str = "ServicePrincipal") -> Verdict:
    """Whether the condition lets somebody grant this role to a principal of this kind."""
    if not condition.strip() or "roleassignments/write" not in condition.lower():
        return Verdict.ALLOWS
    roles, kinds = _ROLE.findall(condition), _KIND.findall(condition)
    if roles and not any(_lets(operator, values, role_guid) for operator, values in roles):
        return Verdict.EXCLUDES
    if kinds and not any(_lets(operator, values, kind) for operator, values in kinds):
        return Verdict.EXCLUDES
    attributes = {found.lower() for found in _ATTRIBUTE.findall(condition)}
    understood = len(roles) + len(kinds) == len(_ATTRIBUTE.findall(condition))
    return Verdict.ALLOWS if attributes <= _KNOWN and understood else Verdict.UNCLEAR


def _lets(operator: str, values: str, wanted: str) -> bool:
    named = wanted.lower() in {value.strip(" '\"\n\t").lower() for value in values.split(",")}
    return not named if "notequals" in operator.lower() else named

"""Conditions of role assignments: what they decide, and what is refused instead of being half evaluated."""

from __future__ import annotations

import pytest

from mi_tui.sandbox import conditions
from mi_tui.sandbox.conditions import DELETE, WRITE, Asked, ConditionError, parse

PULL, READER, OWNER = (
    "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
)
NAME = "Microsoft.Authorization/roleAssignments"
# As the portal writes it for "Constrain roles and principal types" (Delegate Azure role assignment management, Microsoft Learn).
CONSTRAINED = f"""
(
 (
  !(ActionMatches{{'{WRITE}'}})
 )
 OR
 (
  @Request[{NAME}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{PULL}, {READER}}}
  AND
  @Request[{NAME}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}}
 )
)
AND
(
 (
  !(ActionMatches{{'{DELETE}'}})
 )
 OR
 (
  @Resource[{NAME}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{PULL}, {READER}}}
 )
)
"""
# "Allow all except specific roles": privileged ones must not be given.
EXCEPT = f"""
((!(ActionMatches{{'{WRITE}'}})) OR (@Request[{NAME}:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {{{OWNER}, {PULL}}}))
"""


def written(role: str, kind: str | None = "ServicePrincipal", principal: str = "p") -> Asked:
    attributes = {conditions.ROLE: role, conditions.PRINCIPAL: principal}
    return Asked(WRITE, attributes | ({} if kind is None else {conditions.KIND: kind}), {})


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (written(READER), True),
        (written(READER.upper(), "serviceprincipal"), True),
        (written(READER.replace("-", "")), True),
        (written(OWNER), False),
        (written(READER, "User"), False),
        (written(READER, None), False),
        (Asked(DELETE, {}, {conditions.ROLE: PULL}), True),
        (Asked(DELETE, {}, {conditions.ROLE: OWNER}), False),
        (Asked(DELETE, {conditions.ROLE: PULL}, {}), False),
        (Asked("Microsoft.Resources/subscriptions/read", {}, {}), True),
        (Asked(WRITE.lower(), {conditions.ROLE: OWNER}, {}), False),
    ],
)
def test_the_condition_of_a_constrained_administrator(asked: Asked, allowed: bool) -> None:
    assert parse(CONSTRAINED)(asked) is allowed


@pytest.mark.parametrize(("role", "allowed"), [(OWNER, False), (PULL, False), (READER, True)])
def test_all_roles_but_some(role: str, allowed: bool) -> None:
    assert parse(EXCEPT)(written(role)) is allowed


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        (f"@Request[{NAME}:PrincipalType] StringEquals 'ServicePrincipal'", True),
        (f"@Request[{NAME}:PrincipalType] StringEquals 'serviceprincipal'", False),
        (f"NOT @Request[{NAME}:PrincipalType] StringEquals 'User'", True),
        (f"@Request[{NAME}:PrincipalType] StringNotEquals 'User'", True),
        (f"@Request[{NAME}:PrincipalType] StringLike 'Service*'", True),
        (f"@Request[{NAME}:PrincipalId] GuidEquals p", False),
        (f"Exists @Request[{NAME}:PrincipalType]", True),
        (f"Exists @Resource[{NAME}:PrincipalType]", False),
        ("ActionMatches{'Microsoft.Authorization/*'}", True),
        ("ActionMatches{'Microsoft.Storage/*'}", False),
        # AND binds more than OR.
        ("ActionMatches{'*'} OR ActionMatches{'x'} AND ActionMatches{'x'}", True),
        ("(ActionMatches{'*'} || ActionMatches{'x'}) && ActionMatches{'x'}", False),
    ],
)
def test_parts(condition: str, allowed: bool) -> None:
    assert parse(condition)(written(READER)) is allowed


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("", "is empty"),
        (
            "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'x'",
            "is not evaluated",
        ),
        ("@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:A_B] StringEquals 'x'", "is not evaluated"),
        (f"@Request[{NAME}:RoleDefinitionId] NumericEquals 1", "the operator NumericEquals"),
        (f"@Request[{NAME}:RoleDefinitionId] ForSomeOfAnyValues:GuidEquals {{{PULL}}}", "the operator ForSome"),
        (f"@Request[{NAME}:RoleDefinitionId] GuidEquals {{{PULL}, {OWNER}}}", "the operator GuidEquals"),
        ("(ActionMatches{'x'}", "where ')' is expected"),
        ("ActionMatches{'x'} ActionMatches{'y'}", "goes on after its end"),
        ("ActionMatches{'x'} AND", "where an attribute"),
        ("ActionMatches{'x", "cannot be read at"),
        ("(" * 200 + "ActionMatches{'x'}" + ")" * 200, "too deeply"),
    ],
)
def test_what_is_refused(condition: str, says: str) -> None:
    with pytest.raises(ConditionError, match=says.replace("(", r"\(").replace(")", r"\)")):
        parse(condition)

"""Role assignments with conditions, their limit and pages; custom roles."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from arm_harness import BLOB_READER, DATA, GROUP, PROD_GROUP, Arm, close_arm, open_arm, stranger

from mi_tui.sandbox import furnish, grants, rbac


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path)
    yield opened
    close_arm(opened)


PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
ONLY_PULL = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR "
    "(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {7f951dda-4ed3-4680-a7ca-43fe172d538d}))"
    " AND ((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR "
    "(@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {7f951dda-4ed3-4680-a7ca-43fe172d538d}))"
)
NAMES = [f"00000000-0000-4000-8000-0000000001{number:02}" for number in range(10)]


def test_somebody_whose_role_has_a_condition_may_assign_what_it_says_and_nothing_else(arm: Arm) -> None:
    other = stranger(arm.world)
    given = arm.grant(
        GROUP, other, ADMINISTRATOR, NAMES[0], principalType="User", condition=ONLY_PULL, conditionVersion="2.0"
    )
    assert (given.status, given.json["properties"]["conditionVersion"]) == (201, "2.0")
    arm.run(asyncio.sleep(0.3))
    them = arm.as_(other)
    refused = them.grant(DATA, furnish.USER_ID, BLOB_READER, NAMES[1])
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert (
        "does not have authorization or an ABAC condition not fulfilled to perform action "
        "'Microsoft.Authorization/roleAssignments/write' over scope"
    ) in refused.message
    assert them.grant(DATA, furnish.USER_ID, PULL, NAMES[2]).status == 201
    assert arm.grant(DATA, furnish.USER_ID, BLOB_READER, NAMES[3]).status == 201
    assignments = f"{DATA}/providers/Microsoft.Authorization/roleAssignments"
    assert "ABAC condition" in them("DELETE", f"{assignments}/{NAMES[3]}").message
    assert them("DELETE", f"{assignments}/{NAMES[2]}").status == 200
    # The list of permissions does not show the condition.
    listed = them("GET", f"{GROUP}/providers/Microsoft.Authorization/permissions", version="2022-04-01").json["value"]
    assert "Microsoft.Authorization/roleAssignments/write" in listed[0]["actions"]


def test_a_condition_that_is_not_evaluated_is_refused(arm: Arm) -> None:
    blob = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'inputs'"
    refused = arm.grant(DATA, furnish.USER_ID, BLOB_READER, NAMES[0], condition=blob, conditionVersion="2.0")
    assert (refused.status, refused.code) == (400, "InvalidCondition")
    assert "containers:name] is not evaluated here" in refused.message
    old = arm.grant(DATA, furnish.USER_ID, BLOB_READER, NAMES[0], condition=ONLY_PULL, conditionVersion="9")
    assert (old.status, old.code) == (400, "InvalidConditionVersion")


def test_a_subscription_holds_4000_assignments_and_a_list_has_pages(arm: Arm) -> None:
    subscription = f"/subscriptions/{furnish.DEV}"
    made = grants.assign(arm.world, f"{DATA}/blobServices/default/containers/c", furnish.ADMIN_ID, PULL, by="x")
    there = sum(rbac.covers(subscription, found.scope) for found in arm.world.store.assignments())
    with arm.world.store.together():
        for number in range(3999 - there):
            identifier, name = made.id.replace(made.name, str(uuid.UUID(int=number))), str(uuid.UUID(int=number))
            body = {**made.body, "id": identifier, "name": name}
            arm.world.store.put_assignment(dataclasses.replace(made, id=identifier, name=name, body=body))
    assert arm.grant(DATA, furnish.USER_ID, PULL, NAMES[0]).status == 201
    full = arm.grant(DATA, furnish.USER_ID, BLOB_READER, NAMES[9])
    assert (full.status, full.code, full.message) == (
        400,
        "RoleAssignmentLimitExceeded",
        "No more role assignments can be created.",
    )
    address = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"
    query = {"$filter": f"principalId eq '{furnish.ADMIN_ID}'"}
    first = arm("GET", address, version="2022-04-01", **query).json
    assert len(first["value"]) == 200
    assert "$skipToken" in first["nextLink"] or "%24skipToken" in first["nextLink"]
    seen = [entry["id"] for entry in first["value"]]
    gone = arm.world.store.assignment(first["value"][-1]["id"])
    assert gone is not None
    grants.unassign(arm.world, gone)
    while "nextLink" in first:
        first = arm("GET", first["nextLink"]).json
        seen += [entry["id"] for entry in first["value"]]
    assert arm("GET", address, version="2022-04-01", **{"$skipToken": "ä"}).code == "InvalidSkipToken"
    assert len(seen) == len(set(seen)) == 4000 - there


def test_custom_roles(arm: Arm) -> None:
    definitions = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions"
    one = f"{definitions}/{NAMES[0]}"
    body: dict[str, Any] = {
        "properties": {
            "roleName": "Blob looker",
            "description": "Looks at blobs.",
            "permissions": [
                {"actions": [], "dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"]}
            ],
            "assignableScopes": [GROUP],
        }
    }
    refused = arm("PUT", one, body, version="2022-04-01")
    # User Access Administrator may: its actions have Microsoft.Authorization/*.
    assert refused.status == 201, refused.json
    assert refused.json["properties"]["type"] == "CustomRole"
    assert refused.json["properties"]["permissions"][0]["notActions"] == []
    names = {"customrole": ["Blob looker"], "builtinrole": []}
    for kind, expected in names.items():
        listed = arm("GET", definitions, version="2022-04-01", **{"$filter": f"type eq '{kind}'"}).json["value"]
        assert [
            role["properties"]["roleName"] for role in listed if role["properties"]["type"] == "CustomRole"
        ] == expected
        assert bool(expected) is (len(listed) == 1)
    above = f"/subscriptions/{furnish.DEV}/providers/Microsoft.Authorization/roleDefinitions"
    boss = arm.as_(furnish.ADMIN_ID)
    grants.assign(arm.world, f"/subscriptions/{furnish.DEV}", furnish.ADMIN_ID, furnish.READER, by="x", immediate=True)
    for condition, count in (("type eq 'CustomRole'", 0), ("atScopeAndBelow() and type eq 'CustomRole'", 1)):
        assert len(boss("GET", above, version="2022-04-01", **{"$filter": condition}).json["value"]) == count
    other = stranger(arm.world)
    assert arm.grant(DATA, other, NAMES[0], NAMES[1], principalType="User").status == 201
    arm.run(asyncio.sleep(0.3))
    read = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
    assert rbac.decide(arm.world.store, other, read, DATA, data=True).allowed
    assert not rbac.decide(arm.world.store, other, read.replace("read", "write"), DATA, data=True).allowed
    assert arm("DELETE", one, version="2022-04-01").code == "RoleDefinitionHasAssignments"
    assert (
        arm("PUT", f"{definitions}/{NAMES[2]}", body, version="2022-04-01").code == "RoleDefinitionWithSameNameExists"
    )
    assert arm("PUT", f"{definitions}/{PULL}", body, version="2022-04-01").status == 400
    body["properties"]["assignableScopes"] = [PROD_GROUP]
    assert arm("PUT", one, body, version="2022-04-01").status == 403
    arm("DELETE", f"{DATA}/providers/Microsoft.Authorization/roleAssignments/{NAMES[1]}")
    assert arm("DELETE", one, version="2022-04-01").status == 200
    assert arm("GET", one, version="2022-04-01").status == 404

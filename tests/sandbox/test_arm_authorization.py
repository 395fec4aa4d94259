"""Role definitions, role assignments and permissions, against the recorded answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_harness import (
    BLOB_READER,
    DATA,
    GROUP,
    PROD_GROUP,
    ROLES,
    STORAGE,
    Arm,
    close_arm,
    open_arm,
    recorded,
    shape,
    stranger,
)

from mi_tui.sandbox import furnish, grants

A = "0d7d3c1f-6b8a-4b52-9f5a-1f7a7c1e6a3f"
B = "7c1e6a3f-0d7d-4c1f-8b8a-5b529f5a1f7a"
PRINCIPAL = "7be6c402-95d1-4f38-a0c7-e4215d8b96fa"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
ASSIGNMENTS = "providers/Microsoft.Authorization/roleAssignments"
DEFINITIONS = "providers/Microsoft.Authorization/roleDefinitions"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path)
    yield opened
    close_arm(opened)


def test_life_of_an_assignment_as_recorded(arm: Arm) -> None:
    made = arm.grant(DATA, PRINCIPAL, BLOB_READER, A)
    sample = recorded("authorization", "authz.roleassignments.one|PUT|201|None")["response"]["body"]
    assert (made.status, shape(made.json)) == (201, shape(sample))
    properties = made.json["properties"]
    assert properties["createdBy"] is None
    assert properties["updatedBy"] == furnish.USER_ID
    assert properties["principalType"] == "ServicePrincipal"
    assert properties["roleDefinitionId"] == f"{ROLES}/{BLOB_READER}"
    one = f"{DATA}/{ASSIGNMENTS}/{A}"
    read = arm("GET", one)
    assert (read.status, read.json["properties"]["createdBy"]) == (200, furnish.USER_ID)
    gone = arm("DELETE", one)
    assert (gone.status, gone.json) == (200, read.json)
    assert arm("DELETE", one).status == 204
    missing = arm("GET", one)
    assert (missing.status, missing.code) == (404, "RoleAssignmentNotFound")


def test_the_same_again_is_fine_another_principal_is_not(arm: Arm) -> None:
    arm.grant(DATA, PRINCIPAL, BLOB_READER, A)
    again = arm.grant(DATA, PRINCIPAL, BLOB_READER, A, description="why")
    assert (again.status, again.json["properties"]["description"]) == (200, "why")
    other = arm.grant(DATA, furnish.SERVICE_PRINCIPAL_ID, BLOB_READER, A)
    assert (other.status, other.code) == (400, "RoleAssignmentUpdateNotPermitted")
    assert other.message == "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
    assert arm.grant(DATA, PRINCIPAL, ACR_PULL, A).code == "RoleAssignmentUpdateNotPermitted"
    sample = recorded("authorization", "authz.roleassignments.one|PUT|409|RoleAssignmentExists")["response"]
    double = arm.grant(DATA, PRINCIPAL, BLOB_READER, B)
    assert (double.status, double.json) == (sample["status"], sample["body"])


def test_principals_are_looked_up_unless_their_type_is_told(arm: Arm) -> None:
    unknown = "27e3fe0a-ef36-41a0-ab3b-4666831b100b"
    sample = recorded("authorization", "authz.roleassignments.one|PUT|400|PrincipalNotFound")["response"]["body"][
        "error"
    ]
    refused = arm.grant(DATA, unknown, BLOB_READER, A)
    expected = sample["message"].replace("f88b1edf0fa140bb8cd57486794ccf10", unknown.replace("-", ""))
    tenant = sample["message"].partition("directory ")[2].partition(".")[0]
    assert (refused.status, refused.message) == (400, expected.replace(tenant, arm.world.issuer.tenant))
    assert arm.grant(DATA, unknown, BLOB_READER, A, principalType="ServicePrincipal").status == 201
    sample = recorded("authorization", "authz.roleassignments.one|PUT|400|UnmatchedPrincipalType")["response"]["body"][
        "error"
    ]
    wrong = arm.grant(DATA, furnish.USER_ID, BLOB_READER, B, principalType="Group")
    expected = sample["message"].replace("953fd16396b247898a839cfe693dd8d5", furnish.USER_ID.replace("-", ""))
    assert (wrong.code, wrong.message) == ("UnmatchedPrincipalType", expected)


def test_requests_are_checked(arm: Arm) -> None:
    assert arm.grant(DATA, PRINCIPAL, BLOB_READER, "not-a-guid").code == "InvalidRoleAssignmentId"
    assert arm.grant(DATA, "somebody", BLOB_READER, A).code == "InvalidPrincipalId"
    assert arm.grant(DATA, PRINCIPAL, "11111111-0000-4000-8000-000000000000", A).code == "RoleDefinitionDoesNotExist"
    assert arm.grant(DATA, PRINCIPAL, BLOB_READER, A, principalType="Robot").code == "UnsupportedPrincipalType"
    missing = arm.grant(f"{STORAGE}/stnosuch", PRINCIPAL, BLOB_READER, A)
    assert (missing.status, missing.code) == (404, "ResourceNotFound")
    assert arm("PUT", f"{DATA}/{ASSIGNMENTS}/{A}", {}).status == 400


def test_granting_is_a_right_of_its_own(arm: Arm) -> None:
    worker = stranger(arm.world)
    grants.assign(arm.world, GROUP, worker, furnish.CONTRIBUTOR, by=furnish.ADMIN_ID, immediate=True)
    refused = arm.as_(worker).grant(DATA, PRINCIPAL, BLOB_READER, A)
    sample = recorded("authorization", "authz.roleassignments.one|PUT|403|AuthorizationFailed")["response"]["body"]
    assert (refused.status, shape(refused.json)) == (403, shape(sample))
    assert f"'Microsoft.Authorization/roleAssignments/write' over scope '{DATA}/{ASSIGNMENTS}/{A}'" in refused.message
    arm.grant(DATA, PRINCIPAL, BLOB_READER, A)
    assert arm.as_(worker)("DELETE", f"{DATA}/{ASSIGNMENTS}/{A}").status == 403
    assert arm.as_(worker)("GET", f"{DATA}/{ASSIGNMENTS}/{A}").status == 200


def test_lists_and_their_filters(arm: Arm) -> None:
    container = f"{DATA}/blobServices/default/containers/inputs"
    arm.grant(DATA, PRINCIPAL, BLOB_READER, A)
    arm.grant(container, PRINCIPAL, BLOB_READER, B)

    def names(scope: str, text: str = "") -> set[str]:
        query = {"$filter": text} if text else {}
        return {found["name"] for found in arm("GET", f"{scope}/{ASSIGNMENTS}", **query).json["value"]}

    assert {A, B} < names(GROUP)
    assert A in names(DATA, "atScope()")
    assert B not in names(DATA, "atScope()")
    assert len(names(DATA, "atScope()")) == 5, "those of the group are inherited"
    assert names(GROUP, f"principalId eq '{PRINCIPAL}'") == {A, B}
    assert names(container, f"atScope() and principalId eq '{PRINCIPAL}'") == {A, B}
    assert names(DATA, f"assignedTo('{PRINCIPAL}')") == {A, B}
    assert names(GROUP, "principalId eq '99999999-0000-4000-8000-000000000000'") == set()
    assert A in names(f"/subscriptions/{furnish.DEV}")
    assert arm.as_(stranger(arm.world))("GET", f"{GROUP}/{ASSIGNMENTS}").status == 403


def test_role_definitions(arm: Arm) -> None:
    everything = arm("GET", f"{DATA}/{DEFINITIONS}", version="2018-01-01-preview").json["value"]
    assert {"Owner", "Contributor", "Reader", "AcrPull", "Storage Blob Data Reader"} <= {
        r["properties"]["roleName"] for r in everything
    }
    one = arm("GET", f"{DATA}/{DEFINITIONS}", **{"$filter": "roleName eq 'Storage Blob Data Reader'"}).json["value"]
    assert [role["id"] for role in one] == [f"{ROLES}/{BLOB_READER}"]
    assert one[0]["properties"]["type"] == "BuiltInRole"
    assert one[0]["properties"]["permissions"][0]["dataActions"]
    assert arm("GET", f"{DATA}/{DEFINITIONS}", **{"$filter": "type eq 'CustomRole'"}).json["value"] == []
    assert arm("GET", f"{ROLES}/{BLOB_READER}").status == 403, "a role on a group reads nothing of the subscription"
    assert arm("GET", f"{GROUP}/{DEFINITIONS}/{BLOB_READER}").json == one[0]
    assert arm("GET", f"/{DEFINITIONS}/{BLOB_READER}").json["name"] == BLOB_READER
    assert (
        arm("GET", f"{GROUP}/{DEFINITIONS}/11111111-0000-4000-8000-000000000000").code == "RoleDefinitionDoesNotExist"
    )


def test_permissions_of_the_caller(arm: Arm) -> None:
    sample = recorded("authorization", "authz.permissions|GET|200|None")["response"]["body"]["value"]
    path = f"{DATA}/providers/Microsoft.Authorization/permissions"
    old = arm("GET", path, version="2015-07-01").json["value"]
    # Contributor and User Access Administrator. Since the recording Microsoft has taken more away from Contributor (azure-docs, 2026-07).
    since = {"Microsoft.Subscription/cancel/action", "Microsoft.Subscription/enable/action"}
    as_recorded = [
        {**entry, "notActions": [action for action in entry["notActions"] if action not in since]} for entry in old
    ]
    assert sorted(map(str, as_recorded)) == sorted(str(entry) for entry in (sample[1], sample[3]))
    assert any(since <= set(entry["notActions"]) for entry in old)
    new = arm("GET", path, version="2022-04-01").json["value"]
    assert all({"dataActions", "notDataActions"} <= entry.keys() for entry in new)
    assert arm("GET", f"{PROD_GROUP}/providers/Microsoft.Authorization/permissions", version="2015-07-01").json[
        "value"
    ] == [{"actions": ["*/read"], "notActions": []}]
    assert arm.as_(stranger(arm.world))("GET", path).status == 403

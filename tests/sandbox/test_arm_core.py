"""The front of ARM: tokens, versions, subscriptions, groups, providers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_harness import DATA, GROUP, PROD_GROUP, STORAGE, Arm, close_arm, open_arm, recorded, shape, stranger

from mi_tui.sandbox import furnish
from mi_tui.sandbox.store import Principal, Store
from mi_tui.sandbox.tokens import ARM, Issuer
from mi_tui.sandbox.tokens import STORAGE as STORAGE_AUDIENCE
from mi_tui.sandbox.world import TENANT


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path)
    yield opened
    close_arm(opened)


def test_no_token_no_answer(arm: Arm) -> None:
    answer = arm.as_(None)("GET", GROUP)
    assert (answer.status, answer.code) == (401, "AuthenticationFailed")
    assert answer.headers["www-authenticate"] == (
        f'Bearer authorization_uri="https://login.windows.net/{TENANT}", error="invalid_token", '
        "error_description=\"The authentication failed because of missing 'Authorization' header.\""
    )


def test_tokens_are_checked(arm: Arm, tmp_path: Path) -> None:
    me = arm.world.store.principal(furnish.USER_ID)
    assert me is not None
    wrong = arm("GET", GROUP, token=arm.world.issuer.mint(me, STORAGE_AUDIENCE)[0])
    assert (wrong.status, wrong.code) == (401, "InvalidAuthenticationTokenAudience")
    assert "wrong audience or resource 'https://storage.azure.com'. It should exactly match" in wrong.message
    old = arm("GET", GROUP, token=arm.world.issuer.mint(me, ARM, lifetime=-10)[0])
    assert (old.status, old.code) == (401, "ExpiredAuthenticationToken")
    moment = r"'\d+/\d+/\d{4} \d+:\d\d:\d\d [AP]M'"
    assert re.fullmatch(
        f"The access token expiry UTC time {moment} is earlier than current UTC time {moment}\\.", old.message
    )
    forged = Issuer(Store(tmp_path / "other"), arm.world.issuer.tenant).mint(me, ARM)[0]
    assert arm("GET", GROUP, token=forged).code == "InvalidAuthenticationToken"
    foreign = Issuer(arm.world.store, "99999999-0000-4000-8000-000000000000")
    assert arm("GET", GROUP, token=foreign.mint(me, ARM)[0]).code == "InvalidAuthenticationToken"
    assert arm("GET", GROUP, token="nonsense").code == "InvalidAuthenticationToken"


@pytest.mark.parametrize("version", ["2014-04-01", "2022-09-01", "2022-12-01", "2024-11-01", "2026-09-01"])
def test_versions_that_azure_has_and_newer_ones_will_do(arm: Arm, version: str) -> None:
    assert arm("GET", GROUP, version=version).status == 200


@pytest.mark.parametrize("version", ["latest", "2024-13-01", "2024-1-1", "2024-10-01-", "2024-10-01 "])
def test_malformed_versions_are_refused(arm: Arm, version: str) -> None:
    answer = arm("GET", GROUP, version=version)
    assert (answer.status, answer.code) == (400, "InvalidApiVersionParameter")


def test_a_version_is_needed(arm: Arm) -> None:
    answer = arm("GET", GROUP, version=None)
    assert (answer.status, answer.code) == (400, "MissingApiVersionParameter")


def test_paths_have_no_case_and_may_end_with_a_slash(arm: Arm) -> None:
    assert arm("GET", DATA.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/")).json["name"] == furnish.DATA_ACCOUNT
    assert arm("GET", DATA + "/").json["id"] == DATA


def test_unknown_places(arm: Arm) -> None:
    wrong = GROUP.replace(furnish.DEV, "00000000-0000-4000-8000-00000000dead")
    assert (arm("GET", wrong).status, arm("GET", wrong).code) == (404, "SubscriptionNotFound")
    assert arm("GET", "/subscriptions/contoso/resourceGroups/x").code == "InvalidSubscriptionId"
    assert arm("GET", f"{GROUP}/providers/Microsoft.Nonsense/things/x").code == "InvalidResourceNamespace"
    assert arm("GET", f"{GROUP}/providers/Microsoft.Storage/things/x").code == "InvalidResourceType"
    assert arm("POST", DATA).status == 405


def test_who_may_not_ask_is_not_told_what_is_there(arm: Arm) -> None:
    nobody = arm.as_(stranger(arm.world))
    missing = f"/subscriptions/{furnish.DEV}/resourceGroups/nosuch/providers/Microsoft.Storage/storageAccounts/x"
    for path in (DATA, missing):
        answer = nobody("GET", path)
        assert (answer.status, answer.code) == (403, "AuthorizationFailed")
    sample = recorded("storage-arm", "storage.storageaccounts.one|GET|403|AuthorizationFailed")["response"]["body"][
        "error"
    ]
    assert shape(sample) == shape(nobody("GET", DATA).json["error"])
    expected = (
        "The client 'stranger@contoso.example' with object id '11111111-2222-4333-8444-555555555555' does not have "
        f"authorization to perform action 'Microsoft.Storage/storageAccounts/read' over scope '{DATA}' or the scope is "
        "invalid. If access was recently granted, please refresh your credentials."
    )
    assert nobody("GET", DATA).message == expected
    assert nobody("GET", DATA).state["decision"].startswith("no role allows")
    assert nobody("GET", DATA).state["caller"] == "stranger@contoso.example"
    assert nobody("GET", DATA).state["code"] == "AuthorizationFailed"


def test_a_missing_group_is_told_as_recorded(arm: Arm) -> None:
    owner = Principal("11111111-2222-4333-8444-666666666666", "User", "owner@contoso.example")
    arm.world.store.put_principal(owner)
    from mi_tui.sandbox import grants

    grants.assign(
        arm.world,
        f"/subscriptions/{furnish.DEV}",
        owner.object_id,
        furnish.CONTRIBUTOR,
        by=furnish.ADMIN_ID,
        immediate=True,
    )
    boss = arm.as_(owner.object_id)
    group = f"/subscriptions/{furnish.DEV}/resourceGroups/fake_group"
    below = boss("GET", f"{group}/providers/Microsoft.Storage/storageAccounts/clitest000002")
    sample = recorded("storage-arm", "storage.storageaccounts.one|GET|404|ResourceGroupNotFound")
    assert (below.status, below.json) == (404, sample["response"]["body"])
    itself = boss("GET", group)
    assert itself.json["error"]["message"] == "Resource group 'fake_group' could not be found."
    gone = boss("HEAD", group)
    assert (gone.status, gone.json) == (404, "")
    assert boss("HEAD", GROUP).status == 204
    made = boss("PUT", group, {"location": "US Gov Virginia"})
    assert made.code == "LocationNotAvailableForResourceGroup"
    made = boss("PUT", group, {"location": "West Europe"})
    sample = recorded("arm-core", "arm.rg|PUT|201|None")["response"]["body"]
    assert (made.status, shape(made.json), made.json["location"]) == (201, shape(sample), "westeurope")
    assert boss("PUT", group, {"location": "westeurope"}).status == 200
    assert boss("PUT", group, {"location": "eastus"}).code == "InvalidResourceGroupLocation"
    assert arm("PUT", group, {"location": "westeurope"}).status == 403, "a role on a group makes no groups"


def test_subscriptions_are_those_with_any_role_inside(arm: Arm) -> None:
    listed = arm("GET", "/subscriptions").json
    assert [s["displayName"] for s in listed["value"]] == ["Contoso Dev", "Contoso Prod"]
    assert listed["count"] == {"type": "Total", "value": 2}
    assert arm.as_(stranger(arm.world))("GET", "/subscriptions").json["value"] == []
    assert arm("GET", f"/subscriptions/{furnish.DEV}").json["state"] == "Enabled"
    assert arm.as_(stranger(arm.world))("GET", f"/subscriptions/{furnish.DEV}").status == 403


def test_tenants_groups_locations(arm: Arm) -> None:
    sample = recorded("arm-core", "arm.tenants|GET|200|None")["response"]["body"]["value"][0]
    assert sample.keys() <= arm("GET", "/tenants").json["value"][0].keys()
    groups = arm("GET", f"/subscriptions/{furnish.DEV}/resourcegroups").json["value"]
    assert [g["id"] for g in groups] == [GROUP]
    assert arm("GET", PROD_GROUP).json["name"] == furnish.PROD_GROUP
    names = {place["name"] for place in arm("GET", f"/subscriptions/{furnish.DEV}/locations").json["value"]}
    assert {"westeurope", "eastus"} <= names


def test_resources_are_listed_and_filtered(arm: Arm) -> None:
    everything = arm("GET", f"/subscriptions/{furnish.DEV}/resources").json["value"]
    types = {found["type"] for found in everything}
    assert "Microsoft.MachineLearningServices/workspaces" in types
    assert "Microsoft.Storage/storageAccounts/blobServices/containers" not in types
    wanted = {"$filter": "resourceType eq 'Microsoft.ManagedIdentity/userAssignedIdentities'"}
    assert [f["name"] for f in arm("GET", f"{GROUP}/resources", **wanted).json["value"]] == [furnish.IDENTITY]


def test_providers_can_be_read_but_not_registered_from_a_group(arm: Arm) -> None:
    base = f"/subscriptions/{furnish.DEV}/providers"
    one = arm("GET", f"{base}/microsoft.storage").json
    assert (one["namespace"], one["registrationState"]) == ("Microsoft.Storage", "Registered")
    assert len(arm("GET", base).json["value"]) > 5
    refused = arm("POST", f"{base}/Microsoft.Storage/register")
    assert refused.status == 403
    assert "'Microsoft.Storage/register/action' over scope '/subscriptions/" in refused.message
    assert arm("GET", f"{base}/Microsoft.Nonsense").code == "InvalidResourceNamespace"


def test_what_a_workspace_links_to_can_be_read(arm: Arm) -> None:
    registries = arm("GET", f"{GROUP}/providers/Microsoft.ContainerRegistry/registries").json["value"]
    assert [r["name"] for r in registries] == ["crmldev9f3a61"]
    assert arm("GET", registries[0]["id"]).json["properties"]["loginServer"] == "crmldev9f3a61.azurecr.io"
    assert arm("GET", f"{GROUP}/providers/Microsoft.KeyVault/vaults/nosuch").code == "ResourceNotFound"


def test_bodies_must_be_json_objects(arm: Arm) -> None:
    for body in (b"{", b"[]", b"1"):
        assert arm("PUT", f"{STORAGE}/stnew", body).code == "InvalidRequestContent"


def test_a_resource_group_goes_with_everything_in_it(arm: Arm) -> None:
    sample = recorded("arm-core", "arm.rg|DELETE|202|None")["response"]
    stranger_ = arm.as_(stranger(arm.world))
    assert stranger_("DELETE", GROUP).status == 403
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ml-scoring"
    principal = arm("GET", identity).json["properties"]["principalId"]
    going = arm("DELETE", GROUP)
    assert (going.status, going.json) == (sample["status"], sample["body"])
    assert "/operationresults/" in going.headers["location"]
    assert arm("DELETE", GROUP).headers["location"] == going.headers["location"], "the same deletion"
    assert arm("GET", going.headers["location"]).status == 202
    late = arm("PUT", f"{STORAGE}/latecomer", {"location": "westeurope"})
    assert (late.status, late.code) == (409, "ResourceGroupBeingDeleted")
    # The rights of whoever deletes lie at the group, and go with it.
    operation = going.headers["location"].partition("?")[0].rpartition("/")[2]
    arm.until(lambda: getattr(arm.world.store.operation(operation), "status", "") == "Succeeded")
    assert [r.id for r in arm.world.store.resources(under=GROUP)] == []
    assert arm.world.store.resource(GROUP) is None
    assert arm.world.store.principal(principal) is None
    assert not [blob for blob in arm.world.store.blobs() if blob.account == "stcontosodata7c41e9"]
    assert not [a for a in arm.world.store.assignments() if a.scope.lower().startswith(GROUP.lower())]
    assert arm.world.store.resource(PROD_GROUP) is not None

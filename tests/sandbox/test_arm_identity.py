"""User-assigned identities and the principals that they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_harness import (
    BLOB_READER,
    DATA,
    GROUP,
    IDENTITIES,
    WORKSPACE,
    Arm,
    close_arm,
    open_arm,
    recorded,
    shape,
    stranger,
)

from mi_tui.sandbox import furnish
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.tokens import ARM, TokenError

NEW = f"{IDENTITIES}/id-new"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
NAME = "0d7d3c1f-6b8a-4b52-9f5a-1f7a7c1e6a3f"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path)
    yield opened
    close_arm(opened)


def test_life_of_an_identity_as_recorded(arm: Arm) -> None:
    made = arm("PUT", NEW, {"location": "West Europe"})
    sample = recorded("identity", "msi.uai.one|PUT|201|None")["response"]
    assert (made.status, shape(made.json)) == (201, shape(sample["body"]))
    assert made.headers["location"] == made.json["id"], "relative, as recorded"
    assert "/resourcegroups/" in made.json["id"]
    assert made.json["location"] == "westeurope"
    assert arm("GET", NEW).json == made.json
    again = arm("PUT", NEW, {"location": "westeurope", "tags": {"tag1": "d1"}})
    assert (again.status, again.json["tags"]) == (200, {"tag1": "d1"})
    assert again.json["properties"] == made.json["properties"], "the same identity, not a new one"
    assert arm("PATCH", NEW, {"tags": {}}).json["tags"] == {}
    gone = arm("DELETE", NEW)
    assert (gone.status, gone.json) == (200, "")
    assert arm("DELETE", NEW).status == 204
    missing = arm("GET", NEW)
    assert (missing.status, missing.code) == (404, "ResourceNotFound")
    assert "'Microsoft.ManagedIdentity/userAssignedIdentities/id-new'" in missing.message


def test_lists(arm: Arm) -> None:
    sample = recorded("identity", "msi.uai.list|GET|200|None")["response"]["body"]
    listed = arm("GET", IDENTITIES).json
    assert shape(listed) == shape(sample)
    assert [i["name"] for i in listed["value"]] == [furnish.IDENTITY]
    everywhere = f"/subscriptions/{furnish.DEV}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    assert arm("GET", everywhere).json == listed
    assert arm.as_(stranger(arm.world))("GET", IDENTITIES).status == 403


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("id-new", {}, "LocationRequired"),
        ("id-new", {"location": "moon"}, "LocationNotAvailableForResourceType"),
        ("-x", {"location": "westeurope"}, "InvalidResourceName"),
    ],
)
def test_requests_are_checked(arm: Arm, name: str, body: dict[str, str], code: str) -> None:
    answer = arm("PUT", f"{IDENTITIES}/{name}", body)
    assert (answer.status, answer.code) == (400, code)


def test_an_identity_stays_in_its_location(arm: Arm) -> None:
    assert arm("PUT", f"{IDENTITIES}/{furnish.IDENTITY}", {"location": "eastus"}).code == "InvalidResourceLocation"


def test_the_principal_comes_and_goes_and_its_grants_stay(arm: Arm) -> None:
    made = arm("PUT", NEW, {"location": "westeurope"}).json["properties"]
    principal = arm.world.store.principal_by_client(made["clientId"])
    assert principal is not None
    assert principal.object_id == made["principalId"]
    assert arm.grant(DATA, made["principalId"], BLOB_READER, NAME, principalType="ServicePrincipal").status == 201
    arm("DELETE", NEW)
    assert arm.world.store.principal(made["principalId"]) is None
    left = arm("GET", f"{DATA}/providers/Microsoft.Authorization/roleAssignments/{NAME}")
    assert (left.status, left.json["properties"]["principalId"]) == (200, made["principalId"])
    second = arm("PUT", NEW, {"location": "westeurope"}).json["properties"]
    assert second["principalId"] != made["principalId"], "the same name is another identity"


def test_a_token_outlives_its_principal_until_it_expires(arm: Arm) -> None:
    made = arm("PUT", NEW, {"location": "westeurope"}).json["properties"]
    assert arm.grant(DATA, made["principalId"], READER, NAME, principalType="ServicePrincipal").status == 201
    principal = arm.world.store.principal(made["principalId"])
    assert principal is not None
    token, late = (arm.world.issuer.mint(principal, ARM, lifetime=seconds)[0] for seconds in (3599, -1))
    arm.until(lambda: arm("GET", DATA, token=token).status == 200)
    arm("DELETE", NEW)
    # What Azure RBAC guards goes on to accept it, as far as the roles of the principal that is no more reach.
    assert arm("GET", DATA, token=token).status == 200
    refused = arm("DELETE", DATA, token=token)
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert made["principalId"] in refused.message
    assert made["clientId"] in refused.message
    assert arm("GET", DATA, token=late).code == "ExpiredAuthenticationToken"
    # What looks principals up in the directory does not.
    with pytest.raises(TokenError, match="deleted"):
        arm.world.issuer.verify(token, (ARM,), directory=True)


def test_the_directory_needs_a_moment(tmp_path: Path) -> None:
    arm = open_arm(tmp_path, directory_replication=60.0)
    principal = arm("PUT", NEW, {"location": "westeurope"}).json["properties"]["principalId"]
    early = arm.grant(DATA, principal, BLOB_READER, NAME)
    assert (early.status, early.code) == (400, "PrincipalNotFound")
    assert arm.grant(DATA, principal, BLOB_READER, NAME, principalType="ServicePrincipal").status == 201
    close_arm(arm)


def test_who_has_an_identity(arm: Arm) -> None:
    arm("PUT", NEW, {"location": "westeurope"})
    sample = recorded("flow-identity", "msi.uai.sub|POST|200|None")["response"]["body"]
    path = f"{NEW}/listAssociatedResources"
    assert arm("POST", path).json == sample
    holder = f"{IDENTITIES.partition('/providers/')[0]}/providers/Microsoft.MachineLearningServices/workspaces/ml-dev/onlineEndpoints/e"
    body = {"id": holder, "identity": {"type": "UserAssigned", "userAssignedIdentities": {NEW: {}}}}
    kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    arm.world.store.put(Resource(holder, kind, "e", body))
    found = arm("POST", path).json
    assert (found["totalCount"], [one["id"] for one in found["value"]]) == (1, [holder])
    assert (found["value"][0]["resourceGroup"], found["value"][0]["type"]) == ("rg-ml-dev", kind)
    assert arm("POST", f"{IDENTITIES}/nosuch/listAssociatedResources").status == 404
    assert arm.as_(stranger(arm.world))("POST", path).status == 403


def test_federated_credentials_live(arm: Arm) -> None:
    every = f"{IDENTITIES}/{furnish.IDENTITY}/federatedIdentityCredentials"
    wanted = {
        "properties": {
            "issuer": "https://token.example/",
            "subject": "repo:a/b",
            "audiences": ["api://AzureADTokenExchange"],
        }
    }
    assert arm("GET", every).json == {"value": []}
    assert arm("DELETE", f"{every}/github").status == 204
    made = arm("PUT", f"{every}/github", wanted)
    assert (made.status, made.json["properties"]) == (201, wanted["properties"])
    assert arm("PUT", f"{every}/github", wanted).status == 200
    assert arm("PUT", f"{every}/another", wanted).status == 409
    assert arm("PUT", f"{every}/another", {"properties": {"issuer": "https://x/"}}).status == 400
    assert [one["name"] for one in arm("GET", every).json["value"]] == ["github"]
    assert arm("GET", f"{every}/github").json == made.json
    assert arm("GET", f"{every}/nosuch").code == "ResourceNotFound"
    assert "github" not in str(arm("GET", f"{GROUP}/resources").json)
    assert arm("DELETE", f"{every}/github").status == 200
    assert arm("GET", every).json == {"value": []}


def test_a_system_assigned_identity_is_told_by_its_resource(arm: Arm) -> None:
    told = arm("GET", f"{WORKSPACE}/providers/Microsoft.ManagedIdentity/identities/default")
    assert told.json["properties"]["principalId"] == arm("GET", WORKSPACE).json["identity"]["principalId"]
    assert arm("GET", f"{GROUP}/providers/Microsoft.ManagedIdentity/identities/default").status == 404

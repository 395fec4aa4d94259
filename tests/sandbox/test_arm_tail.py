"""What clients ask of Resource Manager beside the journey: locks, tags, deployments, the activity log, operations, account settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from arm_harness import DATA, GROUP, IDENTITIES, STORAGE, WORKSPACE, Arm, close_arm, open_arm, stranger
from blob_sas import delegated_query, moment

from mi_tui.sandbox import app, furnish
from mi_tui.sandbox.arm import deployments
from mi_tui.sandbox.blob import delegation
from mi_tui.sandbox.containers import account_by_name
from mi_tui.sandbox.scenarios import overlays
from mi_tui.sandbox.store import Request

SUBSCRIPTION = f"/subscriptions/{furnish.DEV}"
LOCK = "providers/Microsoft.Authorization/locks"
TAGS = "providers/Microsoft.Resources/tags/default"
DEPLOYMENTS = "providers/Microsoft.Resources/deployments"
EVENTS = f"{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values"
CONTAINER = f"{DATA}/blobServices/default/containers/{furnish.CONTAINER}"
POLICY = {
    "rules": [
        {
            "name": "old",
            "enabled": True,
            "type": "Lifecycle",
            "definition": {"actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}}},
        }
    ]
}


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path)
    yield opened
    close_arm(opened)


# ---- locks


@pytest.mark.parametrize("place", [GROUP, DATA, CONTAINER])
def test_a_lock_stops_a_deletion_at_and_below_it_and_of_what_is_above(arm: Arm, place: str) -> None:
    made = arm("PUT", f"{place}/{LOCK}/keep", {"properties": {"level": "CanNotDelete", "notes": "ours"}})
    assert (made.status, made.json["properties"]) == (201, {"level": "CanNotDelete", "notes": "ours"})
    assert arm("PUT", f"{place}/{LOCK}/keep", {"properties": {"level": "CanNotDelete"}}).status == 200
    for gone in (CONTAINER, DATA, GROUP):
        refused = arm("DELETE", gone)
        assert (refused.status, refused.code) == (409, "ScopeLocked")
        assert refused.message == (
            f"The scope '{gone}' cannot perform delete operation because following scope(s) are locked: '{place}'. "
            "Please remove the lock and try again."
        )
    assert arm("PATCH", DATA, {"tags": {"a": "b"}}).status == 200
    assert arm("DELETE", f"{place}/{LOCK}/keep").status == 200
    assert arm("DELETE", f"{place}/{LOCK}/keep").status == 204
    assert arm("DELETE", CONTAINER).status == 200


def test_a_read_only_lock_stops_changes_and_actions_but_not_reading(arm: Arm) -> None:
    arm("PUT", f"{DATA}/{LOCK}/frozen", {"properties": {"level": "ReadOnly"}})
    for answer in (
        arm("PATCH", DATA, {"tags": {}}),
        arm("POST", f"{DATA}/listKeys"),
        arm("PUT", f"{DATA}/blobServices/default/containers/new", {}),
    ):
        assert (answer.status, answer.code) == (409, "ScopeLocked")
        assert "cannot perform write operation" in answer.message
    assert arm("DELETE", DATA).code == "ScopeLocked"
    assert arm("GET", DATA).status == 200
    assert arm.create_account("stbeside77").status == 200


def test_who_may_not_ask_is_not_told_of_a_lock_and_contributors_may_not_make_one(arm: Arm) -> None:
    arm("PUT", f"{DATA}/{LOCK}/keep", {"properties": {"level": "CanNotDelete"}})
    assert arm.as_(stranger(arm.world))("DELETE", DATA).code == "AuthorizationFailed"
    arm.world.choose(None, "no-role-assignment-right")
    overlays.settle(arm.world)
    assert arm("DELETE", f"{DATA}/{LOCK}/keep").code == "AuthorizationFailed"


def test_locks_are_listed_from_above_and_below(arm: Arm) -> None:
    for place in (GROUP, DATA):
        arm("PUT", f"{place}/{LOCK}/one", {"properties": {"level": "CanNotDelete"}})

    def names(place: str, **query: str) -> set[str]:
        return {lock["id"] for lock in arm("GET", f"{place}/{LOCK}", **query).json["value"]}

    of_group, of_account = f"{GROUP}/{LOCK}/one", f"{DATA}/{LOCK}/one"
    assert names(GROUP) == names(DATA) == {of_group, of_account}
    assert names(GROUP, **{"$filter": "atScope()"}) == {of_group}
    assert names(SUBSCRIPTION, **{"$filter": "atScope()"}) == set()
    assert arm("GET", of_account).json["type"] == "Microsoft.Authorization/locks"
    assert arm("GET", f"{DATA}/{LOCK}/other").code == "LockNotFound"
    assert arm("PUT", f"{DATA}/{LOCK}/x", {"properties": {"level": "Soft"}}).code == "InvalidLockLevel"
    assert arm("PUT", f"{STORAGE}/nosuch/{LOCK}/x", {"properties": {"level": "ReadOnly"}}).code == "ResourceNotFound"


# ---- tags


def test_tags_at_a_scope_are_those_of_the_resource(arm: Arm) -> None:
    def patch(operation: str, **tags: str) -> dict[str, str]:
        answer = arm("PATCH", f"{DATA}/{TAGS}", {"operation": operation, "properties": {"tags": tags}})
        assert answer.status == 200, answer.json
        return dict(answer.json["properties"]["tags"])

    arm("PUT", f"{DATA}/{TAGS}", {"properties": {"tags": {"Team": "blue", "env": "dev"}}})
    assert arm("GET", DATA).json["tags"] == {"Team": "blue", "env": "dev"}
    assert patch("Merge", team="red", new="1") == {"Team": "red", "env": "dev", "new": "1"}
    assert patch("Delete", env="other", NEW="1") == {"Team": "red", "env": "dev"}
    assert patch("Replace", only="this") == {"only": "this"}
    assert arm("GET", f"{DATA}/{TAGS}").json["id"] == f"{DATA}/{TAGS}"
    names = {tag["tagName"]: tag for tag in arm("GET", f"{SUBSCRIPTION}/tagNames").json["value"]}
    assert names["only"]["values"][0]["tagValue"] == "this"
    assert names["only"]["count"] == {"type": "Total", "value": 1}
    assert arm("DELETE", f"{DATA}/{TAGS}").status == 200
    assert arm("GET", f"{DATA}/{TAGS}").json["properties"] == {"tags": {}}


def test_tags_that_cannot_be(arm: Arm) -> None:
    many = {str(number): "x" for number in range(51)}
    assert arm("PUT", f"{GROUP}/{TAGS}", {"properties": {"tags": many}}).code == "TooManyTags"
    assert arm("PUT", f"{CONTAINER}/{TAGS}", {"properties": {"tags": {}}}).code == "TagsNotSupported"
    assert arm("PATCH", f"{GROUP}/{TAGS}", {"operation": "Add", "properties": {"tags": {}}}).code == (
        "InvalidTagsPatchOperation"
    )
    assert arm("PUT", f"{GROUP}/{TAGS}", {}).status == 400


# ---- deployments, templates, moves


@pytest.mark.parametrize("place", [GROUP, SUBSCRIPTION])
def test_there_is_no_deployment_and_none_is_made(arm: Arm, place: str) -> None:
    assert arm("GET", f"{place}/{DEPLOYMENTS}").json == {"value": []}
    for method, below in (("GET", ""), ("GET", "/operations"), ("POST", "/exportTemplate"), ("POST", "/cancel")):
        missing = arm(method, f"{place}/{DEPLOYMENTS}/one{below}")
        assert (missing.status, missing.code, missing.message) == (
            404, "DeploymentNotFound", "Deployment 'one' could not be found.",
        )  # fmt: skip
    assert arm("HEAD", f"{place}/{DEPLOYMENTS}/one").status == 404
    refused = arm("PUT", f"{place}/{DEPLOYMENTS}/one", {"properties": {"mode": "Incremental"}})
    assert refused.code == ("InvalidTemplate" if place == GROUP else "AuthorizationFailed")


def test_a_template_would_make_the_group_again(arm: Arm) -> None:
    told = arm("POST", f"{GROUP}/exportTemplate", {"resources": ["*"]}).json["template"]
    kinds = {entry["type"] for entry in told["resources"]}
    assert {"Microsoft.Storage/storageAccounts", "Microsoft.MachineLearningServices/workspaces"} <= kinds
    account = arm("POST", f"{GROUP}/exportTemplate", {"resources": [DATA]}).json["template"]
    (entry,) = account["resources"]
    assert account["parameters"] == {
        f"storageAccounts_{furnish.DATA_ACCOUNT}_name": {"defaultValue": furnish.DATA_ACCOUNT, "type": "String"}
    }
    assert entry["name"] == f"[parameters('storageAccounts_{furnish.DATA_ACCOUNT}_name')]"
    assert "primaryEndpoints" not in entry["properties"]
    assert arm("POST", f"{GROUP}/exportTemplate", {"resources": [f"{STORAGE}/nosuch"]}).status == 404
    assert arm("POST", f"{GROUP}/exportTemplate", {}).status == 400


def test_nothing_moves(arm: Arm) -> None:
    wanted = {"resources": [DATA, WORKSPACE], "targetResourceGroup": GROUP}
    for what in ("moveResources", "validateMoveResources"):
        refused = arm("POST", f"{GROUP}/{what}", wanted)
        assert (refused.status, refused.code) == (409, "ResourceMoveValidationFailed")
        assert refused.json["error"]["details"][0]["code"] == "ResourceMoveNotSupported"
    nowhere = {**wanted, "targetResourceGroup": f"{SUBSCRIPTION}/resourceGroups/nosuch"}
    assert arm("POST", f"{GROUP}/moveResources", nowhere).code == "ResourceGroupNotFound"


# ---- the activity log, operations, administrators


def test_the_activity_log_tells_what_was_changed(arm: Arm) -> None:
    def row(time: float, method: str, path: str, status: int, host: str = "management.azure.com") -> Request:
        return Request(time, "you@contoso.example", method, host, path, "", status, None, "", 1.0)

    for number in range(3):
        arm.world.store.add_request(row(1000.0 + number, "PUT", DATA, 200 + number))
    arm.world.store.add_request(row(1010.0, "POST", f"{DATA}/listKeys", 403))
    arm.world.store.add_request(row(1011.0, "GET", DATA, 200))
    arm.world.store.add_request(row(1012.0, "PUT", DATA, 201, "other.blob.core.windows.net"))
    arm.world.store.add_request(row(1013.0, "DELETE", f"/subscriptions/{furnish.PROD}/resourceGroups/x", 202))

    def events(text: str, **query: str) -> list[dict[str, object]]:
        return list(arm("GET", EVENTS, **{"$filter": text}, **query).json["value"])

    since = "eventTimestamp ge '1970-01-01T00:16:40Z'"
    found = events(since)
    assert [event["subStatus"]["value"] for event in found] == ["403", "202", "201", "200"]  # type: ignore[index]
    assert found[0]["operationName"] == {
        "value": "Microsoft.Storage/storageAccounts/listKeys/action",
        "localizedValue": "Microsoft.Storage/storageAccounts/listKeys/action",
    }
    assert (found[0]["resourceId"], found[0]["level"], found[0]["status"]["value"]) == (DATA, "Error", "Failed")  # type: ignore[index]
    assert len(events(f"{since} and eventTimestamp le '1970-01-01T00:16:41.5Z'")) == 2
    assert len(events("eventTimestamp ge 1970-01-01T00:16:41.500000 and resourceGroupName eq rg-ml-dev")) == 2
    assert len(events(f"{since} and status eq 'Failed' and resourceGroupName eq '{furnish.GROUP}'")) == 1
    assert events(f"{since} and resourceProvider eq 'Microsoft.KeyVault'") == []
    assert set(events(since, **{"$select": "caller,eventTimestamp"})[0]) == {"caller", "eventTimestamp"}
    for wrong in ("", "status eq 'Failed'", f"{since} or caller eq 'x'", "eventTimestamp ge 'soon'", "colour eq 'red'"):
        assert arm("GET", EVENTS, **{"$filter": wrong}).status == 400, wrong


def test_the_activity_log_comes_in_pages(arm: Arm) -> None:
    for number in range(250):
        arm.world.store.add_request(
            Request(2000.0 + number, "me", "PUT", "management.azure.com", DATA, "", 200, None, "", 1.0)
        )
    first = arm("GET", EVENTS, **{"$filter": "eventTimestamp ge '1970-01-01T00:33:20Z'"})
    rest = arm("GET", first.json["nextLink"])
    assert (len(first.json["value"]), len(rest.json["value"])) == (200, 50)
    assert "nextLink" not in rest.json


@pytest.mark.parametrize(
    ("namespace", "name", "data"),
    [
        ("Microsoft.Storage", "Microsoft.Storage/storageAccounts/listKeys/action", False),
        ("Microsoft.Storage", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read", True),
        ("Microsoft.ManagedIdentity", "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", False),
        ("Microsoft.Authorization", "Microsoft.Authorization/locks/delete", False),
        ("Microsoft.Resources", "Microsoft.Resources/tags/write", False),
    ],
)
def test_a_provider_tells_its_operations(arm: Arm, namespace: str, name: str, data: bool) -> None:
    app.load_handlers()
    told = {one["name"]: one for one in arm("GET", f"/providers/{namespace}/operations").json["value"]}
    assert told[name]["display"]["provider"] == namespace.replace(".", " ")
    metadata = arm("GET", f"/providers/Microsoft.Authorization/providerOperations/{namespace}").json
    kinds = {one["name"]: one["isDataAction"] for kind in metadata["resourceTypes"] for one in kind["operations"]}
    assert kinds[name] is data
    assert not [one for one in told if "*" in one or "{" in one]


def test_metadata_of_all_providers_and_of_none(arm: Arm) -> None:
    every = arm("GET", "/providers/Microsoft.Authorization/providerOperations").json["value"]
    assert "Microsoft.Storage" in {one["name"] for one in every}
    assert arm("GET", "/providers/Microsoft.Authorization/providerOperations/Contoso.X").code == "ProviderNotFound"


def test_denials_and_classic_administrators(arm: Arm) -> None:
    authorization = f"{GROUP}/providers/Microsoft.Authorization"
    assert arm("GET", f"{authorization}/denyAssignments").json == {"value": []}
    assert arm("GET", f"{authorization}/denyAssignments/one").code == "DenyAssignmentNotFound"
    (one,) = arm("GET", f"{SUBSCRIPTION}/providers/Microsoft.Authorization/classicAdministrators").json["value"]
    assert one["properties"]["role"] == "AccountAdministrator"


# ---- storage


def test_a_service_signature_is_one_that_the_blob_service_takes(arm: Arm) -> None:
    wanted = {
        "canonicalizedResource": f"/blob/{furnish.DATA_ACCOUNT}/{furnish.CONTAINER}",
        "signedResource": "c",
        "signedPermission": "rl",
        "signedExpiry": "2099-01-01T00:00:00.1234567Z",
    }
    token = dict(parse_qsl(arm("POST", f"{DATA}/ListServiceSas", wanted).json["serviceSasToken"]))
    assert list(token) == ["sv", "sr", "se", "sp", "sig"]
    assert token["se"] == "2099-01-01T00:00:00Z"
    other = dict(
        parse_qsl(arm("POST", f"{DATA}/ListServiceSas", {**wanted, "keyToSign": "key2"}).json["serviceSasToken"])
    )
    assert other["sig"] != token["sig"]
    for wrong in ({"canonicalizedResource": "/blob/other/x"}, {"signedExpiry": None}, {"keyToSign": "key3"}):
        assert arm("POST", f"{DATA}/ListServiceSas", {**wanted, **wrong}).code == "InvalidValuesForRequestParameters"


def test_the_lifecycle_policy_of_an_account(arm: Arm) -> None:
    policy = f"{DATA}/managementPolicies/default"
    missing = arm("GET", policy)
    assert (missing.status, missing.code) == (404, "ManagementPolicyNotFound")
    assert missing.message == f"No ManagementPolicy found for account {furnish.DATA_ACCOUNT}"
    made = arm("PUT", policy, {"properties": {"policy": POLICY}})
    assert (made.status, made.json["name"], made.json["properties"]["policy"]) == (
        200, "DefaultManagementPolicy", POLICY,
    )  # fmt: skip
    assert arm("GET", policy).json == made.json
    assert (
        arm("PUT", f"{DATA}/managementPolicies/mine", {"properties": {"policy": POLICY}}).code == "HttpResourceNotFound"
    )
    nameless = {"rules": [{**POLICY["rules"][0], "name": "not a name"}]}
    assert arm("PUT", policy, {"properties": {"policy": nameless}}).status == 400
    assert arm("PUT", policy, {"properties": {}}).status == 400
    assert [arm("DELETE", policy).status for _ in range(2)] == [200, 204]


def test_the_blob_service_is_set_and_told_alike(arm: Arm) -> None:
    service = f"{DATA}/blobServices/default"
    rule = {
        "allowedOrigins": ["https://example.org"],
        "allowedMethods": ["GET", "PUT"],
        "maxAgeInSeconds": 100,
        "exposedHeaders": ["x-ms-meta-*"],
        "allowedHeaders": [],
    }
    made = arm("PUT", service, {"properties": {"cors": {"corsRules": [rule]}, "defaultServiceVersion": "2020-10-02"}})
    assert made.status == 200
    told = arm("GET", service).json
    assert told["properties"]["cors"]["corsRules"] == [rule]
    assert told["properties"]["defaultServiceVersion"] == "2020-10-02"
    assert (
        arm("PUT", service, {"properties": {"cors": {"corsRules": [{**rule, "allowedMethods": ["X"]}]}}}).status == 400
    )
    assert arm("PUT", service, {"properties": {"cors": {"corsRules": [rule] * 6}}}).status == 400
    assert arm("PUT", service, {"properties": {"isVersioningEnabled": True}}).code == "FeatureNotSupportedForAccount"
    arm("PUT", service, {"properties": {}})
    assert arm("GET", service).json["properties"]["cors"] == {"corsRules": []}


def test_a_container_is_leased_as_by_the_data_plane(arm: Arm) -> None:
    taken = arm("POST", f"{CONTAINER}/lease", {"action": "Acquire", "leaseDuration": -1})
    assert taken.status == 200
    assert arm("GET", CONTAINER).json["properties"]["leaseState"] == "Leased"
    again = arm("POST", f"{CONTAINER}/lease", {"action": "Acquire", "leaseDuration": -1})
    assert (again.status, again.code) == (409, "LeaseAlreadyPresent")
    broken = arm("POST", f"{CONTAINER}/lease", {"action": "Break", "leaseId": taken.json["leaseId"]})
    assert broken.json == {"leaseTimeSeconds": "0"}
    assert arm("POST", f"{CONTAINER}/lease", {"action": "Dance"}).status == 400


def test_revoked_delegation_keys_sign_no_more(arm: Arm) -> None:
    store = arm.world.store
    query = dict(parse_qsl(delegated_query(arm.world, furnish.DATA_ACCOUNT, furnish.CONTAINER, "7", "r")))
    assert query["se"] <= moment(600)

    def key() -> str:
        account = account_by_name(arm.world, furnish.DATA_ACCOUNT)
        assert account is not None
        return delegation.key_of(store, query, account)

    before = key()
    assert before == key()
    assert arm("POST", f"{DATA}/revokeUserDelegationKeys").status == 200
    assert key() != before


@pytest.mark.parametrize("kind", ["encryptionScopes", "inventoryPolicies", "localUsers", "privateEndpointConnections"])
def test_what_an_account_could_have_is_empty(arm: Arm, kind: str) -> None:
    assert arm("GET", f"{DATA}/{kind}").json == {"value": []}
    assert arm("GET", f"{STORAGE}/nosuch/{kind}").code == "ResourceNotFound"
    missing = arm("GET", f"{DATA}/{kind}/default")
    assert (missing.status, missing.code[-8:]) == (404, "NotFound")
    assert arm("PUT", f"{DATA}/{kind}/default", {}).code == "FeatureNotSupportedForAccount"


def test_what_is_told_of_accounts_that_are_gone_and_of_links(arm: Arm) -> None:
    storage = f"{SUBSCRIPTION}/providers/Microsoft.Storage"
    assert arm("GET", f"{storage}/deletedAccounts").json == {"value": []}
    assert arm("GET", f"{storage}/locations/westeurope/deletedAccounts/gone").status == 404
    links = arm("GET", f"{DATA}/privateLinkResources").json["value"]
    assert links[0]["properties"]["requiredZoneNames"] == ["privatelink.blob.core.windows.net"]


# ---- a kind world


def test_an_owner_of_the_subscription_makes_groups_and_grants_roles(arm: Arm) -> None:
    group = f"{SUBSCRIPTION}/resourceGroups/rg-mine"
    assert arm("PUT", group, {"location": "westus"}).code == "AuthorizationFailed"
    arm.world.choose(None, "subscription-owner")
    overlays.settle(arm.world)
    for caller in (furnish.USER_ID, furnish.SERVICE_PRINCIPAL_ID):
        assert arm.as_(caller)("PUT", group, {"location": "westus"}).status in {200, 201}
    identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mine"
    assert arm("PUT", identity, {"location": "westus"}).status == 201
    assert arm("GET", IDENTITIES).status == 200
    assert arm("PUT", f"{SUBSCRIPTION}/tagNames/team", None).status == 201
    assert arm("PUT", f"{SUBSCRIPTION}/tagNames/team/tagValues/blue", None).status == 201
    assert arm("DELETE", f"{SUBSCRIPTION}/tagNames/team").code == "TagNameHasValues"
    assert arm("DELETE", f"{SUBSCRIPTION}/tagNames/team/tagValues/blue").status == 200
    assert arm("DELETE", f"{SUBSCRIPTION}/tagNames/team").status == 200
    assert arm("PUT", f"{SUBSCRIPTION}/{DEPLOYMENTS}/one", {}).code == "InvalidTemplate"
    arm.world.choose(None, "none")
    overlays.settle(arm.world)
    assert arm("PUT", group, {"location": "westus"}).code == "AuthorizationFailed"


assert deployments

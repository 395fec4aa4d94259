"""Workspaces, datastores and assets, against the recorded answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from arm_harness import GROUP, WORKSPACE, Arm, close_arm, open_arm, recorded, recording, shape, stranger

from mi_tui.sandbox import containers, furnish, grants
from mi_tui.sandbox.store import Resource

STORE = f"{WORKSPACE}/datastores/workspaceblobstore"
CODE = f"{WORKSPACE}/codes/2a98fcb1-ea7a-321f-1031-adc7df59cd66/versions/1"
MODEL = f"{WORKSPACE}/models/test_198453716381/versions/1"
ENVIRONMENT = f"{WORKSPACE}/environments/CliV2AnonymousEnvironment/versions/6bacc0d892cc968bcd98bcbbea577d56"
CODE_BODY = {
    "properties": {
        "properties": {"hash_sha256": "abc123", "hash_version": "202208"},
        "isAnonymous": True,
        "isArchived": False,
        "codeUri": "https://stmldev9f3a61.blob.core.windows.net:443/4a6e1d93-8-x/src",
    }
}
URI = "azureml://subscriptions/{}/resourcegroups/rg-ml-dev/workspaces/ml-dev/datastores/workspaceblobstore/paths/LocalUpload/0/model.pkl"
MODEL_BODY: dict[str, Any] = {
    "properties": {
        "properties": {},
        "tags": {},
        "isAnonymous": False,
        "modelType": "custom_model",
        "modelUri": URI.format(furnish.DEV),
    }
}


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path)
    yield opened
    close_arm(opened)


def infos(answer: Any) -> list[str]:
    return [entry["type"] for entry in answer["error"]["additionalInfo"]]


def test_workspaces(arm: Arm) -> None:
    one = arm("GET", WORKSPACE)
    assert (one.status, one.headers["x-ms-response-type"]) == (200, "standard")
    for place in (GROUP, f"/subscriptions/{furnish.DEV}"):
        listed = arm("GET", f"{place}/providers/Microsoft.MachineLearningServices/workspaces").json["value"]
        assert [w["name"] for w in listed] == ["ml-dev", "ml-new"]
    sample = recorded("ml-workspace", "ml.workspaces|GET|404|ResourceNotFound")["response"]["body"]["error"]
    missing = arm("GET", f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/e2etest_test_91952533788")
    assert (missing.status, missing.message) == (404, sample["message"].replace("'00000'", "'rg-ml-dev'"))
    assert arm.as_(stranger(arm.world))("GET", WORKSPACE).status == 403


def test_datastores(arm: Arm) -> None:
    one = arm("GET", STORE)
    sample = recorded("flow-ml-online-deployment", "ml.workspaces.datastores|GET|200|None")["response"]["body"]
    assert shape(one.json) == shape(sample)
    assert one.json["properties"]["credentials"] == sample["properties"]["credentials"]
    assert arm("GET", f"{WORKSPACE}/datastores", isDefault="true").json["value"] == [one.json]
    assert arm("GET", f"{WORKSPACE}/datastores", isDefault="false").json["value"] == []
    sample = recorded("ml-assets", "ml.workspaces.datastores|GET|404|UserError")["response"]
    missing = arm("GET", f"{WORKSPACE}/datastores/test_191128436424")
    assert (missing.status, missing.message) == (404, sample["body"]["error"]["message"])
    assert shape(missing.json) == shape(sample["body"])
    assert infos(missing.json) == infos(sample["body"])
    assert missing.headers["x-ms-response-type"] == sample["headers"]["x-ms-response-type"]


def test_a_datastore_is_registered_changed_and_forgotten(arm: Arm) -> None:
    path = f"{WORKSPACE}/datastores/mine"
    sent = {"datastoreType": "AzureBlob", "accountName": "stcontosodata7c41e9", "containerName": "inputs"}
    none = {"properties": {**sent, "credentials": {"credentialsType": "None"}}}
    made = arm("PUT", path, none, skipValidation="true")
    assert (made.status, made.json["properties"]["credentials"]) == (201, {"credentialsType": "None"})
    assert made.headers["location"].endswith("/datastores/mine?skipValidation=true&api-version=2024-10-01")
    assert arm("POST", f"{path}/listSecrets", {}).status == 400
    secrets = {"secretsType": "AccountKey", "key": "dGhpcyBpcyBmYWtl"}
    keyed = {"properties": {**sent, "credentials": {"credentialsType": "AccountKey", "secrets": secrets}}}
    changed = arm("PUT", path, keyed)
    assert (changed.status, changed.json["properties"]["credentials"]) == (200, {"credentialsType": "AccountKey"})
    assert "dGhpcyBpcyBmYWtl" not in str(arm("GET", path).json)
    assert arm("POST", f"{path}/listSecrets", {}).json == secrets
    assert arm("PUT", f"{WORKSPACE}/datastores/no-name", keyed).status == 400
    assert arm("PUT", path, {"properties": {**sent, "datastoreType": "AzureFile"}}).status == 400
    assert [arm("DELETE", path).status for _ in range(2)] == [200, 204]
    assert arm("DELETE", STORE).status == 400, "the default one"
    assert arm("GET", STORE).status == 200


def test_secrets_of_a_datastore(arm: Arm) -> None:
    sample = recorded("ml-assets", "ml.workspaces.datastores.listsecrets|POST|200|None")["response"]["body"]
    key = arm("POST", f"{STORE}/listSecrets").json
    assert shape(key) == shape(sample)
    account = containers.account_by_name(arm.world, "stmldev9f3a61")
    assert account is not None
    assert key == {"secretsType": "AccountKey", "key": account.private["keys"][0]["value"]}
    limited = arm("POST", f"{STORE}/listSecrets", {"expirableSecret": True, "expireAfterHours": 1}).json
    assert limited["secretsType"] == "Sas"
    assert parse_qs(limited["sasToken"])["srt"] == ["co"]
    reader = stranger(arm.world)
    grants.assign(arm.world, GROUP, reader, furnish.READER, by=furnish.ADMIN_ID, immediate=True)
    refused = arm.as_(reader)("POST", f"{STORE}/listSecrets")
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert "'Microsoft.MachineLearningServices/workspaces/datastores/listSecrets/action'" in refused.message
    assert arm.as_(reader)("GET", STORE).status == 200


def test_a_pending_upload_makes_a_container_of_its_own(arm: Arm) -> None:
    sample = recorded("ml-assets", "ml.workspaces.codes.versions.startpendingupload|POST|200|None")["response"]["body"]
    answer = arm("POST", f"{CODE}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"})
    assert (answer.status, shape(answer.json)) == (200, shape(sample))
    reference = answer.json["blobReferenceForConsumption"]
    name = reference["blobUri"].rpartition("/")[2]
    assert name.startswith("4a6e1d93-8-")
    assert len(name) == len("2eef7b49-b-d7f67fbf-de9a-52c4-a60d-b8f2de094401")
    assert arm("GET", f"{reference['storageAccountArmId']}/blobServices/default/containers/{name}").status == 200
    token = parse_qs(reference["credential"]["sasUri"].partition("?")[2])
    assert (token["sr"], set(token["sp"][0])) == (["c"], set("rcwl"))
    other = arm("POST", f"{CODE}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}).json
    assert other["blobReferenceForConsumption"]["blobUri"] != reference["blobUri"]
    named = {"pendingUploadType": "TemporaryBlobReference", "pendingUploadId": "2c6f7e0a-0000-4000-8000-000000000001"}
    first, again = (arm("POST", f"{CODE}/startPendingUpload", named).json for _ in range(2))
    assert first["pendingUploadId"] == named["pendingUploadId"]
    places = [one["blobReferenceForConsumption"]["blobUri"] for one in (first, again, other)]
    assert places[0] == places[1] != places[2]


def test_code_versions_as_recorded(arm: Arm) -> None:
    made = arm("PUT", CODE, CODE_BODY, version="2023-04-01")
    sample = recorded("ml-assets", "ml.workspaces.codes.versions|PUT|201|None")["response"]
    assert (made.status, shape(made.json)) == (201, shape(sample["body"]))
    assert made.headers["location"] == f"https://management.azure.com{CODE}?api-version=2023-04-01"
    assert made.json["properties"]["isAnonymous"] is False, "recorded"
    moved = {"properties": {**CODE_BODY["properties"], "codeUri": "https://elsewhere/src"}}
    again = arm("PUT", CODE, moved)
    assert (again.status, again.json["properties"]["codeUri"]) == (200, CODE_BODY["properties"]["codeUri"])
    assert again.json["systemData"]["createdAt"] == made.json["systemData"]["createdAt"]
    changed = {"properties": {"codeUri": "https://elsewhere/src", "properties": {"hash_sha256": "other"}}}
    refused = arm("PUT", CODE, changed)
    assert (refused.status, refused.code, refused.message) == (400, "UserError", "Asset paths cannot be updated.")
    assert arm("GET", CODE).json["properties"]["codeUri"] == CODE_BODY["properties"]["codeUri"]


def test_code_is_found_by_its_hash_under_any_name(arm: Arm) -> None:
    arm("PUT", CODE, CODE_BODY)
    elsewhere = f"{WORKSPACE}/codes/another-name/versions"
    found = arm("GET", elsewhere, hash="abc123", hashVersion="202208").json["value"]
    assert [version["id"] for version in found] == [CODE]
    assert arm("GET", elsewhere, hash="def456", hashVersion="202208").json["value"] == []
    assert arm("GET", elsewhere, hash="abc123", hashVersion="1").json["value"] == []
    assert arm("GET", elsewhere).json["value"] == []


def test_model_versions_as_recorded(arm: Arm) -> None:
    assert arm("GET", MODEL.rpartition("/")[0], **{"$orderBy": "createdtime desc", "$top": "1"}).json == {"value": []}
    made = arm("PUT", MODEL, MODEL_BODY)
    sample = recorded("ml-assets", "ml.workspaces.models.versions|PUT|201|None")["response"]["body"]
    assert made.status == 201
    assert shape(sample)["properties"].keys() <= shape(made.json)["properties"].keys()
    assert made.json["properties"]["flavors"] == {}
    assert "/resourceGroups/rg-ml-dev/" in made.json["properties"]["modelUri"], "Azure writes it so (recorded)"
    before, after = (arm("GET", MODEL, version=v).json["properties"] for v in ("2023-04-01", "2023-04-01-preview"))
    assert after.keys() - before.keys() == {"autoDeleteSetting", "intellectualProperty"}
    assert arm("PUT", MODEL, MODEL_BODY).status == 200
    other = {"properties": {**MODEL_BODY["properties"], "modelUri": "azureml://elsewhere"}}
    assert arm("PUT", MODEL, other).message == "Asset paths cannot be updated."
    tagged = {"properties": {**MODEL_BODY["properties"], "tags": {"a": "b"}, "isArchived": True}}
    assert arm("PUT", MODEL, tagged).json["properties"]["tags"] == {"a": "b"}
    versions = MODEL.rpartition("/")[0]
    assert arm("GET", versions).json["value"] == [], "archived ones are left out"
    assert len(arm("GET", versions, listViewType="All").json["value"]) == 1
    assert arm("PUT", f"{versions}/v2", MODEL_BODY).status == 400


def test_newest_versions_come_first(arm: Arm) -> None:
    versions = MODEL.rpartition("/")[0]
    for number in ("1", "2", "10"):
        arm("PUT", f"{versions}/{number}", MODEL_BODY)
    assert [v["name"] for v in arm("GET", versions, **{"$orderBy": "createdtime desc"}).json["value"]] == [
        "10",
        "2",
        "1",
    ]
    assert [v["name"] for v in arm("GET", versions, **{"$top": "1"}).json["value"]] == ["10"]
    assert [v["name"] for v in arm("GET", versions, **{"$orderBy": "createdtime asc"}).json["value"]] == [
        "1",
        "2",
        "10",
    ]
    container = arm("GET", versions.rpartition("/")[0]).json
    assert (container["properties"]["latestVersion"], container["properties"]["nextVersion"]) == ("10", "11")
    gone = arm("DELETE", f"{versions}/10")
    assert (gone.status, gone.json, gone.headers["content-length"]) == (200, "", "0"), "recorded"
    assert arm("DELETE", f"{versions}/10").status == 204
    assert arm("DELETE", versions.rpartition("/")[0]).status == 200
    assert arm("GET", f"{versions}/1").status == 404


def test_a_missing_model_is_told_as_recorded(arm: Arm) -> None:
    sample = recorded("ml-assets", "ml.workspaces.models|GET|404|UserError")["response"]
    missing = arm("GET", f"{WORKSPACE}/models/test_198453716381")
    assert missing.status == 404
    assert {**missing.json["error"], "additionalInfo": None} == {**sample["body"]["error"], "additionalInfo": None}
    assert infos(missing.json) == infos(sample["body"])
    assert arm("GET", MODEL).json["error"]["details"][0]["code"] == "ModelNotFound"


def test_environments_as_recorded(arm: Arm) -> None:
    sent = recorded("ml-assets", "ml.workspaces.environments.versions|PUT|201|None")
    made = arm("PUT", ENVIRONMENT, sent["request"]["body"])
    assert (made.status, shape(made.json)) == (201, shape(sent["response"]["body"]))
    assert made.json["properties"] == sent["response"]["body"]["properties"]
    assert arm("GET", ENVIRONMENT).json == made.json
    assert arm("PUT", ENVIRONMENT, sent["request"]["body"]).status == 200
    other = arm("PUT", ENVIRONMENT, {"properties": {"image": "another/image"}})
    assert (other.status, other.code) == (409, "UserError")
    sample = recorded("ml-assets", "ml.workspaces.environments|GET|404|UserError")["response"]["body"]
    missing = arm("GET", f"{WORKSPACE}/environments/env-test-5840116")
    assert (missing.status, missing.message) == (404, sample["error"]["message"])
    assert infos(missing.json) == infos(sample)


def test_bodies_are_checked(arm: Arm) -> None:
    for path in (CODE, MODEL, ENVIRONMENT):
        assert arm("PUT", path, {}).status == 400
        assert arm("PUT", path, {"properties": {}}).status == 400
        assert arm("GET", path).status == 404


@pytest.mark.parametrize(
    ("path", "action"), [(CODE, "codes/versions"), (MODEL, "models/versions"), (ENVIRONMENT, "environments/versions")]
)
def test_each_action_is_a_right(arm: Arm, path: str, action: str) -> None:
    reader = stranger(arm.world)
    grants.assign(arm.world, GROUP, reader, furnish.READER, by=furnish.ADMIN_ID, immediate=True)
    refused = arm.as_(reader)("PUT", path, CODE_BODY)
    assert refused.status == 403
    assert f"'Microsoft.MachineLearningServices/workspaces/{action}/write'" in refused.message
    assert arm.as_(reader)("DELETE", path).status == 403
    assert arm.as_(reader)("GET", path).status == 404


def test_every_recorded_error_has_details(arm: Arm) -> None:
    for exchange in recording("ml-assets"):
        if exchange["response"]["status"] == 404:
            assert "details" in exchange["response"]["body"]["error"]
    assert arm("GET", f"{WORKSPACE}/datastores/none").json["error"]["details"] == []


def test_quota_counts_the_deployments_that_exist(arm: Arm) -> None:
    place = f"/subscriptions/{furnish.DEV}/providers/Microsoft.MachineLearningServices/locations"
    sizes = {size["name"]: size for size in arm("GET", f"{place}/westeurope/vmSizes").json["value"]}
    assert sizes["Standard_DS3_v2"]["vCPUs"] == 4

    def used(location: str) -> int:
        usages = arm("GET", f"{place}/{location}/usages").json["value"]
        return int(next(u["currentValue"] for u in usages if u["name"]["value"] == "standardDSv2Family"))

    assert used("westeurope") == 0
    identifier = f"{WORKSPACE}/onlineEndpoints/e/deployments/blue"
    kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
    body = {"location": "westeurope", "sku": {"capacity": 2}, "properties": {"instanceType": "Standard_DS3_v2"}}
    arm.world.store.put(Resource(identifier, kind, "blue", body))
    assert (used("westeurope"), used("eastus")) == (8, 0)
    usages = {u["name"]["localizedValue"]: u for u in arm("GET", f"{place}/westeurope/usages").json["value"]}
    assert usages["Standard DSv2 Family Cluster Dedicated vCPUs"]["currentValue"] == 8
    assert usages["Total Cluster Dedicated Regional vCPUs"]["currentValue"] == 8, (
        "families count against the region too"
    )
    assert arm.as_(stranger(arm.world))("GET", f"{place}/westeurope/usages").status == 403

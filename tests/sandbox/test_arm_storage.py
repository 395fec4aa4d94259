"""Storage accounts and containers on the control plane, against the recorded answers."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from arm_harness import (
    BLOB_READER,
    DATA,
    GROUP,
    PROD_GROUP,
    STORAGE,
    Arm,
    close_arm,
    open_arm,
    recorded,
    recording,
    shape,
    stranger,
)  # fmt: skip

from mi_tui.sandbox import containers, furnish, grants
from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.store import Resource

NEW = f"{STORAGE}/stnew7"
BODY = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
CHECK = f"/subscriptions/{furnish.DEV}/providers/Microsoft.Storage/checkNameAvailability"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path, storage_account=0.1)
    yield opened
    close_arm(opened)


def test_creation_is_a_long_operation_as_recorded(arm: Arm) -> None:
    flow = recording("flow-storage-account")
    first = arm("PUT", NEW, {**BODY, "sku": {"name": "Standard_RAGRS"}, "location": "usgovvirginia"})
    assert first.code == "LocationNotAvailableForResourceType"
    first = arm("PUT", NEW, {**BODY, "sku": {"name": "Standard_RAGRS"}}, version="2026-09-01")
    assert (first.status, first.json) == (202, "")
    assert first.headers["content-type"] == flow[1]["response"]["headers"]["content-type"]
    location = first.headers["location"]
    assert location.startswith(f"https://management.azure.com/subscriptions/{furnish.DEV}/providers/Microsoft.Storage/")
    assert "/locations/westeurope/asyncoperations/" in location
    assert location.endswith("?monitor=true&api-version=2026-09-01")
    assert first.headers["x-ms-retry-after-ms"] == "50"
    running = arm("GET", location)
    assert (running.status, running.json, running.headers["location"]) == (202, "", location)
    assert arm("GET", NEW).json["properties"]["provisioningState"] in {"Creating", "ResolvingDNS"}
    busy = arm("PUT", NEW, BODY)
    assert (busy.status, busy.code) == (409, "StorageAccountOperationInProgress")
    arm.until(lambda: arm("GET", location).status == 200)
    done = arm("GET", location)
    assert shape(done.json) == shape(flow[3]["response"]["body"])
    assert done.headers["content-type"] == "application/json"
    assert "x-ms-retry-after-ms" not in done.headers
    assert arm("GET", NEW).json == done.json


def test_updates_are_answered_at_once(arm: Arm) -> None:
    arm.create_account("stnew7")
    again = arm("PUT", NEW, {**BODY, "tags": {"a": "b"}, "properties": {"allowSharedKeyAccess": False}})
    sample = recorded("storage-arm", "storage.storageaccounts.one|PUT|200|None")["response"]["body"]
    assert again.status == 200
    assert shape(sample).keys() >= shape(again.json).keys()
    patched = arm("PATCH", NEW, {"properties": {"allowSharedKeyAccess": True, "provisioningState": "Failed"}})
    assert patched.json["properties"]["allowSharedKeyAccess"] is True
    assert patched.json["properties"]["provisioningState"] == "Succeeded", "what only Azure says is not taken"
    assert patched.json["tags"] == {"a": "b"}
    elsewhere = arm("PUT", NEW, {**BODY, "location": "eastus"})
    assert (elsewhere.status, elsewhere.code) == (409, "InvalidResourceLocation")


@pytest.mark.parametrize(
    ("name", "code"),
    [("Ab", "AccountNameInvalid"), ("with-hyphen", "AccountNameInvalid"), ("contoso", "StorageAccountAlreadyTaken")],
)
def test_names_are_checked(arm: Arm, name: str, code: str) -> None:
    assert arm("PUT", f"{STORAGE}/{name}", BODY).code == code


def test_a_name_is_taken_in_the_whole_world(arm: Arm) -> None:
    taken = arm("PUT", f"{STORAGE}/{furnish.PROD_ACCOUNT}", BODY)
    assert (taken.status, taken.code) == (409, "StorageAccountAlreadyTaken")
    assert taken.message == f"The storage account named {furnish.PROD_ACCOUNT} is already taken."


def test_name_availability_as_recorded(arm: Arm) -> None:
    flow = recording("flow-storage-account")
    free = arm("POST", CHECK, {"name": "stnobodyhasthis", "type": "Microsoft.Storage/storageAccounts"})
    assert (free.status, free.json) == (200, flow[0]["response"]["body"])
    for name in (furnish.DATA_ACCOUNT, furnish.PROD_ACCOUNT, "contoso"):
        taken = arm("POST", CHECK, {"name": name, "type": "Microsoft.Storage/storageAccounts"}).json
        assert taken == {
            "nameAvailable": False,
            "reason": "AlreadyExists",
            "message": f"The storage account named {name} is already taken.",
        }
    assert shape(flow[4]["response"]["body"]) == shape(taken)
    bad = arm("POST", CHECK, {"name": "No", "type": "Microsoft.Storage/storageAccounts"}).json
    assert bad["reason"] == "AccountNameInvalid"
    assert arm.as_(stranger(arm.world))("POST", CHECK, {"name": "stx"}).status == 403


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**BODY, "location": None}, "LocationRequired"),
        ({**BODY, "sku": {"name": "Fast"}}, "InvalidValuesForRequestParameters"),
        ({**BODY, "sku": None}, "InvalidValuesForRequestParameters"),
        ({**BODY, "kind": "Cupboard"}, "InvalidValuesForRequestParameters"),
    ],
)
def test_requests_are_checked(arm: Arm, body: dict[str, object], code: str) -> None:
    answer = arm("PUT", NEW, body)
    assert (answer.status, answer.code) == (400, code)
    assert arm("GET", NEW).status == 404


def test_a_missing_account_is_told_as_recorded(arm: Arm) -> None:
    sample = recorded("storage-arm", "storage.storageaccounts.one|GET|404|ResourceNotFound")["response"]["body"][
        "error"
    ]
    answer = arm("GET", f"{STORAGE}/fake_account")
    assert answer.status == 404
    assert answer.message == sample["message"].replace("clitest.rg000001", furnish.GROUP)


def test_keys(arm: Arm) -> None:
    sample = recorded("storage-arm", "storage.storageaccounts.listkeys|POST|200|None")["response"]["body"]
    keys = arm("POST", f"{DATA}/listKeys", **{"$expand": "kerb"}).json
    assert shape(keys) == shape(sample)
    assert [k["permissions"] for k in keys["keys"]] == ["FULL", "FULL"]
    assert len(base64.b64decode(keys["keys"][0]["value"])) == 64
    after = arm("POST", f"{DATA}/regenerateKey", {"keyName": "key1"}).json["keys"]
    assert after[0]["value"] != keys["keys"][0]["value"]
    assert after[1] == keys["keys"][1]
    assert arm("POST", f"{DATA}/regenerateKey", {"keyName": "key9"}).status == 400
    prod = f"{PROD_GROUP}/providers/Microsoft.Storage/storageAccounts/{furnish.PROD_ACCOUNT}"
    assert arm("GET", prod).status == 200
    refused = arm("POST", f"{prod}/listKeys")
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert "'microsoft.storage/storageaccounts/listkeys/action'" in refused.message.lower()


def test_keys_are_in_no_other_answer(arm: Arm) -> None:
    secret = arm("POST", f"{DATA}/listKeys").json["keys"][0]["value"]
    for path in (DATA, STORAGE, f"/subscriptions/{furnish.DEV}/resources"):
        assert secret not in str(arm("GET", path).json)


def test_lists(arm: Arm) -> None:
    names = {a["name"] for a in arm("GET", STORAGE).json["value"]}
    assert {furnish.DATA_ACCOUNT, furnish.KEYLESS_ACCOUNT, "stmldev9f3a61", "stmlnew27be04"} == names
    whole = arm("GET", f"/subscriptions/{furnish.PROD}/providers/Microsoft.Storage/storageAccounts").json["value"]
    assert [a["name"] for a in whole] == [furnish.PROD_ACCOUNT]
    assert arm.as_(stranger(arm.world))("GET", STORAGE).status == 403
    one = arm("GET", f"{STORAGE}/{furnish.KEYLESS_ACCOUNT}").json
    assert one["properties"]["allowSharedKeyAccess"] is False


def test_deleting_takes_blobs_containers_and_grants_along(arm: Arm) -> None:
    principal = furnish.SERVICE_PRINCIPAL_ID
    name = "0d7d3c1f-6b8a-4b52-9f5a-1f7a7c1e6a3f"
    assert arm.grant(f"{DATA}/blobServices/default/containers/inputs", principal, BLOB_READER, name).status == 201
    before = len(arm.world.store.assignments())
    files = list(arm.world.store.blob_folder.iterdir())
    gone = arm("DELETE", DATA)
    assert (gone.status, gone.json, gone.headers["content-type"]) == (200, "", "text/plain; charset=utf-8")
    assert arm("GET", DATA).status == 404
    assert arm("DELETE", DATA).status == 204
    assert not [b for b in arm.world.store.blobs() if b.account == furnish.DATA_ACCOUNT]
    assert arm.world.store.resources(containers.TYPE, under=DATA) == []
    assert len(arm.world.store.assignments()) == before - 1
    assert len(list(arm.world.store.blob_folder.iterdir())) == len(files) - 1
    assert arm("POST", CHECK, {"name": furnish.DATA_ACCOUNT}).json == {"nameAvailable": True}


def test_an_interrupted_creation_goes_on_after_a_restart(arm: Arm) -> None:
    first = arm("PUT", NEW, BODY)
    arm.run(operations.stop_all())
    assert arm("GET", NEW).json["properties"]["provisioningState"] == "Creating"

    async def resume() -> None:
        operations.resume_open(arm.world)

    arm.run(resume())
    arm.until(lambda: arm("GET", first.headers["location"]).status == 200)


def test_blob_service(arm: Arm) -> None:
    one = arm("GET", f"{DATA}/blobServices/default").json
    assert one["id"] == f"{DATA}/blobServices/default"
    assert arm("GET", f"{DATA}/blobServices").json["value"] == [one]


def test_containers_as_recorded(arm: Arm) -> None:
    path = f"{DATA}/blobServices/default/containers/con2"
    sample = recorded("storage-arm", "storage.storageaccounts.container.one|PUT|201|None")["response"]
    made = arm("PUT", path, {})
    assert (made.status, shape(made.json)) == (201, shape(sample["body"]))
    assert made.headers["etag"].startswith('"0x8D')
    assert len(made.headers["etag"]) == len(sample["headers"]["etag"])
    assert arm("PUT", path, {}).status == 200
    patched = arm("PATCH", path, {"properties": {"metadata": {"key2": "value2"}}})
    sample = recorded("storage-arm", "storage.storageaccounts.container.one|PATCH|200|None")["response"]["body"]
    assert shape(patched.json)["properties"].keys() <= shape(sample)["properties"].keys()
    assert patched.json["properties"]["metadata"] == {"key2": "value2"}
    assert patched.headers["etag"] != made.headers["etag"]
    assert [c["name"] for c in arm("GET", path.rpartition("/")[0]).json["value"]] == ["con2", "inputs"]
    assert arm("PATCH", path, {"properties": {"publicAccess": "Blob"}}).code == "PublicAccessNotPermitted"
    gone = arm("DELETE", path)
    assert (gone.status, gone.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert arm("DELETE", path).status == 204
    missing = arm("GET", path)
    assert (missing.status, missing.code) == (404, "ContainerNotFound")
    sample = recorded("storage-arm", "storage.storageaccounts.container.one|GET|404|ContainerNotFound")
    first_line = sample["response"]["body"]["error"]["message"].splitlines()[0]
    assert missing.message.splitlines()[0] == first_line


def test_a_deleted_containers_name_is_held_also_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, held = f"{DATA}/blobServices/default/containers/inputs", "The specified container is being deleted."
    arm = open_arm(tmp_path, container_delete=30.0)
    assert arm("DELETE", path).status == 200
    for _ in range(2):
        refused = arm("PUT", path, {})
        assert (refused.status, refused.code) == (409, "ContainerOperationFailure")
        lines = refused.message.splitlines()
        assert lines[0] == f"{held} Try operation later."
        assert [line.partition(":")[0] for line in lines[1:]] == ["RequestId", "Time"]
        assert arm("GET", path).code == "ContainerNotFound"
        assert arm("DELETE", path).status == 204
        assert arm("PUT", f"{path}-2", {}).status in {200, 201}
        close_arm(arm)
        arm = open_arm(tmp_path, container_delete=0.0)
    later = SimpleNamespace(time=lambda: time.time() + 31, strftime=time.strftime, gmtime=time.gmtime)
    monkeypatch.setattr(containers, "time", later)
    assert arm("PUT", path, {}).status == 201
    assert arm("PUT", path, {}).status == 200
    assert (arm("DELETE", path).status, arm("PUT", path, {}).status) == (200, 201), (
        "without a duration it is free at once"
    )
    close_arm(arm)


def test_in_a_new_account_of_the_same_name_every_containers_name_is_free(tmp_path: Path) -> None:
    arm, account = open_arm(tmp_path, container_delete=30.0), f"{STORAGE}/stnew7"
    path = f"{account}/blobServices/default/containers/once"
    for _ in range(2):
        arm.create_account("stnew7")
        assert (arm("PUT", path, {}).status, arm("DELETE", path).status) == (201, 200)
        assert arm("PUT", path, {}).status == 409
        assert arm("DELETE", account).status == 200
    close_arm(arm)


def test_a_lease_that_has_ended_is_not_told_as_running(arm: Arm) -> None:
    path = f"{DATA}/blobServices/default/containers/inputs"
    container = arm.world.store.resource(path)
    assert container is not None
    container.private["lease"] = {"id": "x", "seconds": 15, "until": time.time() + 15, "broken": None}
    arm.world.store.put(container)
    held = arm("GET", path).json["properties"]
    assert (held["leaseState"], held["leaseStatus"], held["leaseDuration"]) == ("Leased", "Locked", "Fixed")
    container.private["lease"]["until"] = time.time() - 1
    arm.world.store.put(container)
    held = arm("GET", path).json["properties"]
    assert (held["leaseState"], held["leaseStatus"]) == ("Expired", "Unlocked")


@pytest.mark.parametrize(
    ("name", "code"), [("Upper", "InvalidResourceName"), ("a--b", "InvalidResourceName"), ("ab", "OutOfRangeInput")]
)
def test_container_names_are_checked(arm: Arm, name: str, code: str) -> None:
    assert arm("PUT", f"{DATA}/blobServices/default/containers/{name}", {}).code == code


def test_a_container_needs_its_account(arm: Arm) -> None:
    assert arm("PUT", f"{STORAGE}/stnosuch/blobServices/default/containers/abc", {}).code == "ResourceNotFound"
    assert arm("GET", GROUP).status == 200


def test_a_name_used_in_another_group_of_the_subscription_is_told_so(arm: Arm) -> None:
    group = f"/subscriptions/{furnish.DEV}/resourceGroups/rg-other"
    body = {"id": group, "name": "rg-other", "type": "Microsoft.Resources/resourceGroups", "location": "westeurope"}
    arm.world.store.put(Resource(group, "Microsoft.Resources/resourceGroups", "rg-other", body))
    grants.assign(arm.world, group, furnish.USER_ID, furnish.CONTRIBUTOR, by=furnish.ADMIN_ID, immediate=True)
    answer = arm("PUT", f"{group}/providers/Microsoft.Storage/storageAccounts/{furnish.DATA_ACCOUNT}", BODY)
    assert (answer.status, answer.code) == (409, "StorageAccountInAnotherResourceGroup")


def test_an_account_sas_as_recorded(arm: Arm) -> None:
    sample = recorded("storage-arm", "storage.storageaccounts.listaccountsas|POST|200|None")
    answer = arm("POST", f"{DATA}/ListAccountSas", sample["request"]["body"])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert (
        answer.json["accountSasToken"].partition("&sig=")[0]
        == (sample["response"]["body"]["accountSasToken"].partition("&sig=")[0])
    )
    assert arm("POST", f"{DATA}/ListAccountSas", {"signedServices": "b"}).status == 400
    reader = stranger(arm.world)
    assert arm.as_(reader)("POST", f"{DATA}/ListAccountSas", sample["request"]["body"]).status == 403

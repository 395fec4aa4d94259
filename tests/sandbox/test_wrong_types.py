"""Bodies that are JSON and yet not what was asked for: every member of every body in turn becomes something of another type.

Azure answers 400; whatever the sandbox makes of them, it must neither break nor keep what it cannot use.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from arm_harness import BLOB_READER, DATA, GROUP, IDENTITIES, ROLES, STORAGE, WORKSPACE, Arm, close_arm, open_arm

from mi_tui.sandbox import furnish
from mi_tui.sandbox.arm import online
from mi_tui.sandbox.hosting import deployments
from mi_tui.sandbox.store import Resource

assert online

OTHERS: tuple[Any, ...] = (
    7,
    -1,
    1.5,
    True,
    "",
    "text",
    "\ud800",
    [],
    ["a"],
    [{}],
    {},
    {"a": 1},
    {"a": {"b": []}},
    None,
)
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/wrong-types"
DEPLOYMENT = f"{ENDPOINT}/deployments/blue"
UAI = f"{IDENTITIES}/{furnish.IDENTITY}"

ENDPOINT_BODY = {
    "location": "westeurope",
    "kind": "Managed",
    "tags": {"a": "b"},
    "identity": {"type": "UserAssigned", "userAssignedIdentities": {UAI: {}}},
    "properties": {
        "authMode": "Key", "description": "d", "properties": {"p": "q"}, "traffic": {"blue": 0}, "mirrorTraffic": {},
        "publicNetworkAccess": "Enabled", "compute": None,
    },
    "sku": {"name": "Default", "capacity": 1},
}  # fmt: skip
DEPLOYMENT_BODY = {
    "location": "westeurope",
    "kind": "Managed",
    "tags": {"a": "b"},
    "sku": {"name": "Default", "tier": "Standard", "capacity": 1, "size": "s", "family": "f"},
    "properties": {
        "description": "d", "properties": {"p": "q"}, "endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2",
        "codeConfiguration": {"codeId": f"{WORKSPACE}/codes/c/versions/1", "scoringScript": "score.py"},
        "environmentId": f"{WORKSPACE}/environments/e/versions/1", "environmentVariables": {"A": "B"},
        "model": f"{WORKSPACE}/models/m/versions/1", "modelMountPath": "/m", "appInsightsEnabled": False,
        "privateNetworkConnection": False, "egressPublicNetworkAccess": "Enabled",
        "scaleSettings": {"scaleType": "Default"},
        "requestSettings": {"maxQueueWait": "PT0S", "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1},
        "livenessProbe": {"failureThreshold": 30, "successThreshold": 1, "timeout": "PT2S", "period": "PT10S", "initialDelay": "PT10S"},
        "readinessProbe": {"failureThreshold": 30, "successThreshold": 1, "timeout": "PT2S", "period": "PT10S", "initialDelay": "PT10S"},
    },
}  # fmt: skip
ACCOUNT_BODY = {
    "location": "westeurope",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS", "tier": "Standard"},
    "tags": {"a": "b"},
    "identity": {"type": "None"},
    "properties": {
        "accessTier": "Hot", "allowSharedKeyAccess": True, "allowBlobPublicAccess": False, "publicNetworkAccess": "Enabled",
        "minimumTlsVersion": "TLS1_2", "encryption": {"keySource": "Microsoft.Storage", "services": {"blob": {"enabled": True}}},
        "networkAcls": {"defaultAction": "Allow", "bypass": "AzureServices", "ipRules": []},
    },
}  # fmt: skip
VERSION_BODY = {
    "properties": {
        "description": "d", "tags": {"a": "b"}, "properties": {"hash_sha256": "x", "hash_version": "1"}, "isArchived": False,
        "isAnonymous": False, "codeUri": "https://a.blob.core.windows.net/c/d", "modelUri": "azureml://x", "modelType": "custom_model",
        "flavors": {"f": {"data": {"a": "b"}}}, "jobName": "j", "stage": "s", "autoDeleteSetting": {"condition": "x", "value": "y"},
        "image": "i", "condaFile": "dependencies: []", "osType": "Linux", "autoRebuild": "Disabled", "build": {"contextUri": "u"},
        "inferenceConfig": {"scoringRoute": {"port": 1, "path": "/"}},
    }
}  # fmt: skip
REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PUT", GROUP, {"location": "westeurope", "tags": {"a": "b"}}),
    ("PUT", f"{STORAGE}/wrongtypes#", ACCOUNT_BODY),
    ("PUT", DATA, ACCOUNT_BODY),
    ("PATCH", DATA, ACCOUNT_BODY),
    ("POST", f"{DATA}/regenerateKey", {"keyName": "key2"}),
    ("POST", f"/subscriptions/{furnish.DEV}/providers/Microsoft.Storage/checkNameAvailability", {"name": "abc", "type": "x"}),
    (
        "PUT",
        f"{DATA}/blobServices/default/containers/wrong-types",
        {"properties": {"publicAccess": "None", "metadata": {"a": "b"}, "defaultEncryptionScope": "x", "denyEncryptionScopeOverride": False}},
    ),
    ("PATCH", f"{DATA}/blobServices/default/containers/inputs", {"properties": {"publicAccess": "None", "metadata": {"a": "b"}}}),
    ("PUT", f"{IDENTITIES}/wrong-types#", {"location": "westeurope", "tags": {"a": "b"}, "properties": {"isolationScope": "None"}}),
    ("PATCH", UAI, {"location": "westeurope", "tags": {"a": "b"}}),
    (
        "PUT",
        f"{DATA}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-00000000000#",
        {
            "properties": {
                "roleDefinitionId": f"{ROLES}/{BLOB_READER}", "principalId": furnish.USER_ID, "principalType": "User",
                "description": "d", "condition": None, "conditionVersion": None,
            }
        },
    ),
    ("PUT", f"{WORKSPACE}/codes/wrong/versions/#", VERSION_BODY),
    ("PUT", f"{WORKSPACE}/models/wrong/versions/1#", VERSION_BODY),
    ("PUT", f"{WORKSPACE}/environments/wrong/versions/#", VERSION_BODY),
    ("PUT", f"{WORKSPACE}/environments/wrong", {"properties": {"description": "d", "tags": {"a": "b"}, "isArchived": False}}),
    ("POST", f"{WORKSPACE}/codes/wrong/versions/1/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}),
    ("POST", f"{WORKSPACE}/datastores/workspaceblobstore/listSecrets", {"expirableSecret": True, "expireAfterHours": 2}),
    ("PUT", f"{WORKSPACE}/onlineEndpoints/wrong-types-#", ENDPOINT_BODY),
    ("PUT", ENDPOINT, ENDPOINT_BODY),
    ("PATCH", ENDPOINT, {"tags": {"a": "b"}, "identity": {"type": "UserAssigned", "userAssignedIdentities": {UAI: {}}}}),
    ("POST", f"{ENDPOINT}/regenerateKeys", {"keyType": "Primary", "keyValue": "abc"}),
    ("PUT", f"{ENDPOINT}/deployments/blue#", DEPLOYMENT_BODY),
    ("PATCH", DEPLOYMENT, {"tags": {"a": "b"}, "sku": {"name": "Default", "capacity": 1}}),
    ("POST", f"{DEPLOYMENT}/getLogs", {"containerType": "InferenceServer", "tail": 10}),
)  # fmt: skip


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    """A world with an endpoint and a deployment that nothing is under way for."""
    arm = open_arm(tmp_path)
    _settle(arm)
    yield arm
    close_arm(arm)


def _settle(arm: Arm) -> None:
    """Put the endpoint and the deployment (back) into a state that accepts changes."""
    properties = {**ENDPOINT_BODY["properties"], "provisioningState": "Succeeded"}  # type: ignore[dict-item]
    body = {
        **copy.deepcopy(ENDPOINT_BODY),
        "id": ENDPOINT,
        "name": "wrong-types",
        "properties": properties,
        "systemData": _WRITTEN,
    }
    keys = {"primary": "a", "secondary": "b"}
    arm.world.store.put(
        Resource(ENDPOINT, deployments.TYPE.rsplit("/", 1)[0], "wrong-types", body, {"keys": keys, "created": True})
    )
    properties = {**DEPLOYMENT_BODY["properties"], "provisioningState": "Succeeded"}  # type: ignore[dict-item]
    body = {
        **copy.deepcopy(DEPLOYMENT_BODY),
        "id": DEPLOYMENT,
        "name": "blue",
        "properties": properties,
        "systemData": _WRITTEN,
    }
    arm.world.store.put(Resource(DEPLOYMENT, deployments.TYPE, "blue", body))


_WRITTEN = {"createdAt": "2025-01-01T00:00:00.0000000+00:00", "createdBy": "you"}


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))


def _with(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS, ids=[f"{m} {p[-40:]}" for m, p, _ in REQUESTS])
def test_no_body_breaks_a_handler(arm: Arm, method: str, path: str, body: dict[str, Any]) -> None:
    """The application raises nothing, answers no 500, and what it then lists can be written as JSON."""
    broken = []
    number = 0
    for place in _places(body):
        for value in OTHERS:
            number += 1
            where = path.replace("#", str(number) if "roleAssign" not in path else str(number % 10))
            try:
                answer = arm(method, where, _with(body, place, value))
                read = arm("GET", where)
            except Exception as error:  # noqa: BLE001  # all of them are told at once
                broken.append(f"{'.'.join(map(str, place))} = {value!r}: {type(error).__name__}: {error}")
                continue
            if answer.status >= 500 or read.status >= 500:
                broken.append(f"{'.'.join(map(str, place))} = {value!r}: {answer.status}")
            if "wrong-types" in where:
                _settle(arm)
    assert not broken, "\n".join(broken)

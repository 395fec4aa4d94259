"""Azure ML: workspaces, datastores, assets, endpoints and deployments, each operation and each refusal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from mi_tui.sandbox.arm.empty_collections import COLLECTIONS
from tests.conformance.drives.http import Caller
from tests.conformance.tapped import Tapped

WORKSPACES, ENDPOINTS, DEPLOYMENTS = "2024-10-01-preview", "2022-02-01-preview", "2023-04-01-preview"
METRICS = "2023-10-01"
CODES, MODELS, ENVIRONMENTS = "2023-04-01", "2023-08-01-preview", "2023-04-01-preview"


def drive(sandbox: Tapped) -> None:
    """Everything but a working deployment, which the journeys make."""
    caller = Caller(sandbox)
    _workspaces(caller)
    _assets(caller)
    _endpoints(caller)


def _workspaces(caller: Caller) -> None:
    kind = "providers/Microsoft.MachineLearningServices"
    caller.arm("GET", caller.workspace, WORKSPACES)
    caller.arm("GET", f"{caller.group}/{kind}/workspaces", WORKSPACES)
    caller.arm("GET", f"{caller.subscription}/{kind}/workspaces", WORKSPACES)
    caller.arm("GET", f"{caller.group}/{kind}/workspaces/nosuch", WORKSPACES)
    for what in ("vmSizes", "usages"):
        caller.arm("GET", f"{caller.subscription}/{kind}/locations/westeurope/{what}", "2024-07-01-preview")
    for what in COLLECTIONS:
        caller.arm("GET", f"{caller.workspace}/{what}", "2024-07-01-preview")
    store = f"{caller.workspace}/datastores/workspaceblobstore"
    caller.arm("GET", f"{caller.workspace}/datastores?isDefault=true", WORKSPACES)
    caller.arm("GET", store, WORKSPACES)
    caller.arm("GET", f"{caller.workspace}/datastores/nosuch", WORKSPACES)
    caller.arm("POST", f"{store}/listSecrets", WORKSPACES, {})
    _datastores(caller)
    caller.arm("POST", f"{store}/listSecrets", WORKSPACES, {"expirableSecret": True, "expireAfterHours": 2})


def _datastores(caller: Caller) -> None:
    wanted = {"datastoreType": "AzureBlob", "accountName": "a", "containerName": "c", "tags": {}}
    key = {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "AAAA"}}
    one = f"{caller.workspace}/datastores/conformance"
    for credentials in ({"credentialsType": "None"}, key):
        caller.arm(
            "PUT", f"{one}?skipValidation=true", WORKSPACES, {"properties": {**wanted, "credentials": credentials}}
        )
        caller.arm("POST", f"{one}/listSecrets", WORKSPACES, {})
    caller.arm("GET", one, WORKSPACES)
    caller.arm(
        "PUT", one.replace("conformance", "not-a-name"), WORKSPACES, {"properties": {**wanted, "credentials": key}}
    )
    caller.arm("PUT", one, WORKSPACES, {"properties": {**wanted, "datastoreType": "AzureFile", "credentials": key}})
    caller.arm("DELETE", one, WORKSPACES)
    caller.arm("DELETE", one, WORKSPACES)
    caller.arm("DELETE", one.replace("conformance", "workspaceblobstore"), WORKSPACES)


def _assets(caller: Caller) -> None:
    ids = caller.workspace.split("/")
    uri = f"azureml://subscriptions/{ids[2]}/resourcegroups/{ids[4]}/workspaces/{ids[8]}/datastores/workspaceblobstore/paths/x/m.pkl"
    for word, version, properties, changed in (
        ("codes", CODES, {"codeUri": "https://stmldev9f3a61.blob.core.windows.net:443/c/src", "properties": {"hash_sha256": "a"}},
         {"codeUri": "https://stmldev9f3a61.blob.core.windows.net:443/d/src", "properties": {"hash_sha256": "b"}}),
        ("models", MODELS, {"modelUri": uri, "modelType": "custom_model"}, {"modelUri": uri + "2", "modelType": "custom_model"}),
        ("environments", ENVIRONMENTS, {"image": "registry/image:1", "condaFile": "{}"}, {"image": "registry/image:2"}),
    ):  # fmt: skip
        every = f"{caller.workspace}/{word}"
        one = f"{every}/conformance"
        caller.arm("PUT", one, version, {"properties": {"description": "by hand", "tags": {"a": "b"}}})
        caller.arm("PUT", one, version, {"properties": {"tags": {}}})
        caller.arm("PUT", f"{one}/versions/1", version, {"properties": properties})
        caller.arm("PUT", f"{one}/versions/1", version, {"properties": {**properties, "tags": {"a": "b"}}})
        caller.arm("PUT", f"{one}/versions/1", version, {"properties": changed})
        caller.arm("PUT", f"{one}/versions/2", version, {"properties": {}})
        caller.arm("PUT", f"{one}/versions/3", version, {})
        for path in (every, one, f"{one}/versions", f"{one}/versions/1", f"{every}/nosuch", f"{one}/versions/9"):
            caller.arm("GET", path, version)
        if word != "environments":
            caller.arm(
                "POST", f"{one}/versions/2/startPendingUpload", version, {"pendingUploadType": "TemporaryBlobReference"}
            )
        for path in (f"{one}/versions/1", f"{one}/versions/1", one, one):
            caller.arm("DELETE", path, version)


def _endpoints(caller: Caller) -> None:
    name = f"conformance-{uuid.uuid4().hex[:6]}"
    endpoint = f"{caller.workspace}/onlineEndpoints/{name}"
    wanted = {
        "location": "westeurope",
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key"},
        "tags": {},
    }
    caller.arm("PUT", endpoint, ENDPOINTS, {**wanted, "properties": {"authMode": "Nonsense"}})
    caller.arm("PUT", endpoint.replace(name, "x"), ENDPOINTS, wanted)
    first = caller.arm("PUT", endpoint, ENDPOINTS, wanted)
    caller.arm("PUT", endpoint, ENDPOINTS, wanted)
    caller.until(first.headers["Azure-AsyncOperation"])
    for version in (ENDPOINTS, DEPLOYMENTS, MODELS):
        caller.arm("GET", endpoint, version)
    caller.arm("GET", f"{caller.workspace}/onlineEndpoints", ENDPOINTS)
    caller.arm("PATCH", endpoint, ENDPOINTS, {"tags": {"a": "b"}})
    shared = caller.arm("PATCH", endpoint, ENDPOINTS, {"properties": {"traffic": {}}})
    caller.until(shared.headers["Azure-AsyncOperation"])
    caller.arm("POST", f"{endpoint}/listKeys", ENDPOINTS)
    caller.arm("POST", f"{endpoint}/token", ENDPOINTS)
    renewed = caller.arm("POST", f"{endpoint}/regenerateKeys", ENDPOINTS, {"keyType": "Primary"})
    caller.until(renewed.headers["Location"])
    _deployments(caller, endpoint)
    changed = caller.arm(
        "PUT", endpoint, ENDPOINTS, {**wanted, "properties": {"authMode": "Key", "description": "two"}}
    )
    caller.until(changed.headers["Azure-AsyncOperation"])
    caller.arm("PUT", endpoint, ENDPOINTS, {**wanted, "properties": {"authMode": "AMLToken"}})
    caller.arm("PUT", endpoint, ENDPOINTS, {**wanted, "properties": {"authMode": "Key", "traffic": {"nosuch": 100}}})
    _with_token(caller, endpoint.replace("conformance-", "conformance-t"), wanted)
    gone = caller.arm("DELETE", endpoint, ENDPOINTS)
    caller.arm("GET", gone.headers["Location"], "")
    caller.until(gone.headers["Azure-AsyncOperation"])
    caller.until(gone.headers["Location"])
    caller.arm("DELETE", endpoint, ENDPOINTS)
    for path in (endpoint, f"{endpoint}/deployments", f"{endpoint}/deployments/blue"):
        caller.arm("GET", path, ENDPOINTS)
    caller.arm("GET", first.headers["Azure-AsyncOperation"].replace("oe:", "oe:x"), "")


def _with_token(caller: Caller, endpoint: str, wanted: Mapping[str, object]) -> None:
    made = caller.arm("PUT", endpoint, ENDPOINTS, {**wanted, "properties": {"authMode": "AMLToken"}})
    caller.until(made.headers["Azure-AsyncOperation"])
    caller.arm("POST", f"{endpoint}/token", ENDPOINTS)
    caller.arm("POST", f"{endpoint}/listKeys", ENDPOINTS)
    caller.until(caller.arm("DELETE", endpoint, ENDPOINTS).headers["Azure-AsyncOperation"])


def _deployments(caller: Caller, endpoint: str) -> None:
    """A deployment whose assets do not exist: its provisioning fails, and everything that can be asked of it is asked."""
    blue = f"{endpoint}/deployments/blue"
    nothing = f"{caller.workspace}/environments/nosuch/versions/1"
    wanted = {
        "location": "westeurope",
        "sku": {"name": "Default", "capacity": 1},
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS3_v2",
            "environmentId": nothing,
            "model": nothing.replace("environments", "models"),
        },
    }
    caller.arm("PUT", f"{endpoint}nosuch/deployments/blue", DEPLOYMENTS, wanted)
    caller.arm("PUT", blue, DEPLOYMENTS, {**wanted, "sku": {"name": "Default", "capacity": 999}})
    caller.arm("PUT", blue, DEPLOYMENTS, {**wanted, "properties": {"endpointComputeType": "Managed"}})
    made = caller.arm("PUT", blue, DEPLOYMENTS, wanted)
    if made.status_code < 400:
        caller.arm("PUT", blue, DEPLOYMENTS, wanted)
        caller.until(made.headers["Azure-AsyncOperation"])
        caller.arm("PUT", blue, DEPLOYMENTS, wanted)
    caller.arm("GET", blue, DEPLOYMENTS)
    caller.arm("GET", f"{endpoint}/deployments", DEPLOYMENTS)
    caller.arm("GET", f"{blue}/skus", DEPLOYMENTS)
    for body in ({}, {"containerType": "StorageInitializer", "tail": 5}, {"containerType": "Nonsense"}):
        caller.arm("POST", f"{blue}/getLogs", DEPLOYMENTS, body)
    for query in ("", "?metricnames=DeploymentCapacity&aggregation=Maximum", "?metricnames=Nonsense"):
        caller.arm("GET", f"{blue}/providers/Microsoft.Insights/metrics{query}", METRICS)
    caller.arm("PATCH", blue, DEPLOYMENTS, {"tags": {"a": "b"}})
    gone = caller.arm("DELETE", blue, DEPLOYMENTS)
    if gone.status_code == 202:
        caller.until(gone.headers["Azure-AsyncOperation"])
    caller.arm("DELETE", blue, DEPLOYMENTS)

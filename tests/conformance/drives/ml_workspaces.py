"""Azure ML: workspaces made by hand and by a template, their actions, connections and data, and what they depend on."""

from __future__ import annotations

from typing import Any

from tests.conformance.drives.http import Caller
from tests.conformance.tapped import Tapped

WORKSPACES = "2024-07-01-preview"
TEMPLATES = "2022-09-01"
_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


def drive(sandbox: Tapped) -> None:
    """Each operation and its refusals; leaves nothing behind."""
    caller = Caller(sandbox)
    _template(caller)
    _workspace(caller)
    _actions(caller)
    _connections(caller)
    _data(caller)


def _dependencies(caller: Caller) -> dict[str, str]:
    kinds = {
        "keyVault": ("Microsoft.KeyVault/vaults", "2023-07-01"),
        "applicationInsights": ("Microsoft.Insights/components", "2020-02-02"),
        "logs": ("Microsoft.OperationalInsights/workspaces", "2023-09-01"),
        "registry": ("Microsoft.ContainerRegistry/registries", "2023-07-01"),
    }
    ids = {key: f"{caller.group}/providers/{kind}/conformance{key[:4]}" for key, (kind, _) in kinds.items()}
    for key, (_, version) in kinds.items():
        body = {"location": "westeurope", "kind": "web", "properties": {"Application_Type": "web"}}
        caller.arm("PUT", ids[key], version, body)
        caller.arm("PUT", ids[key], version, {**body, "tags": {"a": "b"}})
        caller.arm("GET", ids[key], version)
        caller.arm("GET", ids[key].rpartition("/")[0], version)
        caller.arm("GET", f"{caller.subscription}/providers/{kinds[key][0]}", version)
    return ids


def _workspace(caller: Caller) -> None:
    ids = _dependencies(caller)
    path = f"{caller.group}/providers/Microsoft.MachineLearningServices/workspaces/conformance"
    properties = {
        **{key: value for key, value in ids.items() if key not in {"logs", "registry"}},
        "storageAccount": _storage(caller),
    }
    body: dict[str, Any] = {"location": "westeurope", "properties": properties, "identity": {"type": "SystemAssigned"}}
    caller.arm("PUT", path, WORKSPACES, {**body, "properties": {"description": "alone"}})
    caller.arm("PUT", path, WORKSPACES, {**body, "properties": {**properties, "keyVault": ids["keyVault"] + "x"}})
    caller.arm("PUT", path.replace("conformance", "no"), WORKSPACES, body)
    _settle(caller, caller.arm("PUT", path, WORKSPACES, body))
    caller.arm("GET", path, WORKSPACES)
    changed = {"properties": {"description": "other"}, "tags": {"a": "b"}}
    _settle(caller, caller.arm("PATCH", path, WORKSPACES, changed))
    caller.arm("PUT", path, WORKSPACES, {**body, "location": "northeurope"})
    _settle(caller, caller.arm("DELETE", path, WORKSPACES))
    caller.arm("DELETE", path, WORKSPACES)
    caller.arm("PATCH", path, WORKSPACES, changed)
    versions = {
        "keyVault": "2023-07-01",
        "applicationInsights": "2020-02-02",
        "logs": "2023-09-01",
        "registry": "2023-07-01",
    }
    for key, version in versions.items():
        caller.arm("DELETE", ids[key], version)


def _storage(caller: Caller) -> str:
    return str(caller.arm("GET", caller.workspace, WORKSPACES).json()["properties"]["storageAccount"])


def _settle(caller: Caller, answer: Any) -> None:
    """Poll both addresses of an accepted operation to their end."""
    caller.arm("GET", answer.headers["location"], "")
    caller.until(answer.headers["azure-asyncoperation"])
    caller.until(answer.headers["location"])


def _actions(caller: Caller) -> None:
    for action in ("listKeys", "listStorageAccountKeys", "listNotebookKeys", "listNotebookAccessToken"):
        caller.arm("POST", f"{caller.workspace}/{action}", WORKSPACES, {})
    for action in ("resyncKeys", "diagnose", "prepareNotebook"):
        _settle(caller, caller.arm("POST", f"{caller.workspace}/{action}", WORKSPACES, {}))
    caller.arm("GET", f"{caller.workspace}/outboundNetworkDependenciesEndpoints", WORKSPACES)
    caller.arm("POST", f"{caller.workspace}x/listKeys", WORKSPACES, {})
    where = f"{caller.subscription}/providers/Microsoft.MachineLearningServices/locations/westeurope"
    caller.arm("GET", f"{where}/workspaceOperationsStatus/nosuch?type=async", WORKSPACES)
    caller.arm("GET", f"{where}/quotas", WORKSPACES)
    for place in (caller.subscription, caller.group):
        caller.arm("GET", f"{place}/providers/Microsoft.MachineLearningServices/registries", WORKSPACES)
    caller.arm("GET", f"{caller.group}/providers/Microsoft.MachineLearningServices/registries/nosuch", WORKSPACES)
    caller.arm("GET", f"{caller.workspace}/computes/nosuch", WORKSPACES)


def _connections(caller: Caller) -> None:
    one = f"{caller.workspace}/connections/wps_conn_test_67680941782"
    key = {
        "authType": "ApiKey",
        "category": "CognitiveSearch",
        "target": "https://example.org",
        "credentials": {"key": "secret"},
    }
    for properties in (key, {"authType": "AAD", "category": "AzureBlob", "target": "https://example.org"}, key):
        caller.arm("PUT", one, WORKSPACES, {"properties": properties})
        caller.arm("GET", one, WORKSPACES)
        caller.arm("GET", f"{caller.workspace}/connections?includeAll=true", WORKSPACES)
    caller.arm("PATCH", one, WORKSPACES, {"properties": {"authType": "ApiKey", "metadata": {"a": "b"}}})
    caller.arm("POST", f"{one}/listsecrets", WORKSPACES, {})
    caller.arm("PUT", one, WORKSPACES, {"properties": {**key, "authType": "Password"}})
    caller.arm("DELETE", one, WORKSPACES)
    caller.arm("DELETE", one, WORKSPACES)
    caller.arm("GET", one, WORKSPACES)


def _data(caller: Caller) -> None:
    one = f"{caller.workspace}/data/conformance"
    uri = "azureml://datastores/workspaceblobstore/paths/x"
    caller.arm("PUT", one, WORKSPACES, {"properties": {"dataType": "uri_folder", "description": "by hand"}})
    caller.arm("PUT", one, WORKSPACES, {"properties": {"dataType": "uri_folder", "tags": {}}})
    for number, kind in enumerate(("uri_folder", "uri_file", "mltable"), 1):
        properties = {"dataType": kind, "dataUri": uri}
        caller.arm("PUT", f"{one}/versions/{number}", WORKSPACES, {"properties": properties})
        caller.arm("GET", f"{one}/versions/{number}", WORKSPACES)
    caller.arm("PUT", f"{one}/versions/1", WORKSPACES, {"properties": {"dataType": "uri_folder", "dataUri": uri + "2"}})
    caller.arm("PUT", f"{one}/versions/9", WORKSPACES, {"properties": {"dataType": "uri_thing", "dataUri": uri}})
    for path in (one, f"{one}/versions", f"{caller.workspace}/data", f"{one}/versions/8", f"{one}x"):
        caller.arm("GET", path, WORKSPACES)
    caller.arm("DELETE", f"{one}/versions/1", WORKSPACES)
    caller.arm("DELETE", one, WORKSPACES)
    caller.arm("DELETE", one, WORKSPACES)


def _template(caller: Caller) -> None:
    """A template with a parameter, a condition, an order and an output; one that fails on the way, and one that is none."""
    every = f"{caller.group}/providers/Microsoft.Resources/deployments"
    template = {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {"name": {"type": "string"}, "secret": {"type": "securestring", "defaultValue": "x"}},
        "resources": [
            {
                "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
                "apiVersion": "2023-01-31",
                "name": "[parameters('name')]",
                "location": "[resourceGroup().location]",
            }
        ],
        "outputs": {
            "id": {
                "type": "string",
                "value": "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', parameters('name'))]",
            }
        },
    }
    body = {
        "properties": {"mode": "Incremental", "template": template, "parameters": {"name": {"value": "id-conformance"}}}
    }
    one = f"{every}/conformance"
    caller.arm("POST", f"{one}/validate", TEMPLATES, body)
    for status in ("first", "again"):
        caller.until(caller.arm("PUT", one, TEMPLATES, body).headers["azure-asyncoperation"], frozenset({"Running"}))
        assert caller.arm("GET", one, TEMPLATES).json()["properties"]["provisioningState"] == "Succeeded", status
    steps = caller.arm("GET", f"{caller.group}/deployments/conformance/operations", TEMPLATES).json()["value"]
    caller.arm("GET", f"{caller.group}/deployments/conformance/operations/{steps[0]['operationId']}", TEMPLATES)
    caller.arm("GET", f"{one}/operations", TEMPLATES)
    caller.arm("GET", f"{one}/operations/{steps[0]['operationId']}", TEMPLATES)
    caller.arm("GET", every, TEMPLATES)
    caller.arm("POST", f"{one}/exportTemplate", TEMPLATES)
    caller.arm("PUT", one, TEMPLATES, {"properties": {"mode": "Incremental", "template": template}})
    caller.arm(
        "PUT", one, TEMPLATES, {"properties": {"mode": "Incremental", "templateLink": {"uri": "https://example.org"}}}
    )
    failing = {**body["properties"], "parameters": {"name": {"value": "a"}}}
    caller.until(
        caller.arm("PUT", f"{one}2", TEMPLATES, {"properties": failing}).headers["azure-asyncoperation"],
        frozenset({"Running"}),
    )
    caller.arm("GET", f"{one}2", TEMPLATES)
    caller.arm("GET", f"{caller.group}/deployments/conformance2/operations", TEMPLATES)
    for name in ("", "2", "2"):
        caller.arm("DELETE", one + name, TEMPLATES)
    caller.arm("GET", one, TEMPLATES)
    caller.arm(
        "DELETE",
        f"{caller.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-conformance",
        "2023-01-31",
    )

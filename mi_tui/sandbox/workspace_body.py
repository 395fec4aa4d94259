"""Azure ML workspaces as resources: their body with Azure's defaults, and their default datastore; furniture and ARM both make them."""

from __future__ import annotations

import re
from typing import Any

from mi_tui.sandbox.store import Resource

_TYPE = "Microsoft.MachineLearningServices/workspaces"
_SERVICE = "779301c0-18b2-4cdc-801b-a0a3368fee0a"
"""Azure Machine Learning's own application, which makes the default datastores (recorded)."""


def blob_container(guid: str) -> str:
    """The name of the container of a workspace's default datastore."""
    return f"azureml-blobstore-{guid}"


def _spelled(identifier: str | None, namespace: str) -> str | None:
    """An id with the provider spelled as workspaces spell it (recorded)."""
    return identifier and re.sub(f"(?i)/{re.escape(namespace)}/", f"/{namespace}/", identifier)


def workspace_body(
    identifier: str,
    guid: str,
    location: str,
    tenant: str,
    written: str,
    given: dict[str, Any],
    telemetry_key: str,
    notebook_id: str,
) -> dict[str, Any]:
    """What GET answers of a workspace (recorded), without `identity` and `systemData`. `given` are the properties of a request;
    what is None in them is left out where Azure leaves it out."""
    name = identifier.rpartition("/")[2]
    registry = given.get("containerRegistry")
    return {
        "id": identifier,
        "name": name,
        "type": _TYPE,
        "location": location,
        "tags": {},
        "etag": None,
        "properties": {
            "friendlyName": given.get("friendlyName") or name,
            "description": given.get("description") or "",
            "storageAccount": given.get("storageAccount"),
            "keyVault": _spelled(given.get("keyVault"), "Microsoft.Keyvault"),
            "applicationInsights": _spelled(given.get("applicationInsights"), "Microsoft.insights"),
            "hbiWorkspace": given.get("hbiWorkspace") or False,
            "tenantId": tenant,
            "imageBuildCompute": given.get("imageBuildCompute"),
            "provisioningState": "Succeeded",
            "managedNetwork": given.get("managedNetwork") or {"isolationMode": "Disabled"},
            "v1LegacyMode": given.get("v1LegacyMode") or False,
            "softDeleteEnabled": False,
            **({"containerRegistry": registry} if registry is not None else {}),
            "creationTime": written,
            "notebookInfo": {
                "resourceId": notebook_id,
                "fqdn": f"{name}-{location}-{guid}.{location}.notebooks.azure.net",
                "isPrivateLinkEnabled": False,
                "notebookPreparationError": None,
            },
            "storageHnsEnabled": False,
            "workspaceId": guid,
            "linkedModelInventoryArmId": None,
            "privateLinkCount": 0,
            "publicNetworkAccess": given.get("publicNetworkAccess") or "Enabled",
            "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
            "mlFlowTrackingUri": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{identifier}",
            "sdkTelemetryAppInsightsKey": telemetry_key,
            "sasGetterUri": "",
            "enableDataIsolation": given.get("enableDataIsolation") or False,
            "systemDatastoresAuthMode": given.get("systemDatastoresAuthMode") or "accesskey",
        },
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
    }


def default_datastore(workspace: str, account: str, container: str, written: str) -> Resource:
    """The datastore `workspaceblobstore` of a workspace (recorded)."""
    identifier = f"{workspace}/datastores/workspaceblobstore"
    body: dict[str, Any] = {
        "id": identifier,
        "name": "workspaceblobstore",
        "type": f"{_TYPE}/datastores",
        "properties": {
            "description": None,
            "tags": None,
            "properties": None,
            "isDefault": True,
            "credentials": {"credentialsType": "AccountKey"},
            "datastoreType": "AzureBlob",
            "accountName": account,
            "containerName": container,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
        },
        "systemData": {
            "createdAt": written,
            "createdBy": _SERVICE,
            "createdByType": "Application",
            "lastModifiedAt": written,
            "lastModifiedBy": _SERVICE,
            "lastModifiedByType": "Application",
        },
    }
    return Resource(identifier, body["type"], "workspaceblobstore", body)

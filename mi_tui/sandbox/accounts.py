"""Storage accounts as resources: their body with Azure's defaults, and their keys; furniture and ARM both make them."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from mi_tui.sandbox.times import zulu

_SECONDARY = {"westeurope": "northeurope", "northeurope": "westeurope", "eastus": "westus", "westus": "eastus"}
_ZONES = {"eastus": "z13", "southcentralus": "z21", "westeurope": "z6", "northeurope": "z16"}
_KINDS_WITH_TIER = frozenset({"StorageV2", "BlobStorage"})
_AZURES_OWN = frozenset(
    {
        *("provisioningState", "creationTime", "keyCreationTime", "privateEndpointConnections"),
        *("primaryEndpoints", "primaryLocation", "statusOfPrimary"),
        *("secondaryEndpoints", "secondaryLocation", "statusOfSecondary"),
    }
)
_SERVICES = ("blob", "queue", "table", "file")


def new_keys() -> list[dict[str, Any]]:
    """Two fresh account keys, as `Resource.private["keys"]` holds them."""
    written = zulu()
    return [
        {"creationTime": written, "keyName": name, "value": new_key(), "permissions": "FULL"}
        for name in ("key1", "key2")
    ]


def new_key() -> str:
    """One account key: 64 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def tier(sku_name: str) -> str:
    """The tier that goes with a SKU's name, such as `Standard` of `Standard_LRS`."""
    return sku_name.partition("_")[0]


def account_body(
    identifier: str,
    name: str,
    location: str,
    sku: dict[str, Any],
    kind: str,
    tags: dict[str, str],
    properties: dict[str, Any],
) -> dict[str, Any]:
    """What GET answers of a new account: the given properties over the defaults of 2023-05-01 (recorded)."""
    written = zulu()
    service = {"keyType": "Account", "enabled": True, "lastEnabledTime": written}
    body: dict[str, Any] = {
        "sku": {"name": sku["name"], "tier": tier(sku["name"])},
        "kind": kind,
        "id": identifier,
        "name": name,
        "type": "Microsoft.Storage/storageAccounts",
        "location": location,
        "tags": tags,
        "properties": {
            "keyCreationTime": {"key1": written, "key2": written},
            "allowCrossTenantReplication": False,
            "privateEndpointConnections": [],
            "minimumTlsVersion": "TLS1_0",
            "allowBlobPublicAccess": False,
            "networkAcls": {
                "ipv6Rules": [],
                "bypass": "AzureServices",
                "virtualNetworkRules": [],
                "ipRules": [],
                "defaultAction": "Allow",
            },
            "supportsHttpsTrafficOnly": True,
            "encryption": {
                "services": {"file": dict(service), "blob": dict(service)},
                "keySource": "Microsoft.Storage",
            },
        },
    }
    answer = body["properties"]
    if kind in _KINDS_WITH_TIER:
        answer["accessTier"] = "Hot"
    answer |= {
        "provisioningState": "Creating",
        "creationTime": written,
        "primaryEndpoints": _endpoints(name, location, kind),
    }
    answer |= {"primaryLocation": location, "statusOfPrimary": "available"}
    if sku["name"] in {"Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS"}:
        answer |= {"secondaryLocation": _SECONDARY.get(location, "northcentralus"), "statusOfSecondary": "available"}
        if "RA" in sku["name"]:
            secondary = _endpoints(f"{name}-secondary", location, kind)
            secondary.pop("file")
            answer["secondaryEndpoints"] = secondary
    merge_properties(answer, properties)
    return body


def merge_properties(answer: dict[str, Any], sent: dict[str, Any]) -> None:
    """Put the properties of a request over those of an account. What only Azure says, and null, is passed over."""
    for key, value in sent.items():
        if key in _AZURES_OWN or value is None:
            continue
        if key == "encryption":
            answer[key] = {**answer[key], "keySource": value.get("keySource") or "Microsoft.Storage"}
        elif key == "networkAcls":
            answer[key] = {**answer[key], **value}
        else:
            answer[key] = value


def _endpoints(name: str, location: str, kind: str) -> dict[str, str]:
    zone = _ZONES.get(location, "z1")
    special = {"dfs": f"https://{name}.dfs.core.windows.net/", "web": f"https://{name}.{zone}.web.core.windows.net/"}
    return (special if kind == "StorageV2" else {}) | {s: f"https://{name}.{s}.core.windows.net/" for s in _SERVICES}

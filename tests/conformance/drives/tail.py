"""What clients ask beside the journey: locks, tags, deployments, templates, moves, the activity log, operations, account settings."""

from __future__ import annotations

import time
from urllib.parse import quote

from mi_tui.sandbox import furnish
from mi_tui.sandbox.arm.providers import NAMESPACES
from mi_tui.sandbox.arm.storage_extras import COLLECTIONS
from tests.conformance.drives.http import Caller
from tests.conformance.tapped import Tapped

RESOURCES, LOCKS, STORAGE, AUTHORIZATION = "2022-09-01", "2016-09-01", "2023-05-01", "2022-04-01"
NAME = "conformance5e1b"
_OPERATIONS = {
    "Microsoft.Storage": STORAGE,
    "Microsoft.ManagedIdentity": "2023-01-31",
    "Microsoft.Resources": RESOURCES,
    "Microsoft.Authorization": AUTHORIZATION,
    "Microsoft.MachineLearningServices": "2024-10-01",
    "Microsoft.ContainerRegistry": "2023-07-01",
    "Microsoft.KeyVault": "2023-07-01",
    "Microsoft.OperationalInsights": "2023-09-01",
    "Microsoft.Insights": "2015-04-01",
}


def drive(sandbox: Tapped) -> None:
    """Every operation with success where there can be one, and its refusals. In a group of its own, which goes at the end."""
    caller = Caller(sandbox)
    subscription = f"/subscriptions/{furnish.PROD}"
    group = f"{subscription}/resourceGroups/rg-conformance-tail"
    caller.arm("PUT", group, RESOURCES, {"location": "westeurope"})
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/{NAME}"
    wanted = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    caller.until(caller.arm("PUT", account, STORAGE, wanted).headers["Location"])
    _locks(caller, group, account)
    _tags(caller, subscription, account)
    _deployments(caller, subscription, group, account)
    _operations(caller)
    _activity(caller, subscription)
    _authorization(caller, subscription)
    _storage(caller, subscription, account)
    caller.until(caller.arm("DELETE", group, RESOURCES).headers["Location"])


def _locks(caller: Caller, group: str, account: str) -> None:
    lock = "providers/Microsoft.Authorization/locks"
    for level in ("CanNotDelete", "ReadOnly"):
        caller.arm("PUT", f"{account}/{lock}/keep", LOCKS, {"properties": {"level": level, "notes": "kept"}})
        for gone in (account, group):
            caller.arm("DELETE", gone, STORAGE if gone == account else RESOURCES)
        caller.arm("PATCH", account, STORAGE, {"tags": {}})
    caller.arm("PUT", f"{account}/{lock}/keep", LOCKS, {"properties": {"level": "Soft"}})
    caller.arm("GET", f"{account}/{lock}/keep", LOCKS)
    caller.arm("GET", f"{account}/{lock}/other", LOCKS)
    for place in (account, group):
        caller.arm("GET", f"{place}/{lock}", LOCKS)
    for _ in range(2):
        caller.arm("DELETE", f"{account}/{lock}/keep", LOCKS)


def _tags(caller: Caller, subscription: str, account: str) -> None:
    tags = f"{account}/providers/Microsoft.Resources/tags/default"
    caller.arm("PUT", tags, RESOURCES, {"properties": {"tags": {"team": "blue"}}})
    for operation in ("Merge", "Delete", "Replace", "Nonsense"):
        caller.arm("PATCH", tags, RESOURCES, {"operation": operation, "properties": {"tags": {"env": "dev"}}})
    caller.arm("GET", tags, RESOURCES)
    caller.arm("DELETE", tags, RESOURCES)
    name = f"{subscription}/tagNames/conformance"
    for _ in range(2):
        caller.arm("PUT", name, RESOURCES)
        caller.arm("PUT", f"{name}/tagValues/one", RESOURCES)
    caller.arm("GET", f"{subscription}/tagNames", RESOURCES)
    caller.arm("DELETE", name, RESOURCES)
    for _ in range(2):
        caller.arm("DELETE", f"{name}/tagValues/one", RESOURCES)
    for _ in range(2):
        caller.arm("DELETE", name, RESOURCES)


def _deployments(caller: Caller, subscription: str, group: str, account: str) -> None:
    for place in (subscription, group):
        deployments = f"{place}/providers/Microsoft.Resources/deployments"
        caller.arm("GET", deployments, RESOURCES)
        for method, below in (
            ("GET", ""),
            ("HEAD", ""),
            ("DELETE", ""),
            ("GET", "/operations"),
            ("GET", "/operations/one"),
            ("POST", "/cancel"),
            ("POST", "/exportTemplate"),
        ):
            caller.arm(method, f"{deployments}/nosuch{below}", RESOURCES)
        template = {"properties": {"mode": "Incremental", "template": {"resources": []}}}
        caller.arm("PUT", f"{deployments}/one", RESOURCES, template)
        for action in ("validate", "whatIf"):
            caller.arm("POST", f"{deployments}/one/{action}", RESOURCES, template)
    caller.arm("GET", "/providers/Microsoft.Resources/deployments", RESOURCES)
    caller.arm("GET", f"{group}/deployments/nosuch/operations", RESOURCES)
    for resources in (["*"], [account], [account + "x"]):
        caller.arm("POST", f"{group}/exportTemplate", RESOURCES, {"resources": resources})
    move = {"resources": [account], "targetResourceGroup": group}
    for action in ("moveResources", "validateMoveResources"):
        caller.arm("POST", f"{group}/{action}", RESOURCES, move)


def _operations(caller: Caller) -> None:
    for namespace in NAMESPACES:
        caller.arm("GET", f"/providers/{namespace}/operations", _OPERATIONS.get(namespace, RESOURCES))
    metadata = "/providers/Microsoft.Authorization/providerOperations"
    for version in ("2018-01-01-preview", AUTHORIZATION):
        for which in ("", "/Microsoft.Storage", "/Contoso.Nothing"):
            caller.arm("GET", f"{metadata}{which}", version)
    caller.arm("GET", f"{metadata}?$expand=resourceTypes", AUTHORIZATION)


def _activity(caller: Caller, subscription: str) -> None:
    events = f"{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
    for text in (
        f"eventTimestamp ge '{since}'",
        f"eventTimestamp ge '{since}' and status eq 'Failed'",
        "status eq 'x'",
    ):
        caller.arm("GET", f"{events}?$filter={quote(text)}", "2015-04-01")
    caller.arm("GET", "/providers/Microsoft.Insights/eventcategories", "2015-04-01")


def _authorization(caller: Caller, subscription: str) -> None:
    authorization = f"{subscription}/providers/Microsoft.Authorization"
    caller.arm("GET", f"{authorization}/denyAssignments", AUTHORIZATION)
    caller.arm("GET", f"{authorization}/denyAssignments/nosuch", AUTHORIZATION)
    caller.arm("GET", f"{authorization}/policyAssignments", "2022-06-01")
    caller.arm("GET", f"{authorization}/classicAdministrators", "2015-07-01")


def _storage(caller: Caller, subscription: str, account: str) -> None:
    for kind in (*COLLECTIONS, "privateLinkResources"):
        caller.arm("GET", f"{account}/{kind}", STORAGE)
    for kind in COLLECTIONS:
        caller.arm("GET", f"{account}/{kind}/default", STORAGE)
        caller.arm("PUT", f"{account}/{kind}/default", STORAGE, {})
    storage = f"{subscription}/providers/Microsoft.Storage"
    caller.arm("GET", f"{storage}/deletedAccounts", STORAGE)
    caller.arm("GET", f"{storage}/locations/westeurope/deletedAccounts/nosuch", STORAGE)
    policy = f"{account}/managementPolicies/default"
    delete = {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}}
    rule = {"name": "old", "type": "Lifecycle", "definition": {"actions": delete}}
    caller.arm("GET", policy, STORAGE)
    for rules in ([rule], [], [{**rule, "name": "?"}]):
        caller.arm("PUT", policy, STORAGE, {"properties": {"policy": {"rules": rules}}})
    caller.arm("GET", policy, STORAGE)
    for _ in range(2):
        caller.arm("DELETE", policy, STORAGE)
    cors = {"allowedOrigins": ["*"], "allowedMethods": ["GET"], "maxAgeInSeconds": 1, "exposedHeaders": ["*"]}
    for properties in ({"cors": {"corsRules": [{**cors, "allowedHeaders": ["*"]}]}}, {"isVersioningEnabled": True}):
        caller.arm("PUT", f"{account}/blobServices/default", STORAGE, {"properties": properties})
    caller.arm("GET", f"{account}/blobServices/default", STORAGE)
    container = f"{account}/blobServices/default/containers/leased"
    caller.arm("PUT", container, STORAGE, {})
    for action in ("Acquire", "Acquire", "Break"):
        caller.arm("POST", f"{container}/lease", STORAGE, {"action": action, "leaseDuration": -1})
    wanted = {
        "canonicalizedResource": f"/blob/{NAME}/leased",
        "signedResource": "c",
        "signedPermission": "l",
        "signedExpiry": "2099-01-01T00:00:00Z",
    }
    token = caller.arm("POST", f"{account}/ListServiceSas", STORAGE, wanted).json()["serviceSasToken"]
    caller.arm("POST", f"{account}/ListServiceSas", STORAGE, {"signedResource": "c"})
    caller.send("GET", f"https://{NAME}.blob.core.windows.net/leased?restype=container&comp=list&{token}")
    caller.arm("POST", f"{account}/revokeUserDelegationKeys", STORAGE)

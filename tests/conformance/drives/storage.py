"""Storage accounts and containers as ARM resources, user-assigned identities: their whole lives and their refusals."""

from __future__ import annotations

from mi_tui.sandbox import furnish
from tests.conformance.drives.http import Caller
from tests.conformance.tapped import Tapped

STORAGE, IDENTITY = "2023-05-01", "2023-01-31"
NAME = "conformance7d2c"
_WANTED = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}


def drive(sandbox: Tapped) -> None:
    """Make, read, change and delete an account, a container and an identity, with every error on the way."""
    caller = Caller(sandbox)
    account = f"{caller.group}/providers/Microsoft.Storage/storageAccounts/{NAME}"
    _account(caller, account)
    _containers(caller, account)
    _signature(caller)
    caller.arm("DELETE", account, STORAGE)
    caller.arm("DELETE", account, STORAGE)
    _identities(caller)


def _account(caller: Caller, account: str) -> None:
    check = f"{caller.subscription}/providers/Microsoft.Storage/checkNameAvailability"
    for name in (NAME, "contoso", "UPPER", "x"):
        caller.arm("POST", check, STORAGE, {"name": name, "type": "Microsoft.Storage/storageAccounts"})
    first = caller.arm("PUT", account, STORAGE, _WANTED)
    caller.arm("PUT", account, STORAGE, _WANTED)
    caller.until(first.headers["Location"])
    for version in (STORAGE, "2026-09-01"):
        caller.arm("GET", account, version)
    caller.arm("PUT", account, STORAGE, {**_WANTED, "tags": {"a": "b"}})
    caller.arm(
        "PATCH",
        account,
        STORAGE,
        {"properties": {"minimumTlsVersion": "TLS1_2", "allowSharedKeyAccess": True}, "tags": {}},
    )
    caller.arm("GET", account.rpartition("/")[0], STORAGE)
    caller.arm("GET", f"{caller.subscription}/providers/Microsoft.Storage/storageAccounts", STORAGE)
    for what in ("skus", "locations/westeurope/usages"):
        caller.arm("GET", f"{caller.subscription}/providers/Microsoft.Storage/{what}", STORAGE)
    caller.arm("POST", f"{account}/listKeys", STORAGE)
    caller.arm("POST", f"{account}/regenerateKey", STORAGE, {"keyName": "key1"})
    caller.arm("GET", f"{account}/blobServices/default", STORAGE)
    caller.arm("GET", f"{account}/blobServices", STORAGE)
    other = account.replace(NAME, "nosuchaccount")
    for method, path, body in (
        ("GET", other, None),
        ("POST", f"{other}/listKeys", None),
        ("PATCH", other, {"tags": {}}),
        ("POST", f"{account}/regenerateKey", {"keyName": "key9"}),
        ("PUT", account.replace(NAME, "contoso"), _WANTED),
        ("PUT", account.replace(NAME, "Not-A-Name"), _WANTED),
        ("PUT", account, {**_WANTED, "location": "eastus"}),
        ("PUT", account.replace(NAME, "conformance1"), {"location": "westeurope"}),
        ("PUT", account.replace(NAME, "conformance1"), {**_WANTED, "location": "mars"}),
        ("PUT", account.replace(NAME, "conformance1"), {**_WANTED, "kind": "Wrong"}),
        ("GET", f"{caller.subscription}/providers/Microsoft.Storage/locations/westeurope/asyncoperations/nosuch", None),
    ):
        caller.arm(method, path, STORAGE, body)


def _signature(caller: Caller) -> None:
    data = f"{caller.group}/providers/Microsoft.Storage/storageAccounts/{furnish.DATA_ACCOUNT}"
    wanted = {
        "signedServices": "b",
        "signedResourceTypes": "sco",
        "signedPermission": "rl",
        "signedExpiry": "2099-01-01T00:00:00Z",
    }
    token = caller.arm("POST", f"{data}/ListAccountSas", STORAGE, wanted).json()["accountSasToken"]
    caller.arm("POST", f"{data}/ListAccountSas", STORAGE, {"signedServices": "b"})
    blob = f"https://{furnish.DATA_ACCOUNT}.blob.core.windows.net/{furnish.CONTAINER}/{furnish.WELCOME}"
    caller.send("GET", f"{blob}?{token}")


def _containers(caller: Caller, account: str) -> None:
    containers = f"{account}/blobServices/default/containers"
    caller.arm("PUT", f"{containers}/inputs", STORAGE, {})
    caller.arm("PUT", f"{containers}/inputs", STORAGE, {})
    caller.arm("GET", f"{containers}/inputs", STORAGE)
    caller.arm("GET", containers, STORAGE)
    caller.arm("PATCH", f"{containers}/inputs", STORAGE, {"properties": {"metadata": {"a": "b"}}})
    caller.arm("GET", f"{containers}/nosuch", STORAGE)
    caller.arm("PUT", f"{containers}/Not_A_Name", STORAGE, {})
    caller.arm("PUT", f"{containers}/x", STORAGE, {})
    caller.arm("PATCH", f"{containers}/inputs", STORAGE, {"properties": {"publicAccess": "Blob"}})
    caller.arm("DELETE", f"{containers}/inputs", STORAGE)
    caller.arm("DELETE", f"{containers}/inputs", STORAGE)


def _identities(caller: Caller) -> None:
    identities = f"{caller.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    one = f"{identities}/id-conformance"
    for version in (IDENTITY, "2024-11-30"):
        caller.arm("PUT", one, version, {"location": "westeurope", "tags": {}})
        caller.arm("GET", one, version)
    caller.arm("PATCH", one, IDENTITY, {"tags": {"a": "b"}})
    caller.arm("GET", identities, IDENTITY)
    caller.arm("POST", f"{one}/listAssociatedResources", "2022-01-31-preview")
    caller.arm("GET", f"{caller.subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities", IDENTITY)
    credential = {
        "properties": {"issuer": "https://token.example/", "subject": "a", "audiences": ["api://AzureADTokenExchange"]}
    }
    for method, body in (
        ("PUT", credential),
        ("PUT", credential),
        ("GET", None),
        ("DELETE", None),
        ("DELETE", None),
        ("GET", None),
    ):
        caller.arm(method, f"{one}/federatedIdentityCredentials/github", IDENTITY, body)
    caller.arm("GET", f"{one}/federatedIdentityCredentials", IDENTITY)
    caller.arm("GET", f"{caller.workspace}/providers/Microsoft.ManagedIdentity/identities/default", IDENTITY)
    caller.arm("PUT", f"{identities}/x", IDENTITY, {"location": "westeurope"})
    caller.arm("PUT", one, IDENTITY, {"location": "eastus"})
    caller.arm("PUT", f"{identities}/id-other", IDENTITY, {})
    caller.arm("PATCH", f"{identities}/nosuch", IDENTITY, {"tags": {}})
    caller.arm("GET", f"{identities}/nosuch", IDENTITY)
    caller.arm("DELETE", one, IDENTITY)
    caller.arm("DELETE", one, IDENTITY)

"""ARM itself: subscriptions, groups, providers, and the errors of its front; what other providers' resources are only shown."""

from __future__ import annotations

from mi_tui.sandbox import furnish
from tests.conformance.drives.http import ARM, Caller
from tests.conformance.tapped import Tapped

RESOURCES, SUBSCRIPTIONS = "2022-09-01", "2022-12-01"


def drive(sandbox: Tapped) -> None:
    """Every operation with success, then every way to be refused."""
    caller = Caller(sandbox)
    _reads(caller)
    _groups(caller)
    _refusals(caller)


def _reads(caller: Caller) -> None:
    subscription, group = caller.subscription, caller.group
    for path in ("/subscriptions", subscription, f"{subscription}/locations", "/tenants"):
        caller.arm("GET", path, SUBSCRIPTIONS)
    for path in (
        f"{subscription}/resourceGroups", f"{subscription}/resources", f"{group}/resources", f"{subscription}/providers",
        f"{subscription}/providers/Microsoft.Storage",
    ):  # fmt: skip
        caller.arm("GET", path, RESOURCES)
    caller.arm("POST", f"{subscription}/providers/Microsoft.Storage/register", RESOURCES)
    caller.arm("GET", f"{subscription}/providers/Microsoft.Storage/resourceTypes", RESOURCES)
    for path in (
        "/providers",
        "/providers/Microsoft.Storage",
        f"{subscription}/resources?$top=2&$expand=createdTime,provisioningState",
        f"{group}/resources?$filter=resourceType eq 'Microsoft.Storage/storageAccounts'",
        f"{group}/resources?$filter=nonsense",
    ):
        caller.arm("GET", path, RESOURCES)
    for type_, version in (
        ("Microsoft.ContainerRegistry/registries", "2023-07-01"),
        ("Microsoft.KeyVault/vaults", "2023-07-01"),
        ("Microsoft.Insights/components", "2020-02-02"),
    ):
        caller.arm("GET", f"{subscription}/providers/{type_}", version)
        found = caller.arm("GET", f"{group}/providers/{type_}", version).json()["value"]
        caller.arm("GET", found[0]["id"], version)
        caller.arm("GET", f"{group}/providers/{type_}/nosuchname", version)


def _groups(caller: Caller) -> None:
    caller.arm("GET", caller.group, RESOURCES)
    caller.arm("HEAD", caller.group, RESOURCES)
    group = caller.arm("GET", caller.group, RESOURCES).json()
    caller.arm("PUT", caller.group, RESOURCES, {"location": group["location"], "tags": group["tags"]})
    caller.arm("PATCH", caller.group, RESOURCES, {"tags": group["tags"]})
    missing = f"{caller.subscription}/resourceGroups/nosuchgroup"
    caller.arm("GET", missing, RESOURCES)
    caller.arm("HEAD", missing, RESOURCES)
    caller.arm("PUT", missing, RESOURCES, {"location": "westeurope"})
    new = f"/subscriptions/{furnish.PROD}/resourceGroups/rg-conformance"
    caller.arm("PUT", new, RESOURCES, {"location": "westeurope"})
    identity = f"{new}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-conformance"
    caller.arm("PUT", identity, "2023-01-31", {"location": "westeurope"})
    nowhere = new.replace("rg-conformance", "nosuchgroup")
    for method in ("GET", "HEAD", "DELETE"):
        caller.arm(method, nowhere, RESOURCES)
    caller.arm("GET", f"{nowhere}/providers/Microsoft.Storage/storageAccounts/one", "2023-05-01")
    going = caller.arm("DELETE", new, RESOURCES)
    caller.arm("PUT", identity + "-late", "2023-01-31", {"location": "westeurope"})
    caller.until(going.headers["Location"])
    caller.arm("GET", identity, "2023-01-31")
    caller.arm("DELETE", new, RESOURCES)
    caller.arm("POST", f"/subscriptions/{furnish.PROD}/providers/Microsoft.Storage/register", RESOURCES)
    for action in ("unregister", "register"):
        caller.arm("POST", f"/subscriptions/{furnish.PROD}/providers/Microsoft.Cdn/{action}", RESOURCES)
    caller.arm("POST", f"/subscriptions/{furnish.PROD}/providers/Microsoft.Storage/unregister", RESOURCES)


def _refusals(caller: Caller) -> None:
    group, storage = caller.group, "providers/Microsoft.Storage/storageAccounts"
    elsewhere = f"{caller.subscription}/resourceGroups/nosuchgroup"
    caller.send("GET", f"{ARM}{group}?api-version={RESOURCES}")
    caller.send("GET", f"{ARM}{group}?api-version={RESOURCES}", headers={"Authorization": "Bearer nonsense"})
    caller.send(
        "GET", f"{ARM}{group}?api-version={RESOURCES}",
        headers={"Authorization": f"Bearer {caller.token('https://storage.azure.com')}"},
    )  # fmt: skip
    caller.arm("GET", group, "")
    caller.arm("GET", group, "yesterday")
    caller.arm("GET", group, "2017-05-11")
    account = caller.arm("GET", f"{group}/{storage}", "2023-05-01").json()["value"][0]["id"]
    caller.arm("GET", account, "2018-07-02")
    caller.arm("HEAD", account, "2023-05-01")
    caller.arm("HEAD", f"{group}/{storage}/nosuch", "2023-05-01")
    caller.arm("GET", f"{group}/providers/Microsoft.Authorization/roleAssignments", "2018-06-01")
    caller.arm("GET", f"{group}/providers/Contoso.Nothing/things/one", RESOURCES)
    caller.arm("GET", f"{group}/providers/Microsoft.Storage/nothings/one", RESOURCES)
    caller.arm("GET", "/nothing/here", RESOURCES)
    caller.arm("DELETE", f"{group}/resources", RESOURCES)
    caller.arm("GET", "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups", RESOURCES)
    caller.arm("GET", "/subscriptions/nonsense/resourceGroups", RESOURCES)
    caller.arm("PUT", f"{group}/{storage}/conformance1", "2023-05-01", "{no json")
    caller.arm("PUT", f"{group}/{storage}/conformance1", "2023-05-01", "[]")
    caller.arm("GET", f"{caller.subscription}/resourceGroups/nosuchgroup/{storage}/one", "2023-05-01")
    caller.arm("PUT", f"{elsewhere}/{storage}/conformance1", "2023-05-01", {"location": "westeurope"})
    caller.arm("GET", f"{elsewhere}/{storage}", "2023-05-01")

"""What can be had: the SKUs of a deployment and of storage accounts, and how many accounts a region may have."""

from __future__ import annotations

from starlette.responses import Response

from mi_tui.sandbox.accounts import tier
from mi_tui.sandbox.arm.locations import LOCATIONS, location_name
from mi_tui.sandbox.arm.ml import WORKSPACE, ml_reply
from mi_tui.sandbox.arm.online_deployments import LARGEST, deployment_of
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.storage import KINDS, SKUS, storage_page, storage_reply
from mi_tui.sandbox.containers import ACCOUNT_TYPE

ACCOUNTS_OF_A_REGION = 250
"""Storage accounts of a subscription in a region ("Scalability and performance targets for standard storage accounts")."""

_DEPLOYMENT = WORKSPACE + "/onlineEndpoints/{endpoint}/deployments/{deployment}"
_DEPLOYMENT_TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"


@route("GET", _DEPLOYMENT + "/skus", f"{_DEPLOYMENT_TYPE}/skus/read")
def list_deployment_skus(call: Call) -> Response:
    """The one SKU of managed deployments, and how many instances it may have."""
    deployment = deployment_of(call)
    capacity = {
        "minimum": 1,
        "maximum": LARGEST,
        "default": int((deployment.body.get("sku") or {}).get("capacity") or 1),
        "scaleType": "Manual",
    }
    sku = {
        "resourceType": "Microsoft.MachineLearning.Services/endpoints/deployments",  # as the file's example spells it
        "sku": {"name": "Default", "tier": "Standard"},
        "capacity": capacity,
    }
    return ml_reply(200, {"value": [sku]})


@route("GET", "/subscriptions/{s}/providers/Microsoft.Storage/skus")
def list_storage_skus(call: Call) -> Response:
    """Which kind of account has which SKU in which region; `$filter` is not looked at, as its file has none that is told."""
    call.require_reach("Microsoft.Storage/skus/read", f"/subscriptions/{call.ids['s']}")
    return storage_page(
        [
            {
                "resourceType": "storageAccounts",
                "name": name,
                "tier": tier(name),
                "kind": kind,
                "locations": [location],
                "capabilities": [],
                "restrictions": [],
            }
            for location in LOCATIONS
            for name in sorted(SKUS)
            for kind in sorted(KINDS)
            if (kind in {"FileStorage", "BlockBlobStorage"}) <= name.startswith("Premium")
        ]
    )


@route("GET", "/subscriptions/{s}/providers/Microsoft.Storage/locations/{location}/usages")
def list_storage_usages(call: Call) -> Response:
    """How many accounts the subscription has in a region, and how many it may have."""
    subscription, location = f"/subscriptions/{call.ids['s']}", location_name(call.ids["location"])
    call.require_reach("Microsoft.Storage/locations/usages/read", subscription)
    found = [a for a in call.world.store.each_resource(ACCOUNT_TYPE, subscription) if a.body["location"] == location]
    name = {"value": "StorageAccounts", "localizedValue": "Storage Accounts"}
    usage = {"unit": "Count", "currentValue": len(found), "limit": ACCOUNTS_OF_A_REGION, "name": name}
    return storage_reply(200, {"value": [usage]})

"""Machine sizes and quota of Azure ML in a region; what is in use is counted from the deployments that exist."""

from __future__ import annotations

import math

from starlette.responses import Response

from mi_tui.sandbox.arm.locations import location_name
from mi_tui.sandbox.arm.ml import ml_reply
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.sizes import LIMIT, REGION_LIMIT, SIZES, size_named
from mi_tui.sandbox.world import World

_LOCATION = "/subscriptions/{s}/providers/Microsoft.MachineLearningServices/locations/{location}"
_DEPLOYMENTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"


@route("GET", _LOCATION + "/vmSizes")
def list_sizes(call: Call) -> Response:
    """The machine sizes of a region."""
    call.require_reach("Microsoft.MachineLearningServices/locations/vmSizes/read", f"/subscriptions/{call.ids['s']}")
    return ml_reply(
        200,
        {
            "value": [
                {
                    "name": size.name,
                    "family": size.family,
                    "vCPUs": size.cores,
                    "gpus": 0,
                    "osVhdSizeMB": 1047552,
                    "maxResourceVolumeMB": size.disk,
                    "memoryGB": size.memory,
                    "lowPriorityCapable": True,
                    "premiumIO": True,
                    "supportedComputeTypes": ["AmlCompute", "ComputeInstance", "Endpoint"],
                }
                for size in SIZES
            ]
        },
    )


@route("GET", _LOCATION + "/usages")
def list_usages(call: Call) -> Response:
    """Cores in use and their limit, for each family."""
    call.require_reach("Microsoft.MachineLearningServices/locations/usages/read", f"/subscriptions/{call.ids['s']}")
    location = location_name(call.ids["location"])
    subscription = f"/subscriptions/{call.ids['s']}"
    cores = used(call.world, subscription, location)
    base = f"{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}/usages"

    def usage(name: str, words: str, value: int, limit: int) -> dict[str, object]:
        return {
            "id": f"{base}/{name}",
            "amlWorkspaceLocation": location,
            "type": "Microsoft.MachineLearningServices/usages",
            "unit": "Count",
            "currentValue": value,
            "limit": limit,
            "name": {"value": name, "localizedValue": words},
        }

    families = dict.fromkeys(size.family for size in SIZES)
    return ml_reply(
        200,
        {
            "value": [
                usage(
                    "totalDedicatedCores", "Total Cluster Dedicated Regional vCPUs", sum(cores.values()), REGION_LIMIT
                ),
                *(
                    usage(family, _family_words(family), cores.get(family, 0), limit(call.world, family))
                    for family in families
                ),
            ]
        },
    )


@route("GET", _LOCATION + "/quotas")
def list_quotas(call: Call) -> Response:
    """The limits that a workspace of a region may be given, for each family."""
    call.require_reach("Microsoft.MachineLearningServices/locations/quotas/read", f"/subscriptions/{call.ids['s']}")
    location = location_name(call.ids["location"])
    base = f"/subscriptions/{call.ids['s']}/providers/Microsoft.MachineLearningServices/locations/{location}/quotas"
    return ml_reply(
        200,
        {
            "value": [
                {
                    "id": f"{base}/{family}",
                    "amlWorkspaceLocation": location,
                    "type": "Microsoft.MachineLearningServices/quotas",
                    "unit": "Count",
                    "limit": limit(call.world, family),
                    "name": {"value": family, "localizedValue": _family_words(family)},
                }
                for family in dict.fromkeys(size.family for size in SIZES)
            ]
        },
    )


def _family_words(family: str) -> str:
    """`standardDSv2Family` as the portal and `az ml compute list-usage` write it."""
    return f"Standard {family.removeprefix('standard').removesuffix('Family')} Family Cluster Dedicated vCPUs"


def used(world: World, subscription: str, location: str, *, without: str = "") -> dict[str, int]:
    """Cores in use by family in a region of a subscription; `without` leaves one deployment out. Failed ones count: they hold
    their machines until they are deleted."""
    found: dict[str, int] = {}
    for deployment in world.store.resources(_DEPLOYMENTS, under=subscription):
        size = size_named(deployment.body["properties"].get("instanceType"))
        if (
            size is not None
            and deployment.body.get("location") == location
            and deployment.id.lower() != without.lower()
        ):
            count = int((deployment.body.get("sku") or {}).get("capacity") or 1)
            found[size.family] = found.get(size.family, 0) + size.cores * count
    return found


def limit(world: World, family: str) -> int:
    """Cores of a family that a subscription may use in a region."""
    scenario = world.active.quota(family)
    return LIMIT if scenario is None else scenario


def refusal(world: World, deployment_id: str, location: str, instance_type: str, count: int) -> str | None:
    """Azure ML's words when the quota does not suffice for a deployment of `count` instances, else None.

    Azure keeps a fifth on top for upgrades: ceil(1.2 n) machines are needed ("Manage and increase quotas", Microsoft Learn,
    2026-01; the sentence is of public issues).
    """
    size = size_named(instance_type)
    if size is None:
        return None
    subscription = "/".join(deployment_id.split("/")[:3])
    cores = used(world, subscription, location, without=deployment_id)
    needed = math.ceil(round(1.2 * count, 6)) * size.cores
    for now, most in ((cores.get(size.family, 0), limit(world, size.family)), (sum(cores.values()), REGION_LIMIT)):
        if now + needed > most:
            return (
                f"Not enough quota available for {size.name} in SubscriptionId {subscription.split('/')[2]}. "
                f"Current usage/limit: {now}/{most}. Additional needed: {needed} Please see troubleshooting guide, available here: "
                "https://aka.ms/oe-tsg#error-outofquota"
            )
    return None

"""Machine sizes and quota of Azure ML in a region; what is in use is counted from the deployments that exist."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from mi_tui.sandbox.arm.locations import location_name
from mi_tui.sandbox.arm.ml import ml_reply
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.store import Resource

_LOCATION = "/subscriptions/{s}/providers/Microsoft.MachineLearningServices/locations/{location}"
_DEPLOYMENTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"

LIMIT = 24
"""Cores of a family that a new subscription may use."""

REGION_LIMIT = 100
"""Cores of all families together that it may use in a region."""


@dataclass(frozen=True)
class Size:
    """A machine size. Sizes of a family share its quota. Memory in GiB, disk in MB."""

    name: str
    family: str
    cores: int
    memory: float
    disk: int


SIZES = (
    Size("Standard_DS2_v2", "standardDSv2Family", 2, 7.0, 14336),
    Size("Standard_DS3_v2", "standardDSv2Family", 4, 14.0, 28672),
    Size("Standard_DS4_v2", "standardDSv2Family", 8, 28.0, 57344),
    Size("Standard_D2as_v4", "standardDASv4Family", 2, 8.0, 16384),
    Size("Standard_D4as_v4", "standardDASv4Family", 4, 16.0, 32768),
    Size("Standard_F2s_v2", "standardFSv2Family", 2, 4.0, 16384),
    Size("Standard_F4s_v2", "standardFSv2Family", 4, 8.0, 32768),
    Size("Standard_E2s_v3", "standardESv3Family", 2, 16.0, 32768),
)
"""Source: "Managed online endpoints SKU list" and "Sizes for virtual machines" (Microsoft Learn, 2026-07)."""


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
    used: dict[str, int] = {}
    for deployment in call.world.store.resources(_DEPLOYMENTS, under=subscription):
        size = _size_of(deployment)
        if size is not None and deployment.body.get("location") == location:
            count = int((deployment.body.get("sku") or {}).get("capacity") or 1)
            used[size.family] = used.get(size.family, 0) + size.cores * count
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
                    "totalDedicatedCores", "Total Cluster Dedicated Regional vCPUs", sum(used.values()), REGION_LIMIT
                ),
                *(usage(family, _family_words(family), used.get(family, 0), LIMIT) for family in families),
            ]
        },
    )


def _family_words(family: str) -> str:
    """`standardDSv2Family` as the portal and `az ml compute list-usage` write it."""
    return f"Standard {family.removeprefix('standard').removesuffix('Family')} Family Cluster Dedicated vCPUs"


def _size_of(deployment: Resource) -> Size | None:
    wanted = str(deployment.body["properties"].get("instanceType") or "").lower()
    return next((size for size in SIZES if size.name.lower() == wanted), None)

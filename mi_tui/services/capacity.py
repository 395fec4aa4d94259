"""Machine sizes and quota of Azure ML in a region (Microsoft.MachineLearningServices)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mi_tui.model.capacity import Capacity, MachineSize, Usage, family_key
from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2024-07-01-preview"

_REGION = "total cluster dedicated regional"
"""How the limit over all families of a region is called in Azure's lists, whatever its key is."""


def read(session: Session, location: str) -> Capacity:
    """The region's sizes, and the cores in use and allowed. Raises ServiceError.

    Virtual Machine Sizes - List and Usages - List. Neither says which sizes managed endpoints admit: that is a page of the
    documentation ("Managed online endpoints SKU list").
    """
    place = f"/subscriptions/{session.subscription_id}/providers/Microsoft.MachineLearningServices/locations/{location}"
    with ThreadPoolExecutor(1) as pool:
        sizes = pool.submit(lambda: [_size(item) for item in arm.list_all(session, f"{place}/vmSizes", API_VERSION)])
        usages = list(arm.list_all(session, f"{place}/usages", API_VERSION))
        families: dict[str, Usage] = {}
        region: Usage | None = None
        for item in usages:
            # Quotas that a workspace was given within the subscription's stand in the same list.
            if "/workspaces/" in arm.text(item, "id").lower():
                continue
            usage = Usage(arm.text(item, "name", "localizedValue"), _whole(item, "currentValue"), _whole(item, "limit"))
            if usage.name.lower().startswith(_REGION):
                region = usage
            else:
                families[family_key(arm.text(item, "name", "value"))] = usage
        found = tuple(size for size in sizes.result() if size.name and size.cores)
    return Capacity(location, found, families, region)


def _size(item: arm.Json) -> MachineSize:
    memory = item.get("memoryGB")
    return MachineSize(
        name=arm.text(item, "name"),
        family=arm.text(item, "family"),
        cores=_whole(item, "vCPUs"),
        memory_gib=float(memory) if isinstance(memory, (int, float)) else 0.0,
        gpus=_whole(item, "gpus"),
    )


def _whole(item: arm.Json, name: str) -> int:
    value = item.get(name)
    return value if isinstance(value, int) else 0

"""What is read of Azure's lists of sizes and usages, also where they have more in them than the specification shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from mi_tui.model.capacity import Usage
from mi_tui.services import arm, capacity
from mi_tui.services.session import Session

BASE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.MachineLearningServices/locations/eastus"
)


def usage(key: str, words: str, used: object, limit: object, under: str = "") -> arm.Json:
    return {
        "id": f"{BASE}{under}/usages/{key}",
        "currentValue": used,
        "limit": limit,
        "name": {"value": key, "localizedValue": words},
    }


class FakeSession:
    subscription_id = "11111111-2222-3333-4444-555555555555"


def test_families_the_region_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    pages: dict[str, list[Any]] = {
        f"{BASE}/vmSizes": [
            {
                "name": "Standard_NC4as_T4_v3",
                "family": "standardNCASv3_T4Family",
                "vCPUs": 4,
                "gpus": 1,
                "memoryGB": 28.0,
            },
            {"name": "", "vCPUs": 4},
            {"name": "Standard_Odd", "family": None, "vCPUs": "four"},
        ],
        f"{BASE}/usages": [
            usage("TotalDedicatedCores", "Total Cluster Dedicated Regional vCPUs", 3, 20),
            usage("TotalLowPriorityCores", "Total Cluster Low Priority Regional vCPUs", 0, 0),
            usage("StandardNCASv3_T4Family", "Standard NCASv3_T4 Family Cluster Dedicated vCPUs", 0, 8),
            usage("StandardNCASv3_T4Family", "the same, of one workspace", 0, 2, "/workspaces/ml-dev"),
            usage("standardDFamily", "Standard D Family Cluster Dedicated vCPUs", None, -1),
            {},
        ],
    }

    def listed(_session: object, path: str, api_version: str) -> Iterator[arm.Json]:
        assert api_version == capacity.API_VERSION
        return iter(pages[path])

    monkeypatch.setattr(arm, "list_all", listed)
    found = capacity.read(cast("Session", FakeSession()), "eastus")
    assert [size.name for size in found.sizes] == ["Standard_NC4as_T4_v3"]
    assert found.sizes[0].gpus == 1
    assert found.region == Usage("Total Cluster Dedicated Regional vCPUs", 3, 20)
    fit = found.fit("Standard_NC4as_T4_v3", 1)
    assert fit is not None
    assert (fit.needs, fit.free) == (8, 8), "the workspace's own quota is not the subscription's"
    assert found.families["standarddfamily"].free == 0

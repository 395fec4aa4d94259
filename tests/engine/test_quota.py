"""What a plan says of the quota: that it suffices, that it does not and what would fit, or that it could not be read."""

from __future__ import annotations

import msgspec
import pytest

from mi_tui.engine.found import Found
from mi_tui.engine.planner import _quota_warnings
from mi_tui.model.capacity import Capacity, MachineSize, Usage
from tests.screens.plans import a_plan

SIZES = (
    MachineSize("Standard_DS3_v2", "standardDSv2Family", 4, 14.0),
    MachineSize("Standard_F2s_v2", "standardFSv2Family", 2, 4.0),
)


def found(room: Capacity | None, why: str = "") -> Found:
    return Found(a_plan().place, None, None, False, False, None, None, room, why)


def room(free: int, small: int = 24) -> Capacity:
    usages = {"standarddsv2family": Usage("DSv2", 0, free), "standardfsv2family": Usage("FSv2", 0, small)}
    return Capacity("westeurope", SIZES, usages)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (found(room(8)), []),
        (found(room(7)), ["needs 8 cores, 7 free. Azure will refuse the deployment", "Standard_F2s_v2 fits."]),
        (found(room(7, 3)), ["take a smaller type."]),
        (found(Capacity("westeurope", SIZES)), []),
        (found(Capacity("westeurope", SIZES[1:])), ["not among the sizes that Azure ML lists in westeurope"]),
        (found(None, "You may not."), ["could not be read: You may not."]),
    ],
)
def test_the_warning(there: Found, said: list[str]) -> None:
    warnings = _quota_warnings(a_plan().answers, there)
    assert len(warnings) == bool(said)
    for words in said:
        assert words in warnings[0]


def test_a_plan_of_before_has_no_quota() -> None:
    plan = a_plan()
    kept = msgspec.json.decode(msgspec.json.encode(plan))
    del kept["fit"]
    assert msgspec.convert(kept, type(plan)).fit is None

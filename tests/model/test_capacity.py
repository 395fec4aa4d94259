"""Quota: how many cores a deployment asks for, and whether they are free, in the family and in the region."""

from __future__ import annotations

import pytest

from mi_tui.model.capacity import Capacity, Fit, MachineSize, Usage, family_key
from mi_tui.model.instances import quota_cores


@pytest.mark.parametrize(
    ("count", "cores", "asked"), [(1, 4, 8), (2, 4, 12), (5, 4, 24), (10, 4, 48), (25, 2, 60), (50, 8, 480)]
)
def test_a_fifth_more_is_reserved(count: int, cores: int, asked: int) -> None:
    assert quota_cores(cores, count) == asked


def region(used: int, limit: int = 24, total: Usage | None = None) -> Capacity:
    sizes = (
        MachineSize("Standard_DS3_v2", "StandardDSv2Family", 4, 14.0),
        MachineSize("Standard_X", "xFamily", 2, 4.0),
    )
    return Capacity("westeurope", sizes, {family_key("standardDSv2Family"): Usage("DSv2", used, limit)}, total)


def test_it_fits_or_does_not() -> None:
    assert region(16).fit("standard_ds3_V2", 1) == Fit(8, 8)
    assert region(16).fit("Standard_DS3_v2", 1).fits is True  # type: ignore[union-attr]
    assert region(17).fit("Standard_DS3_v2", 1).fits is False  # type: ignore[union-attr]
    assert region(30).fit("Standard_DS3_v2", 1) == Fit(8, 0), "a limit that was lowered below what is used"


def test_the_region_counts_where_it_is_nearer() -> None:
    fit = region(0, total=Usage("Total", 16, 20)).fit("Standard_DS3_v2", 1)
    assert fit == Fit(8, 4, regional=True)
    assert fit.words == "needs 8 cores, 4 free in the region"
    assert region(0, total=Usage("Total", 0, 100)).fit("Standard_DS3_v2", 1) == Fit(8, 24)


def test_what_is_not_known_is_not_guessed() -> None:
    assert region(0).fit("Standard_X", 1) == Fit(4, None)
    assert Fit(4, None).fits is None
    assert region(0).fit("Standard_NC4as_T4_v3", 1) is None
    assert region(0).fit("Standard_F4s_v2", 1) == Fit(8, None), "known here, absent there"
    assert region(0).absent("Standard_F4s_v2")
    assert not Capacity("westeurope").absent("Standard_F4s_v2")

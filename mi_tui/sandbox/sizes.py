"""Machine sizes that online endpoints run on, and how many cores of them a subscription may use."""

from __future__ import annotations

from dataclasses import dataclass

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


def size_named(name: object) -> Size | None:
    """The size of this name (any case), or None when the sandbox does not know it."""
    wanted = str(name or "").lower()
    return next((size for size in SIZES if size.name.lower() == wanted), None)

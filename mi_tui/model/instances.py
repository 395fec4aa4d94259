"""Instance types for managed online endpoints: cores, memory and a list price.

Source: "Managed online endpoints SKU list" (Microsoft Learn) and the Azure price list, Linux, East US, pay as you go, read 2026-10.
Prices differ by region and contract: they are shown as an estimate, with this date.
"""

from __future__ import annotations

from dataclasses import dataclass

PRICES_READ = "2026-10"
RESERVED_TENTHS = 12
"""Azure keeps 20 % more instances for upgrades: quota is asked for ceil(1.2 x instances) x cores ("Manage quotas", 2026-01)."""


@dataclass(frozen=True)
class InstanceType:
    """One machine size. `usd_per_hour` is for one instance."""

    name: str
    cores: int
    memory_gib: float
    usd_per_hour: float


_TYPES = (
    InstanceType("Standard_DS2_v2", 2, 7, 0.146),
    InstanceType("Standard_DS3_v2", 4, 14, 0.293),
    InstanceType("Standard_DS4_v2", 8, 28, 0.585),
    InstanceType("Standard_D2as_v4", 2, 8, 0.096),
    InstanceType("Standard_D4as_v4", 4, 16, 0.192),
    InstanceType("Standard_F2s_v2", 2, 4, 0.085),
    InstanceType("Standard_F4s_v2", 4, 8, 0.169),
    InstanceType("Standard_E2s_v3", 2, 16, 0.126),
)


def all_types() -> tuple[InstanceType, ...]:
    """Every instance type whose facts are known here, the default one's family first."""
    return _TYPES


def find(name: str) -> InstanceType | None:
    """The instance type with this name (any case), if its facts are known here."""
    return next((t for t in _TYPES if t.name.lower() == name.lower()), None)


def quota_cores(cores: int, count: int) -> int:
    """The cores of quota that a deployment of `count` machines with so many cores each asks for."""
    # In tenths: 1.2 x 5 in floating point would be a little over 6.
    return -(-RESERVED_TENTHS * count // 10) * cores

"""Capacity: which machine sizes a region has, how many cores of each family may still be used, and whether a deployment fits.

Quota is permission, not capacity: a region may have no machine left although the quota allows one ("Manage quotas", Microsoft Learn).
"""

from __future__ import annotations

from msgspec import Struct

from mi_tui.model import instances

QUOTA_HELP = "ask for more in Azure ML studio, Quota, or take a smaller type"


class MachineSize(Struct, frozen=True):
    """A size that Azure ML knows in the region. Sizes of a family share its quota."""

    name: str
    family: str
    cores: int
    memory_gib: float
    gpus: int = 0


class Usage(Struct, frozen=True):
    """Cores in use, and how many may be, of a family or of the whole region."""

    name: str
    used: int
    limit: int

    @property
    def free(self) -> int:
        """Cores that may still be taken; never below 0, though Azure may have lowered the limit under what is used."""
        return max(0, self.limit - self.used)


class Fit(Struct, frozen=True):
    """Whether a deployment fits: it asks for `needs` cores and `free` are free; None where Azure does not tell."""

    needs: int
    free: int | None
    regional: bool = False
    """What is free is bounded by the region's total, not by the family."""

    @property
    def fits(self) -> bool | None:
        """None when it is not known."""
        return None if self.free is None else self.free >= self.needs

    @property
    def words(self) -> str:
        """Such as `needs 8 cores, 24 free`."""
        if self.free is None:
            return f"needs {self.needs} cores"
        return f"needs {self.needs} cores, {self.free} free{' in the region' if self.regional else ''}"


class Capacity(Struct, frozen=True):
    """What a region has for a subscription. `region` is the limit over all families; None when Azure does not tell it."""

    location: str
    sizes: tuple[MachineSize, ...] = ()
    families: dict[str, Usage] = {}
    """By `family_key`."""
    region: Usage | None = None

    def size(self, name: str) -> MachineSize | None:
        """The size with this name (any case), if the region has it."""
        return next((size for size in self.sizes if size.name.lower() == name.lower()), None)

    def fit(self, name: str, count: int) -> Fit | None:
        """Whether `count` machines of this size fit; None when its cores are not known."""
        size, known = self.size(name), instances.find(name)
        cores = size.cores if size else known.cores if known else 0
        if not cores:
            return None
        needs = instances.quota_cores(cores, count)
        own = self.families.get(family_key(size.family)) if size else None
        if own is None:
            return Fit(needs, None)
        if self.region is not None and self.region.free < own.free:
            return Fit(needs, self.region.free, regional=True)
        return Fit(needs, own.free)

    def absent(self, name: str) -> bool:
        """Whether the region's list is known and does not have this size."""
        return bool(self.sizes) and self.size(name) is None


def family_key(family: str) -> str:
    """A family's name for comparing: Azure writes `standardDSv2Family` in one list and `StandardDSv2Family` in another."""
    return "".join(family.split()).lower()

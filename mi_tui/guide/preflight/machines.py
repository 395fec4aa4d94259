"""Machines: whether the region has the size, whether endpoints may use it, and whether the quota suffices."""

from __future__ import annotations

from mi_tui.guide.preflight.finding import Finding, az, failed, listed, ok, skipped, warning
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model import instances
from mi_tui.model.capacity import QUOTA_HELP, Capacity
from mi_tui.model.diagnosis import Change, ChangeKind


def _fitting(room: Capacity, count: int, but: str) -> list[str]:
    """The types known for endpoints that fit, the cheapest first."""
    cheapest = sorted(instances.all_types(), key=lambda kind: kind.usd_per_hour)
    fits = ((kind.name, room.fit(kind.name, count)) for kind in cheapest if not room.absent(kind.name))
    return [name for name, fit in fits if fit is not None and fit.fits is True and name.lower() != but.lower()]


def _take(fitting: list[str]) -> Change | None:
    return Change(ChangeKind.INSTANCE_TYPE, (fitting[0],)) if fitting else None


def _compute(reads: Reads, verb: str, location: str) -> str:
    """A command about computes, which wants to know the workspace, too."""
    where = reads.answers.workspace
    return az(
        "ml", "compute", verb, "--location", location, "--resource-group", where.resource_group, "--workspace-name", where.name,
        "--output", "table",
    )  # fmt: skip


def size(reads: Reads) -> Finding:
    """Azure ML lists a region's sizes; which of them endpoints admit stands in the documentation alone."""
    wanted, room = reads.answers.deployment, reads.capacity.result()
    if room.absent(wanted.instance_type):
        fitting = _fitting(room, wanted.instance_count, wanted.instance_type)
        return failed(
            f"{wanted.instance_type} is not among the {len(room.sizes)} sizes that Azure ML lists in {room.location}.",
            f"Take another type, such as {listed(fitting, 3)}." if fitting else "Take another type or region.",
            _compute(reads, "list-sizes", room.location),
            _take(fitting),
        )
    if instances.find(wanted.instance_type) is None:
        return warning(
            f"{wanted.instance_type} is in {room.location}; whether endpoints admit it is not known here.",
            "Look for it in 'Managed online endpoints SKU list' (Microsoft Learn), or take one of the types that the wizard shows with a price.",
        )
    return ok(f"{wanted.instance_type} is listed in {room.location}, and endpoints admit it")


def quota(reads: Reads) -> Finding:
    """ceil(1.2 x instances) x cores against what is free in the family, and in the region."""
    wanted, room = reads.answers.deployment, reads.capacity.result()
    fit = room.fit(wanted.instance_type, wanted.instance_count)
    many = f"{wanted.instance_type} x {wanted.instance_count}"
    if fit is None:
        return skipped(f"because the cores of {wanted.instance_type} are not known")
    if fit.free is None:
        return skipped(f"because Azure does not tell the quota of {wanted.instance_type}'s family; {many} {fit.words}")
    if fit.fits:
        return ok(f"{many} {fit.words}")
    fitting = _fitting(room, wanted.instance_count, wanted.instance_type)
    also = f" These fit: {listed(fitting)}." if fitting else " No type that is known here fits."
    return failed(
        f"{many} {fit.words}. Azure asks for a fifth more than the instances, rounded up.{also}",
        f"{QUOTA_HELP[:1].upper()}{QUOTA_HELP[1:]}.",
        _compute(reads, "list-usage", room.location),
        _take(fitting),
    )

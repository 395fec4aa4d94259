"""Instead: what there is to take instead of what does not fit or is taken: machine sizes and names."""

from __future__ import annotations

import secrets

from mi_tui.guide.subject import Subject
from mi_tui.model import instances
from mi_tui.model.capacity import Capacity, Fit
from mi_tui.services.deployments import DeploymentInfo


def fitting(subject: Subject, room: Capacity | None, back: DeploymentInfo | None) -> tuple[Fit | None, tuple[str, ...]]:
    """Whether the chosen size fits the quota, and other sizes that do, the best first: near to the chosen one, and not dearer than need be."""
    if room is None:
        return None, ()
    asked = subject.answers.deployment if subject.answers else None
    name = back.instance_type if back else asked.instance_type if asked else ""
    count = (back.instance_count if back else asked.instance_count if asked else 1) or 1
    mine, size = instances.find(name), room.size(name)
    memory = size.memory_gib if size else mine.memory_gib if mine else 0.0
    family = size.family.lower() if size else ""

    def suits(kind: instances.InstanceType) -> bool:
        fit, other = room.fit(kind.name, count), room.size(kind.name)
        if fit is None or fit.fits is not True or kind.name.lower() == name.lower():
            return False
        if subject.wish.memory and kind.memory_gib <= memory:
            return False
        return not (subject.wish.elsewhere and other is not None and other.family.lower() == family)

    found = sorted(filter(suits, instances.all_types()), key=lambda kind: _distance(kind, mine, subject))
    return room.fit(name, count), tuple(kind.name for kind in found)


def _distance(
    kind: instances.InstanceType, mine: instances.InstanceType | None, subject: Subject
) -> tuple[float, float]:
    if mine is None:
        return 0.0, kind.usd_per_hour
    away = abs(kind.cores - mine.cores) if subject.wish.elsewhere or not subject.wish.memory else 0.0
    return away, abs(kind.memory_gib - mine.memory_gib) + kind.usd_per_hour


def free_names(subject: Subject, back: DeploymentInfo | None) -> dict[str, str]:
    """Names to take instead, made so that nobody is likely to have them: `endpoint`, `account`, `deployment`."""
    some = secrets.token_hex(2)
    name = back.name if back else subject.deployment
    account = subject.answers.storage.account if subject.answers else ""
    return {
        "endpoint": f"{subject.endpoint[:27].rstrip('-')}-{some}",
        "account": f"{account[:20]}{some}" if account else "",
        "deployment": "green" if name.lower() != "green" else "blue",
    }

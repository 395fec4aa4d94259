"""Instead: what there is to take instead of what does not fit or is taken: machine sizes and names."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from mi_tui.guide.subject import Subject
from mi_tui.model import instances
from mi_tui.model.capacity import Capacity, Fit
from mi_tui.model.instances import InstanceType
from mi_tui.services.deployments import DeploymentInfo


@dataclass(frozen=True)
class Room:
    """Whether the chosen size of machine fits the quota, and which other ones do, the best first: of what had too little memory, those
    with more."""

    fit: Fit | None = None
    fitting: tuple[str, ...] = ()


_TWICE = 1.9
"""What was too small for its memory is given about twice of it first: a little more is seldom enough."""


def room(subject: Subject, found: Capacity | None, back: DeploymentInfo | None) -> Room:
    """What fits: near to the chosen size first, and not dearer than need be."""
    if found is None:
        return Room()
    asked = subject.answers.deployment if subject.answers else None
    name = back.instance_type if back else asked.instance_type if asked else ""
    count = (back.instance_count if back else asked.instance_count if asked else 1) or 1
    mine, size = instances.find(name), found.size(name)
    cores = size.cores if size else mine.cores if mine else 0
    memory = size.memory_gib if size else mine.memory_gib if mine else 0.0

    def suits(kind: InstanceType) -> bool:
        fit, other = found.fit(kind.name, count), found.size(kind.name)
        if fit is None or fit.fits is not True or kind.name.lower() == name.lower():
            return False
        same = size is not None and other is not None and other.family.lower() == size.family.lower()
        return not (subject.wish.elsewhere and same)

    kinds = [kind for kind in instances.all_types() if suits(kind)]
    if subject.wish.memory:
        kinds = [one for one in kinds if one.memory_gib > memory]
        kinds.sort(key=lambda one: (one.memory_gib < _TWICE * memory, one.usd_per_hour))
    else:
        kinds.sort(key=lambda one: (abs(one.cores - cores), abs(one.memory_gib - memory), one.usd_per_hour))
    return Room(found.fit(name, count), tuple(one.name for one in kinds))


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

"""Instead: what there is to take instead of what does not fit or is taken: machine sizes and names."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from mi_tui.guide.subject import Subject
from mi_tui.model import instances, names
from mi_tui.model.capacity import Capacity, Fit
from mi_tui.model.instances import InstanceType
from mi_tui.services import addresses, deployments, endpoints, storage
from mi_tui.services.deployments import DeploymentInfo
from mi_tui.services.session import Session


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


_TRIES = 3
"""How many names are looked up where the first is taken; each is random, so that a second is seldom needed."""


def free_endpoint(session: Session, group: str, workspace: str, name: str, location: str) -> str:
    """An endpoint name with the same stem that the workspace does not have and nobody answers at in the region; empty when none was
    found. Raises ServiceError."""
    for tried in _tried(name, 27, "-"):
        if names.ENDPOINT.fault(tried) or endpoints.get(session, group, workspace, tried):
            continue
        if not (location and addresses.endpoint_answers(tried, location)):
            return tried
    return ""


def free_account(session: Session, name: str) -> str:
    """A name of a storage account with the same stem of which Azure says that it is free; empty when none was found. Raises ServiceError."""
    stem = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
    return next((tried for tried in _tried(stem or "st", 20, "") if not storage.check_name(session, tried)), "")


def free_deployment(session: Session, group: str, workspace: str, endpoint: str, name: str) -> str:
    """A name that no deployment of the endpoint has. Raises ServiceError."""
    taken = {name.lower()}
    if endpoints.get(session, group, workspace, endpoint):
        taken |= {one.name.lower() for one in deployments.list_all(session, group, workspace, endpoint)}
    return next(tried for tried in ("blue", "green", "red", *_tried(name, 27, "-")) if tried.lower() not in taken)


def _tried(name: str, longest: int, joint: str) -> tuple[str, ...]:
    """Names to look up, made so that nobody is likely to have them."""
    stem = name[:longest].rstrip("-")
    return tuple(f"{stem}{joint}{secrets.token_hex(2)}" for _ in range(_TRIES))

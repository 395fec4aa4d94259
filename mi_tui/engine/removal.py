"""One clean-up on its way: what it may remove, whether what is there is still what the run made, and when nothing is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from mi_tui.engine import evidence, overwritten
from mi_tui.engine.context import Context
from mi_tui.engine.journal import LedgerEntry, Verdict
from mi_tui.model import names
from mi_tui.model.plan import ResourceKind
from mi_tui.services import seen
from mi_tui.services.endpoints import gone
from mi_tui.services.errors import Abandoned
from mi_tui.services.seen import Seen
from mi_tui.services.session import Session

T = TypeVar("T")
Watch = Callable[[str], None]

REMOVABLE = {Verdict.CREATED, Verdict.INTENDED, Verdict.ADOPTED}
"""The verdicts of what clean-up may remove."""


class Kept(Exception):
    """Something is left on purpose; the reason in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class Removal:
    """One clean-up on its way. `consent`: container id (lower case) -> the foreign blobs that a person said may go with it."""

    ctx: Context
    consent: dict[str, frozenset[str]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    """Ids (lower case) of what this clean-up has just deleted: of them, and of what was in them, one look that finds nothing is enough."""

    def ledger(self, *kinds: ResourceKind) -> list[LedgerEntry]:
        """What of these kinds the run made and was not removed yet."""
        entries = self.ctx.journal.ledger(self.ctx.run)
        return [entry for entry in entries if entry.kind in kinds and entry.verdict in REMOVABLE]

    def ours(self, resource_id: str) -> bool:
        """Whether clean-up may remove it."""
        return any(names.same_id(entry.id, resource_id) for entry in self.ledger(*ResourceKind))


Remover = Callable[[Removal, LedgerEntry, Watch], bool]
"""Removes one resource and verifies; False when it was gone already. Raises Kept, ServiceError, Abandoned."""


def session_of(ctx: Context, resource_id: str) -> Session:
    """The session in the resource's own subscription."""
    subscription = names.parse_id(resource_id).subscription
    known = ctx.session
    return known if subscription.lower() == known.subscription_id.lower() else known.in_subscription(subscription)


def certain(job: Removal, resource_id: str, look: Callable[[], T | None]) -> T | None:
    """What `look` finds of a resource; None only when it finds nothing each time. A replica of Azure's that does not know yet what was made
    says 404, and what is taken for gone is left for ever. Abandoned when the run is to stop."""
    pace, below = job.ctx.pace, f"{resource_id.lower()}/"
    looks = 1 if any(below.startswith(f"{taken}/") for taken in job.taken) else pace.absent_looks
    for number in range(looks):
        if number and job.ctx.stop.wait(pace.absent_pause):
            raise Abandoned("Stopped while making sure that something is gone.")
        if (found := look()) is not None:
            return found
    return None


def still_ours(job: Removal, entry: LedgerEntry) -> bool:
    """Whether it is there; Kept when what is there is not what this run made."""
    found = certain(job, entry.id, lambda: seen.look(job.ctx.session, entry.id))
    if found is None:
        return False
    if why := why_another(job, entry, found):
        raise Kept(why)
    return True


def why_another(job: Removal, entry: LedgerEntry, found: Seen) -> str:
    """Why what is there is not what this run made, in words; empty when it is."""
    why = evidence.another(entry, found, job.ctx.run)
    if not why and entry.verdict is Verdict.INTENDED:
        why = overwritten.against(job.ctx, entry.kind, entry.id)
    return why


def verify(job: Removal, entry: LedgerEntry) -> None:
    """Wait until what Azure has taken the DELETE of is seen to be gone: some things are shown for a while after that."""
    gone(lambda: seen.look(job.ctx.session, entry.id), f"The {entry.kind.value} {entry.name!r}", job.ctx.stop)
    job.taken.add(entry.id.lower())

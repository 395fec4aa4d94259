"""What a clean-up would remove and what it would not touch: the ledger of a run, as far as the screen needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mi_tui.model.plan import Action
from mi_tui.model.text import cut, visible

if TYPE_CHECKING:
    from mi_tui.workflow import Workflow

NAME = 120
"""How much of a name or a reason is shown in a row."""


_KINDS = {"role assignment": "grant", "user-assigned identity": "identity"}


def short(title: str) -> str:
    """A kind and a name, with the word for the kind that the list before the removal has."""
    for kind, word in _KINDS.items():
        if title.startswith(f"{kind} "):
            return word + title.removeprefix(kind)
    return title


@dataclass(frozen=True)
class Thing:
    """One line of the ledger, as far as the screen needs it."""

    id: str
    kind: str
    name: str

    @property
    def words(self) -> str:
        """Kind and name."""
        name = visible(cut(self.name, NAME))
        return name if self.kind.endswith(name.split(" ")[0]) else f"{_KINDS.get(self.kind, self.kind)} {name}"


@dataclass(frozen=True)
class Doomed:
    """What the journal says of the run."""

    goes: tuple[Thing, ...]
    used: tuple[Thing, ...]
    gone: int
    in_azure: bool
    endpoint: str
    bills: str


def read(workflow: Workflow, run: str) -> Doomed:
    """The ledger of a run; reads the journal alone. Raises JournalError."""
    from mi_tui.workflow import AZURE, Verdict

    record = workflow.journal.run(run)
    ledger = workflow.journal.ledger(record.id)

    def things(*verdicts: Verdict) -> tuple[Thing, ...]:
        return tuple(Thing(e.id, e.kind.value, e.name) for e in ledger if e.verdict in verdicts)

    goes = tuple(Thing(e.id, e.kind.value, e.name) for e in workflow.removable(record))
    # The plan knows what was to be used, the ledger what was found to be there already.
    used = {
        r.id.lower(): Thing(r.id, r.kind.value, r.name) for r in record.plan.resources if r.action is not Action.CREATE
    }
    used |= {thing.id.lower(): thing for thing in things(Verdict.EXISTED)}
    for thing in goes:
        used.pop(thing.id.lower(), None)
    deployment = record.plan.answers.deployment
    bills = ""
    if any(thing.kind == "deployment" for thing in goes):
        price = record.plan.usd_per_hour
        cost = f"about {price:.2f} USD an hour (list price)" if price is not None else "by the hour"
        bills = f"the deployment {deployment.name} bills while it exists: {cost}."
        if record.target != AZURE:
            bills = f"in Azure {bills} In the sandbox nothing bills."
        bills = bills[:1].upper() + bills[1:]
    return Doomed(
        goes,
        tuple(used.values()),
        len(things(Verdict.REMOVED)),
        record.target == AZURE,
        record.plan.answers.endpoint.name,
        bills,
    )

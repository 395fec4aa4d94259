"""What a change of a plan is worked out from, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from mi_tui.engine.planner import PlanError
from mi_tui.model.answers import Answers
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Plan
from mi_tui.services.session import Session


@dataclass
class Case:
    """What is to be changed: answers, and the plan of a run that has begun (None: nothing has begun)."""

    session: Session
    answers: Answers
    plan: Plan | None
    principal_id: str = ""
    """The endpoint's identity, where it is known."""


@dataclass
class Wish:
    """What a change asks for, on the way from words to a plan."""

    answers: Answers
    lines: list[str] = field(default_factory=list)
    grants: frozenset[str] = frozenset()
    """Keys of the plan's grants that the run is to make, whatever the answers say."""
    register: tuple[str, ...] = ()
    conda: tuple[str, ...] | None = None
    """Requirements for the conda file; empty: it is read again as it is; None: it is not touched."""
    anew: frozenset[str] = frozenset()
    """Keys of the registered assets whose files are uploaded again as they are now, under another name: `code`, `model`."""
    remake: bool = False
    """The deployment is made again although nothing of it may be other than before."""
    facts: dict[str, str] = field(default_factory=dict)


def refused(code: str, message: str, advice: str = "") -> PlanError:
    """A change that cannot be, as it is raised."""
    return PlanError([Failure(f"mi-tui/{code}", message, advice=advice)])

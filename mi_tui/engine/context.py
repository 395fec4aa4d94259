"""What a step works with: the plan, the services' session, the journal, the way to say something, and the wish to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mi_tui.engine.journal import Journal, Verdict
from mi_tui.model.events import Event
from mi_tui.model.plan import Plan, ResourceKind
from mi_tui.services.session import Session

Emit = Callable[[Event], None]
Say = Callable[[str, str], None]
"""Say(status, detail): the operation's real status, and what is being waited for."""


class Stop(threading.Event):
    """The wish to stop. `cancelled` tells a person's "cancel" from "leave it running"."""

    cancelled = False


class Interrupted(Exception):
    """The run is to stop; nothing is wrong with the step that says so."""


@dataclass(frozen=True)
class Pace:
    """The clock of a run, in seconds. `grant_wait` is waited after the last grant; a failed deployment whose grants are all
    there but young is made again `deployment_tries` - 1 times, each after `retry_wait`."""

    grant_wait: float = 30.0
    young_grant: float = 900.0
    deployment_tries: int = 3
    retry_wait: float = 60.0
    log_poll: float = 10.0
    state_poll: float = 5.0
    endpoint_settle: float = 900.0


@dataclass(frozen=True)
class Done:
    """How a step ended: `result` is `created`, `used`, `changed`, `skipped` or `done`; `detail` is a line for people."""

    result: str
    detail: str = ""
    resource: str = ""


@dataclass
class Context:
    """One run, as its steps see it."""

    run: str
    plan: Plan
    session: Session
    journal: Journal
    emit: Emit
    pace: Pace
    stop: Stop = field(default_factory=Stop)

    @property
    def group(self) -> str:
        """The workspace's resource group."""
        return self.plan.place.resource_group

    @property
    def workspace(self) -> str:
        """The workspace's name."""
        return self.plan.answers.workspace.name

    @property
    def tags(self) -> dict[str, str]:
        """The tags of whatever this run makes: the person's, and the run's own as evidence."""
        return {**self.plan.answers.tags, "mi-tui-run": self.run}

    def fact(self, name: str) -> str:
        """A fact that an earlier step noted; empty when it did not."""
        return self.journal.facts(self.run).get(name, "")

    def note(self, name: str, value: str) -> None:
        """Remember a fact that is no secret."""
        self.journal.note(self.run, name, value)

    def ours(self, resource_id: str) -> bool:
        """Whether this run made the resource, or was making it when it was interrupted."""
        return self.journal.verdict(self.run, resource_id) in {Verdict.CREATED, Verdict.INTENDED}

    def keep(self, kind: ResourceKind, resource_id: str, name: str, detail: str = "") -> Done:
        """A resource that is there already: ours from before an interruption, or somebody's that is used as it is."""
        if self.ours(resource_id):
            self.journal.created(
                self.run, kind, resource_id, name, "intent recorded when it was absent; found present afterwards"
            )
            return Done("created", detail or "made earlier by this run", resource_id)
        self.journal.existed(self.run, kind, resource_id, name, "present before this run")
        return Done("used", detail or "was here before", resource_id)

"""What a step works with: the plan, the services' session, the journal, the way to say something, and the wish to stop."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from mi_tui.engine.journal import Journal, Verdict
from mi_tui.engine.pace import Pace, Stop
from mi_tui.engine.signing import SignInGate
from mi_tui.engine.weather import Weather
from mi_tui.model import names
from mi_tui.model.answers import RESERVED_TAG
from mi_tui.model.events import Event, Notice
from mi_tui.model.failure import VANISHED, Failure
from mi_tui.model.plan import Action, Plan, ResourceKind
from mi_tui.services.errors import ServiceError
from mi_tui.services.operations import Begun, Note
from mi_tui.services.session import Session

__all__ = [
    "OVERWRITTEN", "RUN_TAG", "Context", "Done", "Emit", "Interrupted", "Looks", "Pace", "Say", "Stop",
]  # fmt: skip

Emit = Callable[[Event], None]
RUN_TAG = RESERVED_TAG
"""The tag that a run puts on whatever can carry one: the evidence of who made it when the answer to the call was lost."""

OVERWRITTEN = frozenset(
    {
        ResourceKind.IDENTITY,
        ResourceKind.STORAGE_ACCOUNT,
        ResourceKind.CONTAINER,
        ResourceKind.ENDPOINT,
        ResourceKind.GRANT,
    }
)
"""What a PUT makes, or else changes into what it asks for, this run's mark included: then the mark alone is no evidence."""

_CALLS = uuid.UUID("6f0c8f55-6a3e-5f0b-9d0e-3a9f8f4f1d11")

Say = Callable[[str, str], None]
"""Say(status, detail): the operation's real status, and what is being waited for."""


class Interrupted(Exception):
    """The run is to stop; nothing is wrong with the step that says so."""


@dataclass(frozen=True)
class Done:
    """How a step ended: `result` is `created`, `used`, `changed`, `skipped` or `done`; `detail` is a line for people."""

    result: str
    detail: str = ""
    resource: str = ""


class Looks(Protocol):
    """Who follows a deployment's logs: `answered` tells whether the last look got an answer."""

    answered: bool

    def look(self) -> str: ...


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
    follower: Looks | None = None
    """Who follows the deployment's logs, once there is one."""
    sign_in: SignInGate = field(default_factory=SignInGate)
    """How a sign-in that has ended is renewed."""
    gone: Callable[[], bool] = lambda: False
    """Whether what the run plays in has ended for good, as the sandbox may: then nothing is waited for."""
    weather: Weather = field(default_factory=Weather)

    _said: set[str] = field(default_factory=set)

    def say_once(self, text: str) -> None:
        """A notice that is worth saying once, however often its step is done again."""
        if text not in self._said:
            self._said.add(text)
            self.emit(Notice(run=self.run, text=text))

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
        return {**self.plan.answers.tags, RUN_TAG: self.run}

    def fact(self, name: str) -> str:
        """A fact that an earlier step noted; empty when it did not."""
        return self.journal.facts(self.run).get(name, "")

    def note(self, name: str, value: str) -> None:
        """Remember a fact that is no secret."""
        self.journal.note(self.run, name, value)

    def noted(self, step: str) -> Note:
        """Journals the long operations of a step."""

        def note(begun: Begun) -> Callable[[str], None]:
            number = self.journal.begin_operation(
                self.run, step, begun.kind, begun.resource, begun.address, begun.request_id, begun.correlation_id
            )
            return lambda outcome: self.journal.end_operation(number, outcome)

        return note

    def call(self, resource_id: str) -> str:
        """The client request id of every call of this run that is to make this resource: by it Azure's activity log tells how they ended."""
        return call_of(self.run, resource_id)

    def absent_since(self, resource_id: str) -> str:
        """When it was seen absent before the first of those calls, by Azure's clock (ISO 8601); empty where that was not noted."""
        return self.fact(_absent(resource_id))

    def answer(self, resource_id: str) -> str:
        """What Azure answered to a call that was to make it, where no outcome could be noted: MADE or FOUND; empty where nobody knows."""
        return self.fact(_answer(resource_id))

    def note_found(self, resource_id: str) -> None:
        """Remember that Azure answered to the one call of this run that was to make it that it was there."""
        self.note(_answer(resource_id), FOUND)

    def repeated(self, resource_id: str) -> bool:
        """Whether the SDK has just sent the call again by itself after an answer behind which the first one may have had its effect."""
        return any(status >= 500 for status in self.session.operations.calls.answered(self.call(resource_id))[:-1])

    def ours(self, resource_id: str) -> bool:
        """Whether this run made the resource, or was making it when it was interrupted."""
        return self.journal.verdict(self.run, resource_id) in {Verdict.CREATED, Verdict.INTENDED}

    @contextmanager
    def making(self, kind: ResourceKind, resource_id: str, name: str, there: Callable[[], object]) -> Iterator[None]:
        """Around the call that creates a resource: the intent before it, taken back when Azure refused and `there` finds nothing.

        What the plan only uses is never made: ServiceError when it is gone.
        """
        planned = next((item for item in self.plan.resources if names.same_id(item.id, resource_id)), None)
        if planned is not None and planned.action in {Action.USE, Action.CHANGE} and not self.ours(resource_id):
            raise ServiceError(
                Failure(
                    code=VANISHED,
                    message=f"The {kind.value} {name!r}, which this run only uses, is not there any more.",
                    advice=f"Put it back, or let the run make it: 'mi-tui resume {self.run} --make-missing'.",
                )
            )
        first = self.journal.verdict(self.run, resource_id) is not Verdict.INTENDED
        if kind in OVERWRITTEN and first:
            if self.answer(resource_id):
                self.note(_answer(resource_id), "")
            now = dt.datetime.fromtimestamp(self.session.operations.azure_time(), dt.UTC)
            self.note(_absent(resource_id), now.isoformat(timespec="seconds"))
        self.journal.intend(self.run, kind, resource_id, name)
        try:
            with (
                self.session.operations.calls.calling(self.call(resource_id)),
                self._heard(kind, resource_id, first=first),
            ):
                yield
        except ServiceError as error:
            # A 404 may be that of a look behind the call, by a part of Azure that does not know yet what was made.
            if 400 <= error.status < 500 and error.status != 404 and not _found(there):
                self.journal.forget(self.run, resource_id)
            raise

    @contextmanager
    def _heard(self, kind: ResourceKind, resource_id: str, *, first: bool) -> Iterator[None]:
        """Around the call: what Azure answered to it is noted when what comes after the answer fails, such as the wait or a look."""
        try:
            yield
        except BaseException:
            answers = self.session.operations.calls.answered(self.call(resource_id)) if kind in OVERWRITTEN else ()
            if answers and answers[-1] in {201, 202}:
                self.note(_answer(resource_id), MADE)
            elif answers and answers[-1] == 200 and first and not self.repeated(resource_id):
                self.note_found(resource_id)
            raise

    def made(self, resource_id: str, tags: dict[str, str]) -> bool:
        """Whether this run made the resource that carries these tags: noted as made, or tagged by this run; what is known to have been
        there before is not. The tag counts also where an intent was taken back because Azure, asked too soon, knew of nothing."""
        verdict = self.journal.verdict(self.run, resource_id)
        return verdict is Verdict.CREATED or (verdict is not Verdict.EXISTED and tags.get(RUN_TAG) == self.run)

    def keep(
        self, kind: ResourceKind, resource_id: str, name: str, detail: str = "", *, tags: dict[str, str] | None = None
    ) -> Done:
        """A resource that is there already: ours from before an interruption, or somebody's that is used as it is.

        An intent alone makes it ours only where its `tags` (None: it can carry none) say so too.
        """
        mine = tags is not None and self.made(resource_id, tags)
        if tags is not None and not mine:
            self.journal.forget(self.run, resource_id)
        if mine or self.ours(resource_id):
            # What is noted of one that was made before stays: by it another of the same name is told from this run's.
            if self.journal.verdict(self.run, resource_id) is not Verdict.CREATED:
                self.journal.created(
                    self.run, kind, resource_id, name, "intent recorded when it was absent; found present afterwards"
                )
            return Done("created", detail or "made earlier by this run", resource_id)
        self.journal.existed(self.run, kind, resource_id, name, "present before this run")
        return Done("used", detail or "was here before", resource_id)

    def not_ours(self, kind: ResourceKind, resource_id: str, name: str, why: str = "") -> Done:
        """A resource that was seen absent and that the call to make it found: somebody was quicker, or Azure's first answer was old."""
        self.journal.forget(self.run, resource_id)
        self.journal.existed(
            self.run, kind, resource_id, name, why or "Azure answered that it was there when it was to be made"
        )
        return Done("used", "it was there after all", resource_id)


def call_of(run: str, resource_id: str) -> str:
    """As `Context.call`, of any run."""
    return str(uuid.uuid5(_CALLS, f"{run} {resource_id.lower()}"))


MADE, FOUND = "made", "found"
"""What Azure's answer to a PUT says: that the call made it (201, 202), or found it there (200)."""


def _answer(resource_id: str) -> str:
    return f"answer {resource_id.lower()}"


def _absent(resource_id: str) -> str:
    return f"absent {resource_id.lower()}"


def _found(there: Callable[[], object]) -> bool:
    """Whether something is there; a look that fails settles nothing, so the intent stays."""
    try:
        return bool(there())
    except ServiceError:
        return True

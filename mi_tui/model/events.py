"""Events: what a run says while it goes. One stream feeds the screen, the plain renderer, the JSON renderer and the tests."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct, field

from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Grant, PlannedResource, PlannedStep


def now() -> str:
    """The present moment, UTC, in ISO 8601 with milliseconds."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LEFT_RUNNING = "left_running"
    CANCELLED = "cancelled"


class Event(Struct, frozen=True, tag_field="event", kw_only=True):
    """What every event carries."""

    run: str
    time: str = field(default_factory=now)


class Planned(Event, frozen=True, tag="planned"):
    """The plan, before anything was changed. `target` is `azure` or `sandbox`."""

    target: str
    resources: tuple[PlannedResource, ...]
    grants: tuple[Grant, ...]
    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...] = ()


class PlanRefused(Event, frozen=True, tag="plan_refused"):
    """There is no plan, so that no run begins; `run` is empty. Each failure has its diagnosis in the same place, None where none is known."""

    failures: tuple[Failure, ...]
    diagnoses: tuple[Diagnosis | None, ...] = ()


class StepStarted(Event, frozen=True, tag="step_started"):
    """A step began. `typical` is in seconds."""

    step: str
    title: str
    typical: float = 0.0


class StepProgress(Event, frozen=True, tag="step_progress"):
    """The real status of the step's operation, as Azure spells it, and what is being waited for."""

    step: str
    status: str
    detail: str = ""


class StepFinished(Event, frozen=True, tag="step_finished"):
    """A step is over. `result` is `created`, `used`, `changed`, `removed`, `left`, `cancelled`, `skipped` or `done`; `resource` is an id."""

    step: str
    title: str
    result: str
    seconds: float
    detail: str = ""
    resource: str = ""


class StepFailed(Event, frozen=True, tag="step_failed"):
    """A step failed; nothing that needs it is begun."""

    step: str
    title: str
    failure: Failure
    seconds: float


class LogLine(Event, frozen=True, tag="log", gc=False):
    """One new line of a deployment's container log. Text from outside: never markup."""

    container: str
    text: str


class Notice(Event, frozen=True, tag="notice"):
    """A sentence for the person that belongs to no step, such as why there are no logs yet; with a diagnosis where it names a cause."""

    text: str
    diagnosis: Diagnosis | None = None


class MissingGrant(Struct, frozen=True):
    """A role that the endpoint's identity needs and does not have."""

    principal: str
    principal_id: str
    role: str
    scope: str
    why: str
    command: str
    """The `az` command that would grant it."""


class Left(Struct, frozen=True):
    """Something that clean-up did not remove, and why."""

    kind: str
    name: str
    id: str
    why: str


class RunFinished(Event, frozen=True, tag="run_finished"):
    """The last event. `response` is what the endpoint answered; `next` says what the person can do now."""

    outcome: Outcome
    response: Any = None
    proof: str = ""
    """The log line that shows that the blob was read, and by whom."""
    scoring_uri: str = ""
    failure: Failure | None = None
    diagnosis: Diagnosis | None = None
    """Why it failed; of a run that was left, what its deployment waits for where that was found."""
    missing_grants: tuple[MissingGrant, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    next: str = ""


AnyEvent = (
    Planned | PlanRefused | StepStarted | StepProgress | StepFinished | StepFailed | LogLine | Notice | RunFinished
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def to_json(event: Event) -> str:
    """One line of JSON."""
    return _encoder.encode(event).decode()


def from_json(text: str | bytes) -> AnyEvent:
    """The event in one line of JSON."""
    return _decoder.decode(text)

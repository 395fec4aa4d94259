"""Plans and events as plain text for people, on standard error; data goes to standard output."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from mi_tui.cli.telling import diagnosis_lines
from mi_tui.model import events
from mi_tui.model.diagnosis import Confidence, Diagnosis
from mi_tui.model.events import Event, Outcome
from mi_tui.model.failure import Failure
from mi_tui.model.instances import PRICES_READ
from mi_tui.model.plan import Action, Grant, Plan, PlannedResource
from mi_tui.model.text import clock, visible

_UNICODE = {"done": "✓", "running": "◐", "warning": "▲", "failed": "✗", "skipped": "–"}
_ASCII = {"done": "ok", "running": "..", "warning": "!", "failed": "x", "skipped": "-"}


def marks(stream: TextIO) -> dict[str, str]:
    """The marks of states, in what the stream can show."""
    encoding = (stream.encoding or "ascii").lower().replace("-", "")
    return _UNICODE if encoding.startswith("utf") else _ASCII


def columns(rows: list[tuple[str, ...]], indent: str = "  ") -> Iterator[str]:
    """Rows as aligned columns; the last one is not padded."""
    rows = [tuple(visible(cell) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        yield (indent + "  ".join((*cells, row[-1]))).rstrip()


def plan_lines(
    resources: tuple[PlannedResource, ...], grants: tuple[Grant, ...], warnings: tuple[str, ...], sign: dict[str, str]
) -> Iterator[str]:
    """A plan: resources, grants, warnings."""
    yield "Resources"
    yield from columns([(r.action.mark, r.action.value.ljust(6), r.kind.value, r.name, r.why) for r in resources])
    yield "Grants"
    yield from columns([(*_grant_state(g), g.principal, g.role, f"on {g.scope_words}", g.why) for g in grants])
    for warning in warnings:
        yield f"  {sign['warning']} {visible(warning)}"


def _grant_state(grant: Grant) -> tuple[str, str]:
    if grant.exists:
        return "=", "exists"
    if grant.automatic:
        return "=", "azure "
    return ("-", "skip  ") if grant.skipped else ("+", "create")


def plan_footer(plan: Plan) -> str:
    """What it costs, and how many changes there are."""
    made = sum(r.action is not Action.USE for r in plan.resources)
    granted = sum(not (g.exists or g.automatic or g.skipped) for g in plan.grants)
    cost = (
        f"about {plan.usd_per_hour:.2f} USD/h (list price, {PRICES_READ})"
        if plan.usd_per_hour is not None
        else "price of this instance type not known"
    )
    things = f"{made} resource{'' if made == 1 else 's'} and {granted} grant{'' if granted == 1 else 's'}"
    return f"{things} to make; {cost}. Nothing was changed yet."


def failure_lines(failure: Failure) -> list[str]:
    """A failure: what happened, details, what to do, ids."""
    lines = [f"  {visible(failure.sentence())}"]
    lines += [f"    {visible(detail)}" for detail in failure.details[:6]]
    if failure.advice:
        lines.append(f"    {visible(failure.advice)}")
    if failure.request_id or failure.correlation_id:
        ids = f"request {failure.request_id or '?'}, correlation {failure.correlation_id or '?'}"
        lines.append(f"    {visible(ids)}")
    return lines


def ascii_json(text: str) -> str:
    """JSON in ASCII alone: the same value, whatever encoding the stream has."""
    return text if text.isascii() else _NOT_ASCII.sub(_escaped, text)


_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]


class PlainRenderer:
    """Tells the events of a run as lines on standard error; may be called from any thread.

    Made before the SDK's prints are captured, so that it keeps the terminal's own streams.
    """

    def __init__(self) -> None:
        self._err, self._out = sys.stderr, sys.stdout
        self._marks = marks(self._err)
        self._titles: dict[str, str] = {}
        self._statuses: dict[str, str] = {}
        self._told: set[str] = set()
        self._diagnosed: Diagnosis | None = None
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Say one event."""
        with self._lock:
            for line in self._lines(event):
                self._err.write(line + "\n")
            self._err.flush()
            if isinstance(event, events.RunFinished):
                self._data(event)

    def _lines(self, event: Event) -> Iterator[str]:
        sign = self._marks
        match event:
            case events.Planned():
                yield f"Run {event.run} ({event.target})"
            case events.StepStarted():
                self._titles[event.step] = event.title
                yield f"{sign['running']} {visible(event.title)}"
            case events.StepProgress() if self._statuses.get(event.step) != event.status:
                self._statuses[event.step] = event.status
                detail = f" - {event.detail}" if event.detail else ""
                yield f"    {visible(self._titles.get(event.step, event.step))}: {visible(event.status)}{visible(detail)}"
            case events.StepFinished():
                mark = sign["skipped"] if event.result in {"skipped", "left", "cancelled"} else sign["done"]
                detail = f" ({visible(event.detail)})" if event.detail else ""
                yield f"{mark} {visible(event.title)}  {event.result}  {clock(event.seconds)}{detail}"
            case events.StepFailed():
                yield f"{sign['failed']} {visible(event.title)}  failed  {clock(event.seconds)}"
                self._told.add(event.failure.sentence())
                yield from failure_lines(event.failure)
            case events.LogLine():
                yield f"  | {visible(event.container)}: {visible(event.text)}"
            case events.Notice():
                yield f"  {sign['warning']} {visible(event.text)}"
                if event.diagnosis is not None:
                    self._diagnosed = event.diagnosis
                    yield from (f"  {line}" for line in diagnosis_lines(event.diagnosis, run=event.run))
            case events.RunFinished():
                yield from self._finish(event)
            case _:
                return

    def _finish(self, event: events.RunFinished) -> Iterator[str]:
        sign = self._marks
        found = event.diagnosis
        # What is missing is among the diagnosis' evidence and fixes, where there is one.
        for grant in event.missing_grants if found is None or found.confidence is Confidence.UNKNOWN else ():
            yield f"{sign['failed']} Missing: {visible(f'{grant.role} for {grant.principal} ({grant.principal_id})')}"
            yield f"    on {visible(grant.scope)}"
            yield f"    {visible(grant.why)}. Whoever may grant it says:"
            yield f"    {visible(grant.command)}"
        if event.removed:
            yield f"{sign['done']} {len(event.removed)} resources removed, each seen to be gone."
        for item in event.left:
            yield f"  = {item.kind} {visible(item.name)} left: {visible(item.why)}"
        if event.failure is not None and event.failure.sentence() not in self._told:
            yield from failure_lines(event.failure)
        if found is not None and found == self._diagnosed:
            yield f"{sign['warning']} Why, as told above: {visible(found.cause)}"
        elif found is not None:
            yield from diagnosis_lines(found, sign["warning"], event.run)
        words = {
            Outcome.SUCCEEDED: "Done.", Outcome.FAILED: "Failed.", Outcome.LEFT_RUNNING: "Left running.", Outcome.CANCELLED: "Cancelled.",
        }  # fmt: skip
        yield f"{words[event.outcome]} {event.next}".rstrip()

    def _data(self, event: events.RunFinished) -> None:
        if event.proof:
            self._out.write(f"proof: {visible(event.proof)}\n")
        if event.response is not None:
            self._out.write(f"response: {json.dumps(event.response)}\n")
        self._out.flush()


class JsonRenderer:
    """One event a line on standard output; may be called from any thread."""

    def __init__(self) -> None:
        self._out = sys.stdout
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write one event."""
        with self._lock:
            self._out.write(ascii_json(events.to_json(event)) + "\n")
            self._out.flush()

"""Progress: a run as its events tell it, kept while screens come and go. Knows no widget; made for the thread that draws."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mi_tui.model import events
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.events import Event, Outcome, RunFinished
from mi_tui.model.failure import Failure
from mi_tui.model.logbuffer import LogBuffer
from mi_tui.model.text import visible

_SAME_MOMENT = 0.1
"""Seconds that two steps must have in common to be called side by side."""


@dataclass
class Row:
    """One step on the timeline. `state` is `waiting`, `running`, `done`, `skipped`, `failed`, or `left` when the run ended under it;
    times are monotonic seconds."""

    id: str
    title: str
    needs: tuple[str, ...] = ()
    typical: float = 0.0
    state: str = "waiting"
    began: float = 0.0
    seconds: float = 0.0
    status: str = ""
    detail: str = ""
    failure: Failure | None = None
    status_at: float = 0.0
    """When the status became what it is."""

    def elapsed(self) -> float:
        """Seconds so far, or in all."""
        return time.monotonic() - self.began if self.state == "running" else self.seconds


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two stretches of time have more in common than a moment, or the short one lies within the long one."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common > _SAME_MOMENT or (common >= 0 and common == min(one[1] - one[0], other[1] - other[0]))


@dataclass
class RunProgress:
    """Everything a screen shows of a run."""

    run: str = ""
    rows: dict[str, Row] = field(default_factory=dict)
    logs: dict[str, LogBuffer] = field(default_factory=dict)
    """The log of each container; older lines are in the file of the run's log."""
    notices: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    finished: RunFinished | None = None
    found: Diagnosis | None = None
    """What was found while it still goes: why a step has failed, or what the deployment waits for."""
    changes: int = 0
    """Raised with every event, so that a timer knows whether there is something to draw."""
    said: int = 0
    """Raised with every event but a log line, and with the first line of a log: there may be thousands of those a second."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it goes."""
        return self.finished.outcome if self.finished else None

    @property
    def elapsed(self) -> float:
        """Seconds since it began, until it ended."""
        return (self.ended or time.monotonic()) - self.began

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(row.state in {"done", "skipped"} for row in self.rows.values())

    @property
    def expected(self) -> float:
        """Typical seconds of the whole run: the longest way through the graph."""
        ways: dict[str, float] = {}
        for row in self.rows.values():
            ways[row.id] = row.typical + max((ways.get(need, 0.0) for need in row.needs), default=0.0)
        return max(ways.values(), default=0.0)

    def side_by_side(self) -> dict[str, int]:
        """The steps that have run, run or will run at once: each with the number of its group. A step alone is in none."""
        times, before = self._times(), self._before()
        group = {step: number for number, step in enumerate(self.rows)}
        steps = list(self.rows)
        for number, one in enumerate(steps):
            for other in steps[:number]:
                if one in before[other] or other in before[one]:
                    continue
                if _overlap(times[one], times[other]):
                    kept, lost = sorted((group[one], group[other]))
                    group = {step: kept if own == lost else own for step, own in group.items()}
        sizes = list(group.values())
        return {step: own for step, own in group.items() if sizes.count(own) > 1}

    def _times(self) -> dict[str, tuple[float, float]]:
        """When each step began and ended, in seconds since the run began; guessed from the typical time where it is yet to come."""
        now = time.monotonic() - self.began
        times: dict[str, tuple[float, float]] = {}
        for row in self.rows.values():
            if row.began:
                begin = row.began - self.began
                end = max(now, begin + row.typical) if row.state == "running" else begin + row.seconds
            else:
                begin = max((times[need][1] for need in row.needs if need in times), default=now)
                end = begin + row.typical
            times[row.id] = (begin, end)
        return times

    def _before(self) -> dict[str, set[str]]:
        """For each step, all that must be done before it."""
        before: dict[str, set[str]] = {}
        for row in self.rows.values():
            before[row.id] = set(row.needs).union(*(before.get(need, set()) for need in row.needs))
        return before

    def take(self, event: Event) -> None:
        """Take one event in."""
        self.changes += 1
        if not isinstance(event, events.LogLine) or event.container not in self.logs:
            self.said += 1
        match event:
            case events.Planned():
                self.run = event.run
                self.rows = {s.id: Row(s.id, s.title, s.needs, s.typical) for s in event.steps}
            case events.StepStarted():
                row = self._row(event.step, event.title)
                row.state, row.began, row.status, row.detail, row.failure = "running", time.monotonic(), "", "", None
                row.status_at = row.began
            case events.StepProgress():
                row = self._row(event.step, event.step)
                if row.status != visible(event.status):
                    row.status_at = time.monotonic()
                row.status, row.detail = visible(event.status), visible(event.detail)
            case events.StepFinished():
                row = self._row(event.step, event.title)
                row.state = "skipped" if event.result in {"skipped", "left", "cancelled"} else "done"
                row.seconds, row.status, row.detail = event.seconds, event.result, visible(event.detail)
            case events.StepFailed():
                row = self._row(event.step, event.title)
                row.state, row.seconds, row.failure = "failed", event.seconds, event.failure
                row.status, row.detail = visible(event.failure.code), visible(event.failure.message)
            case events.LogLine():
                self.logs.setdefault(event.container, LogBuffer()).append(event.text, event.time[11:19])
            case events.Notice():
                self.notices.append(visible(event.text))
                self.found = event.diagnosis or self.found
            case events.RunFinished():
                self.finished, self.ended, self.run = event, time.monotonic(), event.run
                for row in self.rows.values():
                    if row.state == "running":
                        row.seconds, row.state = row.elapsed(), "left"
            case _:
                pass

    def _row(self, step: str, title: str) -> Row:
        return self.rows.setdefault(step, Row(step, visible(title)))

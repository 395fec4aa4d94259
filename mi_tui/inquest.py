"""Inquest: why a run fails, asked while it still runs: the look begins when a step fails, and what was found goes with the last event."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import msgspec

from mi_tui.engine import diagnosed
from mi_tui.engine.context import Context
from mi_tui.engine.journal import JournalError
from mi_tui.guide import world
from mi_tui.guide.case import Case
from mi_tui.guide.diagnose import UNKNOWN, diagnose
from mi_tui.guide.examine import SURE
from mi_tui.guide.subject import Subject, Wish, of_plan, wish_of
from mi_tui.guide.world import Sight
from mi_tui.model import events
from mi_tui.model.diagnosis import Confidence, Diagnosis, Evidence
from mi_tui.model.events import Event, LogLine, Notice, Outcome, RunFinished, StepFailed, StepProgress, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.services.errors import CERTIFICATE, NETWORK, PROXY, SIGN_IN, as_failure

DEPLOYMENT = "deployment"
"""The step that may wait for a machine without an end."""

_LINES = 600
"""Lines of each container's log that are held against the rules."""
_SAID = 200

DEAF = frozenset({NETWORK, CERTIFICATE, PROXY, SIGN_IN, "mi-tui/journal", "mi-tui/sandbox-died"})
"""Failures after which Azure cannot be asked either."""


_AT_ONCE = 0.6
"""Seconds after a failure in which its cause is told at the latest, where steps are still under way."""
_SURENESS = tuple(Confidence)
"""From certain to unknown."""
_PATIENCE = 0.5
"""Seconds beyond the end of all reads in which what was read is put together, on a machine that is busy."""


class Inquest:
    """Stands between a run and who hears its events; may be told events from any thread.

    A run that failed ends with `failure` and `diagnosis`, which are kept with the run. A deployment that waits for longer than it
    usually takes is looked at too: with `Pace.capacity_look`, once.
    """

    def __init__(self, context: Context, *, sandbox: bool) -> None:
        self._context, self._tell, self._sandbox = context, context.emit, sandbox
        context.emit = self.emit
        self._lock = threading.Lock()
        self._logs: dict[str, deque[str]] = {}
        self._said: deque[str] = deque(maxlen=_SAID)
        self._finding: threading.Thread | None = None
        self._failures: list[Failure] = []
        """Of each step that failed, in the order of their ends."""
        self._sight: Sight | None = None
        """What was seen of the world when the first one failed."""
        self._found: Diagnosis | None = None
        """Why the run failed."""
        self._known = threading.Event()
        self._ending = threading.Event()
        self._waits = threading.Event()
        """Set when the deployment is over; until then it is watched."""
        self._watched = False
        self._told: Diagnosis | None = None
        """What was told of a deployment that waits."""
        self._finished: RunFinished | None = None

    def over(self, work: Callable[[Context], RunFinished]) -> RunFinished:
        """Do the work; its last event as it was told."""
        try:
            end = work(self._context)
        finally:
            self._waits.set()
            self._ending.set()
        return self._finished or end

    def emit(self, event: Event) -> None:
        """Take an event in, and tell it: the last one of a run that failed with its diagnosis."""
        if self._context.gone():
            event = _sandbox_died(event)
        match event:
            case LogLine():
                with self._lock:
                    self._logs.setdefault(event.container, deque(maxlen=_LINES)).append(event.text)
            case StepStarted() if event.step == DEPLOYMENT:
                self._watch()
            case StepProgress():
                self._note(f"{event.step}: {event.status}" + (f" - {event.detail}" if event.detail else ""))
            case Notice():
                self._note(event.text)
            case StepFailed():
                self._over(event.step)
                with self._lock:
                    self._failures.append(event.failure)
                self._begin(event.failure)
            case events.StepFinished():
                self._over(event.step)
            case RunFinished():
                self._waits.set()
                self._ending.set()
                event = self._finished = self._ended(event)
            case _:
                pass
        self._tell(event)

    def _note(self, text: str) -> None:
        with self._lock:
            if not self._said or self._said[-1] != text:
                self._said.append(text)

    # ---- a run that failed

    def _begin(self, failure: Failure) -> None:
        """Begin to look for the cause, once: the first failure is the one that is told."""
        if self._finding is None:
            self._finding = threading.Thread(target=self._find, args=(failure,), name="inquest", daemon=True)
            self._finding.start()

    def _find(self, failure: Failure) -> None:
        """Find the cause. Steps that are under way go on for minutes in Azure: nobody waits for their end to hear it."""
        began = time.monotonic()
        deaf = failure.code in DEAF or self._context.gone()
        try:
            wish = wish_of(failure, self._lines())
            self._sight = None if deaf else world.look(self._subject(wish), self._context.pace.look)
            self._found = self._diagnoses(failure, self._sight)[0]
        except Exception as error:  # noqa: BLE001 - a fault in the search must not hide the failure itself
            self._found = _not_found(failure, f"The search for the cause broke off: {as_failure(error).sentence()}")
        self._known.set()
        if not self._ending.wait(max(0.0, began + _AT_ONCE - time.monotonic())):
            text = f"It has failed: {self._found.cause} The run ends as soon as what is under way does."
            self._tell(Notice(run=self._context.run, text=text, diagnosis=self._found))

    def _subject(self, wish: Wish) -> Subject:
        context = self._context
        try:
            facts = context.journal.facts(context.run)
        except JournalError:
            facts = {}  # the look finds the identity by the endpoint
        return of_plan(context.session, context.plan, facts, sandbox=self._sandbox, wish=wish)

    def _lines(self) -> list[str]:
        with self._lock:
            return [line for lines in self._logs.values() for line in lines]

    def _ended(self, event: RunFinished) -> RunFinished:
        if event.failure is None:
            # A deployment that was left while it waited for a machine is to be taken up with what was found of it.
            told = self._told if event.outcome in {Outcome.LEFT_RUNNING, Outcome.CANCELLED} else None
            self._keep(told, None)
            return msgspec.structs.replace(event, diagnosis=told) if told else event
        self._begin(event.failure)
        self._known.wait(self._context.pace.look + _PATIENCE)
        first = self._found or _not_found(event.failure, "The cause was not found in time.")
        failure, found = self._surest(event.failure, first)
        self._keep(found, failure)
        return msgspec.structs.replace(event, failure=failure, diagnosis=found)

    def _surest(self, failure: Failure, found: Diagnosis) -> tuple[Failure, Diagnosis]:
        """Of steps that failed side by side, the one whose cause is surer than that of the first: which was first is chance."""
        with self._lock:
            others = [other for other in self._failures if other != failure]
        if self._sight is None or not self._known.is_set():
            return failure, found
        for other in others:
            try:
                told = self._diagnoses(other, self._sight)[0]
            except Exception as error:  # noqa: BLE001 - as above; what was found of the first is told
                logging.getLogger(__name__).warning(
                    "The cause of a further failure was not found: %s", as_failure(error).sentence()
                )
                continue
            if _SURENESS.index(told.confidence) < _SURENESS.index(found.confidence):
                failure, found = other, told
        return failure, found

    def _diagnoses(self, failure: Failure | None, sight: Sight | None) -> tuple[Diagnosis, ...]:
        with self._lock:
            logs = {name: tuple(lines) for name, lines in self._logs.items()}
            said = tuple(self._said)
        answers = self._context.plan.answers
        if sight is None:
            return diagnose(Case(failure, logs=logs, events=said, answers=answers))
        return diagnose(
            Case(
                failure,
                logs={**sight.logs, **logs},
                states=world.states(sight.world),
                events=said,
                answers=answers,
                world=sight.world,
            )
        )

    def _keep(self, found: Diagnosis | None, failure: Failure | None) -> None:
        context = self._context
        try:
            if found is not None or diagnosed.kept(context.journal, context.run) is not None:
                diagnosed.keep(context.journal, context.run, found, failure)
        except JournalError as error:
            # What was found is told all the same.
            self._tell(Notice(run=context.run, text=f"The diagnosis could not be kept with the run: {error}"))

    # ---- a deployment that waits

    def _watch(self) -> None:
        if not self._watched and not self._context.gone():
            self._watched = True
            threading.Thread(target=self._look_after, name="capacity", daemon=True).start()

    def _over(self, step: str) -> None:
        if step == DEPLOYMENT:
            self._waits.set()

    def _look_after(self) -> None:
        try:
            self._until_found()
        except Exception as error:  # noqa: BLE001 - a fault in this look is no fault of the run, and no traceback on its terminal
            logging.getLogger(__name__).warning(
                "the look at a deployment that waits broke off: %s", as_failure(error).sentence()
            )

    def _until_found(self) -> None:
        """Look at a deployment that takes longer than usual, until something is found or it is over."""
        pace, began = self._context.pace, time.monotonic()
        while not self._waits.wait(pace.capacity_look):
            if self._context.gone():
                return
            sight = world.look(self._subject(Wish(sizes=True, elsewhere=True)), pace.look)
            if sight.world.deployment_state.lower() not in {"creating", "updating"}:
                continue  # it waits for something else, such as the endpoint
            found = self._diagnoses(None, sight)[0]
            if found.confidence not in SURE or self._waits.is_set():
                continue
            self._told = found
            minutes = (time.monotonic() - began) / 60
            since = f"{minutes:.0f} min" if minutes >= 2 else f"{minutes * 60:.0f} s"
            words = (
                f"The deployment has been {sight.world.deployment_state} for {since}, longer than usual. {found.cause}"
            )
            if found.fixes:
                words += f" What to do: {found.fixes[0].words}"
            self._tell(Notice(run=self._context.run, text=words, diagnosis=found))
            return


def _not_found(failure: Failure, why: str) -> Diagnosis:
    """What is said where the search came to no end."""
    said = Evidence("failure", failure.sentence())
    return Diagnosis(UNKNOWN, why, Confidence.UNKNOWN, (said,), question="'mi-tui diagnose RUN' looks again.")


E = TypeVar("E", bound=Event)


def _sandbox_died(event: E) -> E:
    """A failure of the network, as what it is when the sandbox is gone."""
    if (
        not isinstance(event, StepFailed | RunFinished)
        or event.failure is None
        or event.failure.code != "mi-tui/network"
    ):
        return event
    failure = Failure(
        code="mi-tui/sandbox-died",
        message="The sandbox has stopped.",
        advice=f"Its world is kept: 'mi-tui resume {event.run}' starts it again and goes on.",
    )
    return msgspec.structs.replace(event, failure=failure)

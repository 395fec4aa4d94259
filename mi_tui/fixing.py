"""Fixing: the door through which commands and screens change a plan. Shown first; made only when somebody confirmed it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from mi_tui.engine.context import Emit, Stop
from mi_tui.engine.journal import JournalError, RunRecord
from mi_tui.engine.mending import conda_file
from mi_tui.engine.mending.case import refused
from mi_tui.engine.mending.conda_file import Aside
from mi_tui.engine.mending.mend import Mended, StillRefused, mend, mend_new
from mi_tui.engine.mending.wishes import asks_for, with_values
from mi_tui.engine.planner import new_run_id
from mi_tui.model.answers import Answers
from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.diagnosis import Change, ChangeKind, Diagnosis, Fix
from mi_tui.model.events import Event, Notice, RunFinished
from mi_tui.model.plan import Plan
from mi_tui.services import quiet
from mi_tui.targets import Target

if TYPE_CHECKING:
    from mi_tui.workflow import Waiter, Workflow

__all__ = [
    "Fixing",
    "Mended",
    "StillRefused",
    "applies_before_a_run",
    "asks_for",
    "before_a_run",
    "numbered",
    "settled",
    "with_values",
]


_COMMAS = re.compile(r",")
_PAIRS = re.compile(r",(?=\s*[A-Za-z_][\w.-]*=)")
"""The commas between `NAME=value` pairs; a value may have commas of its own."""


def numbered(diagnosis: Diagnosis | None) -> Iterable[tuple[int, Fix]]:
    """The fixes of a diagnosis that mi-tui can make itself, with the numbers that they are told with."""
    fixes = diagnosis.fixes if diagnosis else ()
    return [(number, fix) for number, fix in enumerate(fixes, 1) if fix.change is not None]


_NEEDS_A_RUN = {ChangeKind.RETRY, ChangeKind.WAIT, ChangeKind.GRANT, ChangeKind.CODE, ChangeKind.MODEL}
"""Changes of what a run has begun; before one there is nothing of theirs to change."""


def before_a_run(diagnosis: Diagnosis) -> tuple[Change, ...]:
    """The changes that a diagnosis offers and that can be made of a plan whose run has not begun, each kind once."""
    found: dict[ChangeKind, Change] = {}
    for fix in diagnosis.fixes:
        if fix.change is not None and applies_before_a_run(fix):
            found.setdefault(fix.change.kind, fix.change)
    return tuple(found.values())


def applies_before_a_run(fix: Fix) -> bool:
    """Whether mi-tui can make the fix's change where no run has begun."""
    change = fix.change
    if change is None or change.kind in _NEEDS_A_RUN:
        return False
    return bool(change.values) or change.kind is not ChangeKind.CONDA


def settled(check: Check, plan: Plan | None) -> Check:
    """A check of what a changed plan does before all else: until the run begins the world is as before."""
    if plan is None or not plan.registers or check.id != "providers" or check.status is not CheckStatus.FAILED:
        return check
    told = "The run registers them first, and waits until they are Registered."
    return msgspec.structs.replace(check, status=CheckStatus.WARNING, advice=told, command="", change=None)


class Fixing:
    """What commands and screens call. Methods block; the caller owns the thread."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow

    def change(self, record: RunRecord, text: str) -> Change:
        """The change that `text` means: the number of a fix that was told with the run's failure, or `KIND[=VALUE,...]`.

        PlanError when there is none.
        """
        if text.strip().isdigit():
            fixes = dict(numbered(self._workflow.advice.kept(record)))
            fix = fixes.get(int(text))
            if fix is None or fix.change is None:
                known = ", ".join(map(str, fixes)) or "none"
                raise refused(
                    "no-such-fix", f"Run {record.id} has no fix {text.strip()} that mi-tui can make (it has: {known}).",
                    f"'mi-tui status {record.id}' tells why it failed; --fix KIND=VALUE needs no number.",
                )  # fmt: skip
            return fix.change
        kind, equals, values = text.partition("=")
        try:
            found = ChangeKind(kind.strip().lower())
        except ValueError:
            known = ", ".join(kind.value for kind in ChangeKind)
            raise refused("no-such-fix", f"There is no fix {kind.strip()!r}.", f"There are: {known}.") from None
        parted = _PAIRS if found in {ChangeKind.VARIABLE, ChangeKind.TAG} else _COMMAS
        return Change(found, tuple(value.strip() for value in parted.split(values) if value.strip()) if equals else ())

    def show(self, target: Target, record: RunRecord, change: Change, waiter: Waiter | None = None) -> Mended:
        """What the change would make of a run that has begun. Changes nothing. PlanError, ServiceError or JournalError when it cannot be.

        What passes by itself is waited out, told to `waiter`.
        """
        session = target.in_subscription(record.plan.place.subscription).session
        with quiet.Prints():
            journal = self._workflow.journal
            return self._workflow.reading(
                target, session, lambda: mend(session, journal, record, change, self._aside()), waiter
            )

    def show_new(
        self, target: Target, run: str, answers: Answers, change: Change, waiter: Waiter | None = None,
        changed: Plan | None = None,
    ) -> Mended:  # fmt: skip
        """What the change would make of answers whose run has not begun; `run` is the id it is to have, empty for a new one.

        `changed` is the plan that earlier changes made of them. Changes nothing. PlanError (StillRefused where the change can be, and another
        reason against a plan is left) or ServiceError when it cannot be.
        """
        session = target.in_subscription(answers.workspace.subscription).session
        with quiet.Prints():
            return self._workflow.reading(
                target,
                session,
                lambda: mend_new(session, run or new_run_id(), answers, change, self._aside(), changed),
                waiter,
            )

    def _aside(self) -> Aside:
        from mi_tui.workflow import scoring_folder

        return Aside(scoring_folder(), self._workflow.home / "mended")

    def confirmed_new(self, mended: Mended) -> str:
        """Make what of a confirmed change belongs to no run yet, that is the conda file's; what was done, in words. ServiceError."""
        return conda_file.carry_out(mended.edit) if mended.edit else ""

    def resume(
        self, target: Target, record: RunRecord, mended: Mended, emit: Emit, stop: Stop, *, take_over: bool = False
    ) -> RunFinished:  # fmt: skip
        """Go on with a run as its confirmed change has it: the plan is journalled as a whole, then the run resumes.

        JournalError when another mi-tui drives the run, or has changed its plan since the change was shown.
        """
        journal = self._workflow.journal
        journal.take(record.id, over=take_over)
        now = journal.run(record.id)
        if now.plan != record.plan:
            journal.end_run(record.id, record.state)
            raise JournalError(f"The plan of run {record.id} was changed meanwhile. Look at the fix again.")
        journal.mend(record.id, mended.plan, mended.facts)
        told = False

        def explained(event: Event) -> None:
            nonlocal told
            emit(event)
            if not told:  # after the plan itself
                told = True
                for line in mended.lines:
                    emit(Notice(run=record.id, text=f"Changed: {line}"))

        return self._workflow.resume(target, journal.run(record.id), explained, stop)

"""Preflight before `up`: made beside the plan, told with it, and what would fail stops before anything is made."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mi_tui.cli.refused import Refused
    from mi_tui.fixing import Mended
    from mi_tui.model.answers import Answers
    from mi_tui.model.check import Check
    from mi_tui.model.diagnosis import Change, Diagnosis
    from mi_tui.model.plan import Plan
    from mi_tui.workflow import Target, Workflow

_SAME = {
    "mi-tui/no-such-account": "storage-account",
    "mi-tui/storage-name": "storage-account",
    "mi-tui/no-blob": "blob",
    "mi-tui/identity-kind": "endpoint-identity",
    "mi-tui/identity-other": "endpoint-identity",
    "mi-tui/broken-endpoint": "endpoint-leftover",
    "mi-tui/broken-endpoint-in-use": "endpoint-leftover",
    "mi-tui/deployment-exists": "deployment-name",
    "mi-tui/no-registry": "registry",
}
"""What is told as a reason against a plan, and the check that says the same."""


class Looking:
    """Preflight of answers, under way on a thread of its own from the moment this is made."""

    def __init__(self, workflow: Workflow, target: Target, answers: Answers) -> None:
        self._workflow, self._target, self._answers = workflow, target, answers
        self._checks: list[Check] = []
        self._ended = threading.Event()

        def work() -> None:
            from mi_tui.workflow import ServiceError

            try:
                self._checks = workflow.advice.preflight(target, answers)
            except ServiceError:
                return  # no session can be had, which the plan says in the same words
            finally:
                self._ended.set()

        threading.Thread(target=work, name="preflight", daemon=True).start()

    def checks(self) -> list[Check]:
        """What it found; waits for it. Called when there is a plan, or none can be: what could not be reached meanwhile is looked at again."""
        self._ended.wait()
        if self._workflow.advice.unreached(self._checks):
            self._checks = self._workflow.advice.preflight(self._target, self._answers)
        return self._checks


def tell(checks: Sequence[Check]) -> None:
    """The checks, on standard error: a line when all is well; else what is wrong, with what to do."""
    from mi_tui.cli.checks import wrong
    from mi_tui.cli.render import marks
    from mi_tui.model.check import tally

    sign, counted = marks(sys.stderr), tally(checks)
    worst = "failed" if counted.failed else "warning" if counted.warnings else "done"
    click.echo(f"Checks\n  {sign[worst]} {counted.words}.", err=True)
    for line in wrong(checks, sign):
        click.echo(line, err=True)


def offered(
    workflow: Workflow, target: Target, run: str, answers: Answers, checks: Sequence[Check], made: Plan | None = None,
    found: Sequence[Diagnosis | None] = (),
) -> tuple[Mended, list[Check]] | None:  # fmt: skip
    """The change that a person at the terminal takes of those that the diagnoses in `found` and the failed checks offer: the other plan, and
    its checks; None for none. `made` is the plan that is there, with what was taken before.

    PlanError or ServiceError when the change cannot be; StillRefused when there is no plan yet, and the person goes on with the change
    although something else is in the way.
    """
    from mi_tui.cli.fixes import complete, say
    from mi_tui.cli.waiting import waiting
    from mi_tui.fixing import Fixing, StillRefused, settled
    from mi_tui.model.check import offer
    from mi_tui.model.text import visible

    able = _able(checks, found)
    if not able or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    click.echo("mi-tui can", err=True)
    for number, (change, whence) in enumerate(able, 1):
        click.echo(f"  {number}. {visible(offer(change))}{f' ({whence})' if whence else ''}", err=True)
    choices = "/".join((*(str(number) for number in range(1, len(able) + 1)), "n"))
    said = click.prompt(f"Change the plan by one of these? [{choices}]", default="n", show_default=False, err=True)
    if not said.strip().isdigit() or not 0 < int(said) <= len(able):
        return None
    fixing, change = Fixing(workflow), complete(able[int(said) - 1][0])
    try:
        mended = waiting(lambda waiter: fixing.show_new(target, run, answers, change, waiter, made))
    except StillRefused as still:
        if made is not None:
            raise
        for line in (
            *still.lines,
            "Then this is still in the way of a plan:",
            *(each.message for each in still.failures),
        ):
            click.echo(f"  {visible(line)}", err=True)
        if not click.confirm("Change the answers so, and go on?", default=False, err=True):
            return None
        raise
    say(mended)
    if not click.confirm("Change the plan so?", default=False, err=True):
        return None
    if done := fixing.confirmed_new(mended):
        click.echo(visible(done), err=True)
    return mended, [settled(check, mended.plan) for check in Looking(workflow, target, mended.answers).checks()]


def _able(checks: Sequence[Check], found: Sequence[Diagnosis | None]) -> list[tuple[Change, str]]:
    """The changes of a plan that has not begun, and where each comes from. What a diagnosis offers, no check offers again."""
    from mi_tui.fixing import before_a_run
    from mi_tui.model.check import CheckStatus

    able = [(change, "") for one in found if one is not None for change in before_a_run(one)]
    kinds = {change.kind for change, _ in able}
    return able + [
        (check.change, check.title)
        for check in checks
        if check.status is CheckStatus.FAILED and check.change and check.change.kind not in kinds
    ]


def tell_beside(refusal: Refused, checks: Sequence[Check]) -> None:
    """What preflight found beside the reasons against a plan: so that mending those is not the first of several tries."""
    from mi_tui.cli.checks import wrong
    from mi_tui.cli.render import marks

    told = {_SAME.get(failure.code) for failure in refusal.failures}
    others = [check for check in checks if check.id not in told]
    lines = list(wrong(others, marks(sys.stderr)))
    if lines:
        click.echo(f"The checks found, besides what is said {'above' if refusal.told else 'below'}:", err=True)
    for line in lines:
        click.echo(line, err=True)


def stops(checks: Sequence[Check], *, yes: bool, force: bool) -> bool:
    """Whether a failed check ends it here: without `--force`, where nobody may be asked. Says so."""
    from mi_tui.model.check import tally

    failed = tally(checks).failed
    if not failed or force or not yes:
        return False
    click.echo(
        f"{failed} {'checks' if failed > 1 else 'check'} failed, so the run would too. Nothing was changed. Mend it, or add --force to begin all the same.",
        err=True,
    )
    return True


def question(checks: Sequence[Check], *, force: bool) -> str:
    """What is asked before a plan is carried out."""
    from mi_tui.model.check import tally

    failed = tally(checks).failed
    if not failed or force:
        return "Carry it out?"
    return f"{failed} {'checks' if failed > 1 else 'check'} failed, so the run would too. Carry it out all the same?"

"""Fixes at the terminal: a change of a run's plan is shown, confirmed and carried out; after a failure those that there are are offered."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mi_tui.cli import exits
from mi_tui.cli.waiting import waiting

if TYPE_CHECKING:
    from mi_tui.fixing import Mended
    from mi_tui.model.diagnosis import Change
    from mi_tui.model.events import Event, RunFinished
    from mi_tui.workflow import RunRecord, Stop, Target, Workflow

F = TypeVar("F", bound=Callable[..., Any])
Render = Callable[["Event"], None]


def fix_options(function: F) -> F:
    """`--fix` and `--yes`."""
    fix = click.option(
        "--fix",
        metavar="N|KIND[=VALUE,...]",
        help="Change the plan first: a fix by the number that the failure was told with, or one of your own, such as "
        "instance-type=Standard_DS2_v2, or code once your script is mended. The difference is shown, and asked about.",
    )
    yes = click.option("--yes", is_flag=True, help="With --fix: do not ask before the plan is changed.")
    return fix(yes(function))


def confirmed(workflow: Workflow, target: Target, record: RunRecord, text: str, *, yes: bool) -> Mended | None:
    """The change that `text` means, shown; None when the person does not want it. PlanError when it cannot be."""
    from mi_tui.fixing import Fixing

    fixing = Fixing(workflow)
    change = complete(fixing.change(record, text))
    mended = waiting(lambda waiter: fixing.show(target, record, change, waiter))
    say(mended)
    if yes or click.confirm("Change the plan so, and go on?", default=False, err=True):
        return mended
    click.echo("Nothing was changed.", err=True)
    return None


def say(mended: Mended) -> None:
    """The difference that a change makes, on standard error."""
    from mi_tui.model.text import visible

    click.echo(f"Change of the plan of run {mended.run}", err=True)
    for line in mended.lines:
        click.echo(f"  {visible(line)}", err=True)
    for line in mended.diff:
        click.echo(f"    {visible(line)}", err=True)


def complete(change: Change) -> Change:
    """The change with everything that only the person knows, asked for at the terminal."""
    from mi_tui.fixing import asks_for, with_values

    names = asks_for(change)
    if not names or not sys.stdin.isatty():
        return change  # what is missing is said when the change is looked at
    return with_values(change, {name: click.prompt(f"Value of the tag {name}", err=True) for name in names})


def carry_on(
    workflow: Workflow,
    target: Target,
    run: str,
    render: Render,
    work: Callable[[Stop], RunFinished],
    *,
    ask: bool,
) -> int:
    """Drive a run; the exit code. With `ask`, after each failure at a terminal the fixes that mi-tui can make are offered, and the run
    goes on with the one that is taken."""
    from mi_tui.cli.drive import drive, until_closed

    def clean(stop: Stop) -> RunFinished:
        return workflow.down(target, workflow.journal.run(run), until_closed(render, stop), stop)

    code = drive(run, work, clean)
    while code == exits.FAILED and ask and sys.stdin.isatty() and sys.stderr.isatty():
        record = workflow.journal.run(run)
        mended = _offered(workflow, target, record)
        if mended is None:
            break
        code = drive(run, mending(workflow, target, record, mended, render), clean)
    return code


def mending(
    workflow: Workflow, target: Target, record: RunRecord, mended: Mended, render: Render, *, take_over: bool = False
) -> Callable[[Stop], RunFinished]:
    """The work of going on with a run as its confirmed change has it."""
    from mi_tui.cli.drive import until_closed
    from mi_tui.fixing import Fixing

    def work(stop: Stop) -> RunFinished:
        return Fixing(workflow).resume(
            target, record, mended, until_closed(render, stop), stop, take_over=take_over
        )  # fmt: skip

    return work


def _offered(workflow: Workflow, target: Target, record: RunRecord) -> Mended | None:
    """The fix that the person takes, shown and confirmed; None for none."""
    from mi_tui.fixing import numbered
    from mi_tui.model.text import visible
    from mi_tui.workflow import JournalError, PlanError, ServiceError

    fixes = dict(numbered(workflow.advice.kept(record)))
    if not fixes:
        return None
    for number, fix in fixes.items():
        click.echo(visible(f"  {number}. {fix.words}"), err=True)
    answers = "/".join((*map(str, fixes), "n"))
    answer = click.prompt(
        f"Apply a fix and go on? [{answers}]", default="n", show_default=False, err=True
    )  # fmt: skip
    if not answer.strip().isdigit() or int(answer) not in fixes:
        return None
    try:
        return confirmed(workflow, target, record, answer, yes=False)
    except (PlanError, ServiceError, JournalError) as error:
        click.echo(visible(str(error)), err=True)
        return None

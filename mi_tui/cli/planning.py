"""From the command line to a plan: answers read, the target opened, the plan made, and for `up` everything checked meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mi_tui.cli.common import open_workflow, say_notices
from mi_tui.cli.options import not_without_the_sandbox, with_identity
from mi_tui.cli.sign_in import How
from mi_tui.cli.waiting import waiting

if TYPE_CHECKING:
    from mi_tui.fixing import Mended
    from mi_tui.model.answers import Answers
    from mi_tui.model.check import Check
    from mi_tui.model.plan import Plan
    from mi_tui.workflow import PlanError, Target, Workflow


@contextmanager
def planned(
    path: Path | None,
    identity: str | None,
    sandbox: bool,
    profile: str | None,
    scenario: str | None,
    how: How,
    *,
    writes: bool,
    ask: bool = False,
) -> Iterator[tuple[Workflow, Target, str, Plan, list[Check]]]:
    """Answers read, the target opened, the plan made; with `writes`, everything checked meanwhile. Usage errors come before anything
    is started."""
    import msgspec

    from mi_tui.cli.before import Looking, tell_beside
    from mi_tui.model.answers import IdentityKind
    from mi_tui.workflow import PlanError

    if path is None and not sandbox:
        raise click.UsageError("Name an answers file ('mi-tui answers' prints one to start from), or add --sandbox.")
    not_without_the_sandbox(sandbox, profile, scenario, how)
    workflow = open_workflow()
    kind = IdentityKind(identity) if identity else None
    given = workflow.read_answers(path) if path else None
    if given is not None and kind is not None:
        given = with_identity(workflow, given, kind)
    journal = workflow.journal  # one that cannot be used is said before anything is started
    say_notices(workflow)
    if writes:
        journal.must_be_writable()
    opened = (
        workflow.sandbox(given.workspace.subscription if given else None, profile=profile, scenario=scenario)
        if sandbox
        else how.azure(workflow, given.workspace.subscription if given else "")
    )
    with opened as target:
        chosen = given or workflow.check_files(workflow.example_answers(kind or IdentityKind.SAI, target.connection))
        looking = Looking(workflow, target, chosen) if writes else None
        try:
            run, made = waiting(lambda waiter: workflow.plan(target, chosen, waiter))
        except PlanError as error:
            checks = looking.checks() if looking else []
            if not (writes and _may_replace(error)):
                mended = _mended(workflow, target, chosen, error, checks) if ask else None
                if mended is None:
                    tell_beside(error, checks)
                    raise
                yield workflow, target, mended[0].run, mended[0].plan, mended[1]
                return
            replaced = msgspec.structs.replace(chosen.endpoint, replace_broken=True)
            chosen = msgspec.structs.replace(chosen, endpoint=replaced)
            looking = Looking(workflow, target, chosen)
            run, made = waiting(lambda waiter: workflow.plan(target, chosen, waiter))
        checks = looking.checks() if looking else []
        say_notices(workflow)
        yield workflow, target, run, made, checks


def _mended(
    workflow: Workflow, target: Target, answers: Answers, error: PlanError, checks: list[Check]
) -> tuple[Mended, list[Check]] | None:
    """Where no plan can be made: the plan that a repair makes possible, when a person at the terminal takes one."""
    from mi_tui.cli.before import offered
    from mi_tui.engine.planner import new_run_id
    from mi_tui.model.text import visible

    if any(check.change for check in checks) and sys.stdin.isatty():
        for failure in error.failures:
            click.echo(visible(failure.message), err=True)
    return offered(workflow, target, new_run_id(), answers, checks)


def _may_replace(error: PlanError) -> bool:
    """Whether a broken endpoint is all that is in the way, and a person at the terminal lets it be replaced."""
    from mi_tui.model.failure import BROKEN_ENDPOINT
    from mi_tui.model.text import visible

    if [failure.code for failure in error.failures] != [BROKEN_ENDPOINT] or not sys.stdin.isatty():
        return False
    click.echo(visible(error.failures[0].message), err=True)
    return click.confirm("Delete it and make it again?", default=False, err=True)

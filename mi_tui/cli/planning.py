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
    from mi_tui.cli.refused import Refused
    from mi_tui.fixing import Mended
    from mi_tui.model.answers import Answers
    from mi_tui.model.check import Check
    from mi_tui.model.plan import Plan
    from mi_tui.workflow import Target, Workflow


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
    as_json: bool = False,
) -> Iterator[tuple[Workflow, Target, str, Plan, list[Check]]]:
    """Answers read, the target opened, the plan made; with `writes`, everything checked meanwhile. Usage errors come before anything
    is started.

    Raises Refused where there is no plan; with `as_json` that is an event on standard output, too."""
    from mi_tui.cli.before import Looking, tell_beside
    from mi_tui.cli.refused import refused
    from mi_tui.model.answers import IdentityKind
    from mi_tui.workflow import PlanError, ServiceError

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
        except (PlanError, ServiceError) as error:
            refusal = refused(workflow, target, chosen, error)
            if as_json:
                click.echo(refusal.event())
            # Where Azure itself refused a read, the checks would meet the same.
            checks = looking.checks() if looking and isinstance(error, PlanError) else []
            mended = _mended(workflow, target, chosen, refusal, checks) if ask else None
            if mended is None:
                tell_beside(refusal, checks)
                raise refusal from error
            yield workflow, target, mended[0].run, mended[0].plan, mended[1]
            return
        checks = looking.checks() if looking else []
        say_notices(workflow)
        yield workflow, target, run, made, checks


def _mended(
    workflow: Workflow, target: Target, answers: Answers, refusal: Refused, checks: list[Check]
) -> tuple[Mended, list[Check]] | None:
    """The plan that changes make possible, when a person at the terminal takes them; each refusal is told first."""
    from mi_tui.cli.before import Looking, offered
    from mi_tui.cli.refused import refused
    from mi_tui.engine.planner import new_run_id
    from mi_tui.fixing import StillRefused

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    while True:
        refusal.tell()
        try:
            return offered(workflow, target, new_run_id(), answers, checks, found=refusal.found)
        except StillRefused as still:
            answers = still.answers
            refusal, checks = refused(workflow, target, answers, still), Looking(workflow, target, answers).checks()

"""The command that looks before anything is made: every check, and nothing changed."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mi_tui.cli import exits
from mi_tui.cli.common import json_option, open_workflow, say_notices
from mi_tui.cli.options import identity_option, not_without_the_sandbox, target_options, with_identity
from mi_tui.cli.sign_in import How, sign_in_options

if TYPE_CHECKING:
    from mi_tui.model.answers import Answers, IdentityKind
    from mi_tui.model.check import Check
    from mi_tui.workflow import Target, Workflow


@click.command()
@click.argument("answers", required=False, type=click.Path(path_type=Path, dir_okay=False))
@identity_option
@target_options
@sign_in_options
@click.option(
    "--mask", is_flag=True, help="Mask subscription, tenant and object ids and sign-in names, to show it to others."
)
@json_option
def doctor(
    answers: Path | None,
    identity: str | None,
    sandbox: bool,
    profile: str | None,
    scenario: str | None,
    mask: bool,
    as_json: bool,
    how: How,
) -> int:
    """Check everything that a run needs, before anything is made. Changes nothing.

    Without ANSWERS, and without --sandbox, only what needs none: the sign-in, the subscriptions that you see, the clock, the tools.
    """
    from mi_tui.cli import checks as told
    from mi_tui.cli.render import ascii_json, marks
    from mi_tui.model.answers import IdentityKind
    from mi_tui.model.check import tally

    not_without_the_sandbox(sandbox, profile, scenario, how)
    if identity and not (answers or sandbox):
        raise click.UsageError("--identity goes with an answers file or --sandbox.")
    workflow = open_workflow()
    given = workflow.advice.answers_to_check(answers) if answers else None
    kind = IdentityKind(identity) if identity else None
    with _opened(workflow, given, sandbox, profile, scenario, how) as target:
        checks = _checks(workflow, target, given, kind)
    say_notices(workflow)
    if as_json:
        for check in checks:
            click.echo(ascii_json(told.as_json(check, mask=mask)))
    else:
        for line in told.lines(checks, marks(sys.stdout), workflow.advice.group_of, mask=mask):
            click.echo(line)
        if given is None and not sandbox:
            click.echo(
                "With an answers file ('mi-tui answers' prints one) it also checks workspace, rights, storage, names, quota and your files.",
                err=True,
            )
    return exits.FAILED if tally(checks).failed else exits.DONE


def _opened(
    workflow: Workflow, given: Answers | None, sandbox: bool, profile: str | None, scenario: str | None, how: How
) -> AbstractContextManager[Target]:
    subscription = given.workspace.subscription if given else ""
    if sandbox:
        return workflow.sandbox(subscription or None, profile=profile, scenario=scenario)
    return how.azure(workflow, subscription)


def _checks(workflow: Workflow, target: Target, given: Answers | None, kind: IdentityKind | None) -> list[Check]:
    """The checks of the answers; without any, of the example in the sandbox, and in Azure those that need none."""
    from mi_tui.model.answers import IdentityKind

    if given is None and target.connection is None:
        return workflow.advice.basics(target)
    chosen = given or workflow.example_answers(kind or IdentityKind.SAI, target.connection)
    if given is not None and kind is not None:
        chosen = with_identity(workflow, given, kind)
    return workflow.advice.preflight(target, chosen)

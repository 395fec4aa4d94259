"""The commands of the journey: answers, plan, up, runs, status, resume, logs, invoke, down.

Imports of what is heavy stand in the functions: `mi-tui --help` is to be there at once.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mi_tui.cli import exits
from mi_tui.cli.common import (
    driver,
    echo_json,
    json_option,
    must_confirm,
    must_stand_somewhere,
    open_workflow,
    renderer,
    say_notices,
    take_over_option,
)
from mi_tui.cli.down import down
from mi_tui.cli.fixes import carry_on, confirmed, fix_options, mending
from mi_tui.cli.options import identity_option, target_options
from mi_tui.cli.planning import planned
from mi_tui.cli.sign_in import How, sign_in_options
from mi_tui.cli.status import status
from mi_tui.cli.waiting import waiting

if TYPE_CHECKING:
    from mi_tui.model.events import Event
    from mi_tui.workflow import Container, RunRecord, Target, Workflow


@click.command()
@identity_option
@click.option("--sandbox", is_flag=True, help="Filled in for the sandbox's world.")
def answers(identity: str | None, sandbox: bool) -> None:
    """Print an answers file with every field explained."""
    from mi_tui.model.answers import IdentityKind
    from mi_tui.model.answers_file import template

    workflow, kind = open_workflow(), IdentityKind(identity or "sai")
    if sandbox:
        with workflow.sandbox() as target:
            filled = workflow.example_answers(kind, target.connection)
    else:
        filled = workflow.example_answers(kind)
    click.echo(template(filled), nl=False)


@click.command()
@click.argument("answers", required=False, type=click.Path(path_type=Path, dir_okay=False))
@identity_option
@target_options
@sign_in_options
@json_option
def plan(
    answers: Path | None,
    identity: str | None,
    sandbox: bool,
    profile: str | None,
    scenario: str | None,
    as_json: bool,
    how: How,
) -> None:
    """What would be made, used and granted, and why. Changes nothing."""
    from mi_tui.cli.render import ascii_json, marks, plan_footer, plan_lines
    from mi_tui.model.events import to_json

    with planned(answers, identity, sandbox, profile, scenario, how, writes=False, as_json=as_json) as (
        workflow,
        target,
        run,
        made,
        _,
    ):
        if as_json:
            click.echo(ascii_json(to_json(workflow.planned(target.name, run, made))))
            return
        for line in plan_lines(made.resources, made.grants, made.warnings, marks(sys.stdout)):
            click.echo(line)
        click.echo(plan_footer(made))


@click.command()
@click.argument("answers", required=False, type=click.Path(path_type=Path, dir_okay=False))
@identity_option
@target_options
@sign_in_options
@click.option("--yes", is_flag=True, help="Do not ask before the plan is carried out.")
@click.option("--force", is_flag=True, help="Begin although a check says that the run would fail.")
@json_option
def up(
    answers: Path | None,
    identity: str | None,
    sandbox: bool,
    profile: str | None,
    scenario: str | None,
    yes: bool,
    force: bool,
    as_json: bool,
    how: How,
) -> int:
    """Plan and check, confirm, run; ends with a scored answer.

    The same checks as 'mi-tui doctor' are made beside the plan. Where one fails, nothing is made unless you say so.
    """
    from mi_tui.cli import before
    from mi_tui.cli.drive import until_closed
    from mi_tui.cli.render import marks, plan_footer, plan_lines

    must_confirm(yes)
    must_stand_somewhere()
    render = renderer(as_json)
    opened = planned(answers, identity, sandbox, profile, scenario, how, writes=True, ask=not yes, as_json=as_json)
    with opened as (workflow, target, run, made, checks):
        while True:
            for line in plan_lines(made.resources, made.grants, made.warnings, marks(sys.stderr)):
                click.echo(line, err=True)
            click.echo(plan_footer(made), err=True)
            before.tell(checks)
            other = before.offered(workflow, target, run, made.answers, checks, made) if not (yes or force) else None
            if other is None:
                break
            made, checks = other[0].plan, other[1]
        if before.stops(checks, yes=yes, force=force):
            return exits.FAILED
        if not yes and not click.confirm(before.question(checks, force=force), default=False, err=True):
            click.echo("Nothing was changed.", err=True)
            return exits.DONE
        target.ask_sign_in = how.asking(workflow, target)
        return carry_on(
            workflow, target, run, render,
            lambda stop: workflow.up(target, run, made, until_closed(render, stop), stop),
            ask=not (yes or as_json),
        )  # fmt: skip


@click.command()
@json_option
def runs(as_json: bool) -> None:
    """List the runs, newest first."""
    from mi_tui.model.text import visible

    workflow = open_workflow()
    found = workflow.journal.runs()
    say_notices(workflow)
    for record in found:
        answers = record.plan.answers
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started))
        if as_json:
            echo_json(
                {
                    "run": record.id, "state": record.state.value, "target": record.target, "started": record.started,
                    "ended": record.ended, "endpoint": answers.endpoint.name, "identity": answers.identity.kind.value,
                    "owner": driver(record), "adopted": record.adopted,
                }
            )  # fmt: skip
        else:
            kind, name = answers.identity.kind.value, visible(answers.endpoint.name)
            click.echo(f"{record.id}  {record.state.value:14}  {record.target:7}  {began}  {kind}  {name}")
    if not found and not as_json:
        click.echo("No runs yet. 'mi-tui up --sandbox' begins one.", err=True)


@click.command()
@click.argument("run")
@take_over_option
@click.option(
    "--make-missing",
    is_flag=True,
    help="Make what the plan uses and somebody has removed since; otherwise you are asked.",
)
@fix_options
@sign_in_options
@json_option
def resume(
    run: str, take_over: bool, make_missing: bool, fix: str | None, yes: bool, as_json: bool, how: How
) -> int:  # fmt: skip
    """Go on with a run that failed or was left: keeps what is done."""
    from mi_tui.cli.drive import until_closed

    if yes and fix is None:
        raise click.UsageError("--yes goes with --fix.")
    if fix is not None:
        must_confirm(yes)
    workflow, render = open_workflow(), renderer(as_json)
    record = workflow.journal.run(run)
    say_notices(workflow)
    must_stand_somewhere()
    workflow.journal.must_be_writable()
    with how.target_of(workflow, record) as target:
        if fix is not None:
            mended = confirmed(workflow, target, record, fix, yes=yes)
            if mended is None:
                return exits.DONE
            work = mending(workflow, target, record, mended, render, take_over=take_over)
            return carry_on(workflow, target, record.id, render, work, ask=not (yes or as_json))
        make_missing = make_missing or _may_make_missing(workflow, target, record)
        return carry_on(
            workflow, target, record.id, render,
            lambda stop: workflow.resume(
                target, record, until_closed(render, stop), stop, take_over=take_over, make_missing=make_missing
            ),
            ask=not as_json,
        )  # fmt: skip


def _may_make_missing(workflow: Workflow, target: Target, record: RunRecord) -> bool:
    """What the run only used and is gone: at a terminal the person says whether the run is to make it. False when nothing is gone."""
    from mi_tui.model.text import visible
    from mi_tui.workflow import ServiceError

    if not sys.stdin.isatty():
        return False  # the step that needs it says what is gone, and how to go on
    try:
        gone = waiting(lambda waiter: workflow.missing(target, record, waiter))
    except ServiceError:
        return False  # the run itself waits for what cannot be reached now
    for item in gone:
        click.echo(
            visible(f"  ! The {item.kind.value} {item.name}, which this run only uses, is not there any more."),
            err=True,
        )
    return bool(gone) and click.confirm("Shall this run make what is gone?", default=False, err=True)


@click.command()
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines as they come; Ctrl+C ends it.")
@click.option(
    "--container",
    type=click.Choice(("inference-server", "storage-initializer")),
    default="inference-server",
    show_default=True,
    help="Which container.",
)
@click.option(
    "--tail", type=click.IntRange(1, 10_000), default=200, show_default=True, help="How many of the last lines."
)
@sign_in_options
@json_option
def logs(run: str, follow: bool, container: Container, tail: int, as_json: bool, how: How) -> None:
    """The deployment's container log."""
    from mi_tui.cli.render import ascii_json
    from mi_tui.model import events
    from mi_tui.model.text import visible
    from mi_tui.workflow import Stop

    workflow = open_workflow()
    record = workflow.journal.run(run)
    say_notices(workflow)
    with how.target_of(workflow, record) as target:
        for line, is_log in workflow.logs(target, record, container, tail, follow=follow, stop=Stop()):
            if as_json:
                event: Event = (
                    events.LogLine(run=record.id, container=container, text=line)
                    if is_log
                    else events.Notice(run=record.id, text=line)
                )
                click.echo(ascii_json(events.to_json(event)))
            else:
                click.echo(visible(line), err=not is_log)


@click.command()
@click.argument("run")
@click.option(
    "--data", metavar="FILE|-", help="The request's JSON; - reads standard input. Default: the run's own request."
)
@sign_in_options
@json_option
def invoke(run: str, data: str | None, as_json: bool, how: How) -> int:
    """Ask the endpoint of a run."""
    from mi_tui.model.text import visible

    workflow = open_workflow()
    record = workflow.journal.run(run)
    say_notices(workflow)
    body = _request_body(record, data)
    with how.target_of(workflow, record) as target:
        answer = workflow.invoke(target, record, body)
    if as_json:
        echo_json(
            {"run": record.id, "status": answer.status, "seconds": answer.seconds, "response": _as_json(answer.text)}
        )
    else:
        click.echo(f"HTTP {answer.status} in {answer.seconds * 1000:.0f} ms", err=True)
        click.echo(visible(answer.text, lines=True))
    return exits.DONE if answer.status == 200 else exits.FAILED


COMMANDS: tuple[click.Command, ...] = (answers, plan, up, runs, status, resume, logs, invoke, down)


def _request_body(record: RunRecord, data: str | None) -> bytes:
    source = data or record.plan.answers.request
    if source is None:
        raise click.UsageError("The run has no request of its own: name a file with --data.")
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{source} cannot be read: {error.strerror or error}.") from error


def _as_json(text: str) -> object:
    """What the endpoint answered, as JSON where it is JSON (which NaN is not)."""
    import json

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return text

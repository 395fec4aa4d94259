"""The command that removes what a run made: here by the journal, or from another machine by the run's mark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mi_tui.cli import exits
from mi_tui.cli.common import json_option, must_confirm, open_workflow, renderer, say_notices, take_over_option
from mi_tui.cli.sign_in import How, sign_in_options
from mi_tui.cli.waiting import waiting

if TYPE_CHECKING:
    from mi_tui.model.answers import Workspace
    from mi_tui.workflow import Found, RunRecord, Target, Workflow

_SHOWN = 10
"""How many foreign blobs of a container are named."""


@click.command(short_help="Remove what a run made, and only that.")
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask before anything is removed. What holds others' blobs is left.")
@take_over_option
@click.option(
    "--adopt-by-tag",
    is_flag=True,
    help="Find what the run made by its tag, where this machine has no journal of it; show it, ask, adopt and remove it.",
)
@click.option("--subscription", metavar="ID", help="With --adopt-by-tag: the workspace's subscription.")
@click.option("--resource-group", metavar="NAME", help="With --adopt-by-tag: the workspace's resource group.")
@click.option("--workspace", metavar="NAME", help="With --adopt-by-tag: the workspace.")
@click.option(
    "--answers",
    "answers_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --adopt-by-tag: an answers file that names the workspace.",
)
@click.option("--sandbox", is_flag=True, help="With --adopt-by-tag: in the sandbox (default there: its workspace).")
@sign_in_options
@json_option
def down(
    run: str,
    yes: bool,
    take_over: bool,
    adopt_by_tag: bool,
    subscription: str | None,
    resource_group: str | None,
    workspace: str | None,
    answers_file: Path | None,
    sandbox: bool,
    as_json: bool,
    how: How,
) -> int:
    """Remove what a run made, and only that; verify; say what is left and why.

    With --adopt-by-tag also from another machine: what carries the run's tag (or metadata, description or computed name where there
    are no tags) is shown with the evidence, and adopted when you say so. Adopted is what may be removed without a journal that
    says who made it.
    """
    from mi_tui.model.text import visible

    must_confirm(yes)
    workflow = open_workflow()
    if adopt_by_tag:
        given = _Place(subscription, resource_group, workspace, answers_file, sandbox)
        with given.opened(workflow, run, how) as (target, run, where):
            workflow.journal.must_be_writable()
            found = waiting(lambda waiter: workflow.marked(target, run, where, waiter))
            for sentence in found.unseen:
                click.echo(visible(f"▲ {sentence}"), err=True)
            # Where something could not be looked at, more of the run may be there: that is no success.
            blind = exits.FAILED if found.unseen else exits.DONE
            record = _adopted(workflow, target, run, where, found, yes)
            if record is None:
                return blind
            shown = frozenset(thing.id.lower() for thing in found.marked)
            return _remove(workflow, target, record, yes, take_over, as_json, shown) or blind
    if subscription or resource_group or workspace or answers_file or sandbox:
        raise click.UsageError(
            "--subscription, --resource-group, --workspace, --answers and --sandbox go with --adopt-by-tag."
        )
    record = workflow.journal.run(run)
    say_notices(workflow)
    workflow.journal.must_be_writable()
    with how.target_of(workflow, record) as target:
        return _remove(workflow, target, record, yes, take_over, as_json)


def _remove(
    workflow: Workflow,
    target: Target,
    record: RunRecord,
    yes: bool,
    take_over: bool,
    as_json: bool,
    shown: frozenset[str] = frozenset(),
) -> int:
    """Remove what the run made. What stands in `shown` (ids in lower case) was shown and confirmed already; nothing else goes unasked."""
    from mi_tui.cli.drive import drive, until_closed
    from mi_tui.model.text import visible

    unasked = [entry for entry in workflow.removable(record) if entry.id.lower() not in shown]
    if unasked:
        by = ", by the journal of this machine" if shown else ""
        click.echo(f"Made by run {record.id}{by}, to be removed{' too' if shown else ''}:", err=True)
    elif not shown:
        click.echo(f"Nothing that run {record.id} made is left.", err=True)
    for entry in unasked:
        click.echo(visible(f"  -  {entry.kind.value:22}  {entry.name}"), err=True)
    if unasked and not yes and not click.confirm("Remove them?", default=False, err=True):
        click.echo("Nothing was removed." if shown else "Nothing was changed.", err=True)
        return exits.DONE
    consent = {} if yes else _consent(workflow, target, record)
    render = renderer(as_json)
    return drive(
        record.id,
        lambda stop: workflow.down(
            target, record, until_closed(render, stop), stop, consent=consent, take_over=take_over
        ),
    )


def _consent(workflow: Workflow, target: Target, record: RunRecord) -> dict[str, frozenset[str]]:
    """Ask of each container with others' blobs whether it may go with them."""
    from mi_tui.model.text import visible

    consent: dict[str, frozenset[str]] = {}
    found = waiting(lambda waiter: workflow.foreign(target, record, waiter=waiter))
    for container, names in found.items():
        shown = [visible(f"     {name}") for name in names[:_SHOWN]]
        more = [f"     and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
        name = container.rstrip("/").rsplit("/", 1)[-1]
        click.echo(
            visible(f"The container {name} holds {len(names)} blob(s) that this run did not put there:"), err=True
        )
        for line in (*shown, *more):
            click.echo(line, err=True)
        if click.confirm("Remove the container with them? They cannot be had back.", default=False, err=True):
            consent[container] = frozenset(names)
    return consent


def _adopted(
    workflow: Workflow, target: Target, run: str, where: Workspace, found: Found, yes: bool
) -> RunRecord | None:
    """What carries the run's mark, shown, and journalled as adopted when the person says so; None when not, or when there is nothing."""
    from mi_tui.model.text import visible

    if not found.marked:
        click.echo(f"Nothing carries the tag of run {run} in {visible(where.name)} and its subscription.", err=True)
        return None
    click.echo(f"Found by the tag of run {run}, to be adopted and removed:", err=True)
    for thing in found.marked:
        made = f"; made at {thing.made}" if thing.made else ""
        click.echo(visible(f"  -  {thing.kind.value:22}  {thing.name}  ({thing.evidence}{made})"), err=True)
    if not yes and not click.confirm("Adopt and remove them?", default=False, err=True):
        click.echo("Nothing was changed.", err=True)
        return None
    return workflow.adopt(target, run, found)


class _Place:
    """Where `--adopt-by-tag` looks: what the options say, else an answers file, else what the journal knows of the run."""

    def __init__(
        self, subscription: str | None, group: str | None, workspace: str | None, answers: Path | None, sandbox: bool
    ) -> None:
        self._options = (subscription, group, workspace)
        self._answers = answers
        self._sandbox = sandbox

    @contextmanager
    def opened(self, workflow: Workflow, run: str, how: How) -> Iterator[tuple[Target, str, Workspace]]:
        """The target, the run's whole id, and the workspace. UsageError when something is missing."""
        from mi_tui.model.answers import Workspace
        from mi_tui.workflow import JournalError

        known: RunRecord | None = None
        try:
            known = workflow.journal.run(run)
        except JournalError:
            if re.fullmatch(r"[a-z0-9]{4,32}", run) is None:
                raise click.UsageError(f"{run!r} is no run's whole id; --adopt-by-tag needs it.") from None
        say_notices(workflow)
        where: Workspace | None = known.plan.answers.workspace if known else None
        if self._answers is not None:
            where = workflow.read_answers(self._answers).workspace
        subscription, group, name = self._options
        if self._sandbox or (known is not None and known.target == "sandbox"):
            how.not_with_the_sandbox()
            with workflow.sandbox(subscription or (where.subscription if where else None)) as target:
                at = target.connection
                assert at is not None
                where = where or Workspace(at.subscription, at.resource_group, at.workspace)
                yield target, known.id if known else run, _over(where, subscription, group, name)
            return
        if where is None and not (subscription and group and name):
            raise click.UsageError(
                "--adopt-by-tag needs to know where: --subscription, --resource-group and --workspace, or --answers FILE, or --sandbox."
            )
        place = _over(where or Workspace("", "", ""), subscription, group, name)
        with how.azure(workflow, place.subscription) as target:
            yield target, known.id if known else run, place


def _over(where: Workspace, subscription: str | None, group: str | None, name: str | None) -> Workspace:
    from mi_tui.model.answers import Workspace

    return Workspace(subscription or where.subscription, group or where.resource_group, name or where.name)

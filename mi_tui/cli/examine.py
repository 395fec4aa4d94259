"""Examining from a terminal: where an endpoint is, and what was seen of it as a table with the diagnoses under it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mi_tui.cli import exits
from mi_tui.cli.common import echo_json

if TYPE_CHECKING:
    from mi_tui.cli.sign_in import How
    from mi_tui.model.answers import Workspace
    from mi_tui.model.diagnosis import Diagnosis
    from mi_tui.model.examination import Examination
    from mi_tui.workflow import RunRecord, Target, Workflow

_OPTIONS = "--subscription, --resource-group and --workspace, or --answers FILE, or --sandbox"


class Where:
    """Which workspace: what the options say, else an answers file, else the sandbox's own."""

    def __init__(
        self, subscription: str | None, group: str | None, workspace: str | None, answers: Path | None, sandbox: bool
    ) -> None:
        self._given = {"subscription": subscription, "resource group": group, "workspace": workspace}
        self._answers = answers
        self._sandbox = sandbox

    @property
    def said(self) -> bool:
        """Whether anything was given."""
        return self._sandbox or self._answers is not None or any(self._given.values())

    def check(self) -> None:
        """UsageError for a name that cannot be one."""
        from mi_tui.model import names

        rules = (names.SUBSCRIPTION, names.RESOURCE_GROUP, names.WORKSPACE)
        for rule, value in zip(rules, self._given.values(), strict=True):
            if value is not None and (fault := rule.fault(value)):
                raise click.UsageError(fault)

    @contextmanager
    def opened(self, workflow: Workflow, how: How) -> Iterator[tuple[Target, Workspace]]:
        """The target and the workspace. UsageError when something is missing."""
        from mi_tui.model.answers import Workspace

        self.check()
        known = workflow.read_answers(self._answers).workspace if self._answers else None
        if self._sandbox:
            how.not_with_the_sandbox()
            with workflow.sandbox(self._given["subscription"] or (known.subscription if known else None)) as target:
                at = target.connection
                assert at is not None
                yield target, self._over(known or Workspace(at.subscription, at.resource_group, at.workspace))
            return
        place = self._over(known or Workspace("", "", ""))
        if not (place.subscription and place.resource_group and place.name):
            raise click.UsageError(f"--endpoint needs to know where: {_OPTIONS}.")
        with how.azure(workflow, place.subscription) as target:
            yield target, place

    def _over(self, where: Workspace) -> Workspace:
        from mi_tui.model.answers import Workspace

        subscription, group, name = self._given.values()
        return Workspace(subscription or where.subscription, group or where.resource_group, name or where.name)


def endpoint(workflow: Workflow, where: Where, name: str, deployment: str | None, how: How, *, as_json: bool) -> int:
    """Examine an endpoint that mi-tui need not have made; the exit code. UsageError for names that cannot be."""
    from mi_tui.model import names

    if fault := names.ENDPOINT.fault(name) or (deployment is not None and names.DEPLOYMENT.fault(deployment)):
        raise click.UsageError(fault)
    with where.opened(workflow, how) as (target, place):
        seen = workflow.advice.examine(target, place, name, deployment or "")
        if _absent(seen, "endpoint"):
            there = ", ".join(one.name for one in workflow.advice.endpoints(target, place))
            return _not_there(f"There is no endpoint {name!r} in {place.name}.", there)
        if deployment is not None and _absent(seen, "deployment"):
            return _not_there(f"The endpoint {name!r} has no deployment {deployment!r}.", "")
    say(seen, as_json=as_json)
    return exits.DONE if seen.healthy else exits.FAILED


def run(workflow: Workflow, record: RunRecord, how: How, *, as_json: bool) -> int:
    """Examine the endpoint of a run with what the run told; the exit code. Where nobody can be asked, what was told then is said again."""
    from mi_tui.workflow import RunState, SandboxError, ServiceError

    if record.state is RunState.REMOVED:
        raise click.UsageError(f"Run {record.id} was removed: there is nothing to examine.")
    try:
        with how.target_of(workflow, record) as target:
            seen = workflow.advice.examine_run(target, record)
    except (ServiceError, SandboxError) as error:
        found = workflow.advice.kept(record)
        if found is None:
            raise
        _kept(record, found, str(error), as_json=as_json)
        return exits.FAILED
    kept = workflow.advice.kept(record)
    same = kept is not None and kept.fixes in [found.fixes for found in seen.diagnoses[:1]]
    say(seen, as_json=as_json, fixes_of=record.id if same else "")
    return exits.DONE if seen.healthy else exits.FAILED


def _kept(record: RunRecord, found: Diagnosis, why: str, *, as_json: bool) -> None:
    """What was found when the run failed, and why it is not looked at now."""
    import msgspec

    from mi_tui.cli.render import marks
    from mi_tui.cli.telling import diagnosis_lines
    from mi_tui.model.text import visible

    if as_json:
        echo_json({"run": record.id, "healthy": False, "diagnoses": [msgspec.to_builtins(found)], "unseen": why})
        return
    click.echo(visible(f"It cannot be looked at now: {why} What was found when it failed:"), err=True)
    for line in diagnosis_lines(found, marks(sys.stdout)["failed"], record.id):
        click.echo(line)


def say(seen: Examination, *, as_json: bool, fixes_of: str = "") -> None:
    """What was seen, on standard output: one JSON object, or the table and the diagnoses. `fixes_of` is the run that the first one's
    fixes can be applied to."""
    import msgspec

    from mi_tui.model.text import visible

    if as_json:
        echo_json(msgspec.to_builtins(seen))
        return
    for line in lines(seen, fixes_of):
        click.echo(line)
    click.echo(visible(seen.words))


def lines(seen: Examination, fixes_of: str = "") -> Iterator[str]:
    """The table with its marks, the diagnoses, and what the logs speak of beside."""
    from mi_tui.cli.render import columns, marks
    from mi_tui.cli.telling import diagnosis_lines

    signs = marks(sys.stdout)
    mark = {"ok": signs["done"], "warning": signs["warning"], "failed": signs["failed"], "skipped": signs["skipped"]}
    yield from columns([(mark[row.status.value], row.title, row.evidence) for row in seen.checks])
    for number, found in enumerate(seen.diagnoses):
        yield from diagnosis_lines(found, signs["failed"], fixes_of if not number else "")
    for found in seen.remarks:
        yield "  In the log of a deployment that is in order, perhaps over by now:"
        yield from diagnosis_lines(found, signs["warning"])


def _absent(seen: Examination, what: str) -> bool:
    return any(row.id == what and row.evidence.startswith(("absent", "there is none")) for row in seen.checks)


def _not_there(words: str, there: str) -> int:
    from mi_tui.model.text import visible

    also = f" There is: {there}." if there else ""
    click.echo(
        visible(f"{words}{also} Nothing was changed; check the name, the workspace and the subscription."), err=True
    )
    return exits.BAD_INPUT

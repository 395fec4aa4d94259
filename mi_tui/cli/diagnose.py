"""The command that says why something failed: a run, an endpoint that mi-tui need not have made, or a text from outside."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mi_tui.cli import exits
from mi_tui.cli.common import echo_json, json_option, open_workflow, say_notices
from mi_tui.cli.sign_in import How, sign_in_options

if TYPE_CHECKING:
    from mi_tui.workflow import Workflow

_PATH = re.compile(r"[/\\.]")
"""What names of runs do not have, and paths do."""


@click.command(short_help="Why something failed: a run, an endpoint or a text.")
@click.argument("what", required=False, metavar="[RUN|FILE|-]")
@click.option("--endpoint", metavar="NAME", help="Examine this endpoint, whoever made it. Reads only.")
@click.option(
    "--deployment", metavar="NAME", help="With --endpoint: this deployment (default: one that is in trouble)."
)
@click.option("--subscription", metavar="ID", help="With --endpoint: the workspace's subscription.")
@click.option("--resource-group", metavar="NAME", help="With --endpoint: the workspace's resource group.")
@click.option("--workspace", metavar="NAME", help="With --endpoint: the workspace.")
@click.option(
    "--answers",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --endpoint: an answers file that names the workspace.",
)
@click.option("--sandbox", is_flag=True, help="With --endpoint: in the sandbox (default there: its workspace).")
@sign_in_options
@json_option
def diagnose(
    what: str | None,
    endpoint: str | None,
    deployment: str | None,
    subscription: str | None,
    resource_group: str | None,
    workspace: str | None,
    answers: Path | None,
    sandbox: bool,
    as_json: bool,
    how: How,
) -> int:
    """Say why something failed, from what is known and from the world as it is now. Changes nothing.

    RUN (an id, or 'last') examines a run's endpoint. With --endpoint any other. FILE or - (standard input) is an error text, what
    'az' printed, a traceback or a log: for that nobody is asked.

    \b
    Exit code: 0 nothing is wrong (of a text: a known failure), 1 something is (of a text: it is not known), 2 bad input.
    """
    from mi_tui.cli import examine, texts

    where = examine.Where(subscription, resource_group, workspace, answers, sandbox)
    workflow = open_workflow()
    if endpoint is not None:
        if what is not None:
            raise click.UsageError("Name a run or a file, or an endpoint with --endpoint; not both.")
        return examine.endpoint(workflow, where, endpoint, deployment, how, as_json=as_json)
    if where.said or deployment is not None:
        raise click.UsageError(
            "--deployment, --subscription, --resource-group, --workspace, --answers and --sandbox go with --endpoint."
        )
    if what == "-" or (what is None and not sys.stdin.isatty()):
        return _text(workflow, texts.read(sys.stdin.buffer), as_json=as_json)
    if what is None:
        raise click.UsageError(
            "Name a run ('last' is the newest), a file with the error's text, or an endpoint with --endpoint."
        )
    if (Path(what).exists() or _PATH.search(what)) and not workflow.journal.known(what):
        try:
            with Path(what).open("rb") as file:
                text = texts.read(file)
        except OSError as error:
            raise click.UsageError(f"{what} cannot be read: {error.strerror or error}.") from error
        return _text(workflow, text, as_json=as_json)
    record = workflow.journal.run(what)
    say_notices(workflow)
    return examine.run(workflow, record, how, as_json=as_json)


def _text(workflow: Workflow, text: str, *, as_json: bool) -> int:
    import msgspec

    from mi_tui.cli import texts
    from mi_tui.cli.render import marks
    from mi_tui.model.diagnosis import Confidence

    if not text.strip():
        raise click.UsageError("There is nothing to read: give the text of an error, or a log.")
    found = workflow.advice.diagnose_text(text)
    if as_json:
        echo_json({"diagnoses": msgspec.to_builtins(found)})
    else:
        for line in texts.lines(found, marks(sys.stdout)["failed"]):
            click.echo(line)
    return exits.FAILED if found[0].confidence is Confidence.UNKNOWN else exits.DONE

"""What the commands have in common: the door to the rest, options, and how things are said."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mi_tui.model.events import Event
    from mi_tui.workflow import RunRecord, Workflow

F = TypeVar("F", bound=Callable[..., Any])


def take_over_option(function: F) -> F:
    """`--take-over`."""
    words = "Take the run from a mi-tui on another host that is gone for good, without waiting until it counts as gone."
    return click.option("--take-over", is_flag=True, help=words)(function)


def json_option(function: F) -> F:
    """`--json`, handed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")(function)


def open_workflow() -> Workflow:
    """The door to the rest, with the command's name for another mi-tui that meets a run of this one."""
    from mi_tui.workflow import Workflow

    workflow = Workflow()
    context = click.get_current_context(silent=True)
    workflow.command = f"mi-tui {context.info_name}" if context and context.info_name else "mi-tui"
    return workflow


def say_notices(workflow: Workflow) -> None:
    """What was put right of what is kept, once each, on standard error."""
    while workflow.notices:
        click.echo(workflow.notices.pop(0), err=True)


def driver(record: RunRecord) -> dict[str, object] | None:
    """Who drives the run now, for JSON; None when nobody does."""
    driver = record.driver
    if driver is None:
        return None
    return {
        "process": driver.pid, "host": driver.host, "user": driver.user, "command": driver.command, "since": driver.since,
    }  # fmt: skip


def must_confirm(yes: bool) -> None:
    """UsageError when nobody could be asked and `--yes` is not there."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to confirm on: add --yes.")


def must_stand_somewhere() -> None:
    """UsageError when the folder that mi-tui was started in has been removed: what uploads files needs one (azure-ai-ml 1.35)."""
    try:
        os.getcwd()
    except FileNotFoundError as error:
        words = "The folder that you are in has been removed. Go to one that is there ('cd'), and say it again. Nothing was changed."
        raise click.UsageError(words) from error


def renderer(as_json: bool) -> Callable[[Event], None]:
    """Who writes the events: JSON lines, or text."""
    from mi_tui.cli.render import JsonRenderer, PlainRenderer

    return JsonRenderer() if as_json else PlainRenderer()


def echo_json(value: object) -> None:
    """One JSON object on standard output."""
    import json

    click.echo(json.dumps(value))

"""The options of the commands that make a plan or look before one: where it plays, and with which identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mi_tui.cli.scenario import option as scenario_option

if TYPE_CHECKING:
    from mi_tui.cli.sign_in import How
    from mi_tui.model.answers import Answers, IdentityKind
    from mi_tui.workflow import Workflow

F = TypeVar("F", bound=Callable[..., Any])

PROFILES = ("instant", "demo", "azure")


def target_options(function: F) -> F:
    """`--sandbox`, `--profile` and `--scenario`."""
    for option in (
        scenario_option("With --sandbox: a world with something set up to go wrong."),
        click.option(
            "--profile",
            type=click.Choice(PROFILES),
            help="With --sandbox: how fast time goes (default: demo, or what is running).",
        ),
        click.option("--sandbox", is_flag=True, help="In the local Azure that ships with mi-tui; needs no account."),
    ):
        function = option(function)
    return function


def identity_option(function: F) -> F:
    """`--identity`."""
    return click.option(
        "--identity",
        type=click.Choice(("sai", "uai")),
        help="System-assigned (sai, 1 grant) or user-assigned (uai, 3 grants).",
    )(function)


def not_without_the_sandbox(sandbox: bool, profile: str | None, scenario: str | None, how: How) -> None:
    """UsageError for options of the sandbox without it, and for a sign-in with it."""
    if not sandbox and (profile or scenario):
        raise click.UsageError("--profile and --scenario go with --sandbox.")
    if sandbox:
        how.not_with_the_sandbox()


def with_identity(workflow: Workflow, given: Answers, kind: IdentityKind) -> Answers:
    """Answers with the identity kind of the command line, which outranks the file's."""
    import msgspec

    if given.identity.kind is kind:
        return given
    return msgspec.structs.replace(given, identity=workflow.example_answers(kind).identity)

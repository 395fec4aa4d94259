"""The console script: the group of commands, and how whatever goes wrong becomes a sentence and an exit code."""

from __future__ import annotations

import io
import os
import sys

import click

from mi_tui import __version__
from mi_tui.cli import runs, sandbox
from mi_tui.cli.diagnose import diagnose
from mi_tui.cli.doctor import doctor
from mi_tui.cli.exits import EXIT_CODES, INTERRUPTED, guarded
from mi_tui.cli.explain import explain
from mi_tui.cli.start import end, wizard

_HELP = f"""Deploy an Azure ML online endpoint that reads blob storage through a managed identity.

Without a command: the wizard. With --sandbox, commands work in a local Azure that needs no account.

Everything that is kept lies in MI_TUI_HOME (default: your user data folder).

\b
Exit codes:
{EXIT_CODES}
"""


@click.group(invoke_without_command=True, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mi-tui")
@click.pass_context
def cli(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        context.exit(wizard())


for _command in (*runs.COMMANDS, doctor, diagnose, explain, sandbox.group):
    cli.add_command(_command)


def main() -> None:
    """Run a command; the process ends with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is shown as an escape, never the end of a run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = guarded(_run)
    if code == INTERRUPTED:
        end(code)  # calls under way are not waited for
    sys.exit(code)


def _run() -> object:
    """The command's exit code. What it still had to say is said here, so that a reader that went away is met where it is known."""
    code: object = cli.main(standalone_mode=False)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Its exit code stands: the reader left, the run did what it did.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code

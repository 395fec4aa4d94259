"""Exit codes, and the one place where errors become sentences."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mi_tui.model.failure import Failure

DONE = 0
FAILED = 1
BAD_INPUT = 2
LEFT_RUNNING = 3
INTERRUPTED = 130

EXIT_CODES = """\
   0  done
   1  failed; the sentence says why and how to go on
   2  bad input or usage; nothing was changed
   3  left running; 'mi-tui resume RUN' goes on
 130  interrupted"""


def guarded(work: Callable[[], object]) -> int:
    """Do the work; the exit code. Every error that is foreseen is a sentence on standard error."""
    try:
        result = work()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        code = _say(error)
        if code is None:
            raise
        return code
    return result if isinstance(result, int) else DONE


def _folder_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _say(error: Exception) -> int | None:
    """The sentence of a foreseen error and its exit code; None for one that is not."""
    from mi_tui.cli.refused import Refused
    from mi_tui.cli.render import failure_lines
    from mi_tui.model.text import visible
    from mi_tui.sandbox.client import SandboxError, SandboxUsageError
    from mi_tui.workflow import AnswersError, JournalError, JournalWriteError, PlanError, ServiceError

    def say(*lines: str) -> None:
        for line in lines:
            click.echo(line, err=True)

    match error:
        case AnswersError():
            count = len(error.faults)
            say(
                f"{visible(error.source) or 'These answers'}: {count} fault{'s' if count != 1 else ''}. Nothing was changed."
            )
            say(*(f"  {visible(str(fault))}" for fault in error.faults))
            return BAD_INPUT
        case Refused():
            if error.told:
                say("Nothing was changed.")
            error.tell()
            return BAD_INPUT if error.bad_input else FAILED
        case PlanError():
            say("This cannot be planned. Nothing was changed.")
            for failure in error.failures:
                say(*failure_lines(failure), *_diagnosed(failure))
            return BAD_INPUT
        case JournalError():
            say(visible(str(error)))
            return FAILED if isinstance(error, JournalWriteError) else BAD_INPUT
        case SandboxError():
            say(visible(str(error), lines=True))
            return BAD_INPUT if isinstance(error, SandboxUsageError) else FAILED
        case FileNotFoundError() if not error.filename and _folder_gone():
            say("The folder that you are in has been removed. Go to one that is there ('cd'), and say it again.")
            return BAD_INPUT
        case ServiceError():
            say(*failure_lines(error.failure), *_diagnosed(error.failure))
            return BAD_INPUT if error.failure.status in {400, 404} else FAILED
        case _:
            return None


def _diagnosed(failure: Failure) -> list[str]:
    """The diagnosis of a failure before anything was begun, where a rule fits it."""
    from mi_tui.cli.telling import diagnosis_lines
    from mi_tui.workflow import Workflow

    found = Workflow().advice.diagnose_failure(failure)
    return [] if found is None else list(diagnosis_lines(found))

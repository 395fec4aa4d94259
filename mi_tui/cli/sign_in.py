"""How the commands that talk to Azure sign in: their options, and what a person is told who has to do something for it."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from mi_tui.model.sign_in import SignIn, tenant_fault

if TYPE_CHECKING:
    from mi_tui.model.failure import Failure
    from mi_tui.model.sign_in import Prompt
    from mi_tui.workflow import Account, RunRecord, Target, Workflow

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class How:
    """What the command line says of the sign-in: `kind` None is the first that asks nobody, `tenant` empty is one's own."""

    kind: SignIn | None = None
    tenant: str = ""

    def not_with_the_sandbox(self) -> None:
        """UsageError when a sign-in is named where there is none to choose."""
        if self.kind or self.tenant:
            raise click.UsageError("--sign-in and --tenant go with Azure; the sandbox signs you in by itself.")

    @contextmanager
    def azure(self, workflow: Workflow, subscription: str) -> Iterator[Target]:
        """Azure, open."""
        with workflow.azure(subscription, self._account(workflow), tenant=self.tenant) as target:
            target.ask_sign_in = self.asking(workflow, target)
            yield target

    @contextmanager
    def target_of(self, workflow: Workflow, record: RunRecord) -> Iterator[Target]:
        """The target that a run played in, open."""
        from mi_tui.workflow import SANDBOX

        if record.target == SANDBOX:
            self.not_with_the_sandbox()
            account = None
        else:
            account = self._account(workflow)
        with workflow.target_of(record, account, tenant=self.tenant) as target:
            target.ask_sign_in = self.asking(workflow, target)
            yield target

    def asking(self, workflow: Workflow, target: Target) -> Callable[[Failure, threading.Event], bool] | None:
        """How the person at the terminal is asked to sign in again in the middle of a run; None when there is none."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        from mi_tui.cli.asking import questions

        def ask(failure: Failure, stop: threading.Event) -> bool:
            return questions.put(lambda terminal, left: self._again(workflow, target, failure, terminal, left), stop)

        return ask

    def _again(
        self, workflow: Workflow, target: Target, failure: Failure, terminal: TextIO, stop: threading.Event
    ) -> bool:
        """Ask until tokens may be had again (True) or the person leaves it."""
        from mi_tui.cli.asking import line
        from mi_tui.cli.render import failure_lines
        from mi_tui.workflow import ServiceError, SignInCancelled

        def say(text: str) -> None:
            # Not by click: while a run goes, the process's own streams catch what the SDKs print.
            terminal.write(text + "\n")
            terminal.flush()

        while True:
            say("\n".join(["", "The sign-in has ended, and the run waits for it:", *failure_lines(failure)]))
            say(
                "  Run 'az login' in another terminal, then press Enter; or type b to sign in in a browser, d for a device code. "
                "Ctrl+C leaves the run, resumable."
            )
            answer = line(stop)
            if answer is None:
                return False
            kind = {"b": SignIn.BROWSER, "d": SignIn.DEVICE_CODE}.get(answer.lower()[:1])
            if kind is None:
                return True
            try:
                found = workflow.sign_in(kind, self.tenant, lambda prompt: say(_words(prompt))).run()
            except ServiceError as error:
                failure = error.failure
            except SignInCancelled:
                return False
            else:
                target.session.credential.replace(found.credential)
                say(f"Signed in as {found.caller.name}, tenant {found.caller.tenant}. Going on.")
                return True

    def _account(self, workflow: Workflow) -> Account | None:
        """Who signs in; None leaves it to the target. Raises ServiceError."""
        if self.kind is None:
            return None
        if self.kind.silent:
            return workflow.account(self.kind, self.tenant)
        if not sys.stderr.isatty():
            raise click.UsageError(
                f"--sign-in {self.kind} needs a terminal on standard error to say what to do, and somebody there who does it. "
                "Use --sign-in environment or azure-cli."
            )
        found = workflow.sign_in(self.kind, self.tenant, _say).run()
        click.echo(f"Signed in as {found.caller.name}, tenant {found.caller.tenant}.", err=True)
        return found


def _say(prompt: Prompt) -> None:
    click.echo(_words(prompt), err=True)


def _words(prompt: Prompt) -> str:
    from mi_tui.model.text import visible

    until = time.strftime("%H:%M", time.localtime(prompt.expires))
    return f"{visible(prompt.sentence(until))} Ctrl+C gives up."


def sign_in_options(function: F) -> F:
    """`--sign-in` and `--tenant`, handed on as `how`."""

    @functools.wraps(function)
    def command(*args: Any, sign_in: str | None, tenant: str, **rest: Any) -> Any:
        if fault := tenant_fault(tenant):
            raise click.UsageError(f"--tenant {tenant}: {fault}")
        return function(*args, how=How(SignIn(sign_in) if sign_in else None, tenant), **rest)

    for option in (
        click.option(
            "--tenant", default="", metavar="ID|DOMAIN", help="In Azure: the tenant to sign in to, for guests."
        ),
        click.option(
            "--sign-in",
            type=click.Choice([kind.value for kind in SignIn]),
            help="In Azure: how to sign in (default: environment where its variables are set, else azure-cli). browser and "
            "device-code say on standard error what to do; without a terminal there they are refused.",
        ),
    ):
        command = option(command)
    return command  # type: ignore[return-value]

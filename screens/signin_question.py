"""What a step asks of the person when the sign-in has ended: put on its thread, answered on the UI's. Knows no widget."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mi_tui.model.failure import Failure

if TYPE_CHECKING:
    from mi_tui.workflow import Account, Target


@dataclass
class SignInQuestion:
    """What a step asks: why, and for which target. Answered on the UI thread, waited for on the step's."""

    failure: Failure
    target: Target
    signed_in: bool = False
    over: threading.Event = field(default_factory=threading.Event)

    def wait(self, stop: threading.Event) -> bool:
        """Whether somebody signed in; False as soon as `stop` is set."""
        while not self.over.wait(0.2):
            if stop.is_set():
                self.over.set()
        return self.signed_in

    def answer(self, account: Account | None = None) -> None:
        """Somebody signed in: as `account`, or in the way that was used before."""
        if account is not None:
            self.target.session.credential.replace(account.credential)
        self.signed_in = True
        self.over.set()


def ask_in(target: Target, put: Callable[[SignInQuestion], None]) -> None:
    """Have the runs in a target ask for a new sign-in when theirs has ended: `put` hands the question to the UI thread."""

    def ask(failure: Failure, stop: threading.Event) -> bool:
        question = SignInQuestion(failure, target)
        put(question)
        return question.wait(stop)

    target.ask_sign_in = ask

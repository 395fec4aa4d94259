"""A sign-in that ends in the middle of a run: a new token where one can be had, else the person is asked, once for all steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mi_tui.model.failure import Failure
from mi_tui.services.errors import SIGN_IN, Abandoned, ServiceError

if TYPE_CHECKING:
    from mi_tui.services.session import Session

AskSignIn = Callable[[Failure, threading.Event], bool]
"""Asks a person to sign in again, told why; blocks. True when tokens may be had again (a new credential was put into the session, or
the one that is there has been mended, as by `az login`); False when the person leaves it. The event is set when nobody waits any more."""

_FRESH = 60.0
"""Seconds in which a token that was just asked for anew and is refused again shows that it is not the token's age."""


@dataclass
class SignInGate:
    """What the steps of a run share of the sign-in. `generation` grows with every renewal: a step whose try began before one tries again."""

    ask: AskSignIn | None = None
    clock: Callable[[], float] = time.monotonic
    generation: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _refused: bool = False
    _forgot_at: float | None = None
    _tenant: str = ""

    def renew(
        self, session: Session, stop: threading.Event, failure: Failure, generation: int, say: Callable[[str], None]
    ) -> bool:
        """Renew the sign-in after `failure` of a try that began in `generation`; whether the step is to be done again.

        Raises Abandoned when the run is to stop.
        """
        while not self._lock.acquire(timeout=0.2):
            say("for the sign-in, which has ended")
            _check(stop)
        try:
            if self.generation != generation:
                return True
            if self._refused:
                return False
            self._tenant = self._tenant or session.tenant()
            if failure.status == 401 and self._age() > _FRESH:
                # Expired or revoked before its time: the credential may well have another one.
                self._forgot_at = self.clock()
                say("for a new token: Azure did not accept the one at hand")
                session.credential.forget()
                self.generation += 1
                return True
            return self._asked(session, stop, failure, say)
        finally:
            self._lock.release()

    def _age(self) -> float:
        return float("inf") if self._forgot_at is None else self.clock() - self._forgot_at

    def _asked(self, session: Session, stop: threading.Event, failure: Failure, say: Callable[[str], None]) -> bool:
        while self.ask is not None:
            say("for somebody to sign in again")
            answered = self.ask(failure, stop)
            _check(stop)
            if not answered:
                break
            session.credential.forget()
            wrong = self._wrong(session)
            if wrong is None:
                self.generation += 1
                return True
            failure = wrong
        self._refused = True
        return False

    def _wrong(self, session: Session) -> Failure | None:
        """Why the new sign-in does not do; None when it does, or when only the network is in the way."""
        try:
            caller = session.caller()
        except ServiceError as error:
            gone = error.code == SIGN_IN or error.code.startswith("AADSTS") or error.status == 401
            return error.failure if gone else None
        if self._tenant and caller.tenant and caller.tenant.lower() != self._tenant.lower():
            return Failure(
                SIGN_IN,
                f"You signed in to tenant {caller.tenant}, and this run plays in tenant {self._tenant}.",
                advice=f"Sign in there: 'az login --tenant {self._tenant}'.",
            )
        return None


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Abandoned("Stopped while waiting for a sign-in.")

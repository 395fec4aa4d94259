"""Waiting out what passes by itself: a network that is gone, a busy service, a sign-in that has ended. The run waits rather than dies.

The unit that is done again is a whole step (or one removal of clean-up): each reads the world before it changes anything, so that what
a call whose answer was lost has done is found and kept.
"""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mi_tui.model.events import Notice
from mi_tui.model.failure import Failure
from mi_tui.services.errors import NETWORK, SIGN_IN, Abandoned, ServiceError, as_failure
from mi_tui.services.operations import Listener

if TYPE_CHECKING:
    from mi_tui.engine.context import Context, Say
    from mi_tui.engine.pace import Pace
    from mi_tui.services.session import Session

T = TypeVar("T")

WAITING = "Waiting"
"""The status of a step that waits for something to pass."""


class Trouble(Enum):
    """What passes by itself."""

    NETWORK = "network"
    BUSY = "busy"
    """The service answers and does not do it: 5xx, or another operation holds the resource."""
    THROTTLED = "throttled"


_BUSY = frozenset({408, 500, 502, 503, 504})
_BUSY_CODES = frozenset(
    {
        # ARM: two writes to one resource at a time ("Resolve errors for resource conflicts"; Storage Resource Provider error codes).
        "AnotherOperationInProgress",
        "OperationNotAllowedOnResourceBeingUpdated",
        "StorageAccountOperationInProgress",
        # The name of a deleted container is held for at least 30 s ("Delete Container").
        "ContainerBeingDeleted",
        # Azure ML: a higher-priority operation was under way ("Troubleshoot online endpoints": OperationCanceled, retry).
        "OperationCanceled",
        # The service's own words for 5xx, also where an answer in between has another status (Common REST API error codes).
        "OperationTimedOut",
        "ServerBusy",
        "ServerTimeout",
        "ServiceUnavailable",
        "GatewayTimeout",
        "TooManyRequests",
    }
)
_IN_BETWEEN = (
    # Azure ML's refusal of a write to an endpoint that is not settled (azure-sdk-for-net#36961).
    "is in Updating provisioning state",
    "is in Creating provisioning state",
    # Azure Resource Manager tells of a container whose name is held so; its code, ContainerOperationFailure, is that of what does not
    # pass too, such as a missing right (azure-rest-api-specs#30456).
    "The specified container is being deleted",
)
"""Words of refusals that pass, where the code alone does not tell."""

_ENTRA_BUSY = frozenset({"AADSTS90006", "AADSTS90024", "AADSTS90033", "AADSTS90055"})
"""Entra's own troubles ("a transient error has occurred", too many requests), which no new sign-in helps ("Microsoft Entra
authentication and authorization error codes")."""

_FIXED_HOSTS = frozenset({"management.azure.com", "login.microsoftonline.com"})
_NO_SUCH_NAME = ("Name or service not known", "nodename nor servname")


def trouble_of(failure: Failure) -> Trouble | None:
    """What kind of trouble a failure is, when it is one that passes by itself; None when waiting would not help.

    A long operation that ended badly (status 0) is none: it took minutes, bills, and would end so again. A certificate that is not
    trusted and a proxy that refuses have codes of their own and are none either.
    """
    if failure.code == NETWORK:
        return Trouble.NETWORK
    if failure.code in _ENTRA_BUSY:
        return Trouble.BUSY
    if not failure.status:
        return None
    if failure.status == 429:
        return Trouble.THROTTLED
    held = any(words in text for words in _IN_BETWEEN for text in (failure.message, *failure.details))
    return Trouble.BUSY if failure.status in _BUSY or failure.code in _BUSY_CODES or held else None


def passes(failure: Failure) -> bool:
    """Whether the step that failed so is done again by `patiently`, be it after a new sign-in."""
    return trouble_of(failure) is not None or sign_in_ended(failure)


def sign_in_ended(failure: Failure) -> bool:
    """Whether a failure says that the sign-in does not count any more: Entra refuses a token, nobody is signed in, or a service
    answers 401. An endpoint's own 401 (code `HTTP 401`) is about its key."""
    if failure.code == SIGN_IN or failure.code.startswith("AADSTS"):
        return failure.code not in _ENTRA_BUSY
    return failure.status == 401 and failure.code != "HTTP 401"


class Patience:
    """How long one step may go on failing, and how long it waits each time: twice as long as before, with jitter, so that steps and
    people who lost the same service do not come back in the same moment. `heard` is when the last good answer came."""

    def __init__(
        self,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._pace, self._clock, self._dice = pace, clock, dice
        self.began = 0.0
        """When the present trouble began, by the clock; meaningless while `tries` is 0."""
        self.tries = 0
        self.resumed = 0.0
        """When the step was last done again."""
        self._in_all = 0
        self.heard = 0.0

    @property
    def calm(self) -> bool:
        """Whether it has gone well for a while since the last pause."""
        return self.heard - self.resumed >= self._pace.calm

    def lasts(self) -> float:
        """Seconds since the present trouble began."""
        return self._clock() - self.began if self.tries else 0.0

    def answered(self, status: int) -> None:
        """A service answered."""
        if status < 500 and status != 429:
            self.heard = self._clock()

    def pause(self, failure: Failure) -> float | None:
        """Seconds until the step is done again; None when it is not to be: what happened does not pass, or has lasted too long."""
        trouble = trouble_of(failure)
        if trouble is None or self._in_all >= self._pace.most_tries:
            return None
        now = self._clock()
        if not self.tries or self.calm:
            # It had gone well for a while: this is another trouble.
            self.began, self.tries = now, 0
        left = self.began + bound(self._pace, failure, trouble) - now
        if left <= 0 or failure.retry_after > left:
            return None
        self.tries += 1
        self._in_all += 1
        longest = min(self._pace.longest_pause, self._pace.first_pause * float(1 << min(self.tries - 1, 20)))
        return max(failure.retry_after, longest * (0.5 + self._dice() / 2))

    def resume(self) -> None:
        """The step is about to be done again."""
        self.resumed = self.heard = self._clock()


def bound(pace: Pace, failure: Failure, trouble: Trouble) -> float:
    """Seconds that a trouble may last."""
    if trouble is Trouble.NETWORK:
        absent = any(words in failure.raw for words in _NO_SUCH_NAME) and failure.target not in _FIXED_HOSTS
        # A resolver that answers "no such name" for a resource's own host may be right for ever: a new account's name is there in
        # a minute. For Azure's own front doors it is the resolver that is cut off.
        return min(pace.busy_patience, pace.network_patience) if absent else pace.network_patience
    return pace.throttled_patience if trouble is Trouble.THROTTLED else pace.busy_patience


def patiently(ctx: Context, step: str, say: Say, work: Callable[[], T], command: str = "resume") -> T:
    """Do `work`, which reads the world before it changes it, and do it again while what goes wrong passes by itself.

    Each wait is a status (`Waiting`, with what happened and when it goes on), its beginning and its end are a notice. A sign-in that
    has ended is asked for, once for all steps. `command` is the one that goes on when the run is left meanwhile. Raises whatever
    `work` raises that does not pass, ServiceError when patience is over, and Abandoned as soon as `ctx.stop` is set.
    """
    attempt = _Attempt(ctx, step, say, f"'mi-tui {command} {ctx.run}' goes on")
    while True:
        generation = ctx.sign_in.generation
        try:
            with ctx.session.operations.working(attempt.listener):
                result = work()
        except Abandoned:
            raise
        except Exception as error:
            failure = as_failure(error)
            if sign_in_ended(failure):
                if not ctx.sign_in.renew(ctx.session, ctx.stop, failure, generation, attempt.say_waiting):
                    raise
                continue
            pause = None if ctx.gone() else attempt.patience.pause(failure)
            if pause is None:
                attempt.give_up()
                if attempt.patience.tries and trouble_of(failure) is not None:
                    raise ServiceError(_worn_out(failure, attempt.patience)) from error
                raise
            attempt.wait(failure, pause)
        else:
            attempt.over()
            return result


@dataclass(frozen=True)
class Waiter:
    """Who waits for what is no run: `say` gets a sentence when a wait begins and an empty one when it is over; `stop` ends it."""

    say: Callable[[str], None] = lambda words: None
    stop: threading.Event = field(default_factory=threading.Event)
    way: str = "Ctrl+C ends it."
    """How the person ends it."""


def outlast(
    session: Session,
    pace: Pace,
    work: Callable[[], T],
    waiter: Waiter,
    *,
    longest: float,
    later: str,
    gone: Callable[[], bool] = lambda: False,
) -> T:
    """Do `work`, and do it again while what goes wrong passes by itself, for `longest` seconds at most: what is read before a run, and what
    is done after it was told to stop.

    What is said ends with `later`, and with how the person ends it. Raises what `work` raises that does not pass, ServiceError
    when patience is over, and Abandoned when it is stopped.
    """
    bounds = {
        name: min(getattr(pace, name), longest) for name in ("network_patience", "busy_patience", "throttled_patience")
    }
    patience = Patience(dataclasses.replace(pace, **bounds))

    def waits(words: str) -> None:
        waiter.say(f"Waiting: {words}. {later}{waiter.way}" if words else "")

    while True:
        try:
            with session.operations.working(Listener(waits, patience.answered, waiter.stop)):
                return work()
        except Abandoned:
            raise
        except Exception as error:
            failure = as_failure(error)
            pause = None if gone() else patience.pause(failure)
            if pause is None:
                if patience.tries and trouble_of(failure) is not None:
                    raise ServiceError(_worn_out(failure, patience)) from error
                raise
            said = failure.message.rstrip(".")
            waits(f"{said}; trying again in {max(1, round(pause))} s, for {_span(longest)} at most")
            if waiter.stop.wait(pause):
                raise Abandoned("Stopped while waiting to try again.") from error
            patience.resume()
            waits("")


class _Attempt:
    """One step on its way through its troubles; of each, the beginning and the end are told once."""

    def __init__(self, ctx: Context, step: str, say: Say, later: str) -> None:
        self._ctx, self._step, self._say, self._later = ctx, step, say, later
        self.patience = Patience(ctx.pace)
        self._trouble: Trouble | None = None
        self._told = False
        self.listener = Listener(self._sdk_waits, self._answered, ctx.stop)

    def say_waiting(self, words: str) -> None:
        """Say what is waited for."""
        self._say(WAITING, words)

    def _sdk_waits(self, words: str) -> None:
        self._say(WAITING, words) if words else self._say("Going on", "")

    def _answered(self, status: int) -> None:
        self.patience.answered(status)
        # Not at the first answer: a network that comes and goes would be announced each time.
        if self._told and self.patience.calm:
            self.over()

    def wait(self, failure: Failure, seconds: float) -> None:
        """Wait for `seconds`, told as they pass. Abandoned when the run is to stop."""
        self._trouble = trouble_of(failure)
        if self.patience.tries > 1 or seconds >= self._ctx.pace.told_pause:
            self._tell(failure)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._say(WAITING, self._words(failure, left))
            # Seldom enough that who keeps every event is not flooded.
            if self._ctx.stop.wait(min(left, 1.0 if left <= 5 else 5.0)):
                self.give_up()
                raise Abandoned("Stopped while waiting to try again.")
            if self._ctx.gone():
                break
        self.patience.resume()

    def _words(self, failure: Failure, left: float) -> str:
        since = time.strftime("%H:%M:%S", time.localtime(time.time() - self.patience.lasts()))
        return (
            f"{failure.sentence() if failure.status else failure.message} Since {since}; next try in {max(1, round(left))} s. "
            f"May be left: {self._later}"
        )

    def _tell(self, failure: Failure) -> None:
        if self._told:
            return
        self._told = True
        if self._ctx.weather.worse(self._step):
            what = "The network is gone" if self._trouble is Trouble.NETWORK else "Azure is busy"
            longest = bound(self._ctx.pace, failure, self._trouble or Trouble.NETWORK)
            self._ctx.emit(
                Notice(
                    run=self._ctx.run,
                    text=f"{what}: {failure.message} The run waits and tries again by itself, for {_span(longest)} at most. It may be left: "
                    f"{self._later}.",
                )
            )

    def over(self) -> None:
        """What was wrong has passed."""
        what = "The network is back" if self._trouble is Trouble.NETWORK else "Azure answers again"
        if (lasted := self.give_up()) is not None:
            self._ctx.emit(Notice(run=self._ctx.run, text=f"{what} after {_span(lasted)}."))

    def give_up(self) -> float | None:
        """This step waits no more, whatever became of it; how long all of them waited when it was the last."""
        told, self._told = self._told, False
        return self._ctx.weather.better(self._step, self.patience.resumed) if told else None


def _worn_out(failure: Failure, patience: Patience) -> Failure:
    said = f"Tried {patience.tries + 1} times in {_span(patience.lasts())}."
    return msgspec.structs.replace(failure, details=(*failure.details, said))


def _span(seconds: float) -> str:
    """A stretch of time in words."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"

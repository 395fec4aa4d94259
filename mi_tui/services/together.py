"""Reads side by side, with one end for all of them: what has not answered by then is not known, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from mi_tui.model.failure import Failure
from mi_tui.services.errors import as_failure
from mi_tui.services.operations import Listener
from mi_tui.services.session import Session

T = TypeVar("T")

LATE = "mi-tui/late"
"""The code of a read that has not answered in time."""


class Look(Generic[T]):
    """One read under way."""

    def __init__(self, together: Together, what: str) -> None:
        self.what = what
        self._together = together
        self._done = threading.Event()
        self._value: T | None = None
        self._failure: Failure | None = None

    def value(self) -> T | None:
        """What was read, waited for until the end of all reads; None when it failed or has not answered."""
        self._done.wait(self._together.left())
        return self._value if self._done.is_set() else None

    @property
    def failure(self) -> Failure | None:
        """Why there is no value: the read's failure, or that it has not answered yet; None when it was read."""
        if self._done.is_set():
            return self._failure
        return Failure(LATE, "Azure has not answered yet.")

    def _work(self, read: Callable[[], T], session: Session, listener: Listener) -> None:
        try:
            with session.operations.working(listener):
                self._value = read()
        except Exception as error:  # noqa: BLE001 - a read that fails leaves its part of the world unknown, with the reason
            self._failure = as_failure(error)
        finally:
            self._done.set()


class Together:
    """Reads that run at once, each on a daemon thread of its own. Leaving it ends the pauses of those still under way.

    `seconds` from now on is the end of all of them; a read may itself wait for another one.
    """

    def __init__(self, session: Session, seconds: float) -> None:
        self._session = session
        self._end = time.monotonic() + seconds
        self._over = threading.Event()
        self._looks: list[Look[object]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Together:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def left(self) -> float:
        """Seconds until the end; never below 0."""
        return max(0.0, self._end - time.monotonic())

    def begin(self, what: str, read: Callable[[], T]) -> Look[T]:
        """Begin a read; `what` names it for people."""
        look: Look[T] = Look(self, what)
        with self._lock:
            self._looks.append(look)  # type: ignore[arg-type]
        listener = Listener(lambda words: None, lambda status: None, self._over)
        threading.Thread(
            target=look._work, args=(read, self._session, listener), name=f"look-{what}", daemon=True
        ).start()
        return look

    def unknown(self) -> dict[str, Failure]:
        """What could not be read, with the reason of each."""
        with self._lock:
            return {look.what: look.failure for look in self._looks if look.failure is not None}

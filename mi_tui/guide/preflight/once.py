"""Once: a piece of work that is done once, in a thread of its own, as soon as what it waits for is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Waited(Protocol):
    """What can be waited for."""

    def start(self) -> None: ...
    def wait(self) -> None: ...


class Once(Generic[T]):
    """`result` begins it if need be, waits, and gives what `call` returned or raises what it raised, every time.

    `seconds` is how long `call` took, without what it waited for in `after`; 0 before its end. The thread is a daemon: nobody who
    leaves waits for it. It passes `gate` first: many threads are started sooner while none of them is at work yet.
    """

    def __init__(
        self, name: str, call: Callable[[], T], after: Iterable[Waited] = (), gate: threading.Event | None = None
    ) -> None:
        self.name = name
        self._gate = gate
        self.after = tuple(after)
        self.seconds = 0.0
        self._call = call
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._begun = False

    def start(self) -> None:
        """Begin, if nobody has; does not wait."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
        threading.Thread(target=self._work, name=f"preflight {self.name}", daemon=True).start()

    def wait(self) -> None:
        """Wait until it is done, well or not."""
        self._done.wait()

    def result(self) -> T:
        """What came of it."""
        self.start()
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result[0]

    @property
    def begun(self) -> bool:
        """Whether somebody wanted it."""
        return self._begun

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._done.is_set()

    def _work(self) -> None:
        try:
            if self._gate is not None:
                self._gate.wait()
            for other in self.after:
                other.start()
            for other in self.after:
                other.wait()
            began = time.perf_counter()
            try:
                self._result.append(self._call())
            finally:
                self.seconds = time.perf_counter() - began
        except BaseException as error:  # noqa: BLE001 - raised again in whoever asks for the result
            self._error = error
        finally:
            self._done.set()

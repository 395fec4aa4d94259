"""How long a sandbox lives: while somebody holds a lease, or for good once it is persistent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

FIRST_SECONDS = 20.0
"""How long a new sandbox waits for its first lease."""

GRACE_SECONDS = 1.0
"""How long it waits for another one after the last was given back."""


class Life:
    """Counts the leases of one sandbox and says when it is over."""

    def __init__(self, *, persistent: bool, first: float = FIRST_SECONDS, grace: float = GRACE_SECONDS) -> None:
        self.persistent = persistent
        self.leases = 0
        self.over = asyncio.Event()
        self.reason = ""
        self._first = first
        self._grace = grace
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """The sandbox is ready: its time to find a client runs from now."""
        self._wait(self._first, "no client came")

    def end(self, reason: str) -> None:
        """Stop the sandbox."""
        self._stop_timer()
        if not self.over.is_set():
            self.reason = reason
            self.over.set()

    def keep(self) -> None:
        """Live on without leases, until somebody says stop."""
        self.persistent = True
        self._stop_timer()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """One lease, for as long as the block runs."""
        self.leases += 1
        self._stop_timer()
        try:
            yield
        finally:
            self.leases -= 1
            if self.leases == 0:
                self._wait(self._grace, "its last client is gone")

    def _wait(self, seconds: float, reason: str) -> None:
        self._stop_timer()
        if not self.persistent and not self.over.is_set():
            self._timer = asyncio.get_running_loop().call_later(seconds, self.end, reason)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

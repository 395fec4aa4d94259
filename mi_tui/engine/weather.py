"""The trouble that all steps of a run have at once: told when the first of them waits, and when the last goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Weather:
    """What all steps of a run share: one notice when the first of them begins to wait, one when the last goes on."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: set[str] = field(default_factory=set)
    _began: float = 0.0

    def worse(self, step: str) -> bool:
        """A step waits; whether it is the first one."""
        with self._lock:
            first = not self._waiting
            if first:
                self._began = self.clock()
            self._waiting.add(step)
            return first

    def better(self, step: str, at: float) -> float | None:
        """A step waits no more, since `at`; how long the trouble lasted when it was the last one that did."""
        with self._lock:
            if step not in self._waiting:
                return None
            self._waiting.discard(step)
            return None if self._waiting else max(0.0, at - self._began)

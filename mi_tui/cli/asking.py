"""What a run asks of the person at its terminal: put by the thread of a step, asked on the main one, which Ctrl+C reaches."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

Ask = Callable[[TextIO, threading.Event], bool]
"""Asks on a terminal; the event is set when nobody waits for the answer any more."""


class Floor:
    """Who has the terminal: while a question stands, what the run says is kept, and said after the answer. It would push the
    question off the screen. Nothing waits for the person but the words."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: list[Callable[[], None]] | None = None

    def say(self, words: Callable[[], None]) -> None:
        """Do what writes `words`, now or after the question that stands."""
        with self._lock:
            if self._kept is None:
                words()
            else:
                self._kept.append(words)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Around a question."""
        with self._lock:
            self._kept = self._kept if self._kept is not None else []
        try:
            yield
        finally:
            with self._lock:
                kept, self._kept = self._kept or [], None
                for words in kept:
                    words()


floor = Floor()
"""That of this process: it has one terminal."""


class Questions:
    """The questions that wait. One at a time is asked."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[Ask, threading.Event, list[bool]]] = queue.SimpleQueue()

    def put(self, ask: Ask, stop: threading.Event) -> bool:
        """Have the main thread ask; the answer, False when `stop` is set before there is one."""
        answered, result = threading.Event(), list[bool]()
        self._asked.put((ask, answered, result))
        while not answered.wait(0.2):
            if stop.is_set():
                return False
        return bool(result and result[0])

    def answer(self, terminal: TextIO, stop: threading.Event) -> None:
        """Ask what waits. Ctrl+C at a question sets `stop`: the run is left as it is."""
        while True:
            try:
                ask, answered, result = self._asked.get_nowait()
            except queue.Empty:
                return
            try:
                with floor.taken():
                    result.append(ask(terminal, stop))
            except KeyboardInterrupt:
                stop.set()
            finally:
                answered.set()


questions = Questions()
"""Those of this process: it drives one run."""


def line(stop: threading.Event) -> str | None:
    """A line of the person at the terminal; None at its end, or when `stop` is set first."""
    if os.name != "nt":  # where a terminal cannot be waited for with a time limit
        while not select.select([sys.stdin], [], [], 0.2)[0]:
            if stop.is_set():
                return None
    text = sys.stdin.readline()
    return text.strip() if text else None

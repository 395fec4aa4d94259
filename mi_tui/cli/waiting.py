"""What a command reads before anything is changed: on a thread of its own, its waits said, and left at once by Ctrl+C."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from mi_tui.workflow import Waiter

T = TypeVar("T")


def waiting(work: Callable[[Waiter], T]) -> T:
    """What `work` returns, or raises. What it waits for is said on standard error. KeyboardInterrupt ends the wait, whatever Azure does."""
    from mi_tui.model.text import visible
    from mi_tui.workflow import Waiter

    terminal = sys.stderr  # kept: while Azure is asked, the process's own streams catch what the SDK prints
    said = ""

    def say(words: str) -> None:
        nonlocal said
        if words and words != said:
            click.echo(visible(words), file=terminal)
        said = words or said

    waiter = Waiter(say)
    results: list[T] = []
    errors: list[BaseException] = []
    over = threading.Event()

    def call() -> None:
        try:
            results.append(work(waiter))
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            errors.append(error)
        finally:
            over.set()

    threading.Thread(target=call, name="reading", daemon=True).start()
    try:
        while not over.wait(0.2):
            pass
    except KeyboardInterrupt:
        waiter.stop.set()
        if not over.wait(0.3):
            sys.stderr = terminal  # a call under way goes on catching it, and the person is to be told
        raise
    if errors:
        raise errors[0]
    return results[0]

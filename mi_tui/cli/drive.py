"""Driving a run from a terminal: the work on its own thread, Ctrl+C asked about on the main one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from mi_tui.cli import exits
from mi_tui.cli.asking import floor, line, questions
from mi_tui.model.events import Event, Outcome, RunFinished
from mi_tui.workflow import Abandoned, Stop

_LEAVING = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)
"""Signals that leave the run resumable: a polite end of the process, and a terminal that was closed."""

_GRACE = 8.0
"""Seconds that calls under way get to return after 'leave it running'; Azure goes on either way."""


def until_closed(render: Callable[[Event], None], stop: Stop) -> Callable[[Event], None]:
    """`render` until whoever reads our output goes away (`| head`): then the run is left as at Ctrl+C, and no step breaks on it.

    While a question stands at the terminal, events are rendered after its answer.
    """

    def write(event: Event) -> None:
        try:
            render(event)
        except OSError:  # a pipe that nobody reads any more, a terminal that was closed
            stop.set()

    def emit(event: Event) -> None:
        floor.say(lambda: write(event))

    return emit


def drive(run: str, work: Callable[[Stop], RunFinished], clean: Callable[[Stop], RunFinished] | None = None) -> int:
    """Do the work until it ends or is interrupted, and ask what it wants to know; the exit code.

    Ctrl+C asks on a terminal (leave it running is the default); without one the run is left and the exit code is 3. A second
    Ctrl+C leaves at once. SIGTERM and a terminal that is closed leave the run resumable. After "cancel", `clean` is offered.
    """
    stop = Stop()
    terminal = sys.stderr  # kept: while the run goes, the process's own streams catch what the SDK prints
    ended = threading.Event()
    results: list[RunFinished] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(work(stop))
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            errors.append(error)
        finally:
            ended.set()

    previous = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in _LEAVING
        if signal.getsignal(number) is not signal.SIG_IGN  # as nohup has it
    }
    try:
        threading.Thread(target=target, name=f"run-{run}", daemon=True).start()
        # Waits for an event, not for the thread: an interrupted join takes the thread for ended.
        while not ended.is_set():
            try:
                ended.wait(0.2)
                if stop.is_set() and not stop.cancelled:
                    ended.wait(_GRACE)
                    break
                questions.answer(terminal, stop)
            except KeyboardInterrupt:
                if stop.is_set():
                    os._exit(exits.INTERRUPTED)
                with floor.taken():
                    answer = _ask(run, terminal, stop)
                stop.cancelled = answer == "cancel"
                if answer != "stay":
                    stop.set()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if errors and not isinstance(errors[0], Abandoned):
        raise errors[0]
    if not results:
        with contextlib.suppress(OSError):
            terminal.write(f"Left running. Azure finishes what is under way. 'mi-tui resume {run}' goes on.\n")
        return exits.LEFT_RUNNING
    if results[0].outcome is Outcome.CANCELLED and clean is not None and _wants_cleaning(terminal):
        return drive(run, clean)
    codes = {
        Outcome.SUCCEEDED: exits.DONE,
        Outcome.FAILED: exits.FAILED,
        Outcome.LEFT_RUNNING: exits.LEFT_RUNNING,
        Outcome.CANCELLED: exits.INTERRUPTED,
    }
    return codes[results[0].outcome]


def _wants_cleaning(terminal: TextIO) -> bool:
    """Whether a person at the terminal wants what was made removed now; without one nothing is removed."""
    if not sys.stdin.isatty():
        return False
    terminal.write("Remove now what this run made? [y/N]: ")
    terminal.flush()
    try:
        return sys.stdin.readline().strip().lower()[:1] == "y"
    except KeyboardInterrupt:
        return False


def _ask(run: str, terminal: TextIO, stop: Stop) -> str:
    """What to do at Ctrl+C: `leave` (default), `cancel` or `stay`. A second Ctrl+C at the question leaves at once; so does what sets
    `stop`, such as SIGTERM."""
    if not sys.stdin.isatty():
        return "leave"
    terminal.write(
        f"\nRun {run}: [l]eave it running (default), [c]ancel (no new step; what Azure can cancel is cancelled), [s]tay: "
    )
    terminal.flush()
    try:
        answer = line(stop) or ""
    except KeyboardInterrupt:
        os._exit(exits.INTERRUPTED)
    return {"c": "cancel", "s": "stay"}.get(answer.strip().lower()[:1], "leave")

"""A run that is gone on with: what others changed meanwhile is said, what Azure finished is journalled, then its steps take up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mi_tui.engine import changes, pending, runner
from mi_tui.engine.context import Context
from mi_tui.engine.journal import Journal, JournalError, RunState
from mi_tui.model.events import Notice, RunFinished
from mi_tui.services.errors import Abandoned
from mi_tui.services.operations import Listener

SLOW = "What this run made is looked at before it goes on. Azure has not answered yet, and is asked again."


def go_on(ctx: Context) -> RunFinished:
    """Look at the world, say what is other than the run left it, and do every step that is not done; as `runner.run`."""

    def waits(words: str) -> None:
        if words:
            ctx.say_once(SLOW)

    try:
        with ctx.session.operations.working(Listener(waits, lambda status: None, ctx.stop)):
            for text in changes.said(ctx):
                ctx.emit(Notice(run=ctx.run, text=text))
            pending.settle(ctx)
    except Abandoned:
        pass  # the run is to stop: the runner begins no step, and ends it
    return runner.run(ctx)


@contextlib.contextmanager
def held(journal: Journal, run: str) -> Iterator[None]:
    """Around what is done with a run that this process has taken: when it breaks off, nobody drives the run any more."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(JournalError):
            if journal.run(run).state is RunState.RUNNING:
                journal.end_run(run, RunState.LEFT_RUNNING)
        raise

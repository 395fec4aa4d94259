"""The logs of a deployment's two containers: what is new in the last N lines, followed while the deployment is made, and the proof."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from mi_tui.engine.context import Context
from mi_tui.engine.journal import JournalError
from mi_tui.model.events import LogLine, Notice
from mi_tui.services import deployments
from mi_tui.services.errors import as_failure

CONTAINERS: tuple[deployments.Container, ...] = ("inference-server", "storage-initializer")
PROOF = "Blob contains"
TAIL = 500
"""Lines that one look asks for."""
MORE = 10_000
"""Lines that are asked for when more came than one look shows."""

_LOGS = "Container logs:"
_PATIENCE = 5.0
"""Seconds that the last look waits for one that is under way."""


def new_lines(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """What `after` has that `before` had not, when both are the last lines of one growing log.

    Azure returns the last N lines each time, so the overlap is the longest end of `before` that is a beginning of `after`.
    """
    return list(after[_overlap(before, after) :])


def _overlap(before: Sequence[str], after: Sequence[str]) -> int:
    """How many lines at the beginning of `after` are the end of `before`."""
    for start in range(max(0, len(before) - len(after)), len(before)):
        size = len(before) - start
        if before[start] == after[0] and list(after[:size]) == list(before[start:]):
            return size
    return 0


class Tail:
    """One container's log as it was last seen. An answer of `getLogs` has the instance's state and events before the log itself:
    of those, what changed is told; of the log, what was added."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._lines: list[str] = []
        self._begun = False

    def take(self, text: str) -> list[str]:
        """The lines of an answer that are new since the last one; all of the first answer."""
        head, lines = _parts(text)
        if not self._begun:
            fresh = text.splitlines()
        else:
            known = set(self._head)
            fresh = [line for line in head if line not in known] + new_lines(self._lines, lines)
        self._begun, self._head = True, head
        # An empty answer in between must not make the next one look new.
        self._lines = lines or self._lines
        return fresh

    def torn(self, text: str) -> bool:
        """Whether lines may be missing between the last answer and this one. A shorter log that does not join is a new container's."""
        lines = _parts(text)[1]
        return bool(self._lines) and len(lines) >= TAIL and not _overlap(self._lines, lines)


def _parts(text: str) -> tuple[list[str], list[str]]:
    """What stands before the log, its heading included, and the log's lines."""
    lines = text.splitlines()
    begin = lines.index(_LOGS) + 1 if _LOGS in lines else 0
    return lines[:begin], lines[begin:]


class Follower:
    """Emits both containers' new lines as events, each once. While entered it looks every `pace.log_poll` seconds on a thread of its own.

    Azure refuses the logs of a deployment that it is creating (public field reports), and may give them at any moment afterwards.
    A log that cannot be had is said once, never raised.
    """

    def __init__(self, ctx: Context, endpoint: str, deployment: str) -> None:
        self._ctx, self._endpoint, self._deployment = ctx, endpoint, deployment
        self._tails = {container: Tail() for container in CONTAINERS}
        self._said: set[str] = set()
        self._looking = threading.Lock()
        self._over = threading.Event()
        self.text = ""
        """The inference server's log as it was last given."""
        self.answered = True
        """Whether the last question for that log got an answer."""

    def __enter__(self) -> Follower:
        self._over.clear()
        threading.Thread(target=self._follow, args=(self._over,), name="logs", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._over = threading.Event()

    def _follow(self, over: threading.Event) -> None:
        while not over.wait(self._ctx.pace.log_poll):
            try:
                self._look(over=over)
            except JournalError:
                return  # the step meets it too, and says it

    def look(self) -> str:
        """Look once more, and say why where there is still no log; returns the inference server's log, empty when there is none."""
        self._look(last=True)
        return self.text

    def _look(self, *, last: bool = False, over: threading.Event | None = None) -> None:
        if not self._looking.acquire(timeout=_PATIENCE if last else 0.0):
            if last:
                self._say(f"Azure takes long to answer for the logs; 'mi-tui logs {self._ctx.run}' asks again.")
            return
        try:
            for container in CONTAINERS:
                if over is None or not over.is_set():
                    self._read(container, last=last)
        finally:
            self._looking.release()
        proof = next((line.strip() for line in self.text.splitlines() if PROOF in line), "")
        if proof:
            self._ctx.note("proof", proof[:500])

    def _read(self, container: deployments.Container, *, last: bool) -> None:
        tail = self._tails[container]
        try:
            found = self._fetch(container, TAIL)
            if found.available and tail.torn(found.text):
                found = self._fetch(container, MORE)
        except Exception as error:  # noqa: BLE001 - a log that cannot be had must not end what is being made
            self._say(f"The logs of {container} cannot be had: {as_failure(error).sentence()}")
            self.answered = self.answered and container != CONTAINERS[0]
            return
        self.answered = self.answered or container == CONTAINERS[0]
        if not found.available:
            if last:
                self._say(f"{container}: {found.sentence}")
            return
        if tail.torn(found.text):
            self._say(f"{container}: more lines came than Azure gives at once; some may be missing here.")
        for line in tail.take(found.text):
            self._ctx.emit(LogLine(run=self._ctx.run, container=container, text=line))
        if container == CONTAINERS[0]:
            self.text = found.text

    def _fetch(self, container: deployments.Container, tail: int) -> deployments.Logs:
        ctx = self._ctx
        return deployments.logs(
            ctx.session, ctx.group, ctx.workspace, self._endpoint, self._deployment, container, tail
        )

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._ctx.emit(Notice(run=self._ctx.run, text=text))

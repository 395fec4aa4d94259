"""The logs of a deployment's two containers, over the step that asked for them: the last lines, and new ones as they come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget

from mi_tui.model.failure import Failure
from mi_tui.model.logbuffer import LogBuffer
from mi_tui.model.text import cut, masked, visible
from mi_tui.widgets.logpane import LogPane
from screens.dialogs import Dialog
from screens.wizard import Wizard

if TYPE_CHECKING:
    from mi_tui.workflow import Container, RunRecord, Stop, Target

_TAIL = 500
_ASKING = "Asking for the log …"
_CONTAINERS: tuple[Container, ...] = ("inference-server", "storage-initializer")


class LogTail(Dialog):
    """Asks for both logs again and again while it stands. The log pane has the keys."""

    DEFAULT_CSS = """
    LogTail > #box { width: 96%; height: 92%; }
    LogTail LogPane { height: 1fr; }
    LogTail #log-hints { height: 2; }
    """
    TITLE_TEXT = "Logs"

    def __init__(self, wizard: Wizard) -> None:
        super().__init__()
        self.wizard = wizard
        self._logs: dict[str, LogBuffer] = {}
        self._said: dict[str, str] = dict.fromkeys(_CONTAINERS, _ASKING)
        self._came: deque[tuple[str, str, bool]] = deque()
        """Container, text, and whether it is a line of the log; filled by the threads that ask."""
        self._stop: Stop | None = None

    def content(self) -> Iterable[Widget]:
        yield LogPane(id="pane")

    def ready(self) -> None:
        self.query_one(LogPane).focus_head()
        self.set_interval(0.1, self._take_in)
        self._ask()

    def on_unmount(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _ask(self) -> None:
        from mi_tui.workflow import Stop

        self._stop = stop = Stop()
        for container in _CONTAINERS:
            self._follow(container, stop)

    def _follow(self, container: Container, stop: Stop) -> None:
        def call(target: Target, record: RunRecord) -> None:
            lines = self.wizard.workflow.logs(target, record, container, _TAIL, follow=True, stop=stop)
            for text, real in lines:
                self._came.append((container, text, real))

        def ended(result: Failure | None) -> None:
            if isinstance(result, Failure):
                why = f"The log cannot be had. {visible(cut(result.sentence(), 500))}\n{visible(result.advice)}"
                self._came.append((container, why, False))

        self.wizard.ask_run(call, ended)

    def _take_in(self) -> None:
        """What came since the last look; a sentence in place of a log stands where the log would."""
        stamp = time.strftime("%H:%M:%S")
        for _ in range(min(len(self._came), 1_000)):
            container, text, real = self._came.popleft()
            if real:
                self._logs.setdefault(container, LogBuffer()).append(text, stamp)
            else:
                self._said[container] = text
        pane = self.query_one(LogPane)
        said = self._said[pane.container]
        pane.view.set_masked(self.wizard.masked)
        pane.show(self._logs, masked(said) if self.wizard.masked else said)

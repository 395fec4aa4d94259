"""The last lines of a deployment's logs, over the step that asked for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.failure import Failure
from mi_tui.model.text import cut, masked, visible
from screens.dialogs import Dialog
from screens.wizard import Wizard

if TYPE_CHECKING:
    from mi_tui.workflow import Container, RunRecord, Target

_TAIL = 200
_LINE = 2_000
_SCRIPT: Container = "inference-server"
_STARTER: Container = "storage-initializer"


class LogTail(Dialog):
    """The last lines of one container, and the way to the other one."""

    DEFAULT_CSS = """
    LogTail > #box { width: 96%; height: 90%; }
    LogTail #text { height: 1fr; max-height: 100%; }
    """

    def __init__(self, wizard: Wizard) -> None:
        super().__init__()
        self.wizard = wizard
        self._container: Container = _SCRIPT
        self._asked = 0

    def content(self) -> Iterable[Widget]:
        yield VerticalScroll(Static("", id="lines", markup=False), id="text")

    def choices(self) -> Iterable[Widget]:
        yield Button("Refresh", id="refresh")
        yield Button("Other container", id="other")
        yield Button("Close", id="close", variant="primary")

    def ready(self) -> None:
        self.query_one("#close", Button).focus()
        self._ask()

    def chosen(self, button: str) -> None:
        if button == "other":
            self._container = _STARTER if self._container == _SCRIPT else _SCRIPT
        self._ask()

    def _ask(self) -> None:
        self._asked += 1
        asked, container = self._asked, self._container
        self.retitle(f"Log of {container}, last {_TAIL} lines")
        self.query_one("#lines", Static).update("Asking for the log …")

        def call(target: Target, record: RunRecord) -> list[str]:
            from mi_tui.workflow import Stop

            found = self.wizard.workflow.logs(target, record, container, _TAIL, follow=False, stop=Stop())
            return [visible(cut(line, _LINE)) for line, _ in found]

        self.wizard.ask_run(call, lambda result: self._show(asked, result))

    def _show(self, asked: int, result: list[str] | Failure) -> None:
        if not self.is_mounted or asked != self._asked:
            return
        if isinstance(result, Failure):
            text = f"The log cannot be had. {visible(cut(result.sentence(), 500))}\n{visible(result.advice)}"
        else:
            text = "\n".join(result) or "The log is empty so far."
        self.query_one("#lines", Static).update(masked(text) if self.wizard.masked else text)
        # Only after the new text has been laid out is it known where its end is.
        box = self.query_one("#text", VerticalScroll)
        self.call_after_refresh(box.scroll_end, animate=False)

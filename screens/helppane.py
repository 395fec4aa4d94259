"""The help that stays open at the right of a wide screen: what F1 would say of the thing that has the focus."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from screens.help import explanation


class HelpPane(VerticalScroll):
    """Follows the focus."""

    def __init__(self) -> None:
        super().__init__(id="help", can_focus=False)
        self._title = ""

    def compose(self) -> ComposeResult:
        yield Static("", id="help-title", markup=False)
        yield Static("", id="help-text", markup=False)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._follow)
        self._follow(self.screen)

    def _follow(self, screen: Screen[object]) -> None:
        if not self.is_attached or screen is not self.screen:
            return
        title, paragraphs = explanation(self.screen.focused, self.screen)
        if title != self._title:
            self._title = title
            self.query_one("#help-title", Static).update(title)
            self.query_one("#help-text", Static).update("\n\n".join(paragraphs))
            self.scroll_home(animate=False)

"""What the small screens over a step have in common: a box with a title, a text that scrolls, and buttons."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Static

from screens.journey import Journey


class Dialog(ModalScreen[None]):
    """A box over a step. Esc closes it; the App's keys for leaving work in it too."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialogs.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close"),
        Binding("ctrl+c", "app.quit", "quit", show=False),
        Binding("f3", "app.theme", "theme", show=False),
        Binding("up", "scroll('scroll_up')", show=False),
        Binding("down", "scroll('scroll_down')", show=False),
        Binding("pageup", "scroll('scroll_page_up')", show=False),
        Binding("pagedown", "scroll('scroll_page_down')", show=False),
    ]
    TITLE_TEXT: ClassVar[str] = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self.TITLE_TEXT, id="title", markup=False)
            yield from self.content()
            with Horizontal(id="choices"):
                yield from self.choices()

    def content(self) -> Iterable[Widget]:
        """What stands between title and buttons."""
        return ()

    def choices(self) -> Iterable[Widget]:
        """The buttons."""
        yield Button("Close", id="close", variant="primary")

    def on_mount(self) -> None:
        self.ready()

    def ready(self) -> None:
        """Called when everything is mounted: words and focus."""
        self.query_one("#choices Button", Button).focus()

    @property
    def journey(self) -> Journey:
        """The App, as far as a screen knows it."""
        return cast("Journey", self.app)

    def retitle(self, words: str) -> None:
        """Change the title."""
        self.query_one("#title", Static).update(words)

    def action_scroll(self, how: str) -> None:
        """Scroll the text, wherever the focus is."""
        for text in self.query("#text, #trouble"):
            getattr(text, how)(animate=False)

    def action_close(self) -> None:
        """Back to the step."""
        self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "close":
            self.action_close()
        elif event.button.id:
            self.chosen(event.button.id)

    def chosen(self, button: str) -> None:
        """A button other than Close was pressed."""

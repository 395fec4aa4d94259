"""Section: one row that says what is chosen, and opens to choose otherwise."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mi_tui.model.text import visible

State = Literal["plain", "create", "use", "warn", "fault", "busy"]

_MARKS: dict[State, tuple[str, str]] = {
    "plain": ("", ""),
    "create": ("+", "$text-success"),
    "use": ("=", "$text-accent"),
    "warn": ("▲", "$text-warning"),
    "fault": ("✗", "$text-error"),
    "busy": ("◐", "$foreground-muted"),
}


class SectionHead(Horizontal, can_focus=True):
    """The row. Its own class, so that it takes the focus and the body's widgets keep theirs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "fold", "open or close", show=False)]

    def on_click(self, event: Click) -> None:
        event.stop()
        self.action_fold()

    def action_fold(self) -> None:
        assert isinstance(self.parent, Section)
        self.parent.toggle()


class Section(Widget):
    """A head with label, value and detail, and a body that opens below it. Children are given with `with Section(...)`."""

    DEFAULT_CSS = """
    Section { height: auto; width: 1fr; }
    Section SectionHead { height: auto; width: 1fr; }
    Section SectionHead:hover { background: $boost; }
    Section SectionHead:focus { background: $accent 20%; }
    Section SectionHead:focus .section--label { text-style: bold reverse; }
    Section .section--label { width: 20; height: auto; }
    Section .section--value { width: 1fr; height: auto; }
    Section .section--body { display: none; height: auto; padding: 1 0 0 2; }
    Section.-open .section--body { display: block; }
    """

    class Toggled(Message):
        """The section was opened or closed."""

        def __init__(self, section: Section, opened: bool) -> None:
            super().__init__()
            self.section = section
            self.opened = opened

        @property
        def control(self) -> Section:
            """The section."""
            return self.section

    def __init__(self, label: str, *, opened: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.label = label
        self.opened = opened
        self._inside: list[Widget] = []
        self._said: tuple[str, str, State] = ("", "", "plain")

    def compose_add_child(self, widget: Widget) -> None:
        """What is yielded inside `with Section(...)` belongs to the body."""
        self._inside.append(widget)

    def compose(self) -> ComposeResult:
        with SectionHead():
            yield Static("", classes="section--label", markup=False)
            yield Static("", classes="section--value", markup=False)
        yield Vertical(*self._inside, classes="section--body")

    def on_mount(self) -> None:
        self._draw()

    def say(self, value: str, detail: str = "", state: State = "plain") -> None:
        """Show what is chosen."""
        self._said = (value, detail, state)
        if self.is_mounted:
            self._draw()

    def toggle(self) -> None:
        """Open it, or close it."""
        self.open(not self.opened)

    def open(self, opened: bool = True) -> None:
        """Open or close it."""
        if opened == self.opened:
            return
        self.opened = opened
        self._draw()
        self.post_message(self.Toggled(self, opened))
        if opened:
            self.call_after_refresh(self.scroll_visible, animate=False, top=True)

    def focus(self, scroll_visible: bool = True) -> Section:
        """Focus the row."""
        self.query_one(SectionHead).focus(scroll_visible)
        return self

    def _draw(self) -> None:
        self.set_class(self.opened, "-open")
        self.query_one(".section--label", Static).update(Content(f"{'▾' if self.opened else '▸'} {self.label}"))
        value, detail, state = self._said
        mark, style = _MARKS[state]
        parts = [Content.styled(mark, style)] if mark else []
        parts += [Content(visible(value))] if value else []
        words = visible(detail)
        said = style if state in {"fault", "warn"} else "$foreground-muted"
        parts += [Content.styled(words, said)] if words else []
        self.query_one(".section--value", Static).update(Content(" ").join(parts))

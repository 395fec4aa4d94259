"""The picker: one choice out of a list that may be long, with a fuzzy filter, its loading, empty and failed states in place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click, DescendantBlur, DescendantFocus, Key
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mi_tui.model.failure import Failure
from mi_tui.model.marks import unicode_works
from mi_tui.model.text import visible
from mi_tui.widgets.fuzzy import match_all
from mi_tui.widgets.picklist import PickList, Row

BUSY_SECONDS = 1.0
"""A busy sign stays at least this long, so that it does not flicker."""

_FRAMES = "◐◓◑◒" if unicode_works() else "|/-\\"
_LONGEST = 300


@dataclass(frozen=True)
class PickerItem:
    """One thing to pick. `key` is what the program calls it and is not shown; the texts are data, not markup.

    `mark` stands before the title. A disabled item cannot be chosen; `why` says why.
    """

    key: str
    title: str
    detail: str = ""
    mark: str = ""
    disabled: bool = False
    why: str = ""


def _line(text: str) -> str:
    """A text from outside on one line; nothing longer than a screen is worth drawing."""
    return visible(text[:_LONGEST])


class _Refresh(Static):
    """Says which key refreshes, and does it when clicked."""

    def on_click(self, event: Click) -> None:
        event.stop()
        self.query_ancestor(Picker).action_refresh()


class Picker(Widget):
    """A filter above a list. Down goes from the filter into the list, Enter chooses, typing in the list filters, Ctrl+R refreshes."""

    DEFAULT_CSS = """
    Picker {
        height: auto;
        width: 1fr;
        margin-bottom: 1;
        border-left: outer $panel;
        padding-left: 1;
        &:focus-within { border-left: outer $accent; }
        &:focus-within PickList > .pick-list--cursor { background: $block-cursor-blurred-background; }
        &:focus-within PickList:focus > .pick-list--cursor { background: $block-cursor-background; }
        .picker--head { height: 1; }
        .picker--label { width: auto; max-width: 50%; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
        .picker--value { width: 1fr; padding: 0 1; color: $text-accent; text-wrap: nowrap; text-overflow: ellipsis; }
        .picker--busy { width: auto; color: $text-accent; }
        .picker--refresh { width: auto; margin-left: 1; color: $text-muted; }
        .picker--refresh:hover { color: $text; text-style: underline; }
        .picker--note { height: auto; max-height: 4; padding: 0 2; color: $text-muted; }
        .picker--failure { height: auto; display: none; padding: 0 1; }
        .picker--words { height: auto; max-height: 6; }
        .picker--words.-error { color: $text-error; }
        Button { margin: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "refresh", "refresh", show=False, tooltip="Load the list again."),
        Binding("down", "into_list", "list", show=False),
        Binding("escape", "clear_filter", "clear filter", show=False),
    ]

    class _Said(Message):
        """What the messages of a picker have in common."""

        def __init__(self, picker: Picker) -> None:
            super().__init__()
            self.picker = picker

        @property
        def control(self) -> Picker:
            """For `@on(Picker.Chosen, "#id")`."""
            return self.picker

    class Chosen(_Said):
        """An item was chosen by the person."""

        def __init__(self, picker: Picker, key: str) -> None:
            super().__init__(picker)
            self.key = key

    class CreateNew(_Said):
        """The first row, "+ create ...", was chosen; `text` is what stood in the filter."""

        def __init__(self, picker: Picker, text: str = "") -> None:
            super().__init__(picker)
            self.text = text

    class Refresh(_Said):
        """The list is to be loaded again: the refresh key, or Retry after a failure."""

    def __init__(self, label: str, *, empty: str, create: str | None = None, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label = label
        self._empty = empty
        self._create = create
        self._items: list[PickerItem] = []
        self._shown: dict[str, PickerItem] = {}
        self._rows: list[Row] = []
        self._texts: list[tuple[str, tuple[str, ...]]] = []
        self._known = False
        self._loading = False
        self._busy_since = 0.0
        self._turn = 0
        self._failure: Failure | None = None
        self._chosen: str | None = None
        self._spinner: Timer | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(classes="picker--head"):
            yield Static(visible(self._label), markup=False, classes="picker--label")
            yield Static("", markup=False, classes="picker--value")
            yield Static("", markup=False, classes="picker--busy")
            yield _Refresh("ctrl+r ↻" if unicode_works() else "ctrl+r", markup=False, classes="picker--refresh")
        yield Input(placeholder="type to filter", compact=True, select_on_focus=False)
        with Vertical(classes="picker--failure"):
            yield Static("", markup=False, classes="picker--words -error")
            yield Static("", markup=False, classes="picker--words picker--advice")
            yield Button("Retry", compact=True)
        yield PickList()
        yield Static("", markup=False, classes="picker--note")

    def on_mount(self) -> None:
        self._spinner = self.set_interval(1 / 8, self._spin, pause=True)
        self._draw()
        if self._loading:
            self._start_spinner()

    # ---- what the owner says

    def set_empty(self, words: str) -> None:
        """What stands where there is nothing to choose from: how to get the first one."""
        self._empty = words

    def set_loading(self, loading: bool = True) -> None:
        """The list is being loaded; what is there stays. `set_items` and `set_failure` end it."""
        if not loading:
            self._loading = False
            return
        self._loading = True
        self._busy_since = time.monotonic()
        self._failure = None
        self._start_spinner()
        self._draw()

    def set_items(self, items: Sequence[PickerItem]) -> None:
        """The list has come, in this order. The choice and the place in the list stay where they can."""
        self._failure = None
        self._loading = False
        self.update_items(items)

    def update_items(self, items: Sequence[PickerItem]) -> None:
        """Show other items while what is being loaded, or why it could not be had, stays said."""
        self._items = list(items)
        self._shown = {item.key: item for item in self._items}
        self._known = True
        self._rows = [
            Row(item.key, _line(item.title), _line(item.detail), _line(item.mark), item.disabled, _line(item.why))
            for item in self._items
        ]
        self._texts = [
            (row.title.lower(), (row.detail.lower(), item.key.lower()))
            for row, item in zip(self._rows, self._items, strict=True)
        ]
        self._draw()

    def set_failure(self, failure: Failure) -> None:
        """The list cannot be had. What was there before stays below the sentence."""
        self._failure = failure
        self._loading = False
        self._draw()

    def clear(self) -> None:
        """Forget the items and the choice: they belonged somewhere else."""
        self._items, self._rows, self._texts, self._shown = [], [], [], {}
        self._known, self._chosen, self._failure = False, None, None
        self._draw()

    @property
    def items(self) -> list[PickerItem]:
        """The items as given."""
        return list(self._items)

    @property
    def value(self) -> str | None:
        """The key of what is chosen. While the list is not there yet, what `select` said; None when the list does not have it."""
        return self._chosen if not self._known or self._chosen in self._shown else None

    def select(self, key: str | None) -> None:
        """Choose without a message, also before the list has come."""
        self._chosen = key or None
        self._draw()

    def focus(self, scroll_visible: bool = True) -> Picker:
        """Focus the filter."""
        if self.is_mounted:
            self.query_one(Input).focus(scroll_visible)
        return self

    # ---- keys and mouse

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape goes on to the screen when there is no filter to clear."""
        return bool(self.query_one(Input).value) if action == "clear_filter" else True

    def action_refresh(self) -> None:
        if not self._loading:
            self.post_message(self.Refresh(self))

    def action_into_list(self) -> None:
        listing = self.query_one(PickList)
        if listing.rows:
            listing.focus()

    def action_clear_filter(self) -> None:
        self.query_one(Input).value = ""

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._take(self.query_one(PickList).current)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_refresh()

    def on_pick_list_taken(self, event: PickList.Taken) -> None:
        event.stop()
        self._take(event.row)

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        event.stop()
        self._note()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        self._note()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        self._note()

    def on_pick_list_left(self, event: PickList.Left) -> None:
        event.stop()
        self.query_one(Input).focus()

    def on_key(self, event: Key) -> None:
        """What is typed in the list goes into the filter."""
        listing, filtering = self.query_one(PickList), self.query_one(Input)
        if not listing.has_focus:
            return
        if listing.check_consume_key(event.key, event.character):
            event.stop()
            event.prevent_default()
            filtering.focus()
            filtering.value += event.character or ""
            filtering.action_end()
        elif event.key == "backspace" and filtering.value:
            event.stop()
            filtering.focus()
            filtering.action_delete_left()

    def _take(self, row: Row | None) -> None:
        if row is None or row.disabled:
            return
        filtering = self.query_one(Input)
        if row.key is None:
            self.post_message(self.CreateNew(self, filtering.value.strip()))
            return
        self._chosen = row.key
        with self.prevent(Input.Changed):
            filtering.value = ""
        self._draw()
        self.post_message(self.Chosen(self, row.key))

    # ---- drawing

    def _filtered(self, words: list[str]) -> list[Row]:
        if not words:
            return list(self._rows)
        found: list[tuple[int, int, Row]] = []
        for number, (title, others) in enumerate(self._texts):
            hit = match_all(words, title, others)
            if hit is not None:
                found.append((-hit[0], number, self._rows[number].lit(hit[1])))
        found.sort(key=lambda entry: entry[:2])
        return [row for _, _, row in found]

    def _draw(self) -> None:
        if not self.is_mounted or not self.is_attached:
            return
        listing = self.query_one(PickList)
        words = visible(self.query_one(Input).value).lower().split()
        rows = self._filtered(words)
        first = 0
        if self._create is not None:
            # With words that match, Enter means the best match, not the row above it.
            first = 1 if rows else 0
            rows = [Row(None, f"+ {visible(self._create)}"), *rows]
        listing.show(rows, self._chosen, first, keep=not words)
        listing.display = bool(rows)
        value = self._shown.get(self._chosen or "")
        self.query_one(".picker--value", Static).update(visible(value.title) if value else "")
        self._draw_failure()
        self._draw_busy()
        self._note()

    def _draw_failure(self) -> None:
        panel, failure = self.query_one(".picker--failure"), self._failure
        panel.display = failure is not None
        if failure is not None:
            words = failure.message if failure.code.startswith("mi-tui") else failure.sentence()
            first, second = self.query(".picker--words").results(Static)
            first.update(f"✗ {visible(words)}")
            second.update(visible(failure.advice))
            second.display = bool(failure.advice)

    def _draw_busy(self) -> None:
        busy, count = self._busy, len(self._items)
        sign = f"{_FRAMES[self._turn % 4]} loading" if busy else f"{count:,}" if count > 1 else ""
        self.query_one(".picker--busy", Static).update(sign)

    def _note(self) -> None:
        """The line below the list: why there is nothing, or all of a row that does not fit."""
        listing, note = self.query_one(PickList), self.query_one(".picker--note", Static)
        words: str | Content = ""
        typed = self.query_one(Input).value.strip()
        if not self._items:
            words = "" if self._failure else "Loading …" if self._loading or not self._known else visible(self._empty)
        elif typed and not any(row.key is not None for row in listing.rows):
            words = f"Nothing matches {visible(typed)!r}. Escape takes the filter away."
        elif (row := listing.current) is not None and self.has_focus_within and (row.disabled or listing.crops(row)):
            words = row.whole()
        note.update(words)
        note.display = bool(words)

    # ---- busy sign

    @property
    def _busy(self) -> bool:
        return self._loading or (self._busy_since > 0 and time.monotonic() - self._busy_since < BUSY_SECONDS)

    def _start_spinner(self) -> None:
        if self._spinner is not None:
            self._spinner.resume()

    def _spin(self) -> None:
        if self.app.animation_level != "none":
            self._turn += 1
        if not self._busy:
            self._busy_since = 0.0
            if self._spinner is not None:
                self._spinner.pause()
        self._draw_busy()

"""The list inside a picker: rows of one line each, of which only the visible ones are drawn, so that 5,000 cost no more than ten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Leave, MouseMove, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from mi_tui.model.marks import unicode_works

_CHOSEN = "●" if unicode_works() else "*"
_TITLE_SHARE = 0.5
"""Titles get a column of at most this part of the width; details stand behind it."""


@dataclass(frozen=True)
class Row:
    """One line. `key` None is the row that creates something new; `lights` are the offsets in the title to show as matching."""

    key: str | None
    title: str
    detail: str = ""
    mark: str = ""
    disabled: bool = False
    why: str = ""
    lights: tuple[int, ...] = ()

    def lit(self, offsets: tuple[int, ...]) -> Row:
        """The same row with other matching characters."""
        return replace(self, lights=offsets)

    def whole(self) -> str:
        """All it says, for where it may take more than one line."""
        return "  ".join(part for part in (self.title, self.detail, self.why) if part)


class PickList(ScrollView, can_focus=True):
    """Shows rows, moves a cursor over them and says which one was taken."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    PickList {
        height: auto;
        max-height: 7;
        min-height: 1;
        background: $surface;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .pick-list--row { color: $foreground; }
        & > .pick-list--muted { color: $text-muted; }
        & > .pick-list--match { color: $text-accent; text-style: bold underline; }
        & > .pick-list--chosen { color: $text-accent; text-style: bold; }
        & > .pick-list--hover { background: $block-hover-background; }
        &:focus > .pick-list--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pick-list--row",
        "pick-list--muted",
        "pick-list--match",
        "pick-list--chosen",
        "pick-list--hover",
        "pick-list--cursor",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "to(0)", "first", show=False),
        Binding("end", "to(-1)", "last", show=False),
        Binding("enter", "take", "choose", show=False),
    ]

    cursor: reactive[int] = reactive(0)
    hover: reactive[int] = reactive(-1)

    class Taken(Message):
        """A row was chosen, by Enter or by the mouse."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    class Moved(Message):
        """The cursor is on another row."""

    class Left(Message):
        """Up was pressed on the first row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._chosen: str | None = None
        self._column = 0
        self._marks = 0

    def show(self, rows: list[Row], chosen: str | None, first: int, *, keep: bool) -> None:
        """Show other rows. The cursor goes to `first`; with `keep` it stays on its row, or goes to the chosen one."""
        wanted = self.current.key if keep and self.has_focus and self.current else chosen if keep else None
        self.rows, self._chosen = rows, chosen
        self._column = max((cell_len(row.title) for row in rows if row.key is not None), default=0)
        self._marks = max((cell_len(row.mark) for row in rows), default=0)
        at = next((number for number, row in enumerate(rows) if wanted is not None and row.key == wanted), first)
        self.virtual_size = Size(self.size.width, len(rows))
        self.refresh(layout=True)
        self.set_reactive(PickList.cursor, min(at, max(len(rows) - 1, 0)))
        self.call_after_refresh(self._follow)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def crops(self, row: Row) -> bool:
        """Whether a row is wider than the list."""
        width = self.scrollable_content_region.width
        return width > 0 and self._content(row).cell_length > width

    # ---- size and drawing

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line a row."""
        return len(self.rows)

    def on_resize(self, event: Resize) -> None:
        self.virtual_size = Size(event.size.width, len(self.rows))
        self.post_message(self.Moved())

    def _part(self, name: str) -> Style:
        return self.get_visual_style(f"pick-list--{name}", partial=True)

    def _content(self, row: Row) -> Content:
        if row.key is None:
            return Content("  ") + Content(row.title).stylize(self._part("chosen"))
        lead = (
            Content(f"{_CHOSEN} ").stylize(self._part("chosen"))
            if row.key == self._chosen
            else Content("- " if row.disabled else "  ")
        )
        mark = Content(row.mark + " " * (self._marks - cell_len(row.mark) + 1)) if self._marks else Content("")
        title = Content(row.title)
        if row.disabled:
            title = title.stylize(self._part("muted"))
        for offset in row.lights:
            title = title.stylize(self._part("match"), offset, offset + 1)
        behind = "  ".join(part for part in (row.detail, row.why if row.disabled else "") if part)
        if not behind:
            return lead + mark + title
        column = min(self._column, int(self.scrollable_content_region.width * _TITLE_SHARE))
        gap = Content(" " * (max(column - cell_len(row.title), 0) + 2))
        return lead + mark + title + gap + Content(behind).stylize(self._part("muted"))

    def render_line(self, y: int) -> Strip:
        """One row, with an ellipsis where it is too wide."""
        number, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        classes = ["pick-list--row"]
        if number == self.cursor and number < len(self.rows):
            classes.append("pick-list--cursor")
        elif number == self.hover:
            classes.append("pick-list--hover")
        style = self.get_visual_style(*classes)
        if number >= len(self.rows):
            return Strip.blank(width, style.rich_style)
        content = self._content(self.rows[number])
        if number == self.cursor and self.has_focus:
            content = Content(content.plain)  # the cursor's own colours, so that every part of it can be read
        if content.cell_length > width:
            content = content.truncate(width, ellipsis=True)
        strip = Visual.to_strips(self, content, width, 1, style)[0]
        return strip.adjust_cell_length(width, style.rich_style)

    # ---- moving

    def watch_cursor(self) -> None:
        self._follow()
        self.refresh()
        self.post_message(self.Moved())

    def watch_hover(self) -> None:
        self.refresh()

    def _follow(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Letters and signs go to the filter, so no letter key of the screen fires here. `?` stays the list of keys."""
        return character is not None and character.isprintable() and character not in "? "

    def action_move(self, step: int) -> None:
        if step < 0 and self.cursor == 0:
            self.post_message(self.Left())
        else:
            self.cursor = max(0, min(self.cursor + step, len(self.rows) - 1))

    def action_page(self, step: int) -> None:
        page = max(self.size.height - 1, 1)
        self.cursor = max(0, min(self.cursor + step * page, len(self.rows) - 1))

    def action_to(self, where: int) -> None:
        self.cursor = 0 if where == 0 else max(len(self.rows) - 1, 0)

    def action_take(self) -> None:
        if self.current is not None:
            self.post_message(self.Taken(self.current))

    def on_click(self, event: Click) -> None:
        number = self.scroll_offset.y + event.y
        if 0 <= number < len(self.rows):
            event.stop()
            self.cursor = number
            self.action_take()

    def on_mouse_move(self, event: MouseMove) -> None:
        self.hover = self.scroll_offset.y + event.y

    def on_leave(self, event: Leave) -> None:
        self.hover = -1

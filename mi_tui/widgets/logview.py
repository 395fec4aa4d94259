"""The log view: draws the visible rows of a LogBuffer only, so that volume costs nothing; follows, pauses, searches, filters, wraps."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from mi_tui.model.logbuffer import LogBuffer, LogIndex, pieces, spans, step
from mi_tui.model.text import masked

FLUSH = 0.05
"""Seconds between two looks at the buffer."""
FLOOD = 200
"""More lines than this in one look are more than anybody reads; then the view is drawn every `FLOOD_REST` seconds only."""
FLOOD_REST = 0.15
TYPING_REST = 0.1
"""Seconds after a key that belong to its echo."""
LONGEST_REST = 0.4

_STAMP = 9


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    return cell_len(character)


class LogView(ScrollView, can_focus=True):
    """A log that may grow by thousands of lines a second. The buffer is filled elsewhere; a timer looks whether it grew."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {"logview--stamp", "logview--match", "logview--current"}
    DEFAULT_CSS = """
    LogView {
        background: $surface;
        color: $foreground;
        overflow-x: auto;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
    }
    LogView:focus { background-tint: $foreground 4%; }
    LogView > .logview--stamp { color: $text-muted; }
    LogView > .logview--match { background: $warning-muted; color: $text; text-style: underline; }
    LogView > .logview--current { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("end,G", "log_end", "end", show=False)]

    class Changed(Message):
        """Something of what the view says of itself changed: lines, follow, pause, search."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.buffer = LogBuffer(1)
        self.index = LogIndex(self.buffer, _width)
        self.follow = True
        self.paused = False
        self.wrap = True
        self.stamps = False
        self.search = ""
        self.current: int | None = None
        self._placing = False
        self._seen = -1
        self._gone = 0
        """Rows that went at the top since the picture was last placed."""
        self._base: Style | None = None
        self._flushed = self._rest = self._typed = 0.0

    def on_mount(self) -> None:
        self.set_interval(FLUSH, self.flush)

    # ---- what is shown

    def show(self, buffer: LogBuffer) -> None:
        """Show this buffer from now on."""
        if buffer is self.buffer:
            return
        self.buffer, self.paused, self.current = buffer, False, None
        self._anew(buffer)

    def flush(self) -> None:
        """Take in what came to the buffer since the last look. Called by a timer; cheap when nothing did."""
        if self.paused or self.index.buffer.end == self._seen:
            return
        now = time.monotonic()
        # Also while the picture rests: all that came in a second, counted at once, would be felt.
        self._gone += self.index.update()
        if now < self._rest:
            return
        self._rest = now + FLOOD_REST if self.buffer.end - self._seen > FLOOD else 0.0
        self._flushed, self._seen = now, self.buffer.end
        gone, self._gone = self._gone, 0
        self._place(self.scroll_offset.y - gone)

    def hold(self) -> None:
        """Somebody types: leave the next moment to the echo, but never the log for long."""
        self._typed = time.monotonic()
        self._rest = min(time.monotonic() + TYPING_REST, self._flushed + LONGEST_REST)

    @property
    def typing(self) -> bool:
        """Whether somebody typed a moment ago; what can wait leaves the moment to the echo."""
        return time.monotonic() - self._typed < TYPING_REST

    def _anew(self, buffer: LogBuffer | None = None, *, keep: bool = True) -> None:
        """Count the rows again, after a change of filter, width or buffer; the top line stays the top line."""
        top = self._top() if keep else None
        width = max(1, self._room()) if self.wrap else 0
        self.index.reset(buffer, width=width)
        self._gone = 0
        self._seen = self.index.buffer.end
        self._place(self.index.row_of(top) if top is not None else 0)

    def _top(self) -> int | None:
        row = self.scroll_offset.y - self._gone
        return self.index.at(row)[0] if 0 <= row < self.index.rows else None

    def _room(self) -> int:
        return self.scrollable_content_region.width - (_STAMP if self.stamps else 0)

    def _place(self, row: int) -> None:
        """Set the size, and scroll: to the end when following, else to `row`."""
        self._placing = True
        try:
            width = 0 if self.wrap else self.index.widest + (_STAMP if self.stamps else 0)
            self._grow(Size(width, self.index.rows))
            if self.follow:
                self.scroll_end(animate=False, immediate=True, x_axis=False)
            else:
                self.scroll_to(y=max(0, row), animate=False, immediate=True)
        finally:
            self._placing = False
        self.refresh()
        self.post_message(self.Changed())

    def _grow(self, size: Size) -> None:
        """Take a new size. More rows alone do not lay the whole screen out again: only the scrollbar, always there, has to know."""
        if size.width != self.virtual_size.width or not self.show_vertical_scrollbar:
            self.virtual_size = size
        elif size != self.virtual_size:
            self.set_reactive(LogView.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
            self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def on_resize(self) -> None:
        if self.wrap and self.index.width != max(1, self._room()):
            self._anew()
        elif self.follow:
            self._place(0)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader scrolled: upwards turns following off."""
        super().watch_scroll_y(old_value, new_value)
        if not self._placing and new_value < old_value and new_value < self.max_scroll_y and self.follow:
            self.set_follow(False)

    # ---- what the reader asks for

    def set_follow(self, follow: bool) -> None:
        """Stay at the end as lines come, or stay where the reader is."""
        self.follow = follow
        if follow:
            self.set_paused(False)
            self._place(0)
        self.post_message(self.Changed())

    def action_log_end(self) -> None:
        """To the last line, and stay there."""
        self.set_follow(True)

    def set_paused(self, paused: bool) -> None:
        """Hold the picture still while lines go on coming, or show them again."""
        if paused == self.paused:
            return
        self.paused = paused
        self._anew(self.buffer.snapshot() if paused else self.buffer)

    def set_wrap(self, wrap: bool) -> None:
        """Fold long lines, or let them run out to the right."""
        self.wrap = wrap
        self._anew()
        if wrap:
            self.scroll_to(x=0, animate=False, immediate=True)

    def set_stamps(self, stamps: bool) -> None:
        """Show when each line came, or not."""
        self.stamps = stamps
        self._anew()

    def set_masked(self, hide: bool) -> None:
        """Mask ids, or show them."""
        if hide != (self.index.hide is not None):
            self.index.hide = masked if hide else None
            self._anew()

    def set_filter(self, words: str) -> None:
        """Show only the lines that hold `words`; all of them for the empty text."""
        self.index.filter = words
        self._anew(keep=True)

    def set_search(self, words: str) -> int:
        """Mark what is looked for and go to the last line that holds it; how many lines do."""
        self.search, self.current = words, None
        self.find(back=True)
        return len(self.index.matches(words))

    def find(self, *, back: bool = False) -> None:
        """Go to the next (previous) line that holds what is looked for, round the end."""
        self.current = step(self.index.matches(self.search), self.current, back=back)
        if self.current is not None:
            self.follow = False
            self._place(self.index.row_of(self.current) - self.size.height // 2)
        self.refresh()
        self.post_message(self.Changed())

    def position(self) -> tuple[int, int]:
        """Which match is the current one (from 1; 0 for none), and how many there are."""
        found = self.index.matches(self.search)
        return (found.index(self.current) + 1 if self.current in found else 0), len(found)

    @property
    def held(self) -> int:
        """How many lines came since the picture was paused."""
        return self.buffer.end - self.index.buffer.end if self.paused else 0

    # ---- drawing

    def notify_style_update(self) -> None:
        """The theme or the focus changed."""
        super().notify_style_update()
        self._base = None

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        left, top = self.scroll_offset
        width = self.size.width
        row = top + y
        if self._base is None:
            self._base = self.rich_style  # looking it up for every row is what drawing costs most
        base = self._base
        shown = row - self._gone
        if not 0 <= shown < self.index.rows:
            return Strip.blank(width, base)
        number, part = self.index.at(shown)
        line = self.index.buffer.line(number)
        if line is None:
            return Strip.blank(width, base)  # dropped since the last look
        rows = pieces(self.index.shown(line), self.index.width, _width)
        text = rows[min(part, len(rows) - 1)]
        strip = Strip([Segment(words, style) for words, style in self._styled(row, number, text, base, part == 0)])
        if self.stamps:
            stamp = f"{line.at if part == 0 else '':<{_STAMP}}"
            strip = Strip([Segment(stamp, self.get_component_rich_style("logview--stamp"))]) + strip
        return strip.crop_extend(left, left + width, base).apply_offsets(left, row)

    def _styled(self, row: int, number: int, text: str, base: Style, first: bool) -> list[tuple[str, Style]]:
        """The text in pieces: what is looked for, and what is selected, in their own styles."""
        marks: list[tuple[int, int, Style]] = []
        if self.search:
            style = self.get_component_rich_style("logview--match")
            if number == self.current:
                style += self.get_component_rich_style("logview--current", partial=True)
            marks += [(begin, end, style) for begin, end in spans(text, self.search)]
        if (selection := self.text_selection) is not None and (span := selection.get_span(row)) is not None:
            shift = _STAMP if self.stamps else 0
            begin, end = max(0, span[0] - shift), len(text) if span[1] == -1 else max(0, span[1] - shift)
            marks.append((begin, end, self.screen.get_component_rich_style("screen--selection")))
        if not marks:
            return [(text, base)]
        styles = [base] * len(text)
        for begin, end, style in marks:
            for place in range(begin, min(end, len(text))):
                styles[place] = base + style
        runs: list[tuple[str, Style]] = []
        for character, style in zip(text, styles, strict=True):
            if runs and runs[-1][1] is style:
                runs[-1] = (runs[-1][0] + character, style)
            else:
                runs.append((character, style))
        return runs

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected with the mouse."""
        stamp = _STAMP if self.stamps else 0
        rows = []
        for row in range(self.index.rows):
            number, part = self.index.at(row)
            line = self.index.buffer.line(number)
            rows.append(" " * stamp + pieces(self.index.shown(line), self.index.width, _width)[part] if line else "")
        return selection.extract("\n".join(rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """The mouse selected something else."""
        self.refresh()

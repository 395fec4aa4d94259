"""A list of things to tick, where one that is not ticked looks empty."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import Checkbox, SelectionList


class Ticks(SelectionList[str]):
    """The list of what goes. Textual draws the same cross for both states, in two colours; here one that is not ticked is empty."""

    def render_line(self, y: int) -> Strip:
        """One row."""
        strip = super().render_line(y)
        row = self.scroll_offset.y + y
        if row >= self.option_count or self.get_option_at_index(row).value in self.selected:
            return strip
        cells = [*strip]
        if len(cells) > 1 and cells[1].text == Checkbox.BUTTON_INNER:
            cells[1] = Segment(" " * len(cells[1].text), cells[1].style)
        return Strip(cells, strip.cell_length)

"""A plan's tables: rows of cells with a mark and a word, in columns where there is room, else in two lines each. Nothing is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Static

from mi_tui.model.text import masked, visible

_WIDE = 92
_GAP = 2
_MUTED = "$text-muted"
_STYLE = {
    "+": "$text-success",
    "~": "$text-warning",
    "=": "$text-muted",
    "-": "$text-muted",
    "✓": "$text-success",
    "▲": "$text-warning",
    "✗": "$text-error",
    "–": "$text-muted",
}


@dataclass(frozen=True)
class Entry:
    """One row: `+ create`, the cells that say what, and then what is said of it. Texts may come from outside."""

    mark: str
    word: str
    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


class PlanTable(Static):
    """Shows entries under a heading, and lays them out again when the width changes."""

    DEFAULT_CSS = """
    PlanTable { height: auto; margin-bottom: 1; }
    """

    def __init__(self, title: str, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._title = title
        self._entries: tuple[Entry, ...] = ()
        self._hidden = False

    def show(self, entries: Sequence[Entry], *, hidden: bool = False) -> None:
        """Show these; `hidden` masks ids."""
        self._entries, self._hidden = tuple(entries), hidden
        self._draw(self._width())

    def _width(self) -> int:
        """Its width; what it will be at the most while it is not laid out yet, so that it is not empty for a moment."""
        if self.size.width or not self.is_attached:
            return self.size.width
        return next((node.size.width for node in self.ancestors if isinstance(node, Widget) and node.size.width), 0)

    def on_resize(self, event: Resize) -> None:
        self._draw(event.size.width)

    def _draw(self, width: int) -> None:
        if width and self._entries:
            drawn = lines(self._title, self._entries, width, hidden=self._hidden)
            self.update(Content("\n").join(drawn))


def lines(title: str, entries: Sequence[Entry], width: int, *, hidden: bool = False) -> list[Content]:
    """The table's lines, none wider than `width`."""
    made = [Content.styled(title, "bold")]
    wide = width >= _WIDE
    for entry in entries:
        words = [masked(visible(text)) if hidden else visible(text) for text in (*entry.cells, *entry.notes)]
        cells, said = words[: len(entry.cells)], "; ".join(filter(None, words[len(entry.cells) :]))
        lead = Content.styled(f"{entry.mark} {entry.word:<9}", _STYLE.get(entry.mark, ""))
        if wide:
            made += _columns(lead, [*cells, said], _widths(entries, width - lead.cell_length), len(cells))
        else:
            made += _stacked(lead, cells, said, entries, width)
    return made


def _widths(entries: Sequence[Entry], room: int) -> list[int]:
    """Widths of all columns: cells as wide as they need, within bounds; what is said has the rest."""
    widths = [
        min(max(Content(visible(entry.cells[place])).cell_length for entry in entries), room * 45 // 100)
        for place in range(len(entries[0].cells))
    ]
    return [*widths, max(16, room - sum(widths) - _GAP * len(widths))]


def _columns(lead: Content, texts: list[str], widths: list[int], cells: int) -> Iterator[Content]:
    """One entry in columns, each wrapped in its own."""
    parts = [Content(text).wrap(width) if text else [] for text, width in zip(texts, widths, strict=True)]
    for number in range(max(len(part) for part in parts)):
        line = lead if number == 0 else Content(" " * lead.cell_length)
        for place, (part, width) in enumerate(zip(parts, widths, strict=True)):
            text = part[number] if number < len(part) else Content("")
            styled = text if place < cells else text.stylize(_MUTED)
            line = Content.assemble(line, styled.pad_right(max(0, width - text.cell_length)), " " * _GAP)
        yield line.rstrip()


def _stacked(lead: Content, cells: list[str], said: str, entries: Sequence[Entry], width: int) -> Iterator[Content]:
    """One entry in lines under each other: what it is, and below what is said of it."""
    room = max(10, width - lead.cell_length)
    first = max(Content(visible(entry.cells[0])).cell_length for entry in entries)
    together = "  ".join((f"{cells[0]:<{first}}", *cells[1:])) if len(cells) > 1 else cells[0]
    if Content(together).cell_length > room:
        together = "  ".join(cells)
    for number, part in enumerate(Content(together).wrap(room)):
        yield Content.assemble(lead if number == 0 else " " * lead.cell_length, part)
    for part in Content.styled(said, _MUTED).wrap(room) if said else []:
        yield Content.assemble(" " * lead.cell_length, part)

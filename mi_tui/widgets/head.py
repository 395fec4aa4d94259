"""Head: the line at the top: the product, what it does, and who is signed in where."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.widgets import Static

from mi_tui.model.text import visible

_NAME = " mi-tui "
_HEADLINE = " Deploy an endpoint with a managed identity"


class Head(Static):
    """One line. Who is signed in stands at the right; it takes the headline's room where there is little."""

    DEFAULT_CSS: ClassVar[str] = "Head { height: 1; background: $panel; }"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, headline: str = _HEADLINE) -> None:
        super().__init__("", id="head", markup=False)
        self._headline = headline
        self.who = ""

    def show(self, who: str) -> None:
        """Say who is signed in, and where."""
        self.who = visible(who)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        who = Content(self.who)
        room = width - len(_NAME) - 1
        if who.cell_length > room:
            who = who.truncate(max(room, 0), ellipsis=True)
        headline = Content(self._headline)
        if headline.cell_length + who.cell_length + 2 > room:
            headline = Content("")
        gap = max(room - headline.cell_length - who.cell_length, 0)
        parts = Content.assemble((_NAME, "bold $accent"), headline, " " * gap, who.stylize("$text-muted"))
        self.update(parts, layout=False)

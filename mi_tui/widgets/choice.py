"""Choice: two or more cards, one of which is taken; side by side where there is room, else one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mi_tui.model.text import visible

STACKED_BELOW = 60
"""Columns below which the cards stand one below the other."""


@dataclass(frozen=True)
class Card:
    """What can be taken: a title and lines that explain it. `warning` stands below them with its mark; `id` is the widget's."""

    key: str
    title: str
    lines: tuple[str, ...] = ()
    warning: str = ""
    id: str | None = None


class CardView(Static, can_focus=True):
    """One card."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "take", "choose", show=False),
        Binding("enter", "accept", "choose and go on", show=False),
        Binding("left,up", "move(-1)", "the card before", show=False),
        Binding("right,down", "move(1)", "the next card", show=False),
    ]

    def __init__(self, card: Card, *, taken: bool) -> None:
        super().__init__("", markup=False, id=card.id)
        self.card = card
        self._taken = taken

    @property
    def choice(self) -> Choice:
        """The choice that this card is part of."""
        assert isinstance(self.parent, Choice)
        return self.parent

    def on_mount(self) -> None:
        self.show(self.card, taken=self._taken)

    def show(self, card: Card, *, taken: bool) -> None:
        """Draw the card."""
        self.card, self._taken = card, taken
        self.set_class(taken, "-taken")
        mark = "◉" if taken else "○"
        rows = [Content.styled(f"{mark} {visible(card.title)}", "$text-accent bold" if taken else "bold")]
        rows += [Content(visible(line)) for line in card.lines]
        if card.warning:
            rows.append(Content.styled(f"▲ {visible(card.warning)}", "$text-warning"))
        self.update(Content("\n").join(rows))

    def on_click(self, event: Click) -> None:
        event.stop()
        self.choice.take(self.card.key)

    def action_take(self) -> None:
        self.choice.take(self.card.key)

    def action_accept(self) -> None:
        self.choice.take(self.card.key)
        self.choice.post_message(Choice.Accepted(self.choice, self.card.key))

    def action_move(self, by: int) -> None:
        self.choice.move(self.card.key, by)


class Choice(Widget):
    """The cards. Arrows take the next one, Tab looks at it, space, Enter or a click takes it."""

    DEFAULT_CSS = """
    Choice { layout: grid; grid-rows: auto; height: auto; width: 1fr; margin-bottom: 1; }
    Choice CardView { width: 1fr; height: 100%; min-height: 3; padding: 0 1; border: round $foreground 30%; }
    Choice CardView.-taken { border: round $accent; }
    Choice CardView:focus { border: heavy $accent; background: $accent 10%; }
    Choice CardView:hover { background: $boost; }
    """

    class Changed(Message):
        """Another card was taken."""

        def __init__(self, choice: Choice, key: str) -> None:
            super().__init__()
            self.choice = choice
            self.key = key

        @property
        def control(self) -> Choice:
            """The choice."""
            return self.choice

    class Accepted(Message):
        """Enter was pressed on a card."""

        def __init__(self, choice: Choice, key: str) -> None:
            super().__init__()
            self.choice = choice
            self.key = key

        @property
        def control(self) -> Choice:
            """The choice."""
            return self.choice

    def __init__(self, cards: Sequence[Card], *, value: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cards = list(cards)
        self.value = value
        """The key of the card that is taken."""

    def compose(self) -> ComposeResult:
        for card in self._cards:
            yield CardView(card, taken=card.key == self.value)

    def on_resize(self, event: Resize) -> None:
        stacked = event.size.width < STACKED_BELOW
        self.set_class(stacked, "-stacked")
        self.styles.grid_size_columns = 1 if stacked else len(self._cards)

    def take(self, key: str, *, quietly: bool = False) -> None:
        """Take a card; with `quietly` nobody is told."""
        if key == self.value:
            return
        self.value = key
        self._draw()
        if not quietly:
            self.post_message(self.Changed(self, key))

    def replace(self, card: Card) -> None:
        """Show other words on the card with the same key."""
        self._cards = [card if card.key == old.key else old for old in self._cards]
        self._draw()

    def move(self, key: str, by: int) -> None:
        """Take the card before or after one, and focus it."""
        keys = [card.key for card in self._cards]
        at = max(0, min(len(keys) - 1, keys.index(key) + by))
        self.take(keys[at])
        list(self.query(CardView))[at].focus()

    def focus(self, scroll_visible: bool = True) -> Choice:
        """Focus the card that is taken."""
        for view in self.query(CardView):
            if view.card.key == self.value:
                view.focus(scroll_visible)
        return self

    def _draw(self) -> None:
        if self.is_mounted:
            for view, card in zip(self.query(CardView), self._cards, strict=True):
                view.show(card, taken=card.key == self.value)

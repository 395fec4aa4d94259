"""KeyBar: one line at the bottom with the keys that do something here; a click on one is the key pressed.

One widget, where Textual's Footer mounts one for each key, again whenever the focus moves.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import ActiveBinding
from textual.content import Content
from textual.events import Click, MouseMove
from textual.screen import Screen
from textual.widgets import Static

from mi_tui.model.actions import pretty

_GAP = 2
_LAST = "quit"
"""The action that stands at the right end."""
_KEPT = {"keys", "app.keys"}
"""What stays where there is little room: it lists all the others."""


class KeyBar(Static):
    """The keys that are bound where the focus is and are to be shown, as many as there is room for."""

    DEFAULT_CSS: ClassVar[str] = "KeyBar { dock: bottom; height: 1; background: $footer-background; }"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__("", id="keys", markup=False)
        self._places: list[tuple[range, ActiveBinding]] = []
        """The columns of each key that stands here."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed, immediate=True)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self._draw()

    def _draw(self) -> None:
        active = self.screen.active_bindings
        palette = self.app.COMMAND_PALETTE_BINDING
        shown: dict[str, ActiveBinding] = {}
        for known in active.values():
            if known.binding.show:
                shown.setdefault(known.binding.action, known)
        if self.app.ENABLE_COMMAND_PALETTE and palette in active:
            shown.setdefault(active[palette].binding.action, active[palette])
        last = next((shown.pop(action) for action in list(shown) if action.rpartition(".")[2] == _LAST), None)
        left = list(shown.values())
        room = self.size.width - 1 - (_width(last) if last else 0)
        while left and sum(_width(known) for known in left) > room:
            left.remove(next((known for known in reversed(left) if known.binding.action not in _KEPT), left[-1]))
        self._places, parts, column = [], [], 1
        for known in (*left, *([last] if last else [])):
            if known is last:
                column, before = max(column, self.size.width - _width(last)), column
                parts.append(Content(" " * (column - before)))
            self._places.append((range(column, column + _width(known) - _GAP), known))
            key, words = _key(known), _words(known)
            style = "$footer-description-foreground" if known.enabled else "$text-disabled"
            parts.append(Content.assemble((key, "$footer-key-foreground bold"), " ", (words, style), " " * _GAP))
            column += _width(known)
        self.update(Content(" ") + Content("").join(parts), layout=False)

    def _at(self, column: int) -> ActiveBinding | None:
        return next((known for columns, known in self._places if column in columns), None)

    def on_mouse_move(self, event: MouseMove) -> None:
        """What the key under the pointer does, in words."""
        known = self._at(event.x)
        self.tooltip = (known.tooltip or known.binding.tooltip or None) if known else None

    def on_click(self, event: Click) -> None:
        event.stop()
        if (known := self._at(event.x)) is not None and known.enabled:
            self.app.simulate_key(known.binding.key)


def _key(known: ActiveBinding) -> str:
    return pretty(known.binding.key)


def _words(known: ActiveBinding) -> str:
    return "commands" if known.binding.action.endswith("command_palette") else known.binding.description


def _width(known: ActiveBinding) -> int:
    return len(_key(known)) + 1 + len(_words(known)) + _GAP

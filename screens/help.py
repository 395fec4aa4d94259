"""Help over a step: what the focused thing is, and which keys there are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from mi_tui.model import actions
from mi_tui.model.actions import pretty
from mi_tui.model.explain import Text, explained
from mi_tui.model.stage import Stage
from screens.dialogs import Dialog


def _paragraphs(texts: Iterable[str | Content]) -> VerticalScroll:
    return VerticalScroll(*(Static(text, markup=False) for text in texts), id="text")


class Explain(Dialog):
    """Explains what has the focus, else the step."""

    def __init__(self, focused: Widget | None, screen: Screen[object]) -> None:
        super().__init__()
        self._title, self._texts = explanation(focused, screen)

    def content(self) -> Iterable[Widget]:
        yield _paragraphs(self._texts)

    def ready(self) -> None:
        self.retitle(self._title)
        super().ready()


def explanation(focused: Widget | None, screen: Screen[object]) -> Text:
    """The text for the nearest thing around the focus that has one."""
    keys: list[str] = []
    for node in focused.ancestors_with_self if focused is not None else ():
        if node is screen:
            break
        keys += [str(getattr(node, "explain", "") or ""), node.id or ""]
    keys += [str(getattr(screen, "HELP", "")), _stage_of(screen)]
    for key in keys:
        if key and (found := explained(key)):
            return found
    return "mi-tui", ("Tab goes from one thing to the next, Enter takes the highlighted button, esc goes back.",)


def _stage_of(screen: Screen[object]) -> str:
    """The step that a screen is for; empty for what is none, such as a dialog."""
    stage = getattr(screen, "STAGE", None)
    return stage.value if isinstance(stage, Stage) else ""


class Keys(Dialog):
    """Lists the keys."""

    TITLE_TEXT = "Keys"

    def __init__(self, screen: Screen[object]) -> None:
        super().__init__()
        self._stage = _stage_of(screen)
        own = () if self._stage else screen.BINDINGS
        self._own = [
            (b.key, b.tooltip or f"{b.description.capitalize()}.")
            for b in own
            if isinstance(b, Binding) and b.description
        ]

    def content(self) -> Iterable[Widget]:
        taken = {keys for keys, _ in self._own}
        rows = [
            ("tab, shift+tab", "Go to the next thing, or back to the one before."),
            ("enter", "Take the button or the row that is highlighted."),
            *((pretty(keys), words) for keys, words in self._own),
            *((pretty(action.keys), action.help) for action in actions.on(self._stage) if action.keys not in taken),
        ]
        lines = [
            Content.assemble((f"{keys:<16}", "$text-accent bold"), ("\n" + " " * 16).join(textwrap.wrap(words, 50)))
            for keys, words in rows
        ]
        yield VerticalScroll(Static(Content("\n").join(lines), markup=False), id="text")

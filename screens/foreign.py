"""What is asked when a container that a run made holds blobs which the run did not put there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.text import cut, visible
from screens.dialogs import Dialog

_SHOWN = 100
"""How many blobs of a container are named."""


class ForeignBlobs(Dialog):
    """Names the blobs of each such container and asks whether they may go. Leaving them is the default; Esc goes back and removes nothing."""

    TITLE_TEXT = "Others' blobs are in what would go"

    def __init__(self, found: dict[str, tuple[str, ...]], answer: Callable[[dict[str, frozenset[str]]], None]) -> None:
        super().__init__()
        self._found, self._answer = found, answer

    def content(self) -> Iterable[Widget]:
        lines: list[str] = []
        for container, names in self._found.items():
            name = container.rstrip("/").rsplit("/", 1)[-1]
            lines.append(f"The container {name} holds {len(names)} blob(s) that this run did not put there:")
            lines += [f"  {cut(blob, 200)}" for blob in names[:_SHOWN]]
            lines += [f"  and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
        lines += [
            "",
            "Left, the container stays with them, and so does its storage account. Removed, they cannot be had back.",
        ]
        words = "\n".join(visible(line) for line in lines)
        yield VerticalScroll(Static(words, id="words", markup=False), id="text", can_focus=False)

    def choices(self) -> Iterable[Widget]:
        yield Button("Leave them", id="leave", variant="primary")
        yield Button("Remove them too", id="remove")
        yield Button("Back", id="close")

    def chosen(self, button: str) -> None:
        consent = (
            {container: frozenset(names) for container, names in self._found.items()} if button == "remove" else {}
        )
        self.dismiss(None)
        self._answer(consent)

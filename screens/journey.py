"""What a screen may ask of the App."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mi_tui.model.stage import Stage

if TYPE_CHECKING:
    from screens.wizard import Wizard


class Journey(Protocol):
    """What a screen may ask of the App: to go on, to go back, and the dialogs that every screen has."""

    wizard: Wizard
    reached: Stage

    def after_paint(self, work: Callable[[], object]) -> None: ...
    def go(self, stage: Stage) -> None: ...
    def go_forward(self) -> None: ...
    def go_back(self) -> None: ...
    def open_answers(self) -> None: ...
    def save_answers(self) -> None: ...

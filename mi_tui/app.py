"""The Textual App: theme, keys, and the order of the screens."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from mi_tui.workflow import Workflow
from screens.journey import JourneyScreen


class MiTui(App[int]):
    """One screen for now: the main job in the sandbox, and its events."""

    TITLE = "mi-tui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,q", "leave", "quit", priority=False)]

    def __init__(self, workflow: Workflow | None = None) -> None:
        super().__init__()
        self._workflow = workflow or Workflow()

    def on_mount(self) -> None:
        self.push_screen(JourneyScreen(self._workflow))

    def action_leave(self) -> None:
        """Quit; the screen says first how a run under way is left."""
        screen = self.screen
        self.exit(screen.leave() if isinstance(screen, JourneyScreen) else 0)


def run_app() -> int:
    """Run the app; the exit code."""
    app = MiTui()
    code = app.run()
    return code if code is not None else 0

"""What is asked before a run is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.stage import Stage
from screens.dialogs import Dialog
from screens.wizard import Wizard


class Leave(Dialog):
    """Asks before leaving a run. Leaving it running is the default; Ctrl+C once more leaves at once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit", "quit", show=False)]

    def __init__(self, wizard: Wizard) -> None:
        super().__init__()
        self.wizard = wizard
        self._cancelling = False

    def content(self) -> Iterable[Widget]:
        yield VerticalScroll(Static("", id="words", markup=False), id="text", can_focus=False)

    def choices(self) -> Iterable[Widget]:
        yield Button("Leave it running", id="leave", variant="primary")
        yield Button("Clean up", id="clean", variant="primary")
        yield Button("Cancel the run", id="cancel")
        yield Button("Stay", id="close")

    def ready(self) -> None:
        run, cleaning = self.wizard.run, self.wizard.cleaning
        again = "down" if cleaning else "resume"
        self.retitle("The clean-up is under way" if cleaning else "The run is under way")
        self.say(
            f"Leave it running: what has been begun is finished without mi-tui, and 'mi-tui {again} {run}' goes on later. "
            "A deployment that exists bills until you clean up.",
            "Cancel: no new step is begun, and a deployment that is being created is deleted; Azure finishes what it cannot cancel. "
            "What was made so far stays until you clean up.",
            "Ctrl+C once more leaves at once.",
        )
        self.query_one("#clean").display = False
        self.query_one("#leave", Button).focus()
        self.set_interval(0.2, self._look)

    def say(self, *lines: str) -> None:
        """Put other words into the box."""
        self.query_one("#words", Static).update("\n\n".join(lines))

    def chosen(self, button: str) -> None:
        match button:
            case "leave":
                self.app.call_later(self.app.run_action, "quit")
            case "cancel":
                self._cancel()
            case "clean":
                journey = self.journey
                self.dismiss(None)
                journey.go(Stage.CLEANUP)

    def _cancel(self) -> None:
        if self.wizard.stop is not None:
            self.wizard.stop.cancelled = True
            self.wizard.stop.set()
        self._cancelling = True
        self.retitle("Cancelling")
        self.say(
            "No new step is begun. What can be cancelled is being cancelled; the timeline says how each step ends.",
            "Leaving is safe meanwhile.",
        )
        self.query_one("#cancel").display = False
        self.query_one("#leave", Button).label = "Leave now"
        self.query_one("#leave", Button).focus()

    def _look(self) -> None:
        """What is under way may end while the question stands."""
        if self.wizard.busy:
            return
        if not self._cancelling:
            self.dismiss(None)
            return
        if not self.query_one("#clean").display:
            self.retitle("Cancelled")
            finished = self.wizard.progress.finished
            explained = finished is not None and finished.diagnosis is not None
            why = "Why it waited, and what helps, stands on the screen behind this: Stay." if explained else ""
            self.say("Nothing is under way any more. What was made so far is still there.", *filter(None, [why]))
            self.query_one("#leave", Button).label = "Leave"
            self.query_one("#leave", Button).variant = "default"
            self.query_one("#clean").display = True
            self.query_one("#close" if explained else "#clean", Button).focus()

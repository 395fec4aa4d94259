"""Earlier runs, on the first screen: a list from the journal, and what can be done with the one that is chosen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.failure import Failure
from mi_tui.model.text import visible
from mi_tui.widgets.picker import Picker, PickerItem
from screens.diagnosis_words import Looked

if TYPE_CHECKING:
    from mi_tui.workflow import RunRecord, Workflow
    from screens.base import WizardScreen

_MARKS = {
    "planned": "○",
    "running": "◐",
    "succeeded": "✓",
    "failed": "✗",
    "left_running": "▲",
    "cancelled": "–",
    "removed": "–",
    "partly_removed": "–",
}
_OFFERS: dict[str, tuple[str, ...]] = {
    "planned": ("resume", "clean"),
    "succeeded": ("open", "clean"),
    "failed": ("resume", "clean", "open"),
    "left_running": ("resume", "clean", "open"),
    "cancelled": ("resume", "clean"),
    "partly_removed": ("clean",),
}
_LABELS = {"resume": "Resume", "open": "Open endpoint", "clean": "Clean up"}
"""In this order, so that the first one that is offered is the likely one."""


class EarlierRuns(Widget):
    """The list and its buttons. Says `Wanted` when something is to be done with a run."""

    DEFAULT_CSS = """
    EarlierRuns { height: auto; }
    EarlierRuns #none { color: $text-muted; height: auto; }
    EarlierRuns #run-buttons { height: auto; display: none; padding-left: 2; margin-bottom: 1; }
    EarlierRuns #run-buttons Button { margin-right: 2; min-width: 10; }
    EarlierRuns #run-words { width: 1fr; height: auto; color: $text-muted; }
    EarlierRuns Picker { display: none; margin-bottom: 0; }
    """
    NONE: ClassVar[str] = "No earlier runs yet. Ctrl+O opens an answers file."

    class Wanted(Message):
        """`what` is `resume`, `clean` or `open`."""

        def __init__(self, what: str, record: RunRecord) -> None:
            super().__init__()
            self.what = what
            self.record = record

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[str, RunRecord] = {}

    def compose(self) -> ComposeResult:
        yield Static("", id="none", markup=False)
        yield Picker("Earlier runs", empty=self.NONE)
        with Horizontal(id="run-buttons"):
            for what, label in _LABELS.items():
                yield Button(label, id=what, compact=True)
            yield Static("", id="run-words", markup=False)

    def on_mount(self) -> None:
        self.load()

    def load(self) -> None:
        """Read the journal in the background."""
        self.query_one(Picker).set_loading()
        wizard = cast("WizardScreen", self.screen).wizard
        wizard.background(lambda: wizard.workflow.journal.runs(), self._came)

    def _came(self, result: list[RunRecord] | Failure) -> None:
        if not self.is_attached:
            return
        picker = self.query_one(Picker)
        if isinstance(result, Failure):
            picker.set_failure(result)
        else:
            self._records = {record.id: record for record in result}
            picker.set_items([_item(record) for record in result])
        none = isinstance(result, list) and not result
        picker.display = not none
        self.query_one("#none", Static).update(self.NONE if none else "")
        self.query_one("#none").display = none
        notices = cast("WizardScreen", self.screen).wizard.workflow.notices
        while notices:
            self.app.notify(visible(notices.pop(0)), markup=False)
        self._offer()

    def _offer(self) -> None:
        """Show the buttons that make sense for the chosen run."""
        record = self._records.get(self.query_one(Picker).value or "")
        offers = _OFFERS.get(record.state.value, ()) if record else ()
        if record is not None and record.adopted:
            offers = tuple(what for what in offers if what == "clean")
        for what in _LABELS:
            self.query_one(f"#{what}").display = what in offers
        words = ""
        if record is not None and not offers:
            owner = f"Another mi-tui is working on it: {visible(record.driver.words)}." if record.driver else ""
            words = owner or "It was removed; nothing is left of it."
        self.query_one("#run-words", Static).update(words)
        self.query_one("#run-buttons").display = record is not None

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        event.stop()
        self._offer()
        first = next((button for button in self.query("#run-buttons Button") if button.display), None)
        if first is not None:
            self.call_after_refresh(first.focus)

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        event.stop()
        self.load()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        record = self._records.get(self.query_one(Picker).value or "")
        if record is not None and event.button.id:
            self.post_message(self.Wanted(event.button.id, record))


def _item(record: RunRecord) -> PickerItem:
    state = record.state.value
    return PickerItem(
        record.id,
        record.plan.answers.endpoint.name,
        f"{state.replace('_', ' ')} · {record.target} · {ago(time.time() - record.started)} · {record.id}",
        _MARKS.get(state, "○"),
    )


def ago(seconds: float) -> str:
    """How long ago, in one short word or two."""
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {word} ago"
    return "just now"


def last_failed(workflow: Workflow) -> Looked | None:
    """Why the newest run that failed did so, as the journal has it, unless it was removed since. Raises JournalError."""
    record = next((record for record in workflow.journal.runs() if record.state.value == "failed"), None)
    found = workflow.advice.kept(record) if record is not None else None
    if record is None or found is None:
        return None
    then = f"Choose the run on the first step and press Resume; or 'mi-tui resume {record.id} --fix N' makes the fix with this number."
    return Looked(f"run {record.id}, {ago(time.time() - record.started)}", (found,), then=then)

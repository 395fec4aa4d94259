"""What the steps that ask with fields, cards and sections have in common: where Enter leads, and that one section is open at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import msgspec
from textual.app import ComposeResult
from textual.widgets import Button

from mi_tui.model.failure import Failure
from mi_tui.model.text import masked, visible
from mi_tui.widgets.choice import Choice
from mi_tui.widgets.field import Field
from mi_tui.widgets.picker import Picker
from mi_tui.widgets.section import Section
from screens.base import WizardScreen

T = TypeVar("T")


class AskingScreen(WizardScreen):
    """A step that saves each answer as it is given."""

    def __init__(self) -> None:
        super().__init__()
        self._failed: dict[str, Failure] = {}
        """Picker -> why its list could not be had."""
        self._turns: Counter[str] = Counter()
        """Picker -> how often its list was asked for, or let go: only the last one counts."""

    def compose(self) -> ComposeResult:
        draft = self.wizard.draft
        if self.wizard.target is not None and not (draft.account or draft.endpoint or draft.model):
            self.wizard.suggest()
        yield from super().compose()

    def ready(self) -> None:
        super().ready()
        if not self.wizard.draft.complete(self.STAGE):
            self._go_to_fault()

    def complain(self, words: str) -> None:
        super().complain(self.hidden(visible(words, lines=True)))

    def hidden(self, text: str) -> str:
        """A text from outside, with its ids masked where that is asked for."""
        return masked(text) if self.wizard.masked else text

    def failed(self, picker: Picker, failure: Failure | None) -> None:
        """Show in a picker why its list could not be had; None when it came."""
        name = picker.id or ""
        if failure is None:
            self._failed.pop(name, None)
            return
        self._failed[name] = failure
        shown = {"message": self.hidden(failure.message), "advice": self.hidden(failure.advice)}
        picker.set_failure(msgspec.structs.replace(failure, **shown))

    def fill(self, picker: Picker, call: Callable[[], T], take: Callable[[T], None], then: Callable[[], None]) -> None:
        """Ask for a picker's list in the background; `take` gets it, `then` is called also when it failed.

        What comes after the list was asked for again, or let go by `empty`, is dropped.
        """
        name = picker.id or ""
        turn = self._turn(name)
        picker.set_loading()

        def came(result: T | Failure) -> None:
            if not self.is_attached or self._turns[name] != turn:
                return
            if isinstance(result, Failure):
                self.failed(picker, result)
            else:
                self.failed(picker, None)
                take(result)
            then()

        self.wizard.background(call, came)

    def empty(self, picker: Picker) -> None:
        """Forget a picker's list: it belonged to what is not chosen any more."""
        self._turn(picker.id or "")
        self.failed(picker, None)
        picker.clear()

    def _turn(self, name: str) -> int:
        self._turns[name] += 1
        return self._turns[name]

    def check_name(self, field: Field, call: Callable[[], str | None], asking: str, free: str) -> None:
        """Ask in the background whether a name can be had; `call` says why not. The answer stands below the field."""
        name = field.value
        field.set_remote("checking", asking)

        def answered(result: str | Failure | None) -> None:
            if not self.is_attached:
                return
            if isinstance(result, Failure):
                words = f"Whether it is free could not be asked: {self.hidden(result.message)}"
                field.set_remote("unknown", words, of=name)
            elif result:
                field.set_remote("fault", self.hidden(result), of=name)
            else:
                field.set_remote("ok", free, of=name)

        self.wizard.background(call, answered)

    def masking_changed(self) -> None:
        super().masking_changed()
        for name, failure in tuple(self._failed.items()):
            self.failed(self.query_one(f"#{name}", Picker), failure)

    def refusal(self) -> str:
        """What is missing or wrong, once for each answer."""
        words: dict[str, str] = {}
        for fault in self.wizard.draft.faults(self.STAGE):
            words.setdefault(fault.place, fault.words)
        return "\n".join(words.values())

    def action_forward(self) -> None:
        super().action_forward()
        if self.query_one("#complaint").display:
            self._go_to_fault()

    def _go_to_fault(self) -> None:
        """Focus the first field that is wrong; in a closed row, open that."""
        for field in self.query(Field):
            if field.fault and field.display:
                section = next((parent for parent in field.ancestors if isinstance(parent, Section)), None)
                if section is not None and not section.display:
                    continue
                if section is not None and not section.opened:
                    section.open()
                self.call_after_refresh(field.focus)
                return

    def saved(self) -> None:
        """An answer was given: what was complained of may be mended, and the rail may have changed."""
        self.complain("")
        self.refresh_rail()

    def done_here(self) -> None:
        """Enter was pressed on an answer: the next Enter goes on."""
        self.query_one("#primary", Button).focus()

    def on_field_submitted(self, event: Field.Submitted) -> None:
        event.stop()
        self.done_here()

    def on_choice_accepted(self, event: Choice.Accepted) -> None:
        event.stop()
        self.done_here()

    def on_section_toggled(self, event: Section.Toggled) -> None:
        event.stop()
        if event.opened:
            for section in self.query(Section):
                if section is not event.section:
                    section.open(False)
            self.opened(event.section)

    def opened(self, section: Section) -> None:
        """A section was opened: what is first in it gets the focus."""
        for widget in section.query("Picker, Field, Select, TextArea"):
            if widget.display:
                widget.focus()
                return


def same_name(one: str, other: str) -> bool:
    """Names in Azure are compared without case."""
    return one.lower() == other.lower()

"""A fix, before it is made: what changes, the diff of the conda file where that changes, and the question whether to go on so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mi_tui.model.failure import Failure
from mi_tui.model.text import masked, visible
from screens.dialogs import Dialog

if TYPE_CHECKING:
    from mi_tui.fixing import Mended
    from mi_tui.model.diagnosis import Change
    from mi_tui.workflow import RunRecord, Target
    from screens.wizard import Wizard

_HEADS = 2
"""Lines of a unified diff that name the file twice; the dialog names it once, among what changes."""

Taken = Callable[["RunRecord", "Mended"], None]
"""What is done with a change that was confirmed."""


class MendDialog(Dialog):
    """Shows one change of the run's plan, looked at in the background; the button makes it. Esc leaves everything as it is."""

    HELP = "deploy"
    TITLE_TEXT = "Change the plan, and go on"

    def __init__(self, wizard: Wizard, change: Change, words: str, taken: Taken) -> None:
        super().__init__()
        self.wizard = wizard
        self._change, self._words, self._taken = change, words, taken
        self._asked: tuple[str, ...] = ()
        """Names that only the person knows the value of; the first is asked for."""
        self._values: dict[str, str] = {}
        self._shown: tuple[RunRecord, Mended] | None = None

    def content(self) -> Iterable[Widget]:
        yield VerticalScroll(
            Static(self._safe(self._words), id="words", markup=False),
            Static("", id="diff", markup=False),
            Static("", id="lines", markup=False),
            id="text",
            can_focus=False,
        )
        yield Input(id="value")
        yield Static("", id="trouble", markup=False)

    def choices(self) -> Iterable[Widget]:
        yield Button("Change it and go on", id="confirm", variant="primary", disabled=True)
        yield Button("Leave it", id="close")

    def ready(self) -> None:
        from mi_tui.fixing import asks_for

        self._asked = asks_for(self._change)
        self.query_one("#value", Input).display = bool(self._asked)
        self.query_one("#diff").display = False
        if self._asked:
            self._ask()
        else:
            self._look()

    def _safe(self, text: str) -> str:
        return masked(visible(text)) if self.wizard.masked else visible(text)

    # ---- what only the person knows

    def _ask(self) -> None:
        field = self.query_one("#value", Input)
        field.value, field.placeholder = "", f"value of {visible(self._asked[0])}"
        self.query_one("#lines", Static).update(f"Which value is the tag {visible(self._asked[0])} to have?")
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            return
        self._values[self._asked[0]] = event.value.strip()
        self._asked = self._asked[1:]
        if self._asked:
            self._ask()
            return
        from mi_tui.fixing import with_values

        self._change = with_values(self._change, self._values)
        self.query_one("#value").display = False
        self._look()

    # ---- what it would make of the run

    def _look(self) -> None:
        self.query_one("#lines", Static).update("Looking what that would change …")
        self.query_one("#close", Button).focus()

        def call(target: Target, record: RunRecord) -> tuple[RunRecord, Mended]:
            from mi_tui.fixing import Fixing

            return record, Fixing(self.wizard.workflow).show(target, record, self._change)

        self.wizard.ask_run(call, self._came)

    def _came(self, found: tuple[RunRecord, Mended] | Failure) -> None:
        if not self.is_attached:
            return
        lines = self.query_one("#lines", Static)
        if isinstance(found, Failure):
            lines.update("")
            trouble = self.query_one("#trouble", Static)
            said = found.message if found.code.startswith("mi-tui/") else found.sentence()
            trouble.update(self._safe(" ".join((said, *found.details, found.advice)).strip()))
            trouble.display = True
            return
        self._shown = found
        mended = found[1]
        lines.update(Content("\n").join(Content(self._safe(line)) for line in mended.lines))
        if mended.diff:
            diff = self.query_one("#diff", Static)
            diff.update(Content("\n").join(self._coloured(mended.diff[_HEADS:])))
            diff.display = True
        confirm = self.query_one("#confirm", Button)
        confirm.disabled = False
        confirm.focus()

    def _coloured(self, diff: Iterable[str]) -> Iterator[Content]:
        """The diff; its signs say what its colours say too."""
        for line in diff:
            style = {"+": "$text-success", "-": "$text-error", "@": "$text-muted"}.get(line[:1], "")
            yield Content.styled(self._safe(line), style) if style else Content(self._safe(line))

    def chosen(self, button: str) -> None:
        if button != "confirm" or self._shown is None:
            return
        record, mended = self._shown
        self.dismiss(None)
        self._taken(record, mended)

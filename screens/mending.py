"""A fix, before it is made: what changes, the diff of the conda file where that changes, and the question whether to go on so."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mi_tui.fixing import Fixing, Mended, StillRefused, asks_for, with_values
from mi_tui.model.failure import Failure
from mi_tui.model.text import masked, visible
from mi_tui.widgets.card import Fix, FixLine
from screens.dialogs import Dialog

if TYPE_CHECKING:
    from mi_tui.model.diagnosis import Change
    from mi_tui.workflow import RunRecord, Target
    from screens.wizard import Wizard

_HEADS = 2
"""Lines of a unified diff that name the file twice; the dialog names it once, among what changes."""

Taken = Callable[["RunRecord", "Mended"], None]
"""What is done with a change of a run that was confirmed."""
Chosen = Callable[["Mended | StillRefused"], None]
"""What is done with a change of answers that was confirmed."""


class _Change(Dialog):
    """Shows one change of a plan, looked at in the background; the button makes it. Esc leaves everything as it is."""

    CONFIRM: ClassVar[str] = "Change it"

    def __init__(self, wizard: Wizard, change: Change, words: str) -> None:
        super().__init__()
        self.wizard = wizard
        self._change, self._words = change, words
        self._asked: tuple[str, ...] = ()
        """Names that only the person knows the value of; the first is asked for."""
        self._values: dict[str, str] = {}
        self._found: Mended | StillRefused | None = None

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
        yield Button(self.CONFIRM, id="confirm", variant="primary", disabled=True)
        yield Button("Leave it", id="close")

    def ready(self) -> None:
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
        self._change = with_values(self._change, self._values)
        self.query_one("#value").display = False
        self._look()

    # ---- what it would make of the run

    def _look(self) -> None:
        self.query_one("#lines", Static).update("Looking what that would change …")
        self.query_one("#close", Button).focus()
        self.look(self._change)

    @abstractmethod
    def look(self, change: Change) -> None:
        """Have the change looked at in the background, and `came` told what it would make."""

    @abstractmethod
    def take(self, found: Mended | StillRefused) -> None:
        """The change was confirmed."""

    def came(self, found: Mended | StillRefused | Failure) -> None:
        """What the change would make is known, or that it cannot be."""
        if not self.is_attached:
            return
        lines = self.query_one("#lines", Static)
        if isinstance(found, Failure):
            lines.update("")
            said = found.message if found.code.startswith("mi-tui/") else found.sentence()
            self._trouble(" ".join((said, *found.details, found.advice)).strip())
            return
        self._found = found
        lines.update(Content("\n").join(Content(self._safe(line)) for line in found.lines))
        if not isinstance(found, Mended):
            said = " ".join(failure.message for failure in found.failures)
            self._trouble(f"Then this is still in the way of a plan: {said}")
        elif found.diff:
            diff = self.query_one("#diff", Static)
            diff.update(Content("\n").join(self._coloured(found.diff[_HEADS:])))
            diff.display = True
        confirm = self.query_one("#confirm", Button)
        confirm.disabled = False
        confirm.focus()

    def _trouble(self, text: str) -> None:
        trouble = self.query_one("#trouble", Static)
        trouble.update(self._safe(text))
        trouble.display = True

    def _coloured(self, diff: Iterable[str]) -> Iterator[Content]:
        """The diff; its signs say what its colours say too."""
        for line in diff:
            style = {"+": "$text-success", "-": "$text-error", "@": "$text-muted"}.get(line[:1], "")
            yield Content.styled(self._safe(line), style) if style else Content(self._safe(line))

    def chosen(self, button: str) -> None:
        if button == "confirm" and self._found is not None:
            self.dismiss(None)
            self.take(self._found)


class MendDialog(_Change):
    """A change of a run that failed; confirmed, the run goes on with it."""

    HELP = "deploy"
    TITLE_TEXT = "Change the plan, and go on"
    CONFIRM = "Change it and go on"

    def __init__(self, wizard: Wizard, change: Change, words: str, taken: Taken) -> None:
        super().__init__(wizard, change, words)
        self._taken = taken
        self._record: RunRecord | None = None

    def look(self, change: Change) -> None:
        def call(target: Target, record: RunRecord) -> Mended:
            self._record = record
            return Fixing(self.wizard.workflow).show(target, record, change)

        self.wizard.ask_run(call, self.came)

    def take(self, found: Mended | StillRefused) -> None:
        assert self._record is not None
        assert isinstance(found, Mended)
        self._taken(self._record, found)


class MendDraft(_Change):
    """A change of answers whose run has not begun; confirmed, `taken` gets the plan of the changed answers, or these with the reasons that
    are still in the way of one."""

    HELP = "review"
    TITLE_TEXT = "Change the plan"

    def __init__(self, wizard: Wizard, change: Change, words: str, taken: Chosen) -> None:
        super().__init__(wizard, change, words)
        self._taken = taken

    def look(self, change: Change) -> None:
        wizard = self.wizard
        target, run, answers = wizard.target, wizard.run if wizard.plan else "", wizard.draft.answers()
        changed = wizard.plan if wizard.planned_from == wizard.draft else None

        def call() -> Mended | StillRefused:
            assert target is not None
            whole = wizard.workflow.check_files(answers)
            try:
                return Fixing(wizard.workflow).show_new(target, run, whole, change, changed=changed)
            except StillRefused as still:
                if changed is not None:
                    raise  # there is a plan, which is not given up for none
                return still

        wizard.background(call, self.came)

    def take(self, found: Mended | StillRefused) -> None:
        wizard, app, taken = self.wizard, self.app, self._taken
        if not isinstance(found, Mended):
            taken(found)
            return

        def call() -> str:
            return Fixing(wizard.workflow).confirmed_new(found)

        def made(said: str | Failure) -> None:
            if isinstance(said, Failure):
                app.notify(self._safe(said.sentence()), severity="error", markup=False)
                return
            if said:
                app.notify(self._safe(said), markup=False)
            taken(found)

        wizard.background(call, made)


class Repairs(Dialog):
    """The changes of the plan that mi-tui can make against what the checks found; Enter on one shows it."""

    HELP = "review"
    TITLE_TEXT = "What mi-tui can change"

    def __init__(self, wizard: Wizard, offers: Sequence[tuple[str, Change]], taken: Chosen) -> None:
        super().__init__()
        self.wizard = wizard
        self._offers, self._taken = offers, taken

    def content(self) -> Iterable[Widget]:
        def hide(text: str) -> str:
            return masked(text) if self.wizard.masked else text

        fixes = [Fix(words, change=change) for words, change in self._offers]
        yield VerticalScroll(
            *(FixLine(number, fix, hide) for number, fix in enumerate(fixes, 1)), id="text", can_focus=False
        )

    def ready(self) -> None:
        self.query(FixLine).first().focus()

    def on_fix_line_chosen(self, event: FixLine.Chosen) -> None:
        event.stop()
        fix, app = event.fix, self.app
        if fix.change is not None:
            dialog = MendDraft(self.wizard, fix.change, fix.words, self._taken)
            self.dismiss(None)
            app.push_screen(dialog)

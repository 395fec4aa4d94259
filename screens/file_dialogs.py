"""Opening and saving the answers file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mi_tui.model.answers import Answers
from mi_tui.model.draft import Draft, Stage
from mi_tui.model.failure import Failure
from mi_tui.model.text import visible
from mi_tui.widgets.paths import clean_path
from screens.dialogs import Dialog
from screens.wizard import Wizard


class _FileDialog(Dialog):
    """Asks for a path. What is wrong is listed under the field."""

    PLACEHOLDER: ClassVar[str] = "answers.yaml"
    GO: ClassVar[str] = "Open"

    def __init__(self, wizard: Wizard) -> None:
        super().__init__()
        self.wizard = wizard
        self._busy = False

    def content(self) -> Iterable[Widget]:
        yield Input(placeholder=self.PLACEHOLDER, id="path")
        yield VerticalScroll(Static("", id="faults", markup=False), id="trouble", can_focus=False)

    def choices(self) -> Iterable[Widget]:
        yield Button("Close", id="close")
        yield Button(self.GO, id="go", variant="primary")

    def ready(self) -> None:
        self.query_one("#path", Input).focus()

    def on_input_submitted(self) -> None:
        self.chosen("go")

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is pasted may hold control characters; shown as they are they would act."""
        if (harmless := visible(event.value)) != event.value:
            event.input.value = harmless

    def path(self) -> Path | None:
        """The path as typed or pasted, without what a shell or a file manager puts around it."""
        text = clean_path(self.query_one("#path", Input).value)
        return Path(text) if text else None

    def complain(self, *lines: str) -> None:
        """List what is wrong; nothing takes the list away."""
        self.query_one("#faults", Static).update("\n".join(f"✗ {visible(line)}" for line in lines))
        self.query_one("#trouble").display = bool(lines)

    def refused(self, failure: Failure) -> None:
        """Show why it did not work: each fault with its line."""
        self._busy = False
        self.complain(*(failure.details or (failure.message,)))


class OpenAnswers(_FileDialog):
    """Opens an answers file: its answers take the place of those given so far."""

    TITLE_TEXT = "Open an answers file"

    def chosen(self, button: str) -> None:
        path = self.path()
        if path is None:
            self.complain("Give the path of an answers file. 'mi-tui answers' prints one to start from.")
        elif not self._busy:
            self._busy = True
            self.complain()
            self.wizard.background(lambda: self.wizard.workflow.read_answers(path), self._opened)

    def _opened(self, result: Answers | Failure) -> None:
        if not self.is_mounted:
            return
        if isinstance(result, Failure):
            self.refused(result)
            return
        before, draft = self.wizard.draft, Draft.of(result)
        if (before.subscription, before.workspace) == (draft.subscription, draft.workspace):
            draft.location = before.location
        self.wizard.draft = draft
        self.dismiss(None)
        journey = self.journey
        # Without an open target there is nobody to ask for a plan.
        journey.go(Stage.REVIEW if self.wizard.target is not None else Stage.WELCOME)
        if self.wizard.target is None:
            self.app.notify("Your answers are filled in. Choose where to deploy.", markup=False)


class SaveAnswers(_FileDialog):
    """Saves the answers as a file that `mi-tui up` and this wizard read."""

    TITLE_TEXT = "Save your answers"
    GO = "Save"

    def __init__(self, wizard: Wizard) -> None:
        super().__init__(wizard)
        self._replace: Path | None = None

    def ready(self) -> None:
        self.query_one("#path", Input).value = self.suggested()
        super().ready()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._ask_replace(None)

    def _ask_replace(self, path: Path | None) -> None:
        self._replace = path
        self.query_one("#go", Button).label = "Replace it" if path else self.GO

    def suggested(self) -> str:
        """The name of the file to be."""
        return "answers.yaml"

    def faults(self) -> list[str]:
        """What has to be mended before there is anything to save."""
        return [str(fault) for fault in self.wizard.draft.faults()]

    def writing(self) -> Callable[[Path, bool], Path]:
        """What writes the file at a path, off the UI thread; True replaces one that is there."""
        workflow, answers = self.wizard.workflow, self.wizard.draft.answers()
        return lambda path, replace: workflow.save_answers(path, answers, replace=replace)

    def chosen(self, button: str) -> None:
        path, faults = self.path(), self.faults()
        if faults:
            self.complain("These answers are not complete yet:", *faults)
        elif path is None:
            self.complain(f"Give a path, such as {self.suggested()}.")
        elif not self._busy:
            self._busy = True
            self.complain()
            write, replace = self.writing(), self._replace == path

            def save() -> Path | None:
                try:
                    return write(path, replace)
                except FileExistsError:
                    return None

            self.wizard.background(save, lambda result: self._saved(path, result))

    def _saved(self, path: Path, result: Path | Failure | None) -> None:
        if not self.is_mounted:
            return
        self._busy = False
        if isinstance(result, Failure):
            self.refused(result)
        elif result is None:
            self.complain(f"There is a file {path} already. Replace it, or give another name.")
            self._ask_replace(path)
        else:
            self.dismiss(None)
            self.app.notify(f"Saved as {visible(str(result))}", markup=False)

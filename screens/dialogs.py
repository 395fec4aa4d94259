"""The small screens over a step: help, keys, files, and what to ask before leaving."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mi_tui.model import actions
from mi_tui.model.answers import Answers
from mi_tui.model.draft import Draft, Stage
from mi_tui.model.explain import Text, explained
from mi_tui.model.failure import Failure
from mi_tui.model.text import visible
from screens.base import WizardScreen
from screens.wizard import Journey, Wizard

_PRETTY = {"escape": "esc", "question_mark": "?", "ctrl+question_mark": "ctrl+?"}


class Dialog(ModalScreen[None]):
    """A box over a step. Esc closes it; the App's keys for leaving work in it too."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialogs.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close"),
        Binding("ctrl+c", "app.quit", "quit", show=False),
        Binding("f3", "app.theme", "theme", show=False),
    ]
    TITLE_TEXT: ClassVar[str] = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self.TITLE_TEXT, id="title", markup=False)
            yield from self.content()
            with Horizontal(id="choices"):
                yield from self.choices()

    def content(self) -> Iterable[Widget]:
        """What stands between title and buttons."""
        return ()

    def choices(self) -> Iterable[Widget]:
        """The buttons."""
        yield Button("Close", id="close", variant="primary")

    def on_mount(self) -> None:
        self.ready()

    def ready(self) -> None:
        """Called when everything is mounted: words and focus."""
        self.query_one("#choices Button", Button).focus()

    @property
    def journey(self) -> Journey:
        """The App, as far as a screen knows it."""
        return cast("Journey", self.app)

    def retitle(self, words: str) -> None:
        """Change the title."""
        self.query_one("#title", Static).update(words)

    def action_close(self) -> None:
        """Back to the step."""
        self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "close":
            self.action_close()
        elif event.button.id:
            self.chosen(event.button.id)

    def chosen(self, button: str) -> None:
        """A button other than Close was pressed."""


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
    if isinstance(screen, WizardScreen):
        keys += [screen.HELP, screen.STAGE.value]
    else:
        keys += [str(getattr(screen, "HELP", ""))]
    for key in keys:
        if key and (found := explained(key)):
            return found
    return "mi-tui", ("Tab goes from one thing to the next, Enter takes the highlighted button, esc goes back.",)


class Keys(Dialog):
    """Lists the keys."""

    TITLE_TEXT = "Keys"

    def __init__(self, screen: Screen[object]) -> None:
        super().__init__()
        self._stage = screen.STAGE.value if isinstance(screen, WizardScreen) else ""
        own = () if isinstance(screen, WizardScreen) else screen.BINDINGS
        self._own = [(b.key, f"{b.description.capitalize()}.") for b in own if isinstance(b, Binding) and b.description]

    def content(self) -> Iterable[Widget]:
        rows = [
            ("tab, shift+tab", "Go to the next thing, or back to the one before."),
            ("enter", "Take the button or the row that is highlighted."),
            *((pretty(keys), words) for keys, words in self._own),
            *((pretty(action.keys), action.help) for action in actions.on(self._stage)),
        ]
        lines = [
            Content.assemble((f"{keys:<16}", "$text-accent bold"), ("\n" + " " * 16).join(textwrap.wrap(words, 50)))
            for keys, words in rows
        ]
        yield VerticalScroll(Static(Content("\n").join(lines), markup=False), id="text")


def pretty(keys: str) -> str:
    """Keys as they stand on a keyboard."""
    return ", ".join(_PRETTY.get(key, key) for key in keys.split(","))


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

    def path(self) -> Path | None:
        """The path as typed or pasted, without the quotes that a shell or a file manager puts around it."""
        text = self.query_one("#path", Input).value.strip().strip("'\"")
        return Path(text).expanduser() if text else None

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

    def on_input_changed(self) -> None:
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
            "Cancel: no new step is begun. What was made so far stays until you clean up.",
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
        self.say("No new step is begun. Waiting for the answer to what is under way.", "Leaving is safe meanwhile.")
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
            self.say("Nothing is under way any more. What was made so far is still there.")
            self.query_one("#leave", Button).label = "Leave"
            self.query_one("#leave", Button).variant = "default"
            self.query_one("#clean").display = True
            self.query_one("#clean", Button).focus()

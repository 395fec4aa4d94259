"""The frame of every wizard screen: title and who is signed in, the rail, the content, Back and the one primary button."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model import actions
from mi_tui.model.stage import Stage
from mi_tui.model.text import masked
from mi_tui.widgets.head import Head
from mi_tui.widgets.keybar import KeyBar
from mi_tui.widgets.rail import Rail

if TYPE_CHECKING:
    from screens.journey import Journey
    from screens.wizard import Wizard


WITH_HELP = 141
"""Columns from which the help stays open at the right."""


def bindings(screen: str) -> list[BindingType]:
    """The screen's bindings, from the table of actions."""
    return [
        Binding(action.keys, action.name, action.label, show=action.shown, tooltip=action.help)
        for action in actions.on(screen)
        if action.name not in {"quit", "command_palette", "keys", "mask", "theme", "troubleshoot", "explain"}
    ]


class WizardScreen(Screen[None]):
    """One step. Subclasses say `STAGE`, `QUESTION` and `PRIMARY`, yield their content in `content`, and answer `refusal`."""

    STAGE: ClassVar[Stage]
    QUESTION: ClassVar[str] = ""
    PRIMARY: ClassVar[str] = "Next"
    LATE_BUTTONS: ClassVar[bool] = False
    """Whether the screen mounts its buttons itself, after its first paint: a Button takes as long as all the rest of the frame."""
    AUTO_FOCUS: ClassVar[str | None] = ""
    """None by itself: on a step that is complete, a letter typed while it opens would land in its first field."""
    HELP: ClassVar[str] = ""
    """The key of this screen's explanation in `model.explain`."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Every screen has the keys of the table of actions, beside its own."""
        stage = cls.__dict__.get("STAGE")
        if stage is not None:
            cls.BINDINGS = [*cls.__dict__.get("BINDINGS", ()), *bindings(stage.value)]
        super().__init_subclass__(**options)

    @property
    def mi(self) -> Journey:
        """The App, as far as a screen knows it."""
        return cast("Journey", self.app)

    @property
    def wizard(self) -> Wizard:
        """The state of the sitting."""
        return self.mi.wizard

    def compose(self) -> ComposeResult:
        yield Head()
        with Horizontal(id="body"):
            yield Rail(id="rail")
            with VerticalScroll(id="main", can_focus=False):
                yield Static(self.QUESTION, id="question", markup=False)
                yield from self.content()
        yield Static("", id="complaint", markup=False)
        with Horizontal(id="buttons"):
            if not self.LATE_BUTTONS:
                yield from self.buttons()
        yield KeyBar()

    def on_mount(self) -> None:
        self._fit()
        self.refresh_head()
        self.refresh_rail()
        if not self.wizard.draft.complete(self.STAGE):
            self.set_focus(next((widget for widget in self.query("#body *") if widget.focusable), None))
        self.ready()

    def on_resize(self) -> None:
        self._fit()
        if self.query(Rail):
            self.refresh_rail()

    def _fit(self) -> None:
        """What depends on the size of the terminal."""
        width, height = self.size
        self.set_class(width < 100, "-narrow")
        self.set_class(height < 20, "-short")
        if width >= WITH_HELP:
            self.mi.after_paint(self._open_help)
        for pane in self.query("#help"):
            pane.display = width >= WITH_HELP

    async def _open_help(self) -> None:
        from screens.helppane import HelpPane

        if self.is_attached and not self.query("#help") and self.size.width >= WITH_HELP:
            await self.query_one("#body").mount(HelpPane())

    # ---- what a step says of itself

    def content(self) -> Iterable[Widget]:
        """The widgets of the step."""
        return ()

    def extra_buttons(self) -> Iterable[Widget]:
        """Buttons left of Back."""
        return ()

    def buttons(self) -> Iterable[Widget]:
        """The row of buttons: those of the step, Back, and the primary one at the right."""
        yield from self.extra_buttons()
        if self.STAGE is not Stage.WELCOME:
            yield Button("Back", id="back")
        yield Button(self.PRIMARY, id="primary", variant="primary")

    def ready(self) -> None:
        """Called when everything is mounted; focuses the primary button when the step is complete already."""
        if self.wizard.draft.complete(self.STAGE):
            self.query_one("#primary", Button).focus()

    def refusal(self) -> str:
        """Why the primary action cannot be taken now, in words; empty when it can."""
        return "\n".join(fault.words for fault in self.wizard.draft.faults(self.STAGE))

    def primary(self) -> None:
        """The primary action: by default the next step."""
        self.mi.go_forward()

    # ---- frame

    def refresh_head(self) -> None:
        """Show who is signed in, masked where that is asked for."""
        who = self.wizard.who
        self.query_one(Head).show(masked(who) if self.wizard.masked else who)

    def refresh_rail(self) -> None:
        """Show where we are, what is done and what is invalid."""
        self.query_one(Rail).show(lambda: self.wizard.draft, self.STAGE, reached=self.mi.reached)

    def complain(self, words: str) -> None:
        """Say above the buttons why it does not go on; empty takes it away."""
        line = self.query_one("#complaint", Static)
        line.update(f"▲ {words}" if words else "")
        line.display = bool(words)

    def action_forward(self) -> None:
        if words := self.refusal():
            self.complain(words)
            return
        self.complain("")
        self.primary()

    def action_back(self) -> None:
        self.mi.go_back()

    def events_arrived(self) -> None:
        """Called when the run said something; `wizard.progress` has it."""

    def masking_changed(self) -> None:
        """Called when ids are to be masked, or shown again."""
        self.refresh_head()

    def action_open_answers(self) -> None:
        self.mi.open_answers()

    def action_save_answers(self) -> None:
        self.mi.save_answers()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "primary":
            event.stop()
            self.action_forward()
        elif event.button.id == "back":
            event.stop()
            self.action_back()

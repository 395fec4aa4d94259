"""The Textual App: theme, keys, and the order of the screens."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.geometry import Offset
from textual.message import Message

import screens
from mi_tui.model import actions
from mi_tui.model.stage import Stage
from mi_tui.model.text import masked, visible
from mi_tui.widgets.standing import standing
from screens import STAGES, themes
from screens.base import WizardScreen

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from mi_tui.workflow import Workflow
    from screens.wizard import Wizard

_SCREENS = Path(screens.__file__).parent
_FRAMES = 20
"""How often a second the events of a run are taken in."""


def _commands() -> type[Provider]:
    """What feeds the palette, imported when it is first opened."""
    from screens.palette import Commands

    return Commands


class MiTui(App[int]):
    """The wizard. Screens are made anew when they are shown; what was chosen lives in the Wizard."""

    TITLE = "mi-tui"
    # The style sheets of the first screen too: one that came with its screen would have everything parsed a second time.
    CSS_PATH: ClassVar[list[str | PurePath]] = [_SCREENS / "base.tcss", _SCREENS / "welcome.tcss"]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.keys, action.name, action.label, show=action.shown, tooltip=action.help)
        for action in actions.ACTIONS
        if action.name in {"explain", "keys", "mask", "theme", "troubleshoot", "quit"}
    ]

    class Deliver(Message):
        """Something to be done on the UI thread."""

        def __init__(self, work: object) -> None:
            super().__init__()
            self.work = work

    def __init__(self, workflow: Workflow | None = None) -> None:
        self._laid_out = False
        super().__init__()
        self._workflow = workflow
        self._waiting: list[Callable[[], object]] | None = []
        """What waits for the first paint; None once it was."""
        self.reached = Stage.WELCOME
        themes.install(self)

    @cached_property
    def wizard(self) -> Wizard:
        """The state of the sitting, and with it the model of the answers: made when it is first asked for, after the first paint."""
        from screens.wizard import Wizard

        return Wizard(self._workflow, self._post)

    def get_default_screen(self) -> Screen[Any]:
        """Welcome itself: on top of an empty screen it would be laid out and painted second."""
        return STAGES[Stage.WELCOME]()

    def after_paint(self, work: Callable[[], object]) -> None:
        """Run `work` once the first screen stands on the terminal; soon, when it does already."""
        if self._waiting is None:
            self.screen.call_later(work)
        else:
            self._waiting.append(work)

    def on_ready(self) -> None:
        """The first screen is laid out. Textual says so before it has written it."""
        self._laid_out = True

    def post_display_hook(self) -> None:
        """Called by Textual whenever it has written what changed."""
        if self._laid_out and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            gc.enable()
            self.set_interval(1 / _FRAMES, self._take_events)
            for work in waiting:
                self.screen.call_later(work)

    def _post(self, work: object) -> None:
        """From any thread; after the App has ended there is nobody to tell."""
        if self.is_running:
            self.post_message(self.Deliver(work))

    def on_mi_tui_deliver(self, message: Deliver) -> None:
        assert callable(message.work)
        message.work()

    def _take_events(self) -> None:
        if not self.screen_stack:
            return  # the App is ending
        screen = self.screen
        # A screen that was just switched to is not composed yet; it reads the progress when it is ready.
        if self.wizard.drain() and isinstance(screen, WizardScreen) and screen.is_mounted:
            screen.events_arrived()
        if self.wizard.questions:
            from screens.signin_again import SignInAgain

            self.push_screen(SignInAgain(self.wizard, self.wizard.questions.popleft()))

    # ---- the way through the stages

    def go(self, stage: Stage) -> None:
        """Show a stage."""
        order = list(Stage)
        self.wizard.stage = stage
        self.reached = max(self.reached, stage, key=order.index)
        screen = STAGES[stage]()
        if len(self.screen_stack) == 1:
            # Textual cannot take the default screen away: the first Welcome stays below, unseen.
            self.push_screen(screen)
        else:
            self.switch_screen(screen)

    def go_forward(self) -> None:
        """The next stage."""
        order = list(Stage)
        self.go(order[min(order.index(self.wizard.stage) + 1, len(order) - 1)])

    def go_back(self) -> None:
        """The stage before."""
        order = list(Stage)
        at = order.index(self.wizard.stage)
        if at:
            self.go(order[at - 1])

    # ---- everywhere

    def open_answers(self) -> None:
        """Ask for an answers file and go on with what it says."""
        from screens.file_dialogs import OpenAnswers

        self.push_screen(OpenAnswers(self.wizard))

    def save_answers(self) -> None:
        """Ask where to save the answers."""
        from screens.file_dialogs import SaveAnswers

        self.push_screen(SaveAnswers(self.wizard))

    def action_explain(self) -> None:
        """Explain what has the focus."""
        from screens.help import Explain

        self.push_screen(Explain(self.focused, self.screen))

    def action_keys(self) -> None:
        """List the keys."""
        from screens.help import Keys

        self.push_screen(Keys(self.screen))

    def action_mask(self) -> None:
        """Mask ids, or show them again."""
        self.wizard.masked = not self.wizard.masked
        for screen in reversed(self.screen_stack):
            if isinstance(screen, WizardScreen):
                screen.masking_changed()
                return  # what lies below it is not seen

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Say something for a few seconds: data, never markup or escape sequences, and with ids masked where that is asked for."""
        text = visible(message, lines=True)
        super().notify(
            masked(text) if self.wizard.masked else text,
            title=visible(title),
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def action_theme(self) -> None:
        """The next theme."""
        self.theme = themes.after(self.theme)

    def action_troubleshoot(self) -> None:
        """Look at the last failure."""
        from screens.troubleshoot import TroubleshootScreen

        if not isinstance(self.screen, TroubleshootScreen):
            self.push_screen(TroubleshootScreen())

    async def action_quit(self) -> None:
        """Leave; with a run under way, ask first."""
        from screens.leave import Leave

        if isinstance(self.screen, Leave):
            self.leave()
        elif self.wizard.busy:
            self.push_screen(Leave(self.wizard))
        else:
            self.leave()

    def leave(self) -> None:
        """End the App. A run under way is left, resumable: exit code 3."""
        code = 3 if self.wizard.busy else 1 if self.wizard.progress.outcome == "failed" else 0
        self.wizard.close()
        self.exit(code)

    @property
    def cursor_position(self) -> Offset:
        """Where Textual puts the terminal's cursor whenever it has written: at what has the focus."""
        return standing(self.focused) if self._laid_out else Offset(0, 0)

    @cursor_position.setter
    def cursor_position(self, position: Offset) -> None:
        """Fields say where their text cursor is; that is asked of the field when it is needed."""

    @property
    def broke(self) -> Exception | None:
        """The unexpected error that ended the App; None when there was none."""
        return self._exception

    def _fatal_error(self) -> None:
        """Textual would print the values of variables, secrets among them; the report is written by `run_app`."""
        self._close_messages_no_wait()


def run_app() -> int:
    """Run the app; the exit code."""
    app = MiTui()
    code = app.run()
    if app.broke is not None:
        from mi_tui.crash import say_crash

        say_crash(app.wizard.workflow.home, app.broke)
        return 1
    return code if code is not None else 0

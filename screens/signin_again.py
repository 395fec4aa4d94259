"""A run waits because the sign-in has ended: sign in again, in whatever way, and it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.sign_in import SignIn
from mi_tui.model.text import masked, visible
from screens.dialogs import Dialog
from screens.signin_dialog import SignInDialog
from screens.signin_question import SignInQuestion

if TYPE_CHECKING:
    from mi_tui.workflow import Account
    from screens.wizard import Wizard


class SignInAgain(Dialog):
    """Asks for a new sign-in; the run goes on by itself once there is one."""

    HELP = "sign_in"
    TITLE_TEXT = "The sign-in has ended: the run waits"

    def __init__(self, wizard: Wizard, question: SignInQuestion) -> None:
        super().__init__()
        self.wizard = wizard
        self.question = question

    def content(self) -> Iterable[Widget]:
        yield VerticalScroll(Static("", id="words", markup=False), id="text", can_focus=False)

    def choices(self) -> Iterable[Widget]:
        yield Button("Try again", id="again", variant="primary")
        yield Button("Browser", id="browser")
        yield Button("Device code", id="device")
        yield Button("Leave the run", id="close")

    def ready(self) -> None:
        failure, run = self.question.failure, self.wizard.run
        again = "down" if self.wizard.cleaning else "resume"
        code = f" ({failure.code})" if failure.code.startswith("AADSTS") else ""
        lines = [f"{failure.message}{code}", *failure.details[:2]]
        shown = [visible(masked(line) if self.wizard.masked else line) for line in lines]
        self.query_one("#words", Static).update(
            Content("\n").join(
                [
                    Content.styled(f"✗ {shown[0]}", "$text-error"),
                    *map(Content, shown[1:]),
                    Content(""),
                    Content("Run 'az login' in another terminal and press Try again, or sign in here in another way."),
                    Content(f"Leave it, and 'mi-tui {again} {run}' goes on later: what Azure has begun, it finishes."),
                ]
            )
        )
        self.query_one("#again", Button).focus()
        self.set_interval(0.2, self._look)

    def _look(self) -> None:
        """The run may be stopped while the question stands."""
        if self.question.over.is_set() and self.is_current:
            self.dismiss(None)

    def chosen(self, button: str) -> None:
        if button == "again":
            self.question.answer()
            self.dismiss(None)
        else:
            kind = SignIn.BROWSER if button == "browser" else SignIn.DEVICE_CODE
            self.app.push_screen(SignInDialog(self.wizard, kind, self._signed_in))

    def _signed_in(self, account: Account) -> None:
        self.wizard.signed_in_again(self.question.target, account)
        self.question.answer(account)

    def action_close(self) -> None:
        """Leave the run as it is, resumable."""
        if self.wizard.stop is not None:
            self.wizard.stop.set()
        super().action_close()
